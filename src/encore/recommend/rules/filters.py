"""Hard rules of one track at a time: a small function each, and their list.

Each returns a verdict of every track of the catalogue (T,): `KEPT`, `REFUSED`, or `NOT_KNOWN`,
which is refused too, since what is not known to keep a rule may break it; where unknown may pass,
the rule says so.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from encore.data.vocabulary import UNKNOWN, Indices
from encore.recommend.rules.catalogue import (
    CLEAN,
    EXPLICIT,
    EXPLICIT_UNKNOWN,
    Catalogue,
    Floats,
    Mask,
    Taste,
)
from encore.recommend.rules.settings import PLAIN, Bounds, Rules
from encore.schema import ACOUSTIC

KEPT, REFUSED, NOT_KNOWN = 1, 0, -1

UNPRICED = ("heard", "discovery")  # what is asked: a list without them answers another question
NAMED = 3  # of a rule's names, in what is said of it

Strings = tuple[str, ...]
Verdicts = npt.NDArray[np.int8]
Filter = Callable[[Rules, Catalogue, Taste], Verdicts | None]
"""Gives None where the rule is off."""

KINDS = HEARD, OF_HEARD_ARTIST, NEW = 0, 1, 2  # how far a track is from what the listener knows


def heard(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:
    """Keep what `heard` says; what may be listened to again counts as not heard."""
    policy = rules.heard or ("mask" if rules.discovery is None else "allow")
    if policy == "mask" and rules.relisten_after_days is None:
        return _all_but(taste.heard_H, catalogue)
    if policy == "only":
        return _only(taste.heard_H, catalogue)
    return None


def relisten_after_days(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:
    """Refuse what was played too lately; a play of unknown time may be of yesterday."""
    if rules.relisten_after_days is None:
        return None
    return _all_but(taste.heard_lately(rules.relisten_after_days), catalogue)


def discovery(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:
    """Keep heard tracks at one end of the dial, artists never heard at the other."""
    if rules.discovery not in (0, 1):
        return None
    far_T = distance(catalogue, taste)
    if rules.discovery == 0:
        return _kept(far_T == HEARD)
    unknown_T = (catalogue.artist_T == UNKNOWN) & (far_T != HEARD)
    return _kept(far_T == NEW, ~unknown_T)


def recent(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Refuse what was listed lately."""
    if not rules.recent:
        return None
    latest = rules.recent[-(rules.no_repeat_window or 0) :]
    return _all_but(catalogue.names.of_tracks(latest).indices, catalogue)


def explicit(policy: str, catalogue: Catalogue) -> Verdicts:
    """Keep clean tracks, and under `exclude_known` those of which nothing is known."""
    if policy == "exclude_known":
        return _kept(catalogue.explicit_T != EXPLICIT)
    return _kept(catalogue.explicit_T == CLEAN, catalogue.explicit_T != EXPLICIT_UNKNOWN)


def ban_tracks(ids: Strings, catalogue: Catalogue) -> Verdicts:
    """Refuse these tracks."""
    return _all_but(catalogue.names.of_tracks(ids).indices, catalogue)


def ban_artists(names: Strings, catalogue: Catalogue) -> Verdicts:
    """Refuse tracks by these artists; an unknown artist is none of them."""
    return _kept(~_by_artists(names, catalogue))


def ban_genres(names: Strings, catalogue: Catalogue) -> Verdicts:
    """Refuse tracks that have any of these genres; one of unknown genre stays."""
    return _kept(~_of_genres(names, catalogue))


def only_tracks(ids: Strings, catalogue: Catalogue) -> Verdicts:
    """Keep these tracks."""
    return _only(catalogue.names.of_tracks(ids).indices, catalogue)


def only_artists(names: Strings, catalogue: Catalogue) -> Verdicts:
    """Keep tracks by these artists."""
    return _kept(_by_artists(names, catalogue), catalogue.artist_T != UNKNOWN)


def only_genres(names: Strings, catalogue: Catalogue) -> Verdicts:
    """Keep tracks that have any of these genres."""
    known_T = (catalogue.genres_TG != UNKNOWN) & (catalogue.genres_TG != catalogue.padding)
    return _kept(_of_genres(names, catalogue), known_T.any(1))


def year(bounds: Bounds, catalogue: Catalogue) -> Verdicts:
    """Keep tracks of these years."""
    return _within(catalogue.year_T, bounds)


def duration_s(bounds: Bounds, catalogue: Catalogue) -> Verdicts:
    """Keep tracks of this length."""
    return _within(catalogue.duration_s_T, bounds)


def listeners(bounds: Bounds, catalogue: Catalogue) -> Verdicts:
    """Keep tracks that so many listeners played."""
    return _within(catalogue.listeners_T.astype(np.float64), bounds)


def acoustics(bounds_of: tuple[tuple[str, Bounds], ...], catalogue: Catalogue) -> Verdicts:
    """Keep tracks within the bounds of every feature; refused by one is refused."""
    told = np.stack(
        [
            _within(catalogue.acoustics_TF[:, ACOUSTIC.index(name)], bounds)
            for name, bounds in bounds_of
        ]
    )
    kept_T, refused_T = (told == KEPT).all(0), (told == REFUSED).any(0)
    return _kept(kept_T, kept_T | refused_T)


