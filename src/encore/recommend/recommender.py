"""The recommending path: who asks, candidates, scores, rules, reasons, the list.

There is one such path. Evaluation, the command line and the library call it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.identity import clean_title
from encore.data.vocabulary import UNKNOWN, Indices
from encore.errors import UsageError
from encore.models.bundle import Bundle
from encore.models.channels import Popularity, Repeat
from encore.models.conformal import Interval
from encore.models.ensemble import NETWORK, Weights
from encore.models.inputs import Audience
from encore.models.ranking import Floats, Integers, mask_heard, played, top_k
from encore.models.residuals import Prediction
from encore.recommend.brought import Brought
from encore.recommend.catalogue import catalogue_of, taste_of
from encore.recommend.explain import main_tracks, sentence
from encore.recommend.fold_in import (
    FRIENDS,
    POPULAR,
    SEEDS,
    History,
    Listener,
    brought_along,
    friends_history,
    listener_of,
)
from encore.recommend.newcomer import Newcomer
from encore.recommend.rules import Catalogue, Ranked, Rules, rank
from encore.recommend.similar import Neighbour, similar

GENRES_NAMED = 2  # in a reason
FRIENDS_ROWS = 2  # of a new listener's own history, that their friends' weighs as much as
_BY = {FRIENDS: "because your friends play", SEEDS: "close to"}  # else: because you play
POPULARITY_ALONE = Weights({Popularity.name: 1.0}, {Popularity.name: 1.0})


@dataclass(frozen=True)
class Slot:
    """One place of a list: the track, its score, what made the score, what rules cost it, why.

    `contributions` (by scorer) sum to `score`. `because` are the listener's tracks that carry it.
    """

    rank: int
    track_id: str
    title: str
    artist: str | None
    score: float
    contributions: dict[str, float]
    costs: dict[str, float]
    because: list[str]
    reason: str


@dataclass(frozen=True)
class RankedList:
    """A list and how it came about: for whom, on what it rests, which rule left it short.

    `dropped`, `prices`, `bound` and `notes` are those of `encore.recommend.rules.Ranked`.
    """

    user_id: str | None
    answer: str
    slots: list[Slot]
    dropped: dict[str, int] = field(default_factory=dict)
    bound: str | None = None
    unmatched: list[str] = field(default_factory=list)
    prices: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    match: dict[str, Any] | None = None  # how a history matched; see `data.matching.Match.to_json`

    def to_json(self) -> dict[str, Any]:
        """Return the list as plain JSON values."""
        return {**vars(self), "slots": [vars(slot) for slot in self.slots]}


class Recommender:
    """A trained model that recommends. Made by `encore.train` or `encore.load`.

    `history` holds the epochs of the training that made it; empty where it was loaded.
    """

    def __init__(self, bundle: Bundle, history: list[dict[str, Any]] | None = None) -> None:
        self.bundle = bundle
        self.history = history or []

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read and verify a bundle folder."""
        return cls(Bundle.load(path))

    def save(self, path: str | Path, listeners: bool = True) -> None:
        """Write a bundle folder; see `encore.models.bundle.Bundle.save`."""
        self.bundle.save(path, listeners)

    def recommend(
        self,
        user_id: str | None = None,
        n: int = 10,
        *,
        rules: Rules | None = None,
        history: History | None = None,
    ) -> RankedList:
        """Return `n` tracks for a listener, each with its score, its reason and its rules' cost.

        Without `rules` the list is that of `Rules()`, a varied one; `Rules.plain()` gives the
        ranking as it is.

        A listener that the model does not know gets an answer too, and `answer` says which: from a
        `history` brought along, from their friends' histories, or what most play.

        Raises `UsageError` on n < 1, `InputError` on a history of the wrong form.
        """
        if n < 1:
            raise UsageError(f"n = {n}: expected 1 or more")
        rules = rules or Rules()
        listener = listener_of(self.bundle, user_id, history)
        every = self._parts(listener.asking)
        parts = {name: part_1T[0] for name, part_1T in every.items() if part_1T.any()}
        parts, ranked = self._ranked(parts, listener, n, rules)
        brought = listener.brought or Brought()
        slots = [
            self._slot(place, ranked, parts, listener) for place in range(len(ranked.tracks_n))
        ]
        return RankedList(
            user_id,
            listener.answer,
            slots,
            ranked.dropped,
            ranked.bound,
            list(brought.unmatched),
            ranked.prices,
            ranked.notes,
            brought.match.to_json() if brought.match else None,
        )

    def fold_in(self, history: History) -> Newcomer:
        """Return a person whom the model never saw, by their history or seeds.

        They ask for lists; further plays, likes, skips and bans change these at once.

        Raises `InputError` on a history of the wrong form, or on a seed that is not found.
        """
        return Newcomer(self, brought_along(self.bundle, history))

    def similar(
        self, name: str, n: int = 10, *, by: str = "both", kind: str | None = None
    ) -> list[Neighbour]:
        """Return what is most like a track or an artist; see `encore.recommend.similar.similar`."""
        return similar(self.bundle, name, n, by=by, kind=kind)

    def lists(self, user_B: Indices, n: int, rules: Rules) -> list[Ranked]:
        """Return the lists of known listeners, given by index, as `recommend` makes each of them.

        Without reasons, which cost more than all the rest.
        """
        audience = Audience.known(self.bundle.scorers.inputs, user_B)
        parts = self._parts(audience)
        found = []
        for row, user in enumerate(user_B):
            listener = listener_of(self.bundle, self.bundle.features.listeners.id(user), None)
            of_row = {name: part_BT[row] for name, part_BT in parts.items()}
            found.append(self._ranked(of_row, listener, n, rules)[1])
        return found

    def generate_recommendations(
        self, user_id: str, n_recommendations: int = 10
    ) -> tuple[list[str], list[float]]:
        """Return the ids and scores of the best unheard tracks of the whole catalogue.

        The seed's call: no rules, no diversity.
        """
        found = self.recommend(user_id, n_recommendations, rules=Rules.plain())
        return [slot.track_id for slot in found.slots], [slot.score for slot in found.slots]

    def predict(
        self, user_id: str | None, track_id: str, *, history: History | None = None
    ) -> float:
        """Return the predicted plays of a track by a listener; unknown ids are served too.

        A `history` brought along is taken instead of the stored one, as in `recommend`.
        """
        return float(np.expm1(self._predicted(user_id, track_id, history).log_plays_M[0]))

    def predict_interval(
        self,
        user_id: str | None,
        track_id: str,
        level: float = 0.9,
        *,
        history: History | None = None,
    ) -> Interval:
        """Return the predicted plays and between which bounds the true ones lie, `level` of times.

        The level holds over pairs of the kind that was trained on: tracks that somebody chose to
        play, not any track of the catalogue (`encore.models.conformal`).

        Raises `UsageError` on a level outside (0, 1).
        """
        if not 0 < level < 1:
            raise UsageError(f"level = {level}: expected above 0 and below 1, such as 0.9")
        found = self._predicted(user_id, track_id, history)
        low_M, high_M = self.bundle.residuals.bounds(found, level)
        plays, low, high = np.expm1([found.log_plays_M[0], low_M[0], high_M[0]]).tolist()
        return Interval(plays, low, high)

    def _predicted(self, user_id: str | None, track_id: str, history: History | None) -> Prediction:
        features, residuals = self.bundle.features, self.bundle.residuals
        track = np.array([features.tracks.index(track_id)], np.int32)
        if history is not None:
            asking = listener_of(self.bundle, None, history).asking
            return residuals.of_history(asking.history_BT, track)
        user = UNKNOWN if user_id is None else features.listeners.index(user_id)
        return residuals.of_known(np.array([user], np.int32), track)

    def top(self, user_B: Indices, k: int) -> Integers:
        """Return the best k unheard tracks (B, k) of known listeners, as indices, without rules."""
        audience = Audience.known(self.bundle.scorers.inputs, user_B)
        return self.top_of(self.scores(audience), audience.history_BT, k)

    def scores(self, audience: Audience, raw: Mapping[str, Floats] | None = None) -> Floats:
        """Return the shipped list's scores (B, T), as `recommend` gives them.

        `raw` may hold scorers' scores of this audience that were computed already.
        """
        scores_BT: Floats = np.sum([*self._parts(audience, raw).values()], axis=0)
        return scores_BT

    def top_of(self, scores_BT: Floats, heard_BT: sp.csr_array, k: int) -> Integers:
        """Return the best k unheard tracks (B, k) by `scores_BT`, which stay as they are."""
        open_BT = scores_BT.copy()
        mask_heard(open_BT, heard_BT)
        return top_k(open_BT, k, self.bundle.scorers.ties)

    def _weights(self, listener: Listener) -> Weights:
        """Return the weights for this listener: the network is silent on those it never saw."""
        if listener.answer == POPULAR:
            return POPULARITY_ALONE
        return self.bundle.choice.both if listener.user else self._without_network()

    def _without_network(self) -> Weights:
        """Return the channels' weights; where they have none, all to the channel best alone."""
        choice, channels = self.bundle.choice, self.bundle.scorers.channels
        weights = choice.both.among(channels)
        if any(weights.heard.values()):
            return weights
        best = max(channels, key=lambda name: choice.validation.get(name, 0.0))
        return Weights({best: 1.0}, weights.unheard)

    def _parts(
        self, audience: Audience, raw: Mapping[str, Floats] | None = None
    ) -> dict[str, Floats]:
        """Return each scorer's contribution (B, T); they sum to the scores.

        Who is new and has friends is scored by their mean history too, which counts as much as
        `FRIENDS_ROWS` rows of an own one. Without any history that is all, and without friends who
        have one what most play.
        """
        scorers, length_B = self.bundle.scorers, np.diff(played(audience.history_BT).indptr)
        known_B = (audience.user_B != UNKNOWN) & (length_B > 0)
        weights = self.bundle.choice.both if known_B.any() else self._without_network()
        parts = scorers.parts(weights, audience, raw)
        new = np.flatnonzero(~known_B)
        of_friends = friends_history(self.bundle, audience.friends_BU[new])
        befriended = np.diff(of_friends.indptr) > 0
        if len(asked := new[befriended]):
            strangers = np.zeros(len(asked), np.int32)
            friends = Audience(of_friends[befriended], strangers, audience.friends_BU[asked])
            theirs = scorers.parts(self._without_network(), friends, ranked=False)
            share_B1 = (FRIENDS_ROWS / (FRIENDS_ROWS + length_B[asked]))[:, None]
            _mix(parts, asked, share_B1.astype(np.float32), theirs)
        if len(asked := new[~befriended & (length_B[new] == 0)]):
            popular = scorers.parts(POPULARITY_ALONE, audience.at(asked), ranked=False)
            _mix(parts, asked, np.ones((len(asked), 1), np.float32), popular)
        return parts

    def _ranked(
        self, parts: dict[str, Floats], listener: Listener, n: int, rules: Rules
    ) -> tuple[dict[str, Floats], Ranked]:
        """Return the scores' parts as the dial has them, and the list under the rules."""
        if rules.discovery is not None:
            parts = self._heard_by_repeat(parts, listener)
        scores_T = np.sum([*parts.values()], axis=0)
        if listener.brought is not None:
            scores_T[[*listener.brought.bans]] = -np.inf
        taste = taste_of(self.bundle, listener, self.catalogue)
        return parts, rank(scores_T, n, rules, self.catalogue, taste)

    def _heard_by_repeat(self, parts: dict[str, Floats], listener: Listener) -> dict[str, Floats]:
        """Return the parts with heard tracks scored by the repeat channel alone."""
        heard = listener.heard_1T.indices
        repeat_T = self._repeat.score(self._repeat.fold_in(listener.asking))[0]
        kept = {name: part_T.copy() for name, part_T in parts.items()}
        kept.setdefault(Repeat.name, np.zeros_like(repeat_T))
        for name, part_T in kept.items():
            part_T[heard] = repeat_T[heard] if name == Repeat.name else 0
        return kept

    def _slot(
        self, place: int, ranked: Ranked, parts: dict[str, Floats], listener: Listener
    ) -> Slot:
        track = int(ranked.tracks_n[place])
        contributions = {name: float(scores_T[track]) for name, scores_T in parts.items()}
        by_repeat = [name for name, part in contributions.items() if part] == [Repeat.name]
        if by_repeat:  # the dial's heard tracks: listed because they are played
            attribution = self._repeat.attribute(listener.history_1T, track)
        else:
            attribution = self._attribution(track, listener)
        if listener.stands_for_others(track):  # and so is no reason for itself
            attribution.pop(track, None)
        because = main_tracks(attribution)
        shown = self.bundle.tracks.row(track - 1, named=True)
        return Slot(
            rank=place + 1,
            track_id=shown["track_id"],
            title=shown["title"],
            artist=shown["artist"],
            score=float(ranked.scores_n[place]),
            contributions=contributions,
            costs=ranked.costs[place],
            because=[self.bundle.tracks["track_id"][t - 1] for t in because],
            reason=sentence(
                [*dict.fromkeys(self._name(t, listener) for t in because)],
                [] if by_repeat else self._shared_genres(track, because),
                int(self.bundle.listeners_T[track]),
                _BY.get(listener.answer, "because you play"),
            ),
        )

    def _attribution(self, track: int, listener: Listener) -> dict[int, float]:
        """Return what each of the history's tracks adds to the score, over all weighted channels.

        Channels are put on one scale by their sum, as their own units differ.
        """
        total: dict[int, float] = {}
        weights = self._weights(listener)
        heard = bool(self.bundle.features.heard_T[track])
        for name, weight in (weights.heard if heard else weights.unheard).items():
            if weight and name != NETWORK:
                channel = self.bundle.scorers.channels[name]
                found = channel.attribute(listener.history_1T, track)
                scale = sum(abs(value) for value in found.values()) or 1.0
                for t, value in found.items():
                    total[t] = total.get(t, 0.0) + weight * value / scale
        return total

    def _shared_genres(self, track: int, because: list[int]) -> list[str]:
        """Return the track's genres that most of the named tracks have, its heaviest first."""
        genres_TG, padding = self.catalogue.genres_TG, self.catalogue.padding
        own = [int(g) for g in genres_TG[track] if g not in (UNKNOWN, padding)]
        votes = {g: sum(g in genres_TG[t] for t in because) for g in own}
        shared = [g for g in own if votes[g] * 2 > len(because)] if because else []
        return [self.bundle.features.genres.id(g) for g in shared[:GENRES_NAMED]]

    def _name(self, track: int, listener: Listener) -> str:
        """Return a title as a reason names it, without "- Remastered 2011" and its like.

        A track that stands for others of its artist is named by the artist.
        """
        shown = self.bundle.tracks.row(track - 1, named=True)
        artist = shown["artist"] if listener.stands_for_others(track) else None
        return clean_title(str(artist or shown["title"]))

    @cached_property
    def catalogue(self) -> Catalogue:
        """What the rules read of each track."""
        return catalogue_of(self.bundle)

    @cached_property
    def _repeat(self) -> Repeat:
        """The repeat channel, also where the bundle's list does without it."""
        channel = self.bundle.scorers.channels.get(Repeat.name)
        if isinstance(channel, Repeat):
            return channel
        return Repeat.of(self.bundle.config).fit(self.bundle.scorers.inputs)


def _mix(
    parts: dict[str, Floats],
    rows: npt.NDArray[np.integer],
    share_b1: Floats,
    others: dict[str, Floats],
) -> None:
    """Give `others`, of these rows, a share of the parts; in place."""
    shape = next(iter(parts.values())).shape
    for name in dict.fromkeys([*parts, *others]):
        part_BT = parts.setdefault(name, np.zeros(shape, np.float32))
        part_BT[rows] *= 1 - share_b1
        if name in others:
            part_BT[rows] += share_b1 * others[name]
