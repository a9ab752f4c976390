"""The recommending path: who asks, candidates, scores, rules, reasons, the list.

There is one such path. Evaluation, the command line and the library call it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp

from encore.data.dataset import Dataset
from encore.data.vocabulary import UNKNOWN, Indices
from encore.errors import UsageError
from encore.models.bundle import Bundle
from encore.models.channels import Repeat
from encore.models.conformal import Interval
from encore.models.inputs import Audience
from encore.models.ranking import Floats, Integers, mask_heard, top_k
from encore.models.residuals import Prediction
from encore.recommend.adding import add_tracks
from encore.recommend.brought import Brought
from encore.recommend.catalogue import catalogue_of, taste_of
from encore.recommend.explain import Explanation, explained
from encore.recommend.fold_in import History, Listener, brought_along, listener_of
from encore.recommend.naming import Names
from encore.recommend.newcomer import Newcomer
from encore.recommend.reasons import Reasons
from encore.recommend.rules import Catalogue, Ranked, Rules, rank
from encore.recommend.scored import Scored
from encore.recommend.scoring import parts_of, scored, scored_together
from encore.recommend.shown import Shown
from encore.recommend.similar import Neighbour, similar


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

    `dropped`, `bound`, `notes` and `pricing` are those of `encore.recommend.rules.Ranked`.
    """

    user_id: str | None
    answer: str
    slots: list[Slot]
    dropped: dict[str, int] = field(default_factory=dict)
    bound: str | None = None
    unmatched: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    match: dict[str, Any] | None = None  # how a history matched; see `data.matching.Match.to_json`
    pricing: Callable[[], dict[str, float]] = field(default=dict, repr=False, compare=False)

    @cached_property
    def prices(self) -> dict[str, float]:
        """What each rule costs the list; see `encore.recommend.rules.Ranked.prices`."""
        return self.pricing()

    def to_frame(self) -> pl.DataFrame:
        """Return a row a slot: rank, track_id, title, artist, score, reason."""
        columns = ("rank", "track_id", "title", "artist", "score", "reason")
        types = (pl.Int64, pl.String, pl.String, pl.String, pl.Float64, pl.String)
        rows = [tuple(getattr(slot, name) for name in columns) for slot in self.slots]
        return pl.DataFrame(rows, dict(zip(columns, types, strict=True)), orient="row")

    def to_json(self) -> dict[str, Any]:
        """Return the list as plain JSON values."""
        told = {**vars(self), "slots": [vars(slot) for slot in self.slots], "prices": self.prices}
        del told["pricing"]
        return told


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
        rules, listener = _asked(n, rules), listener_of(self.bundle, user_id, history)
        found = self._scored(listener, rules)
        ranked = self._ranked(found, listener, n, rules)
        brought = listener.brought or Brought()
        return RankedList(
            user_id,
            listener.answer,
            self._slots(ranked, self._reasons(listener, found, ranked.tracks_n)),
            ranked.dropped,
            ranked.bound,
            list(brought.unmatched),
            ranked.notes,
            brought.match.to_json() if brought.match else None,
            lambda: ranked.prices,
        )

    def explain(
        self,
        user_id: str | None,
        track: str,
        n: int = 10,
        *,
        rules: Rules | None = None,
        history: History | None = None,
    ) -> Explanation:
        """Return why a track, by its id or name, has its score with a listener.

        The score is that of `recommend` with the same listener, rules and history, and so is the
        list of `n` in which the track's slot is told.

        Raises `UsageError` on n < 1, `InputError` on a track that is not found, or a history of the
        wrong form.
        """
        rules, listener = _asked(n, rules), listener_of(self.bundle, user_id, history)
        index = self.bundle.features.tracks.index(track) or Names.of(self.bundle).item(track)
        found = self._scored(listener, rules)
        ranked = self._ranked(found, listener, n, rules)
        reasons = self._reasons(listener, found, np.array([index]))
        taste = taste_of(self.bundle, listener, self.catalogue)
        return explained(user_id, reasons, ranked, rules, taste)

    def fold_in(self, history: History) -> Newcomer:
        """Return a person whom the model never saw, by their history or seeds.

        They ask for lists; further plays, likes, skips and bans change these at once.

        Raises `InputError` on a history of the wrong form, or on a seed that is not found.
        """
        return Newcomer(self, brought_along(self.bundle, history))

    def add_tracks(self, tracks: pl.DataFrame | Dataset, tags: pl.DataFrame | None = None) -> Self:
        """Return the model with further tracks, nothing being trained again.

        `tracks` has the columns of the table of tracks, `tags` those of tags; or both in a Dataset.
        See `encore.recommend.adding`; `bundle.facts["added"][-1]` counts what came of it.

        >>> import encore, polars as pl
        >>> data = encore.world.make(listeners=60, tracks=120, seed=1).data
        >>> model = encore.train(data, encore.TrainConfig(max_epochs=1, hidden_layers=(8,)))
        >>> new = pl.DataFrame({"track_id": ["n1"], "title": ["New"], "genres": [["jazz"]]})
        >>> model.add_tracks(new).bundle.facts["added"][-1]["added"]
        1
        """
        return type(self)(add_tracks(self.bundle, tracks, tags), self.history)

    def similar(
        self, name: str, n: int = 10, *, by: str = "both", kind: str | None = None
    ) -> list[Neighbour]:
        """Return what is most like a track or an artist; see `encore.recommend.similar.similar`."""
        return similar(self.bundle, name, n, by=by, kind=kind)

    def lists(self, user_B: Indices, n: int, rules: Rules) -> list[Ranked]:
        """Return the lists of known listeners, by index, as `recommend` does, without reasons."""
        listeners = self.bundle.features.listeners
        asking = [listener_of(self.bundle, listeners.id(user), None) for user in user_B]
        found = zip(asking, scored_together(self.bundle, user_B), strict=True)
        return [self._ranked(self._dialled(each, of, rules), of, n, rules) for of, each in found]

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
        scorers, alone = self.bundle.scorers, self.bundle.choice.alone
        audience = Audience.known(scorers.inputs, user_B)
        if alone is not None and (np.diff(audience.history_BT.indptr) > 0).all():
            top_Bk = scorers.top_by(alone, audience, k)
            if top_Bk is not None:
                return top_Bk
        return self.top_of(self.scores(audience), audience.history_BT, k)

    def warm(self, listeners: bool = True) -> None:
        """Compute ahead what requests share, so that the first is as quick as the next.

        Indexes, what rules read of the catalogue, and, with `listeners`, the vectors of all known
        ones; see `encore.models.ensemble.Scorers.warm`.
        """
        self.bundle.scorers.warm(listeners)
        self.recommend(None, 1)

    def scores(self, audience: Audience, raw: Mapping[str, Floats] | None = None) -> Floats:
        """Return the shipped list's scores (B, T), as `recommend` gives them.

        `raw` may hold scorers' scores of this audience that were computed already.
        """
        scores_BT: Floats = np.sum([*parts_of(self.bundle, audience, raw).values()], axis=0)
        return scores_BT

    def top_of(self, scores_BT: Floats, heard_BT: sp.csr_array, k: int) -> Integers:
        """Return the best k unheard tracks (B, k) by `scores_BT`, which stay as they are."""
        open_BT = scores_BT.copy()
        mask_heard(open_BT, heard_BT)
        return top_k(open_BT, k, self.bundle.scorers.ties)

    def _scored(self, listener: Listener, rules: Rules) -> Scored:
        """Return the listener's scores, as the dial has them."""
        bans = listener.brought.bans if listener.brought else frozenset[int]()
        return self._dialled(scored(self.bundle, listener.asking, bans), listener, rules)

    def _reasons(self, listener: Listener, found: Scored, tracks_N: Integers) -> Reasons:
        return Reasons(self.bundle, self.catalogue, self.shown, listener, found, tracks_N)

    def _dialled(self, found: Scored, listener: Listener, rules: Rules) -> Scored:
        return found if rules.discovery is None else found.with_repeats(self._repeat, listener)

    def _ranked(self, found: Scored, listener: Listener, n: int, rules: Rules) -> Ranked:
        """Return the list under the rules."""
        taste = taste_of(self.bundle, listener, self.catalogue)
        return rank(found, n, rules, self.catalogue, taste)

    def _slots(self, ranked: Ranked, reasons: Reasons) -> list[Slot]:
        shown, parts = self.shown, reasons.scored.parts(ranked.tracks_n)
        return [
            Slot(
                rank=place + 1,
                **shown.of_track(track),
                score=float(ranked.scores_n[place]),
                contributions={name: float(part_n[place]) for name, part_n in parts.items()},
                costs=ranked.costs[place],
                because=[shown.track_id[t - 1] for t in reasons.because[place]],
                reason=reasons.sentence(place),
            )
            for place, track in enumerate(ranked.tracks_n.tolist())
        ]

    @cached_property
    def shown(self) -> Shown:
        """What is shown of each track."""
        return Shown.of(self.bundle)

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


def _asked(n: int, rules: Rules | None) -> Rules:
    """Return the rules of a list of `n`, or raise `UsageError`."""
    if n < 1:
        raise UsageError(f"n = {n}: expected 1 or more")
    return rules or Rules()
