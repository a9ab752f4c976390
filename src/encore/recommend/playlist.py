"""From a list to a playlist: an order for listening, and what a file says of each track.

A list is best first; a playlist rises, falls or peaks, and does not play one artist twice in a row.

    drive(t) = mean of what is known of: energy and tempo, each standardised over the playlist

Slot by slot the track is taken whose drive comes nearest to what the arc wants there, among those
whose artist did not play within the last `spacing` slots and that leave the others room.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from heapq import heapify, heappop, heappush

import numpy as np
import numpy.typing as npt
import polars as pl

from encore.data.matching import TRACK_LEVELS, located
from encore.data.writers.entries import Entry, Playlist
from encore.errors import UsageError
from encore.models.bundle import Bundle
from encore.recommend.brought import by_listeners
from encore.recommend.naming import readings
from encore.recommend.recommender import RankedList

ARCS = ("rise", "fall", "peak")
PEAK_AT = 2 / 3  # of the playlist: where a peak lies
_SHOWN = ("track_id", "title", "artist", "album", "duration_ms", "recording_mbid", "spotify_id")


def arranged(
    bundle: Bundle, found: RankedList, *, arc: str | None = None, spacing: int = 0
) -> RankedList:
    """Return the list in an order for listening: `order` by the tracks' drive, ranks told anew."""
    rows = _rows(bundle, found)
    places = order(drive_of(rows), rows["artist"].to_list(), arc=arc, spacing=spacing)
    slots = [replace(found.slots[place], rank=rank) for rank, place in enumerate(places, 1)]
    return replace(found, slots=slots)


def playlist_of(
    bundle: Bundle,
    found: RankedList,
    *,
    title: str,
    date: datetime,
    locations: Mapping[str, str] | None = None,
) -> Playlist:
    """Return a list as a playlist; `locations` are paths or URIs by track_id.

    Raises `UsageError` where the list is one of artists.
    """
    if bundle.item_kind == "artist":
        raise UsageError("this model lists artists, and a playlist holds tracks")
    rows = _rows(bundle, found).select(_SHOWN).to_dicts()
    entries = [
        Entry(
            **row,
            location=(locations or {}).get(slot.track_id),
            score=slot.score,
            reason=slot.reason,
        )
        for slot, row in zip(found.slots, rows, strict=True)
    ]
    return Playlist(title, entries, date, annotation=found.answer)


def known_of(bundle: Bundle, entries: Sequence[Entry]) -> tuple[list[str], list[str]]:
    """Return the bundle's ids of a playlist's tracks, each once and in order, and who is not known.

    Tracks are found by id, else by artist and title, as a history is. Where the bundle's items are
    artists, the ids are those of the tracks' artists.
    """
    of_artists = bundle.item_kind == "artist"
    ids = ("recording_mbid", "spotify_id")
    rows = [
        {"place": place, "track_id": entry.track_id or f"entry {place}"}
        | {name: getattr(entry, name) for name in ids}
        | {"artist": artist, "title": title}
        for place, entry in enumerate(entries)
        for artist, title in [(entry.artist, entry.title)]
        + ([] if entry.artist else readings(entry.title))
    ]
    columns = ("track_id", *ids, "artist", "title")
    ours = pl.DataFrame(rows, {"place": pl.Int64} | dict.fromkeys(columns, pl.String))
    theirs = by_listeners(bundle)
    levels = ("artist",) if of_artists else TRACK_LEVELS
    at = located(ours, theirs, levels, ("track", bundle.item_kind))
    found = ours.select("place").with_columns(at["row"]).drop_nulls()
    found = found.unique("place", keep="first", maintain_order=True)
    told = theirs["track_id"].gather(found["row"]).unique(maintain_order=True)
    left = sorted({*range(len(entries))} - {*found["place"]})
    return told.to_list(), [_shown(entries[place]) for place in left]


def _shown(entry: Entry) -> str:
    name = f"{entry.artist} - {entry.title}" if entry.artist else entry.title
    return name or entry.recording_mbid or str(entry.spotify_id)


