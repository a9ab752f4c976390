"""A channel over a catalogue that has got further tracks: nothing is fitted again.

What a channel scores by what tracks are, it scores the further ones by; to all other channels they
are tracks that nobody has played. Arrays with a row for each track get rows at their end, and the
channel is made of them as a bundle makes it.

Legend: T tracks with the unknown, N tracks that are described, C kinds of content.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.vocabulary import Indices
from encore.errors import InputError
from encore.models.channels.als import Als
from encore.models.channels.bpr import Bpr
from encore.models.channels.contract import Channel
from encore.models.channels.ease import Ease
from encore.models.channels.hybrid import Hybrid
from encore.models.channels.item_knn import ItemKnn
from encore.models.channels.tag_popularity import TagPopularity
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats

Mode = Literal["edge", "constant"]

#: The arrays that have a row for each track; of a channel that is not named here, each axis that is
#: as long as the catalogue.
_BY_TRACK = {
    Als.name: ("factors",),
    Bpr.name: ("factors",),
    Hybrid.name: ("vectors",),
    Ease.name: ("indptr", "listeners_T"),
    ItemKnn.name: ("indptr", "listeners_T"),
}


@dataclass(frozen=True)
class Described:
    """Tracks by what they are: their places in the catalogue, new or not, and their content.

    `content_NC` has the columns that content had in training; `tags_N` is the weight of all genres
    and tags of each.
    """

    row_N: Indices
    content_NC: sp.csr_array
    tags_N: Floats


def grown(channel: Channel, tracks: int, inputs: Inputs, described: Described) -> Channel:
    """Return a channel of `tracks` tracks over the catalogue of `inputs`.

    Raises `InputError` where a channel of somebody's own keeps its tracks in another way.
    """
    arrays, after = channel.arrays(), inputs.plays_UT.shape[1]
    by_track = _BY_TRACK.get(channel.name)
    for name, values in arrays.items():
        if by_track is None:
            axes = [axis for axis, length in enumerate(values.shape) if length == tracks]
        else:
            axes = [0] if name in by_track else []
        if axes:
            # Rows of a sparse matrix that hold nothing begin and end where the last one ends.
            mode: Mode = "edge" if name == "indptr" else "constant"
            arrays[name] = _longer(values, axes, after - tracks, mode)
    if isinstance(channel, Hybrid):
        arrays["vectors"][described.row_N] = channel.placed(described.content_NC)
    if isinstance(channel, TagPopularity):
        arrays["scores_T"][described.row_N] = np.log1p(described.tags_N)
    made = type(channel).from_arrays(arrays, inputs)
    nobody = Audience.of(sp.csr_array((1, after), dtype=np.float32))
    found = made.score(made.fold_in(nobody)).shape
    if found != (1, after):
        raise InputError(
            f"channel {channel.name!r}: scores {found[-1]} tracks where {after} were expected: it "
            "keeps tracks otherwise than as rows of its arrays; train again with the further tracks"
        )
    return made


def _longer(values: npt.NDArray[Any], axes: list[int], more: int, mode: Mode) -> npt.NDArray[Any]:
    """Return the values with so many at the end of these axes: 0, or the last one again."""
    return np.pad(values, [(0, more * (axis in axes)) for axis in range(values.ndim)], mode)
