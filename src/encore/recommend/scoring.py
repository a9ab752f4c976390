"""Scores of whoever asks: by their own history, and by their friends' where that is short.

Legend: B listeners who ask, b those of them whom one source scores, T tracks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from encore.data.vocabulary import UNKNOWN, Indices
from encore.models.bundle import Bundle
from encore.models.channels import Popularity
from encore.models.ensemble import Scorers, Weights
from encore.models.inputs import Audience
from encore.models.ranker import Candidates
from encore.models.ranking import Floats, Integers, played
from encore.models.rows import Whole
from encore.recommend.fold_in import friends_history
from encore.recommend.scored import Carrier, Scored, Term, none

FRIENDS_ROWS = 2  # of a new listener's own history, that their friends' weighs as much as
POPULARITY_ALONE = Weights({Popularity.name: 1.0}, {Popularity.name: 1.0})


@dataclass(frozen=True)
class Source:
    """Histories that score some rows of an audience, with a share in their scores.

    The first source of an audience has all its rows; a later one takes its share from those before.
    """

    audience: Audience
    weights: Weights
    rows_b: Integers
    share_b: Floats
    of_friends: bool = False
    ranked: bool = False

    def parts(self, scorers: Scorers, raw: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return each scorer's contribution (b, T)."""
        return scorers.parts(self.weights, self.audience, raw, self.ranked)


def parts_of(
    bundle: Bundle, audience: Audience, raw: Mapping[str, Floats] | None = None
) -> dict[str, Floats]:
    """Return each scorer's contribution (B, T); they sum to the scores.

    `raw` may hold scorers' scores of this audience that were computed already.
    """
    every = sources(bundle, audience)
    return _mixed(bundle.scorers, every, [raw or {}] + [{}] * (len(every) - 1))


def scored(bundle: Bundle, asking: Audience, banned: frozenset[int] = frozenset()) -> Scored:
    """Return the scores of one who asks, with what is needed to take them apart.

    Tracks that are `banned` have none.
    """
    scorers = bundle.scorers
    terms: list[Term] = []
    carriers: list[Carrier] = []
    ranked: dict[str, Any] = {}
    for source, share in _shares(sources(bundle, asking)):
        rows = {name: scorers.row(name, source.audience) for name in source.weights.used}
        heard, unheard = (
            {n: share * w / rows[n].deviation for n, w in side.items() if w and rows[n].deviation}
            for side in source.weights
        )
        own = [
            Term(name, row, heard.get(name, 0.0), unheard.get(name, 0.0), row.mean)
            for name, row in rows.items()
            if row.deviation
        ]
        if source.ranked and (ranker := scorers.serving_ranker):
            every = {name: rows.get(name) or scorers.row(name, asking) for name in ranker.channels}
            found = Candidates.of(every, asking, bundle.features.heard_T, scorers.ties)
            blend_R = Scored(bundle, own).at(found.column_K)
            corrected_R = ranker.correction(blend_R, found, scorers.ties)
            ranked = {"column_R": found.column_K, "corrected_R": corrected_R}
            own = [replace(term, ahead=found.best.get(term.name, none())) for term in own]
        terms += own
        worth = Weights(heard, unheard)
        carriers.append(Carrier(source.audience.history_BT, share, worth, source.of_friends))
    return Scored(bundle, terms, carriers, **ranked, banned=banned)


def scored_together(bundle: Bundle, user_B: Indices) -> Iterator[Scored]:
    """Yield the scores of each of some known listeners, of all in one pass over the catalogue.

    In a catalogue with an index they are asked for one at a time.
    """
    audience = Audience.known(bundle.scorers.inputs, user_B)
    if bundle.scorers.indexes():
        yield from (scored(bundle, audience.at(slice(b, b + 1))) for b in range(len(audience)))
        return
    parts = parts_of(bundle, audience)
    for b in range(len(audience)):
        yield Scored(bundle, [Term(name, Whole(part_BT[b])) for name, part_BT in parts.items()])


def _shares(every: Sequence[Source]) -> list[tuple[Source, float]]:
    """Return the sources of one listener that have a share in the scores, with it."""
    found, left = [], 1.0
    for source in reversed(every):
        share = left * float(source.share_b[0])
        left -= share
        if share:
            found.append((source, share))
    return found[::-1]


def sources(bundle: Bundle, audience: Audience) -> list[Source]:
    """Return the histories that score an audience.

    Who is new and has friends is scored by their mean history too, which counts as much as
    `FRIENDS_ROWS` rows of an own one. Without any history that is all, and without friends who
    have one what most play. The network is silent on those it never saw.
    """
    length_B = np.diff(played(audience.history_BT).indptr)
    known_B = (audience.user_B != UNKNOWN) & (length_B > 0)
    weights = bundle.choice.both if known_B.any() else _without_network(bundle)
    rows = np.arange(len(audience))
    found = [Source(audience, weights, rows, np.ones(len(rows), np.float32), ranked=True)]
    if known_B.all():
        return found
    new = np.flatnonzero(~known_B)
    of_friends = friends_history(bundle, audience.friends_BU[new])
    befriended = np.diff(of_friends.indptr) > 0
    if len(asked := new[befriended]):
        strangers = np.zeros(len(asked), np.int32)
        friends = Audience(of_friends[befriended], strangers, audience.friends_BU[asked])
        share_b = (FRIENDS_ROWS / (FRIENDS_ROWS + length_B[asked])).astype(np.float32)
        weights = _without_network(bundle)
        found.append(Source(friends, weights, asked, share_b, of_friends=True))
    if len(asked := new[~befriended & (length_B[new] == 0)]):
        ones = np.ones(len(asked), np.float32)
        found.append(Source(audience.at(asked), POPULARITY_ALONE, asked, ones))
    return found


def _without_network(bundle: Bundle) -> Weights:
    """Return the channels' weights; where they have none, all to the channel best alone."""
    choice, channels = bundle.choice, bundle.scorers.channels
    weights = choice.both.among(channels)
    if any(weights.heard.values()):
        return weights
    best = max(channels, key=lambda name: choice.validation.get(name, 0.0))
    return Weights({best: 1.0}, weights.unheard)


def _mixed(
    scorers: Scorers, every: Sequence[Source], raws: Sequence[Mapping[str, Floats]]
) -> dict[str, Floats]:
    """Return the parts of the first source, with each later one's share given to it."""
    parts = every[0].parts(scorers, raws[0])
    shape = next(iter(parts.values())).shape
    for source, raw in zip(every[1:], raws[1:], strict=True):
        others, share_b1 = source.parts(scorers, raw), source.share_b[:, None]
        for name in dict.fromkeys([*parts, *others]):
            part_BT = parts.setdefault(name, np.zeros(shape, np.float32))
            part_BT[source.rows_b] *= 1 - share_b1
            if name in others:
                part_BT[source.rows_b] += share_b1 * others[name]
    return parts