def _of_track_alone(name: str, verdicts_of: Callable[[Any, Catalogue], Verdicts]) -> Filter:
    """Return the filter of a rule of tracks alone: its verdicts are found once for each value."""

    def filter_(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
        value = getattr(rules, name)
        if value == getattr(PLAIN, name):
            return None
        key = tuple(value.items()) if isinstance(value, dict) else value
        return catalogue.once((name, key), lambda: verdicts_of(key, catalogue))

    return filter_


#: Rules by name, in the order in which they are applied.
FILTERS: dict[str, Filter] = {
    "heard": heard,
    "relisten_after_days": relisten_after_days,
    "discovery": discovery,
    "recent": recent,
    "explicit": _of_track_alone("explicit", explicit),
    "ban_tracks": _of_track_alone("ban_tracks", ban_tracks),
    "ban_artists": _of_track_alone("ban_artists", ban_artists),
    "ban_genres": _of_track_alone("ban_genres", ban_genres),
    "only_tracks": _of_track_alone("only_tracks", only_tracks),
    "only_artists": _of_track_alone("only_artists", only_artists),
    "only_genres": _of_track_alone("only_genres", only_genres),
    "year": _of_track_alone("year", year),
    "duration_s": _of_track_alone("duration_s", duration_s),
    "listeners": _of_track_alone("listeners", listeners),
    "acoustics": _of_track_alone("acoustics", acoustics),
}


class Kept(NamedTuple):
    """What the filters leave, what each took, and what to say where that is too little."""

    open_T: Mask
    dropped: dict[str, int]
    shortages: list[str]


def filtered(open_T: Mask, n: int, rules: Rules, catalogue: Catalogue, taste: Taste) -> Kept:
    """Return which of the tracks that are open (T,) all filters keep, for a list of n."""
    dropped, shortages, left = {}, [], _count(open_T)
    for name, filter_ in FILTERS.items():
        verdicts_T = filter_(rules, catalogue, taste)
        if verdicts_T is None:
            continue
        left_T = open_T & (verdicts_T == KEPT)
        before, left = left, _count(left_T)
        if name not in UNPRICED:
            dropped[name] = before - left
        if left < min(n, before):
            unknown = _count(open_T & (verdicts_T == NOT_KNOWN))
            shortages.append(_shortage(name, rules, left, before, unknown))
        open_T = left_T
    return Kept(open_T, dropped, shortages)


def _count(mask_T: Mask) -> int:
    return int(np.count_nonzero(mask_T))


def _shortage(name: str, rules: Rules, left: int, before: int, unknown: int) -> str:
    told = f"{name}={_shown(name, getattr(rules, name))} left {left} of {before} tracks"
    if unknown and name == "explicit":
        return f"{told}: {unknown} are of unknown explicitness; 'exclude_known' keeps those"
    if unknown:
        return f"{told}: of {unknown} it is not known whether they keep it, so they do not"
    return told


def _shown(name: str, value: Any) -> str:
    if name == "heard":
        return repr(value or "mask")
    if isinstance(value, tuple):
        more = f" and {len(value) - NAMED} more" if len(value) > NAMED else ""
        return ", ".join(value[:NAMED]) + more
    if isinstance(value, dict):
        return ", ".join(f"{key} {bounds}" for key, bounds in value.items())
    return repr(value) if isinstance(value, str) else str(value)


def distance(catalogue: Catalogue, taste: Taste) -> Verdicts:
    """Return for each track (T,) whether it was heard, may be by a heard artist, or is neither.

    A track of unknown artist may be by anybody, so it is never `NEW`.
    """
    far_A = np.full(catalogue.artists, NEW, np.int8)
    far_A[catalogue.artist_T[taste.heard_H]] = OF_HEARD_ARTIST
    far_A[UNKNOWN] = OF_HEARD_ARTIST
    far_T = far_A.take(catalogue.artist_T, mode="clip")  # without it, a copy of the indices
    far_T[taste.heard_H] = HEARD
    return far_T


def _kept(kept_T: Mask, known_T: Mask | None = None) -> Verdicts:
    """Return the verdicts; what is not known is not kept."""
    verdicts_T = kept_T.astype(np.int8)
    if known_T is not None:
        verdicts_T -= ~known_T
    return verdicts_T


def _only(tracks: Indices, catalogue: Catalogue) -> Verdicts:
    verdicts_T = np.full(len(catalogue), REFUSED, np.int8)
    verdicts_T[tracks] = KEPT
    return verdicts_T


def _all_but(tracks: Indices, catalogue: Catalogue) -> Verdicts:
    verdicts_T = np.full(len(catalogue), KEPT, np.int8)
    verdicts_T[tracks] = REFUSED
    return verdicts_T


def _within(values_T: Floats | npt.NDArray[np.float64], bounds: Bounds) -> Verdicts:
    # In the values' own precision, in which 0.1 is within 0.1.
    low = values_T.dtype.type(-np.inf if bounds.min is None else bounds.min)
    high = values_T.dtype.type(np.inf if bounds.max is None else bounds.max)
    return _kept((values_T >= low) & (values_T <= high), ~np.isnan(values_T))


def _by_artists(names: Strings, catalogue: Catalogue) -> Mask:
    by_A = np.zeros(catalogue.artists, np.bool_)
    by_A[catalogue.names.of_artists(names).indices] = True
    return by_A[catalogue.artist_T]


def _of_genres(names: Strings, catalogue: Catalogue) -> Mask:
    asked_G = np.zeros(catalogue.padding + 1, np.bool_)
    asked_G[catalogue.names.of_genres(names).indices] = True
    return np.asarray(asked_G[catalogue.genres_TG].any(1))
