"""One listener's scores: the terms that they are the sum of, asked where they are needed.

Legend: T tracks, K that are asked for, R that the ranker ordered, H of a history, N told of.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.vocabulary import UNKNOWN
from encore.models.bundle import Bundle
from encore.models.channels import Repeat
from encore.models.ensemble import RANKER, Weights
from encore.models.index import Open
from encore.models.ranking import Floats, Integers
from encore.models.rows import Row, Whole
from encore.recommend.fold_in import Listener
from encore.recommend.rules.catalogue import Mask

Doubles = npt.NDArray[np.float64]


def none() -> Integers:
    """Return no tracks."""
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Attribution:
    """What each of H tracks of a history adds to the scores of N tracks, by scorer and in all."""

    tracks_H: Integers
    by_scorer_NH: dict[str, Doubles]
    total_NH: Doubles

    def of_track(self, place: int) -> dict[str, dict[int, float]]:
        """Return what is not 0 of one of the N, by scorer and track."""
        rows = {name: parts_NH[place] for name, parts_NH in self.by_scorer_NH.items()}
        return {
            name: {int(self.tracks_H[h]): float(parts_H[h]) for h in np.flatnonzero(parts_H)}
            for name, parts_H in rows.items()
        }


@dataclass(frozen=True)
class Carrier:
    """A history behind one listener's scores, its share, and what a unit of raw score is worth."""

    history_1T: sp.csr_array
    share: float
    worth: Weights
    of_friends: bool


@dataclass(frozen=True)
class Term:
    """What one scorer, over one history, adds to the scores: (its score - shift) x worth.

    `heard` is its worth for tracks that training rows name, `unheard` for the others. `ahead` are
    the first of those that training rows name and the listener does not know, where they are known.
    """

    name: str
    row: Row
    heard: float = 1.0
    unheard: float = 1.0
    shift: float = 0.0
    ahead: Integers = field(default_factory=none)

    def at(self, track_K: Integers, heard_K: npt.NDArray[np.bool_]) -> Floats:
        """Return what it adds to the scores of some tracks (K,)."""
        apart_K = self.row.at(track_K).astype(np.float64) - self.shift
        added_K: Floats = (apart_K * np.where(heard_K, self.heard, self.unheard)).astype(np.float32)
        return added_K


