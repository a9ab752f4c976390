"""Reasons: from the arithmetic of a score to a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.identity import clean_title
from encore.data.strength import log1p
from encore.data.vocabulary import UNKNOWN
from encore.models.bundle import Bundle
from encore.recommend.fold_in import FRIENDS, SEEDS, Listener
from encore.recommend.rules import Catalogue
from encore.recommend.scoring import Scored
from encore.schema import ACOUSTIC
from encore.wording import counted, noun

LARGEST = 3  # tracks named in a reason
SHARE = 0.08  # of the attributed score that a track must carry to be named
GENRES_NAMED = 2  # in a reason
FEATURES_NAMED = ("energy", "tempo")  # in a reason, where the track is close in them
CLOSE = 0.5  # deviations over the catalogue, up to which an acoustic feature is close
_BY = {FRIENDS: "because your friends play", SEEDS: "close to"}  # else: because you play
_WORDS = {"energy": ("calmer", "more energetic"), "tempo": ("slower", "faster")}

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Nearness:
    """One acoustic feature of a track, beside its mean over the listener's history.

    `apart` is their difference in standard deviations over the catalogue. The mean weighs tracks by
    log1p of their plays.
    """

    feature: str
    track: float
    listener: float
    apart: float

    @property
    def word(self) -> str:
        """The difference in a word.

        >>> Nearness("tempo", 150, 110, 1.3).word, Nearness("valence", 0.5, 0.5, 0.0).word
        ('faster', 'close')
        """
        if abs(self.apart) <= CLOSE:
            return "close"
        return _WORDS.get(self.feature, ("lower", "higher"))[self.apart > 0]


@dataclass(frozen=True)
class Reasons:
    """Why the tracks that one listener asks about have their scores."""

    bundle: Bundle
    catalogue: Catalogue
    listener: Listener
    scored: Scored

    def because(self, track: int) -> list[int]:
        """Return the tracks that carry a score, the largest first: own ones, else of friends."""
        of_friends = self.listener.answer == FRIENDS
        total: dict[int, float] = {}
        for parts in self.scored.attribution(track, of_friends=of_friends).values():
            for t, value in parts.items():
                total[t] = total.get(t, 0.0) + value
        if self.listener.stands_for_others(track):  # and so is no reason for itself
            total.pop(track, None)
        return main_tracks(total)

    def sentence(self, track: int, because: Sequence[int]) -> str:
        """Return why in words; `because` are the tracks to name."""
        names = [*dict.fromkeys(map(self.name, because))]
        by = _BY.get(self.listener.answer, "because you play")
        listeners = int(self.bundle.listeners_T[track])
        if track in self.scored.again:  # listed because it is played
            return sentence(names, listeners=listeners, by=by)
        close = [near.feature for near in self.nearness(track) if near.word == "close"]
        return sentence(
            names,
            self.genres(track, because),
            [feature for feature in FEATURES_NAMED if feature in close],
            len(self.friends(track)),
            listeners,
            by,
        )

    def name(self, track: int) -> str:
        """Return a title as a reason names it, without "- Remastered 2011" and its like.

        A track that stands for others of its artist is named by the artist.
        """
        shown = self.bundle.tracks.row(track - 1, named=True)
        artist = shown["artist"] if self.listener.stands_for_others(track) else None
        return clean_title(str(artist or shown["title"]))

    def genres(self, track: int, because: Sequence[int]) -> list[str]:
        """Return the track's genres that most of the named tracks have, its heaviest first."""
        genres_TG, padding = self.catalogue.genres_TG, self.catalogue.padding
        own = [int(g) for g in genres_TG[track] if g not in (UNKNOWN, padding)]
        votes = {g: sum(g in genres_TG[t] for t in because) for g in own}
        shared = [g for g in own if votes[g] * 2 > len(because)] if because else []
        return [self.bundle.features.genres.id(g) for g in shared[:GENRES_NAMED]]

    def nearness(self, track: int) -> list[Nearness]:
        """Return the track beside the history in each feature known of both."""
        own_F, track_F = self._acoustics_F, self.catalogue.acoustics_TF[track]
        apart_F = (track_F - own_F) / self.catalogue.acoustic_deviation_F
        return [
            Nearness(ACOUSTIC[f], float(track_F[f]), float(own_F[f]), float(apart_F[f]))
            for f in np.flatnonzero(np.isfinite(apart_F))
        ]

    def friends(self, track: int) -> list[str]:
        """Return the ids of the listener's friends who play a track."""
        users = self.listener.friends_1U.indices
        plays = self._friends_play[:, [track]].toarray().ravel() > 0
        return [self.bundle.features.listeners.id(user) for user in users[plays]]

    @cached_property
    def _friends_play(self) -> sp.csc_array:
        return sp.csc_array(self.bundle.history_UT[self.listener.friends_1U.indices])

    @cached_property
    def _acoustics_F(self) -> Doubles:
        """Return the mean of each feature over the listener's own history; NaN where unknown."""
        own = self.listener.asking.history_BT
        values_HF = self.catalogue.acoustics_TF[own.indices]
        weights_HF = log1p(own.data)[:, None] * np.isfinite(values_HF)
        total_F = weights_HF.sum(0, dtype=np.float64)
        sums_F = (np.nan_to_num(values_HF) * weights_HF).sum(0, dtype=np.float64)
        mean_F: Doubles = np.full(len(total_F), np.nan)
        np.divide(sums_F, total_F, out=mean_F, where=total_F > 0)
        return mean_F


def main_tracks(attribution: Mapping[int, float]) -> list[int]:
    """Return the history's tracks that carry most of a score, the largest first.

    >>> main_tracks({7: 0.6, 9: 0.3, 4: 0.05, 5: -0.2})
    [7, 9]
    """
    total = sum(value for value in attribution.values() if value > 0)
    ordered = sorted(attribution.items(), key=lambda item: (-item[1], item[0]))
    return [t for t, value in ordered[:LARGEST] if value > 0 and value >= SHARE * total] or [
        t for t, value in ordered[:1] if value > 0
    ]


def sentence(
    because: Sequence[str],
    genres: Sequence[str] = (),
    close: Sequence[str] = (),
    friends: int = 0,
    listeners: int = 0,
    by: str = "because you play",
) -> str:
    """Return the reason for a slot in words.

    - `because`: titles of the tracks that carry the score, and `by`, what the listener has to do
      with them;
    - `genres`: genres that the track shares with them;
    - `close`: what the track is close in to what the listener plays;
    - `friends`: how many friends play the track, `listeners`: how many training listeners.

    >>> sentence(["Duran Duran", "Depeche Mode"], ["new wave"], ["energy", "tempo"], 2)
    'because you play Duran Duran and Depeche Mode; also new wave; close in energy and tempo; 2 \
friends play it'
    >>> sentence([], listeners=120)
    'played by 120 listeners'
    """
    told = []
    if because:
        told.append(f"{by} {listed(because)}")
    if genres:
        told.append(f"also {listed(genres)}")
    if close:
        told.append(f"close in {listed(close)}")
    if friends:
        told.append(f"{counted(friends, 'friend')} {noun(friends, 'plays', 'play')} it")
    return "; ".join(told) or f"played by {counted(listeners, 'listener')}"


def listed(names: Sequence[str]) -> str:
    """Return names as in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
