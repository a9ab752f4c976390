"""Scores of whoever asks: by their own history, and by their friends' where that is short.

Legend: B listeners who ask, b those of them whom one source scores, T tracks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from encore.data.vocabulary import UNKNOWN
from encore.models.bundle import Bundle
from encore.models.channels import Channel, Popularity, Repeat
from encore.models.ensemble import Scorers, Weights
from encore.models.inputs import Audience
from encore.models.ranking import Floats, Integers, deviations, played
from encore.recommend.fold_in import Listener, friends_history

FRIENDS_ROWS = 2  # of a new listener's own history, that their friends' weighs as much as
POPULARITY_ALONE = Weights({Popularity.name: 1.0}, {Popularity.name: 1.0})

Attribution = dict[str, dict[int, float]]
"""What each track of a history adds to a score, by scorer."""


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


@dataclass(frozen=True)
class Carrier:
    """A history behind one listener's scores, its share, and what a unit of raw score is worth."""

    history_1T: sp.csr_array
    share: float
    worth: Weights
    of_friends: bool


@dataclass(frozen=True)
class Scored:
    """One listener's scores: what each scorer contributes to them (T,), and how they came about.

    `again` has the heard tracks that the repeat channel alone scores, as the dial wants it.
    """

    bundle: Bundle
    parts_T: dict[str, Floats]
    carriers: list[Carrier] = field(default_factory=list)
    repeat: Repeat | None = None
    again: frozenset[int] = field(default_factory=frozenset)

    @property
    def scores_T(self) -> Floats:
        """The scores: the sum of the parts."""
        scores_T: Floats = np.sum([*self.parts_T.values()], axis=0)
        return scores_T

    @property
    def friends_share(self) -> float:
        """How much of the scores rests on friends' histories, 0 to 1."""
        return sum(carrier.share for carrier in self.carriers if carrier.of_friends)

    def contributions(self, track: int) -> dict[str, float]:
        """Return what each scorer contributes to a track's score."""
        return {name: float(part_T[track]) for name, part_T in self.parts_T.items()}

    def attribution(self, track: int, *, of_friends: bool = False) -> Attribution:
        """Return what each track of the listener's history, or their friends', adds to the score.

        A scorer that does not say is left out.
        """
        heard = bool(self.bundle.features.heard_T[track])
        channels: Mapping[str, Channel] = self.bundle.scorers.channels
        found: Attribution = {}
        for carrier in self.carriers:
            if carrier.of_friends != of_friends:
                continue
            if self.repeat is not None and track in self.again:
                found[Repeat.name] = self.repeat.attribute(carrier.history_1T, track)
                continue
            worth = carrier.worth.heard if heard else carrier.worth.unheard
            for name, value in worth.items():
                if value and name in channels:
                    parts = channels[name].attribute(carrier.history_1T, track)
                    found[name] = {t: value * part for t, part in parts.items()}
        return {name: parts for name, parts in found.items() if parts}

    def with_repeats(self, repeat: Repeat, listener: Listener) -> "Scored":
        """Return the scores with those of heard tracks by the repeat channel alone."""
        heard = listener.heard_1T.indices
        repeat_T = repeat.score(repeat.fold_in(listener.asking))[0]
        kept = {name: part_T.copy() for name, part_T in self.parts_T.items()}
        kept.setdefault(Repeat.name, np.zeros_like(repeat_T))
        for name, part_T in kept.items():
            part_T[heard] = repeat_T[heard] if name == Repeat.name else 0
        return replace(self, parts_T=kept, repeat=repeat, again=frozenset(heard.tolist()))


def parts_of(
    bundle: Bundle, audience: Audience, raw: Mapping[str, Floats] | None = None
) -> dict[str, Floats]:
    """Return each scorer's contribution (B, T); they sum to the scores.

    `raw` may hold scorers' scores of this audience that were computed already.
    """
    every = sources(bundle, audience)
    return _mixed(bundle.scorers, every, [raw or {}] + [{}] * (len(every) - 1))


def scored(bundle: Bundle, asking: Audience) -> Scored:
    """Return the scores of one who asks, with what is needed to take them apart."""
    every, scorers = sources(bundle, asking), bundle.scorers
    raws = [
        {name: scorers.score(name, source.audience) for name in source.weights.used}
        for source in every
    ]
    carriers, left = [], 1.0
    for source, raw in zip(reversed(every), reversed(raws), strict=True):
        share = left * float(source.share_b[0])
        left -= share
        if share:
            deviation = {name: float(deviations(scores)[0]) for name, scores in raw.items()}
            heard, unheard = (
                {n: share * w / deviation[n] for n, w in side.items() if deviation.get(n)}
                for side in source.weights
            )
            history_1T = source.audience.history_BT
            worth = Weights(heard, unheard)
            carriers.append(Carrier(history_1T, share, worth, source.of_friends))
    parts = _mixed(scorers, every, raws)
    there = {name: part_1T[0] for name, part_1T in parts.items() if part_1T.any()}
    return Scored(bundle, there, carriers)


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
