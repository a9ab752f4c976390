"""One score taken apart: scorer by scorer, and within each track by track, to the last digit."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from encore.data.vocabulary import UNKNOWN
from encore.models.channels import Content
from encore.recommend.reasons import Nearness, Reasons
from encore.recommend.rules import Ranked, Rules, Taste
from encore.recommend.rules.filters import FILTERS, KEPT, NOT_KNOWN

BANNED = "banned"  # by the listener, among the rules that keep a track out


@dataclass(frozen=True)
class Carried:
    """What one track of a history adds to a score."""

    track_id: str
    name: str
    score: float


@dataclass(frozen=True)
class Contribution:
    """What one scorer adds to a score; `tracks`, `friends` and `rest` sum to it.

    - `tracks`: what the listener's own tracks add, the largest first; `friends`: those of their
      friends, where the listener is new.
    - `rest`: what no track carries. Of a channel that is a sum over the history it is how the
      catalogue's mean track stands with this listener, taken off: the same for all tracks that
      weigh alike. Of a scorer that does not say what carries its scores (the network, popularity,
      the ranker's reordering) it is everything.
    - `kinds`: of the content channel, how much of `tracks` is the artist's, how much the
      genres'.
    """

    scorer: str
    score: float
    tracks: list[Carried]
    friends: list[Carried]
    rest: float
    kinds: dict[str, float]


@dataclass(frozen=True)
class Explanation:
    """Why a track has its score with a listener. `contributions` sum to `score`.

    - `place`: where the score stands among those of the `of` tracks that the listener has not
      heard, this one always among them.
    - `friends_share`: how much of the score rests on friends' histories, 0 to 1.
    - `genres`: those shared with the tracks that carry the score; `acoustics`: the track beside
      the listener's history; `friends`: who of the listener's friends plays it. They tell of the
      track; none of them is a term of the score.
    - `removed_by`: the rules that keep the track out of a list, and whether it is "refused" by them
      or "not known" to keep them.
    - `slot` and `costs`: its rank in the list under the rules, and what each soft rule cost it
      there; None where the list is without it.
    """

    user_id: str | None
    answer: str
    track_id: str
    title: str
    artist: str | None
    score: float
    place: int
    of: int
    heard: bool
    reason: str
    contributions: list[Contribution]
    friends_share: float
    genres: list[str]
    acoustics: list[Nearness]
    friends: list[str]
    removed_by: dict[str, str]
    slot: int | None
    costs: dict[str, float] | None

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as plain JSON values."""
        near = [{**asdict(one), "word": one.word} for one in self.acoustics]
        return {**asdict(self), "acoustics": near}


def explained(
    user_id: str | None, reasons: Reasons, ranked: Ranked, rules: Rules, taste: Taste
) -> Explanation:
    """Return why the track of the reasons has its score; `ranked` is the list under the rules."""
    (track,), listener = reasons.tracks_N.tolist(), reasons.listener
    contributions = _contributions(reasons, track)
    place, of = _place(reasons, track)
    slots = ranked.tracks_n.tolist()
    slot = slots.index(track) if track in slots else None
    return Explanation(
        user_id=user_id,
        answer=listener.answer,
        **reasons.shown.of_track(track),
        score=sum(one.score for one in contributions),
        place=place,
        of=of,
        heard=track in listener.heard_1T.indices,
        reason=reasons.sentence(0),
        contributions=contributions,
        friends_share=reasons.scored.friends_share,
        genres=reasons.genres[0],
        acoustics=reasons.nearness(0),
        friends=reasons.friends(0),
        removed_by=_removed_by(reasons, track, rules, taste),
        slot=None if slot is None else slot + 1,
        costs=None if slot is None else ranked.costs[slot],
    )


def _contributions(reasons: Reasons, track: int) -> list[Contribution]:
    """Return what each scorer adds, the largest first."""
    scored = reasons.scored
    own, theirs = (
        scored.attribution(reasons.tracks_N, of_friends=of).of_track(0) for of in (False, True)
    )
    found = []
    for name, part_N in scored.parts(reasons.tracks_N).items():
        score = float(part_N[0])
        tracks, friends = own.get(name, {}), theirs.get(name, {})
        carried = sum(tracks.values()) + sum(friends.values())
        found.append(
            Contribution(
                name,
                score,
                _carried(reasons, tracks),
                _carried(reasons, friends),
                score - carried,
                _kinds(reasons, track, tracks) if tracks and name == Content.name else {},
            )
        )
    return sorted(found, key=lambda one: -abs(one.score))


def _carried(reasons: Reasons, parts: dict[int, float]) -> list[Carried]:
    ids = reasons.bundle.features.tracks
    ordered = sorted(parts.items(), key=lambda item: (-abs(item[1]), item[0]))
    return [Carried(ids.id(t), reasons.name(t), value) for t, value in ordered]


def _kinds(reasons: Reasons, track: int, parts: dict[int, float]) -> dict[str, float]:
    """Return what of the parts, each a cosine of content, is the genres' and what the artist's.

    The cosine is a sum over columns: those of genres, then those of artists.
    """
    content_TC, own = reasons.catalogue.content_TC, list(parts)
    product_HC = content_TC[own].multiply(content_TC[[track]]).tocsr()
    whole_H = product_HC.sum(1)
    genres_H = product_HC[:, : reasons.catalogue.padding].sum(1)
    genres = float(np.array([*parts.values()]) @ (genres_H / whole_H))
    return {"genres": genres, "artist": sum(parts.values()) - genres}


def _place(reasons: Reasons, track: int) -> tuple[int, int]:
    """Return the place of a track's score among the unheard and itself, and how many those are."""
    listener, scores_T = reasons.listener, reasons.scored.scores_T
    among_T = np.ones(len(scores_T), np.bool_)
    among_T[[UNKNOWN, *listener.heard_1T.indices]] = False
    if listener.brought is not None:
        among_T[[*listener.brought.bans]] = False
    among_T[track] = True
    tie_T = reasons.bundle.scorers.ties.place_of_column
    equal_T = (scores_T == scores_T[track]) & (tie_T < tie_T[track])
    better_T = (scores_T > scores_T[track]) | equal_T
    return int((among_T & better_T).sum()) + 1, int(among_T.sum())


def _removed_by(reasons: Reasons, track: int, rules: Rules, taste: Taste) -> dict[str, str]:
    found = {}
    brought = reasons.listener.brought
    if brought is not None and track in brought.bans:
        found[BANNED] = "refused"
    for name, filter_ in FILTERS.items():
        verdicts_T = filter_(rules, reasons.catalogue, taste)
        if verdicts_T is not None and verdicts_T[track] != KEPT:
            found[name] = "not known" if verdicts_T[track] == NOT_KNOWN else "refused"
    return found
