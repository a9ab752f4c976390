"""What is in a dataset, as plain facts: the record behind `encore inspect`.

::

    data  ->  inspect  ->  Inspection  ->  to_json, the terminal, the page
"""

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from encore.data.activity import activity
from encore.data.capabilities import Capability, capabilities
from encore.data.dataset import Dataset
from encore.data.identity import one_artist
from encore.data.ledger import Ledger
from encore.data.music import Heard, coverage, duplicates, leaders, ranges
from encore.data.spread import spread


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found. Every part but `ledger` is plain JSON; None is "there is none".

    - `counts`: rows of each table, and what they hold; `sparsity`: the share of all pairs of a
      listener and a track that were never played.
    - `spreads`: `encore.data.spread.spread` of plays per pair, tracks per listener, listeners per
      track and plays per track, of those that have any.
    - `activity`: see `encore.data.activity.activity`.
    - `coverage`, `ranges`, `leaders`, `duplicates`: see `encore.data.music`.
    - `capabilities`: what the data allows, and what is missing for the rest.
    - `ledger`: what the import read, kept and dropped.
    """

    item_kind: str
    counts: dict[str, int]
    sparsity: float | None
    spreads: dict[str, dict[str, Any]]
    activity: dict[str, Any] | None
    coverage: list[dict[str, Any]]
    ranges: dict[str, dict[str, Any]]
    leaders: dict[str, dict[str, list[dict[str, Any]]]]
    duplicates: dict[str, Any]
    capabilities: list[Capability]
    ledger: Ledger

    def to_json(self) -> dict[str, Any]:
        """Return all facts as plain, finite JSON values, the ledger as "import"."""
        facts = asdict(self)
        del facts["ledger"]
        imported = {"read": self.ledger.read, "kept": self.ledger.kept}
        return facts | {"import": imported | self.ledger.to_json()}


def inspect(data: Dataset) -> Inspection:
    """Look at `data` and return what is in it; tables without rows are no error.

    Rows that were only skipped (plays 0) count as rows of plays, not as pairs.

    >>> plays = pl.DataFrame({"user_id": ["a", "a", "b"], "track_id": ["x", "y", "x"]})
    >>> from encore.data.readers import read
    >>> found = inspect(read({"plays": plays}))
    >>> found.counts["pairs"], found.sparsity, found.spreads["listeners_per_track"]["max"]
    (3, 0.25, 2.0)
    """
    heard = Heard.of(data)
    played = data.plays.filter(pl.col("plays") > 0)
    listeners_T, tracks_U = heard.listeners_T, heard.tracks_U
    cells = data.listeners.height * data.tracks.height
    return Inspection(
        item_kind=data.item_kind,
        counts=_counts(data, played.height)
        | {
            "silent_listeners": data.listeners.height - len(tracks_U),
            "unheard_tracks": data.tracks.height - int((listeners_T > 0).sum()),
        },
        sparsity=1 - played.height / cells if cells else None,
        spreads={
            "plays_per_pair": spread(played["plays"]),
            "tracks_per_listener": spread(tracks_U),
            "listeners_per_track": spread(pl.Series(listeners_T[listeners_T > 0])),
            "plays_per_track": spread(pl.Series(heard.plays_T[heard.plays_T > 0])),
        },
        activity=activity(data),
        coverage=coverage(data, heard),
        ranges=ranges(data),
        leaders=leaders(data, heard),
        duplicates=duplicates(data, heard),
        capabilities=capabilities(data, heard),
        ledger=data.ledger,
    )


def _counts(data: Dataset, pairs: int) -> dict[str, int]:
    return {
        "listeners": data.listeners.height,
        "tracks": data.tracks.height,
        "artists": data.tracks.height
        if data.item_kind == "artist"
        else data.tracks.select(one_artist().drop_nulls().n_unique()).item(),
        "plays_rows": data.plays.height,
        "pairs": pairs,
        "total_plays": round(data.plays["plays"].cast(pl.Float64).sum()),
        "listens": data.events.height,
        "tag_rows": data.tags.height,
        "tags": data.tags["tag"].n_unique(),
        "friend_rows": data.friends.height,
        "feedback_rows": data.feedback.height,
    }
