"""When the listens of the synthetic world happen: recency, repeats and hours of the day.

Shape suffixes: P pairs of listener and track, E events.
"""

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from encore import schema

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 365  # length of the recorded window
DAY_MS = 86_400_000
RETURN_DAYS = 20.0  # mean age of a listen since the first of its pair
CUT_SHORT = 0.15  # the most of a track that is heard before it is skipped

#: Hour (UTC) around which each kind of listener listens most.
CLOCKS = {"commuter": 8, "worker": 13, "evening": 19, "night owl": 23}


class Times:
    """When the listens of each pair happen: the first at random, later ones ever rarer.

    The age of a listen since the first is exponential (mean `RETURN_DAYS`), cut at the window's
    end, so a track comes back soon after a listen or hardly ever. The greatest of n - 1 such ages
    can be drawn directly, hence first and last are known without the listens between them.

    `clock_P` indexes `CLOCKS`; `first_P` and `last_P` are milliseconds since START.
    """

    def __init__(self, rng: np.random.Generator, clock_P: Ints, plays_P: Ints) -> None:
        pairs = len(plays_P)
        self._rng, self._clock_P, self._plays_P = rng, clock_P, plays_P
        self._start_P = DAYS * rng.random(pairs)
        self._reach_P = 1 - np.exp((self._start_P - DAYS) / RETURN_DAYS)
        self._top_P = rng.random(pairs) ** (1 / np.maximum(plays_P - 1, 1)) * (plays_P > 1)
        hours = np.arange(24) + 0.5
        self._edges = []
        for peak in CLOCKS.values():
            weights = 0.15 + np.exp(2.5 * (np.cos((hours - peak) * 2 * np.pi / 24) - 1))
            self._edges.append(np.concatenate([[0.0], np.cumsum(weights) / weights.sum()]))
        self.first_P = self._at(np.arange(pairs), np.zeros(pairs))
        self.last_P = self._at(np.arange(pairs), self._top_P)

    def events(
        self, user_P: pl.Series, track_P: pl.Series, duration_ms_P: pl.Series, skips_P: Ints
    ) -> pl.DataFrame:
        """Return a row for each listen and each skip, by listener (in the order of P) and time."""
        rng, plays_P = self._rng, self._plays_P
        pairs = np.arange(len(plays_P))
        between_E = np.repeat(pairs, np.maximum(plays_P - 2, 0))
        skip_E = np.repeat(pairs, skips_P)
        pair_E = np.concatenate([pairs[plays_P > 0], pairs[plays_P > 1], between_E, skip_E])
        at_E = np.concatenate(
            [
                self.first_P[plays_P > 0],
                self.last_P[plays_P > 1],
                self._at(between_E, self._top_P[between_E] * rng.random(len(between_E))),
                self._at(skip_E, rng.random(len(skip_E))),
            ]
        )
        skipped_E = np.arange(len(pair_E)) >= len(pair_E) - len(skip_E)
        listener_P = user_P.rle_id().to_numpy().astype(np.int64)
        order = np.argsort(listener_P[pair_E] * (2 * DAYS * DAY_MS) + at_E, kind="stable")
        pair_E, at_E, skipped_E = pair_E[order], at_E[order], skipped_E[order]
        heard_E = np.where(skipped_E, CUT_SHORT * rng.random(len(order)), 1.0)
        return pl.DataFrame(
            {
                "user_id": user_P[pair_E],
                "track_id": track_P[pair_E],
                "listened_at": stamps(at_E),
                "ms_played": (duration_ms_P[pair_E].to_numpy() * heard_E).astype(np.int64),
                "skipped": skipped_E,
            }
        )

    def _at(self, pair_E: Ints, share_E: Floats) -> Ints:
        """Return when `share_E` of the listens that could follow a pair's first have passed."""
        days_E = self._start_P[pair_E] - RETURN_DAYS * np.log1p(-share_E * self._reach_P[pair_E])
        whole_E = np.floor(days_E)
        days_E -= whole_E
        # bends the hours of each day to the listener's clock without changing the order of listens
        clock_E = self._clock_P[pair_E]
        for clock, edges in enumerate(self._edges):
            mine = clock_E == clock
            days_E[mine] = np.interp(days_E[mine], edges, np.arange(25) / 24)
        return np.asarray((whole_E + days_E) * DAY_MS, dtype=np.int64)


def stamps(ms: Ints) -> pl.Series:
    """Return timestamps for milliseconds since START.

    >>> stamps(np.array([DAY_MS]))[0]
    datetime.datetime(2024, 1, 2, 0, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC'))
    """
    start_us = int(START.timestamp()) * 1_000_000
    return pl.Series(start_us + ms * 1000).cast(schema.UTC_MICROSECONDS)
