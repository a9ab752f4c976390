"""What is this? Formats by their content, tables by their columns; names decide nothing.

`kind` looks at a path; `table` at the columns that a file of rows has after renaming; `delimiter`
at a header line. Each raises `InputError` naming what was found and what was expected.
"""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from encore import folder, schema
from encore.data.clean import OF_A_LISTEN
from encore.data.dataset import KIND
from encore.errors import InputError

Kind = Literal["dataset", "hetrec", "tables"]

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
ZIP_MAGIC = b"PK"

#: A folder is searched for files that end so (each also with .gz); others in it are left alone.
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz")
_PARQUET_SUFFIXES = (".parquet", ".pq")

HETREC_NEEDS = ("artists.dat", "user_artists.dat")

DELIMITERS = "\t;|,"

#: Columns that rows of a table cannot do without.
NEEDED: dict[str, tuple[str, ...]] = {
    "plays": ("user_id", "track_id"),
    "events": ("user_id", "track_id"),
    "tracks": ("track_id",),
    "tags": ("track_id", "tag"),
    "feedback": ("user_id", "track_id", "kind"),
    "listeners": ("user_id",),
    "friends": ("user_id", "friend_id"),
}

#: Every column that encore knows: what may stand at the left of a renaming.
COLUMNS = frozenset(name for table in schema.TABLES.values() for name in table)

_SHOWN = 8  # names shown in a message before it says how many more there are


def kind(path: Path) -> Kind:
    """Say which reader takes a path: an encore Dataset, HetRec (zip or folder), or tables.

    Raises `InputError` where the path is missing, empty, or nothing that encore reads.
    """
    if path.is_dir():
        return _kind_of_folder(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder; check the path")
    try:
        with path.open("rb") as file:
            head = file.read(len(PARQUET_MAGIC))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        raise InputError(
            f"{path}: the file is empty; expected a table, a listening history or a HetRec zip"
        )
    if head.startswith(ZIP_MAGIC):
        return _kind_of_zip(path)
    if path.suffix.lower() in _PARQUET_SUFFIXES and head != PARQUET_MAGIC:
        raise InputError(
            f"{path}: is no Parquet file (it begins with {head!r}, expected {PARQUET_MAGIC!r}); "
            "download it again, or name it .csv if it is text"
        )
    return "tables"


def tables_in(path: Path) -> list[Path]:
    """Return the files of a folder that may hold tables, sorted by name."""
    return sorted(
        file
        for file in path.iterdir()
        if file.is_file() and file.name.lower().endswith(TABLE_SUFFIXES) and file.name[0] != "."
    )


def delimiter(header: str) -> str:
    """Return what separates the columns of a header line; a comma where there is one column.

    >>> delimiter("user_id|track_id|plays"), delimiter('"a;b",c,d'), delimiter("user_id")
    ('|', ',', ',')
    """
    outside = "".join(header.split('"')[::2])
    return max(reversed(DELIMITERS), key=outside.count)


def table(columns: Iterable[str], where: str, own: Iterable[str] | None = None) -> str:
    """Return the name of the table whose columns these are; `own` is what the source calls its.

    >>> table(["user_id", "track_id", "plays"], "a.csv"), table(["track_id", "energy"], "b.csv")
    ('plays', 'tracks')
    >>> table(["user_id", "track_id", "listened_at"], "c.csv")
    'events'

    Raises `InputError` where they are none's.
    """
    found = set(columns)
    for name in ("friends", "feedback", "tags"):
        if found.issuperset(NEEDED[name]):
            return name
    if found.issuperset(NEEDED["plays"]):
        return "events" if "plays" not in found and found.intersection(OF_A_LISTEN) else "plays"
    if "track_id" in found and found.intersection(schema.TRACKS) != {"track_id"}:
        return "tracks"
    if "user_id" in found:
        return "listeners"
    raise InputError(
        f"{where}: the columns are {listed(own or columns)}; expected user_id and track_id for "
        "plays or listens, track_id and title (or others) for tracks; "
        "if they have other names, say --columns user_id=THEIR_NAME,track_id=THEIR_NAME"
    )


def check_needed(name: str, columns: Iterable[str], where: str, own: Iterable[str]) -> None:
    """Raise `InputError` where rows of the table `name` lack a column they need."""
    lacking = [column for column in NEEDED[name] if column not in columns]
    if lacking:
        raise InputError(
            f"{where}: table {name!r} lacks {listed(lacking)}; the columns are {listed(own)}; "
            f"if it has another name, say --columns {lacking[0]}=THEIR_NAME"
        )


def renamed(columns: Sequence[str], mapping: Mapping[str, str], where: str) -> dict[str, int]:
    """Return encore's name of each usable column -> its position.

    `mapping` is encore's name -> the source's; a column that it names wins over one so called.
    Raises `InputError` where a column that is needed occurs twice.

    >>> renamed(["user", "track_id", "colour"], {"user_id": "user"}, "a.csv")
    {'track_id': 1, 'user_id': 0}
    """
    wanted = {name: name for name in columns if name in COLUMNS and name not in mapping.values()}
    wanted |= {ours: theirs for ours, theirs in mapping.items() if theirs in columns}
    for theirs in wanted.values():
        if columns.count(theirs) > 1:
            raise InputError(f"{where}: column {theirs!r} occurs twice; rename or remove one")
    return {ours: columns.index(theirs) for ours, theirs in wanted.items()}


def listed(names: Iterable[str]) -> str:
    """Return names as text for a message, shortened.

    >>> listed(["a", "b"]), listed([])
    ("'a', 'b'", 'none')
    """
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(repr(name) for name in names[:_SHOWN]) or "none") + more


def hetrec_root(names: Iterable[str]) -> PurePosixPath | None:
    """Return the folder, among the paths of an archive, that holds HetRec's files."""
    paths = {PurePosixPath(name) for name in names}
    roots = (path.parent for path in sorted(paths) if path.name == HETREC_NEEDS[0])
    return next(
        (root for root in roots if all(root / need in paths for need in HETREC_NEEDS)), None
    )


def is_dataset(path: Path) -> bool:
    """Say whether a folder is a Dataset, perhaps a damaged one."""
    # A damaged manifest must fail as a Dataset, not pass as a folder of Parquet tables.
    parts = (folder.MANIFEST, "plays.parquet")
    return folder.is_kind(path, KIND) or all((path / name).exists() for name in parts)


def _kind_of_folder(path: Path) -> Kind:
    names = sorted(file.name for file in path.iterdir())
    if is_dataset(path):
        return "dataset"
    if set(HETREC_NEEDS) <= set(names):
        return "hetrec"
    if folder.MANIFEST not in names and tables_in(path):
        return "tables"
    raise InputError(
        f"{path}: a folder with {listed(names)}; expected tables ({', '.join(TABLE_SUFFIXES)}), "
        "HetRec's .dat files, a listening history or an encore dataset; "
        "give the path of the file itself"
    )


def _kind_of_zip(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path}: not a whole zip file ({error}); download it again") from error
    if hetrec_root(names) is None:
        raise InputError(
            f"{path}: a zip with {listed(names)}; expected HetRec's {listed(HETREC_NEEDS)} or a "
            "listening history; unpack other archives and give the folder"
        )
    return "hetrec"
