"""Rules: from candidates and their scores to the list, with what each rule removed and cost.

Hard rules remove candidates. Soft rules change the standardised score, slot by slot:

    adjusted = z(score) + popularity_weight * z(log popularity)
                        - lambda_div        * mean similarity to the tracks already chosen
                        - genre_balance     * increase of the list's genre divergence

where z is (x - mean) / standard deviation over the candidates that the explicit rule leaves, so
that a weight means the same whatever the scale of the scores. Each slot takes the highest.

Shapes: K candidates, n slots, T tracks and G genres of the catalogue (row 0: the unknown), W genres
kept of a track, D dimensions of a track's vector.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from encore.data.vocabulary import UNKNOWN, Indices
from encore.errors import InputError, UsageError
from encore.recommend.calibration import GenreDrift
from encore.recommend.diversity import Doubles, MeanSimilarity

CLEAN, EXPLICIT, EXPLICIT_UNKNOWN = 0, 1, -1


class Rules(BaseModel):
    """What a list must hold to, and what it should lean towards. The default changes nothing."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    explicit: Literal["allow", "exclude", "exclude_known"] = "allow"
    """`exclude` removes explicit tracks and those of unknown explicitness (unknown is not clean);
    `exclude_known` removes only those known to be explicit."""
    heard: Literal["mask", "allow", "only"] = "mask"
    """Tracks that the listener has played: never listed, listed too, or nothing but them. It
    decides which candidates there are, so whoever gathers them applies it; `rank` does not."""
    per_artist: int | None = Field(default=None, ge=1)
    """Most tracks of one artist in a list; those of unknown artist are not counted together."""
    genre_balance: float = Field(default=0, ge=0, le=1)
    """Weight of calibration: the list's genre shares are drawn towards the listener's own."""
    popularity_weight: float = 0
    """Above 0 prefers popular tracks, below 0 rare ones; in standard deviations of the score per
    standard deviation of log popularity."""
    lambda_div: float = Field(default=0, ge=0)
    """Weight of the diversity penalty: standard deviations of the score that a track loses where
    it is identical to all those above it."""


def rules_of(**values: Any) -> Rules:
    """Return `values` as Rules; raise `UsageError` naming rule, value and what is allowed.

    >>> rules_of(per_artist=0)
    Traceback (most recent call last):
    encore.errors.UsageError: per_artist = 0: expected greater than or equal to 1
    """
    try:
        return Rules.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        allowed = first["msg"].replace("Input should be", "expected")
        if first["type"] == "extra_forbidden":
            allowed = f"no such rule; expected one of {', '.join(Rules.model_fields)}"
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{name} = {first['input']!r}: {allowed}") from None


@dataclass(frozen=True)
class Catalogue:
    """What the rules read of each track. Row 0 is the unknown track, which no list holds.

    - `artist_T`: index of the artist, 0 = unknown.
    - `explicit_T`: 1 explicit, 0 clean, -1 unknown.
    - `genres_TG`: distinct genre indices, 0 = unknown, short rows filled with `padding` (which is
      also the number of genres, the unknown included).
    - `popularity_T`: log1p of the listeners in the training rows.
    - `vectors_TD`: rows of length 1, whose inner product is the similarity of two tracks; a zero
      row where nothing is known, which resembles nothing.

    Raises `InputError` where the arrays are not of one length.
    """

    artist_T: Indices
    explicit_T: npt.NDArray[np.int8]
    genres_TG: Indices
    padding: int
    popularity_T: npt.NDArray[np.float32]
    vectors_TD: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        lengths = {name: len(array) for name, array in vars(self).items() if name != "padding"}
        if len(set(lengths.values())) > 1:
            raise InputError(f"catalogue: expected arrays of one length, found {lengths}")


