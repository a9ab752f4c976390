"""Reasons: from the arithmetic of a score to a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, islice

import numpy as np
import numpy.typing as npt

from encore.data.strength import log1p
from encore.data.vocabulary import UNKNOWN
from encore.models.bundle import Bundle
from encore.models.entries import entries
from encore.models.ranking import Integers
from encore.recommend.fold_in import FRIENDS, SEEDS, Listener
from encore.recommend.rules import Catalogue
from encore.recommend.scored import Doubles, Scored
from encore.recommend.shown import Shown
from encore.schema import ACOUSTIC
from encore.wording import counted, listed, noun

LARGEST = 3  # tracks named in a reason
SHARE = 0.08  # of the attributed score that a track must carry to be named
GENRES_NAMED = 2  # in a reason
FEATURES_NAMED = ("energy", "tempo")  # in a reason, where the track is close in them
FEATURES_F = [ACOUSTIC.index(name) for name in FEATURES_NAMED]  # their columns
CLOSE = 0.5  # deviations over the catalogue, up to which an acoustic feature is close
_BY = {FRIENDS: "because your friends play", SEEDS: "close to"}  # else: because you play
_WORDS = {"energy": ("calmer", "more energetic"), "tempo": ("slower", "faster")}


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
    """Why N tracks have their scores with one listener. A track is asked for by its place in N."""

    bundle: Bundle
    catalogue: Catalogue
    shown: Shown
    listener: Listener
    scored: Scored
    tracks_N: Integers

    @cached_property
    def because(self) -> list[list[int]]:
        """The tracks that carry each score, the largest first: own ones, else of friends."""
        found = self.scored.attribution(self.tracks_N, of_friends=self.listener.answer == FRIENDS)
        for place, track in enumerate(self.tracks_N.tolist()):
            if self.listener.stands_for_others(track):  # and so is no reason for itself
                found.total_NH[place, found.tracks_H == track] = 0
        return main_tracks(found.tracks_H, found.total_NH)

    def sentence(self, place: int) -> str:
        """Return why in words."""
        names = [*dict.fromkeys(map(self.name, self.because[place]))]
        by = _BY.get(self.listener.answer, "because you play")
        track = int(self.tracks_N[place])
        listeners = int(self.bundle.listeners_T[track])
        if track in self.scored.again:  # listed because it is played
            return sentence(names, listeners=listeners, by=by)
        return sentence(
            names,
            self.genres[place],
            self._close[place],
            self._friends_count[place],
            listeners,
            by,
        )

    def name(self, track: int) -> str:
        """Return a track of the history as a reason names it.

        A track that stands for others of its artist is named by the artist.
        """
        stands = self.listener.stands_for_others(track)
        names = self.shown.artist_name if stands else self.shown.name
        return str(names[track - 1])

    @cached_property
    def genres(self) -> list[list[str]]:
        """Each track's genres that most of those that carry its score have, its heaviest first."""
        genres_TG, ids = self.catalogue.genres_TG, self.bundle.features.genres
        silent = (UNKNOWN, self.catalogue.padding)
        named = sorted({track for because in self.because for track in because})
        genres_of = dict(zip(named, map(set, genres_TG[named].tolist()), strict=True))

        def shared(genre: int, because: Sequence[int]) -> bool:
            votes = [track for track in because if genre in genres_of[track]]
            return genre not in silent and len(votes) * 2 > len(because)

        found = []
        for own, because in zip(genres_TG[self.tracks_N].tolist(), self.because, strict=True):
            named_G = islice((genre for genre in own if shared(genre, because)), GENRES_NAMED)
            found.append([ids.id(genre) for genre in named_G])
        return found

    def nearness(self, place: int) -> list[Nearness]:
        """Return the track beside the history in each feature known of both."""
        track_F, apart_F = self.catalogue.acoustics_TF[self.tracks_N[place]], self._apart_NF[place]
        return [
            Nearness(ACOUSTIC[f], float(track_F[f]), float(self._own_F[f]), float(apart_F[f]))
            for f in np.flatnonzero(np.isfinite(apart_F))
        ]

    def friends(self, place: int) -> list[str]:
        """Return the ids of the listener's friends who play a track."""
        play_V, ids = self._friends_play_VN[:, place], self.bundle.features.listeners
        return [ids.id(user) for user in self.listener.friends_1U.indices[play_V]]

    @cached_property
    def _friends_play_VN(self) -> npt.NDArray[np.bool_]:
        return entries(self.bundle.history_UT, self.listener.friends_1U.indices, self.tracks_N) > 0

    @cached_property
    def _apart_NF(self) -> Doubles:
        """How far each track is from the history in each feature, in deviations."""
        apart_NF = self.catalogue.acoustics_TF[self.tracks_N] - self._own_F
        apart_NF /= self.catalogue.acoustic_deviation_F
        return apart_NF

    @cached_property
    def _close(self) -> list[list[str]]:
        """The features to name of those that each track is close in."""
        close_NF = np.abs(self._apart_NF[:, FEATURES_F]) <= CLOSE
        return [[*compress(FEATURES_NAMED, close_F)] for close_F in close_NF.tolist()]

    @cached_property
    def _friends_count(self) -> list[int]:
        counts: list[int] = self._friends_play_VN.sum(0).tolist()
        return counts

    @cached_property
    def _own_F(self) -> Doubles:
        """The mean of each feature over the listener's own history; NaN where unknown."""
        own = self.listener.asking.history_BT
        values_HF = self.catalogue.acoustics_TF[own.indices]
        known_HF = np.isfinite(values_HF)
        weight_H = log1p(own.data).astype(np.float64)
        sums_F, total_F = weight_H @ np.where(known_HF, values_HF, 0), weight_H @ known_HF
        mean_F: Doubles = np.full(len(total_F), np.nan)
        np.divide(sums_F, total_F, out=mean_F, where=total_F > 0)
        return mean_F


def main_tracks(tracks_H: Integers, total_NH: Doubles) -> list[list[int]]:
    """Return, for each of N scores, the tracks that carry most of it, the largest first.

    >>> main_tracks(np.array([4, 5, 7, 9]), np.array([[0.05, -0.2, 0.6, 0.3]]))
    [[7, 9]]
    """
    order_NK = np.lexsort((np.broadcast_to(tracks_H, total_NH.shape), -total_NH))[:, :LARGEST]
    value_NK = np.take_along_axis(total_NH, order_NK, 1)
    whole_N1 = np.maximum(total_NH, 0).sum(1, keepdims=True)
    named_NK = value_NK >= SHARE * whole_N1
    named_NK[:, :1] = True  # of many small ones the largest
    named_NK &= value_NK > 0
    return [
        tracks_H[order_K[named_K]].tolist()
        for order_K, named_K in zip(order_NK, named_NK, strict=True)
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
