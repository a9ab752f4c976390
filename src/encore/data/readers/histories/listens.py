"""What all listening histories share: from rows of listens to what a reader tells.

A format's own file gives a frame of text columns, any of `OF_A_TRACK` and
`OF_A_LISTEN`, with FILE and LINE; `told` names
the tracks and the listener, and takes the tracks from the listens. A track's id is its recording
MBID, else its Spotify id, else artist and title as the source spells them, with a dash between:
spellings are united elsewhere.
"""

import math
from collections.abc import Sequence

import polars as pl

from encore.data import values
from encore.data.clean import MAX_DURATION_MS
from encore.data.identity import named_track
from encore.data.ledger import Ledger
from encore.data.readers.contract import ME, Options, Told
from encore.data.values import COARSE, FILE, LINE

#: What histories may tell of a track.
OF_A_TRACK = ("title", "artist", "album", "duration_ms", "recording_mbid", "spotify_id")
#: And of a listen.
OF_A_LISTEN = ("user_id", "track_id", "listened_at", "ms_played", "skipped", COARSE)

_MBID = r"(?i)^\s*([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\s*$"
_SPOTIFY_TRACK = r"track[:/]([0-9A-Za-z]{22})"

#: What Rockbox, MusicBrainz' taggers and Spotify write for an artist that they do not know.
_NOBODY = ("<Untagged>", "[unknown]", "Unknown Artist")

_ISO_UTC = "%Y-%m-%dT%H:%M:%S%.3fZ"


class Rows:
    """Listens of one file, added one by one, each with the same columns."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._lines: list[int] = []
        self._cells: dict[str, list[str | None]] = {}

    def add(self, line: int, **cells: str | None) -> None:
        """Add a listen that stands at a line."""
        self._lines.append(line)
        for name, cell in cells.items():
            self._cells.setdefault(name, []).append(cell)

    def frame(self) -> pl.DataFrame:
        """Return the listens as text columns, with FILE and LINE."""
        schema = {**dict.fromkeys(self._cells, pl.String), LINE: pl.Int64}
        frame = pl.DataFrame({**self._cells, LINE: self._lines}, schema=schema)
        return frame.with_columns(pl.lit(self.file).alias(FILE))


def said(value: object) -> str | None:
    """Return a value out of JSON as text; null where it is nothing that a cell can hold.

    >>> said("Été"), said(7), said(True), said({"a": 1}), said(None)
    ('Été', '7', 'true', None, None)
    """
    if isinstance(value, str):
        # Half a surrogate pair is legal in JSON and no text.
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def milliseconds(seconds: object) -> str | None:
    """Return seconds out of JSON as milliseconds in text; null where they are no number.

    >>> milliseconds(2.5), milliseconds("2"), milliseconds(None)
    ('2500', '2000', None)
    """
    try:
        count = float(seconds) * 1000  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError, OverflowError):
        return None
    return str(round(count)) if math.isfinite(count) else None


def pass_over(
    ledger: Ledger, reason: str, file: str, line: int, text: str, found: str = ""
) -> None:
    """Count a listen that the reader itself drops: read, and dropped for a reason.

    `text` is what stood there, `found` what is wrong with it.
    """
    counts = ledger.table("events")
    counts.read += 1
    counts.drop(reason, 1, [f"{file}:{line}" + (f": {found}" if found else "")])
    if ledger.rejects is not None:
        ledger.rejects.lines("events", reason, file, [(line, text)])


def started(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows whose listened_at is when a listen ended (UTC) with when it began.

    An end that is no time stays as it is, for cleaning to count; without a usable ms_played the
    end is the best that is known.
    """
    end = values.times(rows, "listened_at", Ledger())
    played = values.number("ms_played")
    usable = pl.when(played.is_between(0, MAX_DURATION_MS)).then(played).otherwise(0)
    begin = pl.lit(end) - pl.duration(milliseconds=usable.round().cast(pl.Int64))
    return rows.with_columns(
        pl.coalesce(begin.dt.strftime(_ISO_UTC), "listened_at").alias("listened_at")
    )


def told(frames: Sequence[pl.DataFrame], ledger: Ledger, options: Options, where: str) -> Told:
    """Return the listens of all files of a format and their tracks.

    Listens that name no artist and carry no id are dropped as missing_artist, since a title alone
    is many tracks.
    """
    rows = identified(pl.concat(frames, how="diagonal"), ledger)
    rows = rows.with_columns(_listener(rows, options, ledger, where))
    events = rows.select(name for name in (*OF_A_LISTEN, FILE, LINE) if name in rows.columns)
    present = [name for name in OF_A_TRACK if name in rows.columns]
    first_known = [pl.col(name).drop_nulls().first() for name in present]
    tracks = (
        rows.filter(~values.blank("track_id"))
        .with_columns(map(values.stripped, present))
        .group_by("track_id", maintain_order=True)
        .agg(*first_known, pl.col(FILE, LINE).first())
    )
    return Told([("events", events), ("tracks", tracks)])


def identified(rows: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return rows with a track_id, their MBIDs and Spotify ids reduced to what is one."""
    lacking = [
        pl.lit(None, pl.String).alias(name)
        for name in ("title", "artist", "listened_at", "recording_mbid", "spotify_id")
        if name not in rows.columns
    ]
    rows = rows.with_columns(lacking)
    artist = pl.when(~pl.col("artist").str.strip_chars().is_in(_NOBODY)).then("artist")
    rows = rows.with_columns(
        artist.alias("artist"),
        pl.col("recording_mbid").str.extract(_MBID).str.to_lowercase(),
        pl.col("spotify_id").str.extract(_SPOTIFY_TRACK),
    )
    spelled = named_track()
    rows = rows.with_columns(pl.coalesce("recording_mbid", "spotify_id", spelled).alias("track_id"))
    nobodys = rows.select(
        pl.col("track_id").is_null() & values.blank("artist") & ~values.blank("title")
    ).to_series()
    if nobodys.any():
        gone = rows.filter(nobodys)
        ledger.table("events").read += gone.height
        values.drop(gone, "missing_artist", "title", "events", ledger)
        rows = rows.filter(~nobodys)
    return rows


def _listener(rows: pl.DataFrame, options: Options, ledger: Ledger, where: str) -> pl.Expr:
    """Return whose each listen is: whom its file names, else whom the caller names."""
    named = rows["user_id"].drop_nulls().unique().to_list() if "user_id" in rows.columns else []
    if not named:
        return pl.lit(options.user or ME).alias("user_id")
    if options.user is not None and named != [options.user]:
        ledger.notes.append(
            f"{where}: says itself whose it is ({', '.join(map(repr, sorted(named)[:3]))}); "
            f"user {options.user!r} was not used for it"
        )
    # A file of one listener that does not say so in every row is still that listener's.
    default = named[0] if len(named) == 1 else options.user or ME
    return pl.col("user_id").fill_null(default)
