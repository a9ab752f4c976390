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
from encore.recommend.rules.settings import Bounds, Rules
from encore.schema import ACOUSTIC

KEPT, REFUSED, NOT_KNOWN = 1, 0, -1

UNPRICED = ("heard", "discovery")  # what is asked: a list without them answers another question
NAMED = 3  # of a rule's names, in what is said of it

Verdicts = npt.NDArray[np.int8]
Filter = Callable[[Rules, Catalogue, Taste], Verdicts | None]
"""Gives None where the rule is off."""

KINDS = HEARD, OF_HEARD_ARTIST, NEW = 0, 1, 2  # how far a track is from what the listener knows


def heard(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:
    """Keep what `heard` says; what may be listened to again counts as not heard."""
    policy = rules.heard or ("mask" if rules.discovery is None else "allow")
    if policy == "mask" and rules.relisten_after_days is None:
        return _kept(~taste.heard_in(len(catalogue)))
    if policy == "only":
        return _kept(taste.heard_in(len(catalogue)))
    return None


def relisten_after_days(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:
    """Refuse what was played too lately; a play of unknown time may be of yesterday."""
    if rules.relisten_after_days is None:
        return None
    return _kept(~taste.lately_in(len(catalogue), rules.relisten_after_days))


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
    return _kept(~_among_tracks(rules.recent[-(rules.no_repeat_window or 0) :], catalogue))


def explicit(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Keep clean tracks, and under `exclude_known` those of which nothing is known."""
    if rules.explicit == "allow":
        return None
    if rules.explicit == "exclude_known":
        return _kept(catalogue.explicit_T != EXPLICIT)
    return _kept(catalogue.explicit_T == CLEAN, catalogue.explicit_T != EXPLICIT_UNKNOWN)


def ban_tracks(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Refuse these tracks."""
    return _kept(~_among_tracks(rules.ban_tracks, catalogue)) if rules.ban_tracks else None


def ban_artists(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Refuse tracks by these artists; an unknown artist is none of them."""
    return _kept(~_by_artists(rules.ban_artists, catalogue)) if rules.ban_artists else None


def ban_genres(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Refuse tracks that have any of these genres; one of unknown genre stays."""
    return _kept(~_of_genres(rules.ban_genres, catalogue)) if rules.ban_genres else None


def only_tracks(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Keep these tracks."""
    return _kept(_among_tracks(rules.only_tracks, catalogue)) if rules.only_tracks else None


def only_artists(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Keep tracks by these artists."""
    if not rules.only_artists:
        return None
    return _kept(_by_artists(rules.only_artists, catalogue), catalogue.artist_T != UNKNOWN)


def only_genres(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Keep tracks that have any of these genres."""
    if not rules.only_genres:
        return None
    known_T = (catalogue.genres_TG != UNKNOWN) & (catalogue.genres_TG != catalogue.padding)
    return _kept(_of_genres(rules.only_genres, catalogue), known_T.any(1))


def year(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Keep tracks of these years."""
    return _within(catalogue.year_T, rules.year)


def duration_s(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Keep tracks of this length."""
    return _within(catalogue.duration_s_T, rules.duration_s)


def listeners(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Keep tracks that so many listeners played."""
    return _within(catalogue.listeners_T.astype(np.float64), rules.listeners)


def acoustics(rules: Rules, catalogue: Catalogue, taste: Taste) -> Verdicts | None:  # noqa: ARG001
    """Keep tracks within the bounds of every feature; refused by one is refused."""
    if not rules.acoustics:
        return None
    each = [
        _within(catalogue.acoustics_TF[:, ACOUSTIC.index(name)], bounds)
        for name, bounds in rules.acoustics.items()
    ]
    told = np.stack([verdicts for verdicts in each if verdicts is not None])
    kept_T, refused_T = (told == KEPT).all(0), (told == REFUSED).any(0)
    return _kept(kept_T, kept_T | refused_T)


#: Rules by name, in the order in which they are applied.
FILTERS: dict[str, Filter] = {
    "heard": heard,
    "relisten_after_days": relisten_after_days,
    "discovery": discovery,
    "recent": recent,
    "explicit": explicit,
    "ban_tracks": ban_tracks,
    "ban_artists": ban_artists,
    "ban_genres": ban_genres,
    "only_tracks": only_tracks,
    "only_artists": only_artists,
    "only_genres": only_genres,
    "year": year,
    "duration_s": duration_s,
    "listeners": listeners,
    "acoustics": acoustics,
}


class Kept(NamedTuple):
    """What the filters leave, what each took, and what to say where that is too little."""

    open_T: Mask
    dropped: dict[str, int]
    shortages: list[str]


def filtered(open_T: Mask, n: int, rules: Rules, catalogue: Catalogue, taste: Taste) -> Kept:
    """Return which of the tracks that are open (T,) all filters keep, for a list of n."""
    dropped, shortages = {}, []
    for name, filter_ in FILTERS.items():
        verdicts_T = filter_(rules, catalogue, taste)
        if verdicts_T is None:
            continue
        before, unknown = int(open_T.sum()), int((open_T & (verdicts_T == NOT_KNOWN)).sum())
        open_T = open_T & (verdicts_T == KEPT)
        left = int(open_T.sum())
        if name not in UNPRICED:
            dropped[name] = before - left
        if left < min(n, before):
            shortages.append(_shortage(name, rules, left, before, unknown))
    return Kept(open_T, dropped, shortages)


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
    known_A = np.zeros(int(catalogue.artist_T.max(initial=0)) + 1, np.bool_)
    known_A[catalogue.artist_T[taste.heard_H]] = True
    known_A[UNKNOWN] = True
    far_T = np.where(known_A[catalogue.artist_T], OF_HEARD_ARTIST, NEW).astype(np.int8)
    far_T[taste.heard_H] = HEARD
    return far_T


def _kept(kept_T: Mask, known_T: Mask | None = None) -> Verdicts:
    verdicts_T = np.where(kept_T, KEPT, REFUSED).astype(np.int8)
    if known_T is not None:
        verdicts_T[~known_T] = NOT_KNOWN
    return verdicts_T


def _within(values_T: Floats | npt.NDArray[np.float64], bounds: Bounds | None) -> Verdicts | None:
    if bounds is None:
        return None
    # In the values' own precision, in which 0.1 is within 0.1.
    low = values_T.dtype.type(-np.inf if bounds.min is None else bounds.min)
    high = values_T.dtype.type(np.inf if bounds.max is None else bounds.max)
    return _kept((values_T >= low) & (values_T <= high), ~np.isnan(values_T))


def _among_tracks(ids: tuple[str, ...], catalogue: Catalogue) -> Mask:
    among_T = np.zeros(len(catalogue), np.bool_)
    among_T[catalogue.names.of_tracks(ids).indices] = True
    return among_T


def _by_artists(names: tuple[str, ...], catalogue: Catalogue) -> Mask:
    by: Indices = catalogue.names.of_artists(names).indices
    return np.isin(catalogue.artist_T, by)


def _of_genres(names: tuple[str, ...], catalogue: Catalogue) -> Mask:
    asked_G = np.zeros(catalogue.padding + 1, np.bool_)
    asked_G[catalogue.names.of_genres(names).indices] = True
    return np.asarray(asked_G[catalogue.genres_TG].any(1))
