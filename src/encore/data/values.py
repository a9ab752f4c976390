"""Values out of text: numbers, times and flags, parsed a whole column at once.

Rows come from the readers as text columns with two more: FILE and LINE, where each row stood. A
value that an optional column cannot use becomes null (unknown) and is noted in the ledger; values
that cost a row are the business of `encore.data.clean`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from encore.data.ledger import EXAMPLES_KEPT, Ledger
from encore.errors import InputError
from encore.schema import UTC_MICROSECONDS

FILE = "__file__"
LINE = "__line__"

#: Where a reader marks a row with true, equal times do not show that a listen was written twice.
COARSE = "__coarse__"

UTC_ZONE = "UTC"

#: Ids are text. Only a float column of whole numbers is one made by missing values: 7.0 means 7.
ID_COLUMNS = ("user_id", "track_id", "friend_id", "artist_id")
_EXACT_IN_FLOAT = 2**53

#: Audioscrobbler began in 2002 and iTunes kept dates from 2001: an earlier listen is a wrong clock.
EARLIEST = datetime(1999, 1, 1, tzinfo=UTC)

# Largest magnitude of an epoch -> its unit in microseconds; 1e11 s is the year 5138, 1e11 ms 1973.
_EPOCHS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e20, 1e-3))

_ISO_ZONED = "%+"
_ISO_FORMS = (_ISO_ZONED, "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")

_FLAGS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0"), False),
}

_PLACE_CHARACTERS = 40  # of a value shown in an example place


def end_of_today() -> datetime:
    """Return the end of today in UTC: the default for the latest time that is possible."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)


