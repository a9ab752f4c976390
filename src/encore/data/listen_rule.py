"""When is a listen a listen: the one rule by which plays and skips are told apart.

A listen counts when at least half of the track was played, or four minutes of it: so ListenBrainz'
API documentation tells players when to submit one. What was broken off before is a skip, and kept
as such: it says what the listener did not want.
"""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class ListenRule:
    """The settings of the rule; times in milliseconds."""

    #: Share of a track's length from which a listen counts.
    share: float = 0.5
    #: Time from which a listen counts, however long the track.
    enough_ms: int = 240_000
    #: What did not count and is shorter than this is a skip, whatever the source says.
    short_ms: int = 30_000
    #: Whether listens in a private session are kept.
    keep_incognito: bool = False

    def verdict(self, ms_played: pl.Expr, duration_ms: pl.Expr, skipped: pl.Expr) -> pl.Expr:
        """Return "play", "skip" or "partial" for each listen; any of the three may be null.

        A listen of unknown time counts unless the source calls it skipped. One of a track whose
        length is unknown is a skip when it is short and the source does not deny it, and counts
        otherwise. "partial" is what was neither enough nor broken off early: it says nothing.

        >>> listens = pl.DataFrame({
        ...     "ms": [120_000, 90_000, 90_000, 9_000, 9_000, 60_000, None],
        ...     "length": [200_000, 200_000, 200_000, 15_000, None, None, None],
        ...     "skipped": [True, True, None, None, None, True, None],
        ... })
        >>> named = [pl.col(name) for name in listens.columns]
        >>> listens.select(ListenRule().verdict(*named).alias("is"))["is"].to_list()
        ['play', 'skip', 'partial', 'play', 'skip', 'play', 'play']
        """
        needed = pl.min_horizontal(duration_ms * self.share, pl.lit(float(self.enough_ms)))
        short = ms_played < self.short_ms
        flagged = skipped.fill_null(False)
        return (
            pl.when(ms_played.is_null())
            .then(pl.when(flagged).then(pl.lit("skip")).otherwise(pl.lit("play")))
            .when(ms_played >= needed)
            .then(pl.lit("play"))
            .when(duration_ms.is_null())
            .then(
                pl.when(short & skipped.fill_null(True))
                .then(pl.lit("skip"))
                .otherwise(pl.lit("play"))
            )
            .when(flagged | short)
            .then(pl.lit("skip"))
            .otherwise(pl.lit("partial"))
        )
