"""A Dataset as RecBole's atomic files: `.inter`, `.item` and `.user`.

Tab-separated, each column's type behind its name (token, float, token_seq). RecBole finds them
where the folder and the files bear the name of the data set, so the folder's name is theirs. What
the form has no place for (tags, feedback, friends) stays behind.
"""

from pathlib import Path

import polars as pl

from encore import schema
from encore.data.dataset import Dataset
from encore.errors import InputError

#: encore's name of a column -> RecBole's, where they differ.
_THEIRS = {"last_played": "timestamp", "listened_at": "timestamp"}

_SECONDS = 1e-6  # of the microseconds that encore's times count


def item_field(item_kind: str) -> str:
    """Return the name of the column with the ids of items: it tells artists from tracks."""
    return "artist_id" if item_kind == "artist" else "item_id"


def write(data: Dataset, folder: Path, *, listens: bool = False) -> list[Path]:
    """Write the atomic files into `folder` and return their paths.

    `.inter` holds a row for each listener and track, with plays; with `listens` a row for each
    listen instead. Times are seconds since 1970; columns of which nothing is known are left out;
    spaces within a genre become `_`, since RecBole parts lists at spaces.

    Raises `InputError` where the Dataset has no such rows, or the folder cannot be written.
    """
    rows = data.events if listens else data.plays
    if not rows.height:
        remedy = "leave --listens out" if listens else "import a history first"
        raise InputError(f"no {'listens' if listens else 'plays'} to export; {remedy}")
    item = item_field(data.item_kind)
    tracks = (
        data.tracks.rename({"track_id": item})
        if item == "item_id"
        else (data.tracks.drop("artist_id").rename({"track_id": item}))
    )
    files = {
        "inter": rows.rename({"track_id": item}),
        "item": tracks,
        "user": data.listeners,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [
            _write(table, folder / f"{folder.absolute().name}.{kind}")
            for kind, table in files.items()
        ]
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error


def _write(table: pl.DataFrame, path: Path) -> Path:
    ids = {"user_id", "item_id", table.columns[0]}
    known = [column for column in table if column.name in ids or column.count()]
    typed = [_typed(column) for column in known]
    # RecBole's reader takes quotes as CSV does: a name that contains some is quoted.
    pl.DataFrame(typed).write_csv(path, separator="\t", quote_style="necessary")
    return path


def _typed(column: pl.Series) -> pl.Series:
    """Return a column as it is written, its type behind its name."""
    name = _THEIRS.get(column.name, column.name)
    if isinstance(column.dtype, pl.List):
        words = column.list.eval(_one_line(pl.element()).str.replace_all(" ", "_"))
        return words.list.join(" ").alias(f"{name}:token_seq")
    if column.dtype == pl.String:
        return (
            column.to_frame()
            .select(_one_line(pl.col(column.name)))
            .to_series()
            .alias(f"{name}:token")
        )
    if column.dtype == schema.UTC_MICROSECONDS:
        return (column.dt.epoch("us") * _SECONDS).round(6).alias(f"{name}:float")
    number = column if column.dtype.is_float() else column.cast(pl.Float64)
    return number.alias(f"{name}:float")


def _one_line(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(r"[\t\r\n]+", " ")