@dataclass(frozen=True)
class Ranked:
    """A list, best first, and how it came about.

    - `tracks_n`, `scores_n`: the tracks and their scores as handed in.
    - `adjusted_n`: the standardised scores after the soft rules, by which each slot was given.
    - `costs`: for each slot, by how much each active soft rule changed its standardised score
      (below 0: the track lost by it); `adjusted_n` less their sum is z(score).
    - `dropped`: candidates that each active hard rule removed.
    - `bound`: which rule left fewer than n tracks, and what would help; None where none did.
    """

    tracks_n: npt.NDArray[np.int64]
    scores_n: Doubles
    adjusted_n: Doubles
    costs: list[dict[str, float]]
    dropped: dict[str, int]
    bound: str | None


def rank(
    candidates_K: npt.ArrayLike,
    scores_K: npt.ArrayLike,
    n: int,
    rules: Rules,
    catalogue: Catalogue,
    genre_shares: Doubles | None = None,
) -> Ranked:
    """Choose at most `n` of the candidates, greedily, under `rules`.

    `candidates_K` are distinct tracks in any order (the unknown is passed over), `scores_K` their
    finite scores, higher is better. `genre_shares` (G,) are those of the listener's history
    (`calibration.genre_shares_of`); None, or no known genre in it, switches the genre balance off.
    Equal adjusted scores go by score, then popularity, then index: with no rule active the list is
    the top n in that order.

    Raises `InputError` on candidates or scores that break this, `UsageError` on a negative `n`.
    """
    if n < 0:
        raise UsageError(f"n = {n}: expected 0 or more")
    tracks_K, raw_K = _in_order(candidates_K, scores_K, catalogue)
    dropped: dict[str, int] = {}
    bound: list[str] = []

    if rules.explicit != "allow":
        kept_K, shortage = _not_explicit(tracks_K, rules.explicit, catalogue)
        dropped["explicit"] = int((~kept_K).sum())
        if dropped["explicit"] and kept_K.sum() < n:
            bound.append(shortage)
        tracks_K, raw_K = tracks_K[kept_K], raw_K[kept_K]

    z_K = _standardised(raw_K)
    soft = _soft_rules(rules, catalogue, tracks_K, genre_shares)
    artist_K = catalogue.artist_T[tracks_K]
    open_K = np.ones(len(tracks_K), bool)
    of_artist: Counter[int] = Counter()
    slots: list[int] = []
    adjusted: list[float] = []
    costs: list[dict[str, float]] = []
    while len(slots) < n and open_K.any():
        changes = {name: weight * term.value() for name, (weight, term) in soft.items()}
        adjusted_K = sum(changes.values(), start=z_K)
        k = int(np.where(open_K, adjusted_K, -np.inf).argmax())
        slots.append(k)
        adjusted.append(float(adjusted_K[k]))
        costs.append({name: float(change_K[k]) for name, change_K in changes.items()})
        open_K[k] = False
        artist = int(artist_K[k])
        of_artist[artist] += 1
        if artist != UNKNOWN and of_artist[artist] == rules.per_artist:
            open_K &= artist_K != artist
        for _, term in soft.values():
            term.choose(k)

    if rules.per_artist is not None:
        dropped["per_artist"] = len(tracks_K) - len(slots) - int(open_K.sum())
        if dropped["per_artist"] and len(slots) < n:
            bound.append(
                f"per_artist={rules.per_artist} left {len(slots)} of {len(tracks_K)} candidates: "
                "a higher per_artist or candidates by more artists fill the list"
            )
    return Ranked(
        tracks_n=tracks_K[slots],
        scores_n=raw_K[slots],
        adjusted_n=np.array(adjusted),
        costs=costs,
        dropped=dropped,
        bound="; ".join(bound) or None,
    )


class _SoftRule(Protocol):
    """A quantity of each candidate, in the light of those chosen so far."""

    def value(self) -> Doubles: ...

    def choose(self, k: int) -> None: ...


class _Popularity:
    """Standardised log popularity: the same whatever was chosen."""

    def __init__(self, popularity_K: npt.NDArray[np.float32]) -> None:
        self._z_K = _standardised(popularity_K.astype(np.float64))

    def value(self) -> Doubles:
        return self._z_K

    def choose(self, k: int) -> None:
        pass