def as_text(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """Return a typed frame with every column as text; lists of text stay lists.

    Raises `InputError` naming the column whose dtype has no text.

    >>> as_text(pl.DataFrame({"user_id": [7.0, None], "plays": [2, 3]}), "frame").rows()
    [('7', '2'), (None, '3')]
    """
    columns = []
    for series in frame:
        try:
            columns.append(text(series))
        except pl.exceptions.PolarsError as error:
            raise InputError(
                f"{where}: column {series.name!r} of dtype {series.dtype}: "
                "expected text, numbers, times or lists of text"
            ) from error
    return pl.DataFrame(columns)


def blank(name: str) -> pl.Expr:
    """Say of each cell whether it is null, empty or only spaces."""
    return pl.col(name).map_batches(_blank, return_dtype=pl.Boolean)


def stripped(name: str) -> pl.Expr:
    """Return each cell without spaces around it; null where nothing is left."""
    return pl.when(~blank(name)).then(pl.col(name).str.strip_chars())


def number(name: str) -> pl.Expr:
    """Parse each cell as a float; null where it is none. "1,234" is none, being ambiguous."""
    return pl.col(name).str.strip_chars().cast(pl.Float64, strict=False)


def places(rows: pl.DataFrame, shown: str) -> list[str]:
    """Return the first few rows as places: `file:line: value of the column shown`."""
    few = rows.select(FILE, LINE, shown).head(EXAMPLES_KEPT)
    return [
        f"{file}:{line}: {' '.join(str(value or '(empty)').split())[:_PLACE_CHARACTERS]}"
        for file, line, value in few.iter_rows()
    ]


def drop(rows: pl.DataFrame, reason: str, shown: str, table: str, ledger: Ledger) -> None:
    """Count rows as dropped from a table, the column `shown` telling the examples; keep them."""
    if rows.height:
        ledger.table(table).drop(reason, rows.height, places(rows, shown))
        if ledger.rejects is not None:
            ledger.rejects.rows(table, reason, rows, FILE, LINE)


def numbers_within(
    rows: pl.DataFrame,
    name: str,
    bounds: tuple[float, float],
    ledger: Ledger,
    unknown: Sequence[float] = (),
) -> pl.Series:
    """Return a column as floats; outside `bounds` null and noted, at an `unknown` value null."""
    parsed = rows.select(number(name)).to_series()
    within = parsed.is_between(*bounds).fill_null(False)
    silent = rows.select(blank(name)).to_series()
    for value in unknown:
        silent |= (parsed == value).fill_null(False)
    note_unknown(
        rows.filter(~within & ~silent), name, f"not within {bounds[0]:g}..{bounds[1]:g}", ledger
    )
    return parsed.set(~within | silent, None)


def flags(rows: pl.DataFrame, name: str, ledger: Ledger) -> pl.Series:
    """Return a column as true, false or null; what reads as neither is noted."""
    word = pl.col(name).str.strip_chars().str.to_lowercase()
    parsed = rows.select(
        word.replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
    ).to_series()
    unread = parsed.is_null() & ~rows.select(blank(name)).to_series()
    note_unknown(rows.filter(unread), name, "neither true nor false", ledger)
    return parsed


def times(rows: pl.DataFrame, name: str, ledger: Ledger, zone: str = UTC_ZONE) -> pl.Series:
    """Return a column as UTC times, null where unparseable; an ISO time without a zone is noted.

    Such a time is the clock on the wall in `zone`: the first of two where it was set back, and an
    hour later where it was set forward past it.

    Epochs in seconds, milli-, micro- or nanoseconds are told apart by their magnitude.
    """
    parsed = _moments(rows[name])
    iso = pl.col("text").str.replace(r" ?UTC$", "Z")
    iso = iso.str.replace(r"^(\d{4}-\d\d-\d\d) ", "${1}T")
    iso = iso.str.replace(r"^\d{4}-\d\d-\d\d$", "${0}T00:00")
    # Only what is still unread is tried: a few bad cells among millions of epochs cost nothing.
    unread = (parsed.is_null() & rows[name].is_not_null()).arg_true()
    bare = rows[name].gather(unread).str.strip_chars().alias("text")
    parsed = parsed.scatter(unread, _moments(bare))
    left = bare.to_frame().select(iso)
    for form in _ISO_FORMS:
        if not len(unread):
            break
        if form == _ISO_ZONED:
            cell = pl.col("text").str
            attempt = cell.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        else:
            wall = pl.col("text").str.to_datetime(form, time_unit="us", strict=False)
            attempt = _of_zone(wall, zone)
        moments = left.select(attempt).to_series()
        if form != _ISO_ZONED and moments.count():
            ledger.note(f"{name}: times without a time zone were read as {zone}")
        read = moments.is_not_null()
        parsed = parsed.scatter(unread.filter(read), moments.filter(read))
        unread, left = unread.filter(~read), left.filter(~read)
    return parsed.alias(name)


def _blank(texts: pl.Series) -> pl.Series:
    # What begins with a visible sign of ASCII is not blank: nearly all, and seen at once.
    unsure = (~texts.is_between(pl.lit("!"), pl.lit("~"))).fill_null(True)
    if not unsure.any():
        return unsure
    rest = ~texts.filter(unsure).str.contains(r"\S").fill_null(False)
    return unsure.scatter(unsure.arg_true(), rest)


def _moments(texts: pl.Series) -> pl.Series:
    """Return epochs of any unit as times; null where a text is no number."""
    epoch = texts.cast(pl.Float64, strict=False)
    largest = epoch.abs().max()
    magnitude = pl.col("epoch").abs()
    branches = []
    for limit, unit in _EPOCHS:
        branches.append(pl.when(magnitude < limit).then(pl.col("epoch") * unit))
        if isinstance(largest, float) and largest < limit:
            break  # as nearly always: one unit, or two, in all of a source
    microseconds = pl.coalesce(branches)
    moments = microseconds.round().cast(pl.Int64, strict=False).cast(UTC_MICROSECONDS)
    return epoch.alias("epoch").to_frame().select(moments).to_series()


def _of_zone(wall: pl.Expr, zone: str) -> pl.Expr:
    if zone == UTC_ZONE:
        return wall.dt.replace_time_zone(UTC_ZONE)
    later = wall.dt.offset_by("1h")
    tried = [
        clock.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        for clock in (wall, later)
    ]
    return pl.coalesce(tried).dt.convert_time_zone(UTC_ZONE)


def possible(moment: pl.Expr, latest: datetime) -> pl.Expr:
    """Say of each time whether it lies between `EARLIEST` and `latest`."""
    return moment.is_between(pl.lit(EARLIEST), pl.lit(latest))


def possible_times(
    rows: pl.DataFrame, name: str, ledger: Ledger, latest: datetime, zone: str = UTC_ZONE
) -> pl.Series:
    """Return a column as UTC times; unparseable and impossible ones null and noted."""
    moments = times(rows, name, ledger, zone)
    moments = (
        moments.to_frame().select(pl.when(possible(pl.col(name), latest)).then(name)).to_series()
    )
    unusable = moments.is_null() & ~rows.select(blank(name)).to_series()
    note_unknown(rows.filter(unusable), name, f"no time between {EARLIEST:%Y} and now", ledger)
    return moments


def note_unknown(bad: pl.DataFrame, name: str, why: str, ledger: Ledger) -> None:
    """Note the rows whose value of a column became null, with the first place."""
    if bad.height:
        form = f"{name}: {{rows:,}} values set to unknown, {why} (first: {{first}})"
        ledger.tally(form, bad.height, places(bad, name)[0])


def text(series: pl.Series) -> pl.Series:
    """Return a column as text; times in ISO 8601, lists of text as they are.

    Raises `polars.exceptions.PolarsError` where its dtype has no text.
    """
    dtype = series.dtype
    if isinstance(dtype, pl.List | pl.Array):
        return series.cast(pl.List(pl.String))
    if isinstance(dtype, pl.Datetime):
        zone = "Z" if dtype.time_zone else ""
        moments = series.dt.convert_time_zone("UTC") if dtype.time_zone else series
        return moments.dt.strftime(f"%Y-%m-%dT%H:%M:%S%.6f{zone}")
    if dtype.is_float() and series.name in ID_COLUMNS:
        present = series.drop_nulls()
        if ((present == present.floor()) & (present.abs() < _EXACT_IN_FLOAT)).all():
            return series.cast(pl.Int64).cast(pl.String)
    return series.cast(pl.String)
