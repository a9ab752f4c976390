"""`encore import`: from raw files to a Dataset folder, with what was dropped and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from encore.cli import show
from encore.cli.recommend import write_frame
from encore.errors import InputError, UsageError

if TYPE_CHECKING:
    from encore.data.ledger import Ledger


def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders to read.")],
    out: Annotated[Path | None, typer.Option(help="The Dataset folder to write.")] = None,
    format_: Annotated[
        str, typer.Option("--format", help="auto, or a name of the list in docs/data.md.")
    ] = "auto",
    columns: Annotated[
        str, typer.Option(help="Other column names: user_id=user_index,plays=play_count")
    ] = "",
    acoustics: Annotated[
        Path | None, typer.Option(help="A table of acoustic features to join by track id.")
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(help="Whose history it is, where the file does not say. Else: me."),
    ] = None,
    tz: Annotated[
        str | None,
        typer.Option(help="The zone of times that carry none, as Europe/Paris. Else: UTC."),
    ] = None,
    merge: Annotated[
        bool | None,
        typer.Option(
            "--merge-spellings/--keep-spellings",
            help="One track for all spellings of a song, or none. Default: where a source has no "
            "ids of its own.",
        ),
    ] = None,
    merge_live: Annotated[
        bool, typer.Option(help="Take live takes for the song itself in merging.")
    ] = False,
    merges: Annotated[
        Path | None, typer.Option(help="A file for what was merged: .csv .parquet .jsonl .json")
    ] = None,
    min_listeners_per_track: Annotated[
        int, typer.Option(help="Remove tracks with fewer listeners.")
    ] = 0,
    min_tracks_per_listener: Annotated[
        int, typer.Option(help="Remove listeners with fewer tracks.")
    ] = 0,
    max_listens_per_day: Annotated[
        int | None, typer.Option(help="Remove listeners with more listens on any day (UTC).")
    ] = None,
    max_bad: Annotated[
        float | None,
        typer.Option(help="Fail where more than this share (0..1) of the listening is dropped."),
    ] = None,
    append: Annotated[
        bool,
        typer.Option("--append", help="Add to the Dataset at --out; no listen counts twice."),
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="A file for the rows that are dropped (JSON lines).")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Read and report, write nothing.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Read listening data of any supported form and write a clean Dataset folder."""
    from encore import folder
    from encore.data import appending
    from encore.data.dataset import KIND, Dataset
    from encore.data.filtering import k_core, without_bots
    from encore.data.merging import merge_same
    from encore.data.readers import read
    from encore.data.sameness import Which

    if append and out is None:
        raise UsageError("--append adds to a Dataset: say which by --out")
    if (out is None) != dry_run and not append:
        raise UsageError("give --out DATASET, or --dry-run, which writes none")
    if dry_run and rejects:
        raise UsageError("--dry-run writes nothing: leave --rejects out")
    if dry_run and merges:
        raise UsageError("--dry-run writes nothing: leave --merges out")
    if merge is False and (merge_live or merges):
        raise UsageError("--keep-spellings merges nothing: leave --merge-live and --merges out")
    if max_bad is not None and not 0 <= max_bad <= 1:
        raise UsageError(f"--max-bad {max_bad}: expected a share from 0 to 1")
    data = read(
        list(paths),
        format=format_,
        columns=mapping(columns),
        acoustics=acoustics,
        user=user,
        tz=tz,
        rejects=rejects,
    )
    if max_bad is not None:
        _check_loss(data.ledger, max_bad)
    which: Which | None = None if merge is False else "all" if merge else "auto"
    pairs, added = None, None
    if append and out is not None and folder.is_kind(out, KIND):
        both = appending.append(
            Dataset.load(out, lazy=True), data, live_apart=not merge_live, which=which
        )
        data, pairs, added = both.data, both.pairs, both.ledger
    elif which is not None:
        merged = merge_same(data, live_apart=not merge_live, which=which)
        data, pairs = merged.data, merged.pairs
    if max_listens_per_day is not None:
        data = without_bots(data, max_listens_per_day)
    data = k_core(data, min_listeners=min_listeners_per_track, min_tracks=min_tracks_per_listener)
    if out is not None and not dry_run:
        data.save(out)
    if merges is not None and pairs is not None:
        write_frame(pairs, merges)
    ledger = added or data.ledger
    report: dict[str, Any] = {
        "read": ledger.read,
        "kept": ledger.kept,
        "dropped": ledger.dropped,
        "listeners": data.listeners.height,
        "tracks": data.tracks.height,
        "plays": data.rows("plays"),
        "merged": 0 if pairs is None else pairs.height,
        "tables": {name: vars(counts) for name, counts in ledger.tables.items()},
        "notes": ledger.notes,
    }
    if json_:
        show.print_json(report)
        return
    where = "not written" if dry_run else out
    show.out.print(f"{where}: {data}", markup=False, soft_wrap=True)
    for name, counts in ledger.tables.items():
        show.out.print(f"  {name}: read {counts.read:,}, kept {counts.kept:,}")
        for reason, rows in counts.dropped.items():
            places = "; ".join(counts.examples.get(reason, []))
            line = f"    dropped {rows:,}: {reason}" + (f" ({places})" if places else "")
            show.out.print(line, markup=False, soft_wrap=True)
    for note in ledger.notes:
        show.out.print(f"  note: {note}", markup=False, soft_wrap=True)


def _check_loss(ledger: "Ledger", share: float) -> None:
    lost = ledger.read - ledger.kept
    if lost > share * ledger.read:
        reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in ledger.dropped.items())
        raise InputError(
            f"{lost:,} of {ledger.read:,} rows of listening were dropped ({reasons}), a share of "
            f"{lost / ledger.read:.3f}, more than --max-bad {share:g}; no dataset was written; "
            "correct the rows or the columns, or allow more"
        )


def mapping(columns: str) -> dict[str, str] | None:
    """Return `ours=theirs,…` as a mapping; None where nothing is given.

    >>> mapping("user_id=user_index,plays=play_count")
    {'user_id': 'user_index', 'plays': 'play_count'}
    """
    if not columns:
        return None
    pairs = [part.partition("=") for part in columns.split(",")]
    if not all(ours.strip() and theirs.strip() for ours, _, theirs in pairs):
        raise UsageError(f"--columns {columns!r}: expected user_id=THEIR_NAME,track_id=THEIR_NAME")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
