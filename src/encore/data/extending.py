"""Further tracks at the end of a catalogue, described as training would have described them.

Nothing is fitted: means, scaling and the order of every vocabulary stay as training made them, and
artists and genres that only the further tracks have come after those that were there.

Legend: T tracks + 1 before, N tracks that are described, G genres kept per track.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from encore.data.features import Features, binary
from encore.data.identity import normalise_artist
from encore.data.kinds import further_genres, one_kind
from encore.data.vocabulary import UNKNOWN, Indices, Vocabulary
from encore.errors import InputError


def extended(
    features: Features, catalogue: pl.DataFrame, tracks: pl.DataFrame, tags: pl.DataFrame
) -> Features:
    """Return the features after `tracks`, of which `tags` tell more, are described.

    A track that `catalogue`, the table of tracks so far, lacks comes after its last; one that it
    has is described anew. Nobody has played any of them. All other tracks keep their values.

    Raises `InputError` where the features have no `norms`.
    """
    norms = features.norms
    if norms is None:
        raise InputError(
            "the bundle is of an older encore and holds nothing to describe further tracks by; "
            "train it again"
        )
    ids = _joined(features.tracks, tracks["track_id"])
    row_N = ids.encode(tracks["track_id"])
    artists, artist_N = _artists(features, catalogue, tracks)
    genres = further_genres(features.genres, tracks, tags)
    # Of what only further tracks have, the training tracks say nothing.
    trained_artists, trained_genres = map(len, norms.reception)
    told_N = np.where(artist_N < trained_artists, artist_N, UNKNOWN).astype(np.int32)
    kinds = (
        one_kind(np.concatenate([[UNKNOWN], told_N]), trained_artists),
        genres.shares_TK()[:, :trained_genres],
    )
    added = ids.rows - features.tracks.rows

    def with_rows(values: npt.NDArray[Any], described_N: npt.ArrayLike) -> npt.NDArray[Any]:
        blank = np.zeros((added, *values.shape[1:]), values.dtype)
        whole = np.concatenate([values, blank])
        whole[row_N] = described_N
        return whole

    width = max(features.genres_TG.shape[1], genres.genres_TG.shape[1])
    padding = genres.vocabulary.rows
    genres_TG = np.where(features.genres_TG == features.padding, padding, features.genres_TG)
    return replace(
        features,
        tracks=ids,
        artists=artists,
        genres=genres.vocabulary,
        heard_T=with_rows(features.heard_T, False),
        artist_T=with_rows(features.artist_T, artist_N),
        genres_TG=with_rows(
            _widened(genres_TG, width, padding), _widened(genres.genres_TG[1:], width, padding)
        ),
        genre_weight_TG=with_rows(
            _widened(features.genre_weight_TG, width, 0), _widened(genres.weight_TG[1:], width, 0)
        ),
        numeric_TF=with_rows(features.numeric_TF, norms.described(tracks, *kinds)[1:]),
        binary_TB=with_rows(features.binary_TB, binary(tracks)[1:]),
    )


def _artists(
    features: Features, catalogue: pl.DataFrame, tracks: pl.DataFrame
) -> tuple[Vocabulary, Indices]:
    """Return the artists and the artist of each track: by id, else as who is known by that name."""
    name = normalise_artist(pl.col("artist"))
    there = catalogue.select(name=name, index=pl.Series(features.artist_T[1:])).drop_nulls()
    there = there.filter(pl.col("index") != UNKNOWN).unique("name", keep="first")
    there = there.with_columns(known=features.artists.decode(there["index"].to_numpy()))
    asked = tracks.select("artist_id", name=name)
    asked = asked.join(there, on="name", how="left", maintain_order="left")
    key = asked.select(pl.coalesce("artist_id", "known", "name")).to_series()
    artists = _joined(features.artists, key)
    return artists, artists.encode(key)


def _joined(vocabulary: Vocabulary, keys: pl.Series) -> Vocabulary:
    """Return the vocabulary with those of the keys that it lacks at its end."""
    lacking = keys.filter(vocabulary.encode(keys) == UNKNOWN).drop_nulls()
    ids = vocabulary.ids.cast(pl.String)
    return Vocabulary(pl.concat([ids, lacking.unique(maintain_order=True).alias(ids.name)]))


def _widened(values_TG: npt.NDArray[Any], width: int, value: float) -> npt.NDArray[Any]:
    more = width - values_TG.shape[1]
    return np.pad(values_TG, ((0, 0), (0, more)), constant_values=value)