@dataclass(frozen=True)
class Scored:
    """One listener's scores: the terms that they are the sum of, and how they came about.

    - `column_R`: the tracks that the ranker ordered, and `corrected_R`, what that changed.
    - `again`: the heard tracks that the repeat channel alone scores, as the dial wants it, with
      `repeated`, its scores.
    - `banned`: tracks that have no score.
    """

    bundle: Bundle
    terms: list[Term]
    carriers: list[Carrier] = field(default_factory=list)
    column_R: Integers = field(default_factory=none)
    corrected_R: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    repeat: Repeat | None = None
    repeated: Row | None = None
    again: frozenset[int] = frozenset()
    banned: frozenset[int] = frozenset()

    def parts(self, track_K: Integers) -> dict[str, Floats]:
        """Return what each scorer contributes to the scores of some tracks (K,)."""
        heard_K, parts = self.bundle.features.heard_T[track_K], dict[str, Floats]()
        for term in self.terms:
            added_K = term.at(track_K, heard_K)
            parts[term.name] = parts[term.name] + added_K if term.name in parts else added_K
        if self.corrected_R.any():
            place_K = np.minimum(np.searchsorted(self.column_R, track_K), len(self.column_R) - 1)
            ordered_K = self.column_R[place_K] == track_K
            parts[RANKER] = np.where(ordered_K, self.corrected_R[place_K], np.float32(0))
        if self.repeated is not None:
            again_K = np.isin(track_K, [*self.again])
            repeated_K = np.where(again_K, self.repeated.at(track_K), np.float32(0))
            parts = {name: np.where(again_K, np.float32(0), own) for name, own in parts.items()}
            parts[Repeat.name] = parts.get(Repeat.name, np.float32(0)) + repeated_K
        return parts

    def at(self, track_K: Integers) -> Floats:
        """Return the scores of some tracks (K,): the sums of their parts."""
        zeros = [np.zeros(len(track_K), np.float32)]
        scores_K: Floats = np.sum([*self.parts(track_K).values()] or zeros, axis=0)
        return scores_K

    @cached_property
    def scores_T(self) -> Floats:
        """All scores."""
        return self.at(np.arange(self.bundle.features.tracks.rows))

    def there(self) -> Mask:
        """Return which tracks have a score (T,)."""
        there_T = np.ones(self.bundle.features.tracks.rows, np.bool_)
        there_T[[UNKNOWN, *self.banned]] = False
        return there_T

    def best(self, open_T: Mask, k: int) -> tuple[Integers, Floats]:
        """Return the `k` best of the open tracks and their scores, best first.

        Where a scorer's best are asked of an index, they are the best of the union of what every
        scorer puts among its best half as many; of all, should these be too few.
        """
        ties = self.bundle.scorers.ties
        if any(term.row.indexed for term in self.terms):
            track_K = self._candidates(open_T, -(-k // 2))
            if len(track_K) >= min(k, int(np.count_nonzero(open_T))):
                scores_K = self.at(track_K)
                order = np.lexsort((ties.place_of_column[track_K], -scores_K))[:k]
                return track_K[order], scores_K[order]
        track_K = Whole(self.scores_T).best(Open(open_T), k, ties)
        return track_K, self.scores_T[track_K]

    def _candidates(self, open_T: Mask, k: int) -> Integers:
        """Return what the terms put first among the open tracks, and what the ranker ordered.

        Tracks that no training row names are sought apart: they have weights of their own.
        """
        ties, heard_T = self.bundle.scorers.ties, self.bundle.features.heard_T
        heard, unheard = Open(open_T & heard_T), Open(open_T & ~heard_T)
        own = [self.column_R, np.fromiter(self.again, np.int64)]
        found = [track_N[open_T[track_N]] for track_N in own]
        for term in self.terms:
            if term.unheard and unheard.count:
                found.append(term.row.best(unheard, k, ties))
            if term.heard:
                ahead = term.ahead[open_T[term.ahead]]
                found.append(ahead[:k] if len(ahead) >= k else term.row.best(heard, k, ties))
        return np.unique(np.concatenate(found))

    @property
    def friends_share(self) -> float:
        """How much of the scores rests on friends' histories, 0 to 1."""
        return sum(carrier.share for carrier in self.carriers if carrier.of_friends)

    def attribution(self, tracks_N: Integers, *, of_friends: bool = False) -> Attribution:
        """Return what each track of the listener's history, or their friends', adds to scores.

        A scorer that does not say adds zeros.
        """
        carrier = next((one for one in self.carriers if one.of_friends == of_friends), None)
        if carrier is None:
            return Attribution(np.zeros(0, np.int64), {}, np.zeros((len(tracks_N), 0)))
        history_1T, (heard, unheard) = carrier.history_1T, carrier.worth
        heard_N1 = self.bundle.features.heard_T[tracks_N][:, None]
        again_N1 = np.array([track in self.again for track in tracks_N.tolist()], np.bool_)[:, None]
        found: dict[str, Doubles] = {}
        for name in carrier.worth.used:
            if name in self.bundle.scorers.channels:
                parts_NH = self.bundle.scorers.channels[name].attribute(history_1T, tracks_N)
                worth_N1 = np.where(heard_N1, heard.get(name, 0.0), unheard.get(name, 0.0))
                found[name] = parts_NH * (worth_N1 * ~again_N1)
        nothing_NH = np.zeros((len(tracks_N), history_1T.nnz))
        if self.repeat is not None and not of_friends and again_N1.any():
            again_NH = self.repeat.attribute(history_1T, tracks_N) * again_N1
            found[Repeat.name] = found.get(Repeat.name, nothing_NH) + again_NH
        return Attribution(history_1T.indices, found, sum(found.values(), nothing_NH))

    def with_repeats(self, repeat: Repeat, listener: Listener) -> "Scored":
        """Return the scores with those of heard tracks by the repeat channel alone."""
        heard = frozenset(listener.heard_1T.indices.tolist())
        row = repeat.row(repeat.fold_in(listener.asking))
        return replace(self, repeat=repeat, repeated=row, again=heard)