def _soft_rules(
    rules: Rules,
    catalogue: Catalogue,
    tracks_K: npt.NDArray[np.int64],
    genre_shares: Doubles | None,
) -> dict[str, tuple[float, _SoftRule]]:
    """Return the active soft rules by name, each with the weight of its value in the score."""
    soft: dict[str, tuple[float, _SoftRule]] = {}
    if rules.popularity_weight:
        soft["popularity_weight"] = (
            rules.popularity_weight,
            _Popularity(catalogue.popularity_T[tracks_K]),
        )
    if rules.lambda_div:
        vectors_KD = catalogue.vectors_TD[tracks_K]
        similarity = MeanSimilarity(len(tracks_K), lambda k: vectors_KD @ vectors_KD[k])
        soft["lambda_div"] = (-rules.lambda_div, similarity)
    if rules.genre_balance and genre_shares is not None and genre_shares[1:].any():
        genres_KW = catalogue.genres_TG[tracks_K]
        drift = GenreDrift(genres_KW, catalogue.padding, genre_shares)
        soft["genre_balance"] = (-rules.genre_balance, drift)
    return soft


def _in_order(
    candidates_K: npt.ArrayLike, scores_K: npt.ArrayLike, catalogue: Catalogue
) -> tuple[npt.NDArray[np.int64], Doubles]:
    """Return candidates and scores, checked and best first: the first of equals is then right."""
    tracks_K = np.asarray(candidates_K, np.int64)
    raw_K = np.asarray(scores_K, np.float64)
    if tracks_K.ndim != 1 or tracks_K.shape != raw_K.shape:
        raise InputError(
            f"candidates of shape {tracks_K.shape}, scores of shape {raw_K.shape}: "
            "expected one score for each candidate"
        )
    if not np.isfinite(raw_K).all():
        raise InputError("scores: found NaN or infinity, expected finite numbers")
    rows = len(catalogue.artist_T)
    ascending = np.sort(tracks_K)
    if tracks_K.size and not 0 <= ascending[0] <= ascending[-1] < rows:
        raise InputError(
            f"candidates {ascending[0]} to {ascending[-1]}: the catalogue has rows 0 to {rows - 1}"
        )
    twice = ascending[1:][ascending[1:] == ascending[:-1]]
    if twice.size:
        raise InputError(f"candidate {twice[0]}: found more than once, expected distinct tracks")
    order = np.lexsort((tracks_K, -catalogue.popularity_T[tracks_K], -raw_K))
    order = order[tracks_K[order] != UNKNOWN]
    return tracks_K[order], raw_K[order]


def _not_explicit(
    tracks_K: npt.NDArray[np.int64], policy: str, catalogue: Catalogue
) -> tuple[npt.NDArray[np.bool_], str]:
    """Return which tracks the policy keeps, and what to say if they are too few."""
    explicit_K = catalogue.explicit_T[tracks_K]
    kept_K = explicit_K == CLEAN if policy == "exclude" else explicit_K != EXPLICIT
    unknown = int((~kept_K & (explicit_K == EXPLICIT_UNKNOWN)).sum())
    if unknown:
        remedy = f"{unknown} are of unknown explicitness; explicit='exclude_known' keeps those"
    else:
        remedy = f"{(~kept_K).sum()} are explicit; explicit='allow' keeps those"
    left = f"explicit={policy!r} left {kept_K.sum()} of {len(tracks_K)} candidates"
    return kept_K, f"{left}: {remedy}"


def _standardised(values_K: Doubles) -> Doubles:
    """Return (x - mean) / standard deviation, all 0 where the values do not differ."""
    if not values_K.size:
        return values_K
    deviation = values_K.std()
    if deviation <= 1e-12 * np.abs(values_K).max():  # equal but for rounding
        return np.zeros_like(values_K)
    standardised: Doubles = (values_K - values_K.mean()) / deviation
    return standardised
