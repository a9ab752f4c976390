"""A bundle over a catalogue that has got further tracks, all that was learned as it was.

::

    features of the longer catalogue ─ inputs ─ channels ─ predictions of plays ─ Bundle

The network keeps its tables: it hears the unknown's vector for an id, artist or genre that is new.

Legend: T tracks with the unknown, C kinds of content, N tracks that are described.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from encore.data.features import Features
from encore.data.vocabulary import Indices
from encore.models.batches import Tables
from encore.models.bundle import Bundle
from encore.models.channels.growing import Described, grown
from encore.models.inputs import content_matrix
from encore.models.ranking import TieOrder
from encore.models.residuals import Material


def with_tracks(bundle: Bundle, features: Features, tracks: pl.DataFrame, row_N: Indices) -> Bundle:
    """Return the bundle over the catalogue `tracks`, whose features are `features`.

    The catalogue begins with the bundle's own; the tracks at `row_N` are new, or described anew.
    """
    scorers, before, after = bundle.scorers, bundle.features.tracks.rows, features.tracks.rows

    def longer(values_T: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.concatenate([values_T, np.zeros(after - before, values_T.dtype)])

    history = scorers.inputs.plays_UT
    rows = (history.data, history.indices, history.indptr)
    inputs = replace(
        scorers.inputs,
        plays_UT=sp.csr_array(rows, shape=(history.shape[0], after)),
        content_TC=content_matrix(features),
        tags_T=None,
    )
    sizes = scorers.network.sizes
    kinds = [np.arange(sizes.genres - 1), features.padding + np.arange(sizes.artists)]
    described = Described(
        row_N,
        inputs.content_TC[row_N][:, np.concatenate(kinds)],
        features.genre_weight_TG[row_N].sum(1),
    )
    channels = {
        name: grown(channel, before, inputs, described)
        for name, channel in scorers.channels.items()
    }
    means = replace(bundle.means, b_T=longer(bundle.means.b_T))
    residuals, base_T = bundle.residuals, longer(bundle.residuals.base_T)
    known_NC = sp.hstack([described.content_NC, sp.csr_array(features.numeric_TF[row_N])])
    base_T[row_N] = known_NC @ residuals.known_C
    listeners_T = longer(bundle.listeners_T)
    device = scorers.tables.listeners.user_L.device
    return replace(
        bundle,
        scorers=replace(
            scorers,
            features=features,
            tables=Tables.of(features, means, device, sizes.genres - 1),
            channels=channels,
            inputs=inputs,
            ties=TieOrder.of(listeners_T),
            standing=sizes.music,
        ),
        means=means,
        residuals=replace(
            residuals,
            material=Material.of(inputs, features.numeric_TF, channels),
            means=means,
            base_T=base_T,
        ),
        tracks=tracks,
        listeners_T=listeners_T,
    )