def _rows(bundle: Bundle, found: RankedList) -> pl.DataFrame:
    ids = pl.DataFrame(
        {"track_id": [slot.track_id for slot in found.slots]}, {"track_id": pl.String}
    )
    return ids.join(bundle.tracks, on="track_id", how="left", maintain_order="left")


def drive_of(tracks: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Return the drive of each track; 0, the middle, where neither energy nor tempo is known."""
    parts = [
        (tracks[name] - tracks[name].mean()) / (tracks[name].std() or 1.0)
        for name in ("energy", "tempo")
    ]
    mean = pl.DataFrame(parts).select(pl.mean_horizontal(pl.all())).to_series()
    return mean.fill_null(0).to_numpy().astype(np.float64)


def order(
    drive_n: npt.ArrayLike,
    artists: Sequence[str | None],
    *,
    arc: str | None = None,
    spacing: int = 0,
) -> list[int]:
    """Return the order of n tracks: the place in the list of each in turn.

    Without an arc the list's own order is kept as far as spacing lets it. Where the artists leave
    no room for `spacing` other tracks between two of one, as much room as there is is kept.

    >>> order([0.1, 0.9, 0.5], ["a", "b", "c"], arc="rise")
    [0, 2, 1]
    >>> order([0, 0, 0], ["a", "a", "b"], spacing=1)
    [0, 2, 1]

    Raises `UsageError` on an unknown arc or a negative spacing.
    """
    if arc is not None and arc not in ARCS:
        raise UsageError(f"arc = {arc!r}: expected one of {', '.join(ARCS)}")
    if spacing < 0:
        raise UsageError(f"spacing = {spacing}: expected 0 or more")
    # A track of unknown artist is like none: it is an artist of its own.
    names = [artist or place for place, artist in enumerate(artists)]
    spacing = next(room for room in range(spacing, -1, -1) if _fits(Counter(names), [], room))
    drive_n, wanted_n = np.asarray(drive_n, np.float64), _wanted(np.asarray(drive_n), arc)
    left, chosen = list(range(len(names))), list[int]()
    for wanted in wanted_n:
        counts = Counter(names[place] for place in left)
        recent = [names[place] for place in chosen[-spacing:]] if spacing else []
        off_n = np.abs(drive_n - wanted) if arc else np.zeros(len(names))
        place = next(
            place
            for place in sorted(left, key=lambda place: (off_n[place], place))
            if names[place] not in recent
            and _fits(counts - Counter([names[place]]), [*recent, names[place]], spacing)
        )
        left.remove(place)
        chosen.append(place)
    return chosen


def _wanted(drive_n: npt.NDArray[np.float64], arc: str | None) -> npt.NDArray[np.float64]:
    """Return the drive that the arc wants in each slot: the tracks' own drives, arranged."""
    rising_n = np.sort(drive_n)
    if arc == "fall":
        return rising_n[::-1]
    if arc != "peak":
        return rising_n
    slot_n, last = np.arange(len(drive_n)), len(drive_n) - 1
    peak = round(PEAK_AT * last)
    away_n = np.where(
        slot_n < peak, (peak - slot_n) / max(peak, 1), (slot_n - peak) / max(last - peak, 1)
    )
    wanted_n = np.empty_like(rising_n)
    wanted_n[np.argsort(away_n, kind="stable")] = rising_n[::-1]
    return wanted_n


def _fits(counts: Counter[str | int], recent: Sequence[str | int], spacing: int) -> bool:
    """Say whether tracks of artists so often left can follow the `recent` ones under `spacing`.

    Whoever has most left plays as soon as they may: where that leads to no end, nothing does.
    """
    if not spacing:
        return True
    resting = deque((counts.pop(artist, 0), artist) for artist in recent[-spacing:])
    resting.extendleft([(0, "")] * (spacing - len(resting)))
    ready = [(-count, str(artist), artist) for artist, count in counts.items()]
    heapify(ready)
    for _ in range(counts.total() + sum(count for count, _ in resting)):
        if not ready:
            return False
        count, _, artist = heappop(ready)
        rested, name = resting.popleft()
        if rested:
            heappush(ready, (-rested, str(name), name))
        resting.append((-count - 1, artist))
    return True
