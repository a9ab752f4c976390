"""The arrays that metrics take, checked where they come in.

U listeners, K slots of a list, T tracks with row 0 for the unknown (as in a `Vocabulary`), N rows.
A slot of `tracks_UK` holds a track's index from 1; 0 or less is an empty slot.
"""

import numpy as np
import numpy.typing as npt

from encore.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
AnyInts = npt.NDArray[np.integer]
AnyFloats = npt.NDArray[np.floating]
Numbers = AnyInts | AnyFloats


def checked_hits(hits_UK: Bools, relevant_U: AnyInts) -> Ints:
    """Return `relevant_U` as int64, once it and `hits_UK` are known to belong together.

    Raises `InputError` on other shapes or dtypes, on a negative count, and on more hits than
    held-out tracks: that would score above 1.

    >>> checked_hits(np.array([[True, False]]), np.array([3])).tolist()
    [3]
    """
    if hits_UK.dtype != np.bool_ or hits_UK.ndim != 2:
        raise InputError(
            f"hits: {hits_UK.dtype} of shape {hits_UK.shape}; expected bool, listeners x slots"
        )
    relevant_U = whole(relevant_U, "relevant")
    if relevant_U.shape != hits_UK.shape[:1]:
        raise InputError(
            f"relevant: shape {relevant_U.shape}; expected one count for each of the "
            f"{len(hits_UK)} listeners of hits"
        )
    if (relevant_U < 0).any():
        raise InputError(f"relevant: {relevant_U.min()}; expected counts of held-out tracks")
    over = np.flatnonzero(np.count_nonzero(hits_UK, axis=1) > relevant_U)
    if over.size:
        u = over[0]
        raise InputError(
            f"listener {u} has {np.count_nonzero(hits_UK[u])} hits but {relevant_U[u]} held-out "
            "tracks; is a track listed twice, or are held-out tracks missing from the count?"
        )
    return relevant_U


def checked_lists(tracks_UK: AnyInts, rows: int) -> Ints:
    """Return `tracks_UK` as int64, with every index below `rows` and empty slots as 0.

    Raises `InputError` on another shape or dtype, or an index outside the catalogue.

    >>> checked_lists(np.array([[2, -1]]), rows=3).tolist()
    [[2, 0]]
    """
    tracks_UK = whole(tracks_UK, "tracks")
    if tracks_UK.ndim != 2:
        raise InputError(f"tracks: shape {tracks_UK.shape}; expected listeners x slots")
    if tracks_UK.size and tracks_UK.max() >= rows:
        raise InputError(
            f"tracks: index {tracks_UK.max()}; expected at most {rows - 1}, the catalogue's last"
        )
    return np.maximum(tracks_UK, 0)


def checked_rows(user_N: AnyInts, track_N: AnyInts, listeners: int, rows: int) -> tuple[Ints, Ints]:
    """Return listener and track of each row as int64, with all indices in range.

    Raises `InputError` otherwise.

    >>> [side.tolist() for side in checked_rows(np.array([0]), np.array([2]), 1, 3)]
    [[0], [2]]
    """
    user_N, track_N = whole(user_N, "user"), whole(track_N, "track")
    if user_N.ndim != 1 or user_N.shape != track_N.shape:
        raise InputError(
            f"user and track: shapes {user_N.shape} and {track_N.shape}; expected one of each a row"
        )
    for name, values_N, below in (("user", user_N, listeners), ("track", track_N, rows)):
        if values_N.size and not 0 <= values_N.min() <= values_N.max() < below:
            raise InputError(
                f"{name}: from {values_N.min()} to {values_N.max()}; expected 0 to {below - 1}"
            )
    return user_N, track_N


def whole(values: AnyInts, name: str) -> Ints:
    """Return `values` as int64; raises `InputError` where they are not whole numbers.

    >>> whole(np.array([1, 2], np.int32), "user").dtype
    dtype('int64')
    """
    if values.size and not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"{name}: dtype {values.dtype}; expected whole numbers")
    return values.astype(np.int64)


def over(numerator: Numbers, denominator: Numbers) -> Floats:
    """Return the ratio, NaN where the denominator is 0.

    >>> over(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out
