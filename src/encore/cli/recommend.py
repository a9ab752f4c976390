"""`encore recommend`: a list for one listener, for a history brought along, or for all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from encore.cli import show
from encore.errors import UsageError
from encore.wording import counted

if TYPE_CHECKING:
    import polars as pl

    from encore.recommend.recommender import RankedList, Recommender

LISTENERS_AT_ONCE = 256


def recommend(
    bundle: Annotated[Path, typer.Argument(help="A Bundle folder (see encore train).")],
    user: Annotated[str | None, typer.Argument(help="The listener's id.")] = None,
    n: Annotated[int, typer.Option("-n", help="How many tracks.")] = 10,
    history: Annotated[
        Path | None, typer.Option(help="A history of one listener, of any form import reads.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All listeners; needs -o.")] = False,
    explicit: Annotated[str, typer.Option(help="allow, exclude or exclude_known.")] = "allow",
    heard: Annotated[str, typer.Option(help="mask, allow or only.")] = "mask",
    per_artist: Annotated[int | None, typer.Option(help="Most tracks of one artist.")] = None,
    genre_balance: Annotated[float, typer.Option(help="0..1: towards one's own genres.")] = 0.0,
    popularity_weight: Annotated[float, typer.Option(help="Above 0: popular; below: rare.")] = 0.0,
    lambda_div: Annotated[float, typer.Option(help="Weight of the diversity penalty.")] = 0.0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file: .json .jsonl .csv .parquet")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """Recommend tracks, each with its reason. An unknown listener is served, and told how."""
    import encore
    from encore.recommend.rules import rules_of

    if everybody and (user or history or output is None):
        raise UsageError("--all takes no USER and no --history, and needs -o FILE")
    if not everybody and user is None and history is None:
        raise UsageError("name a USER, a --history FILE, or --all with -o FILE")
    model = encore.load(bundle)
    if everybody and output is not None:
        write_frame(_all_lists(model, n), output)
        listeners = counted(len(model.bundle.features.listeners), "listener")
        show.say(f"{output}: {counted(n, 'track')} each for {listeners}")
        return
    rules = rules_of(
        explicit=explicit,
        heard=heard,
        per_artist=per_artist,
        genre_balance=genre_balance,
        popularity_weight=popularity_weight,
        lambda_div=lambda_div,
    )
    brought = None if history is None else encore.read(history)
    found = model.recommend(user, n, rules=rules, history=brought)
    if output is not None:
        write_list(found, output)
    if json_:
        show.print_json(found.to_json())
    elif output is None:
        show.out.print(show.list_table(found))
        for line in filter(None, [found.bound]):
            show.out.print(line, style="yellow", markup=False)
        if found.unmatched:
            unknown = counted(
                len(found.unmatched), "track of the history is", "tracks of the history are"
            )
            show.say(f"{unknown} not in the catalogue")


def _all_lists(model: "Recommender", n: int) -> "pl.DataFrame":
    """Return (user_id, rank, track_id, score) of every known listener with a history."""
    import numpy as np
    import polars as pl

    from encore.models.inputs import Audience

    features = model.bundle.features
    listeners = np.flatnonzero(features.heard_U)
    frames = []
    for start in range(0, len(listeners), LISTENERS_AT_ONCE):
        users = listeners[start : start + LISTENERS_AT_ONCE].astype(np.int32)
        audience = Audience.known(model.bundle.scorers.inputs, users)
        scores_BT = model.scores(audience)
        top_BK = model.top_of(scores_BT, audience.history_BT, n)
        row, place = np.nonzero(top_BK >= 0)
        track = top_BK[row, place]
        frames.append(
            pl.DataFrame(
                {
                    "user_id": features.listeners.decode(users[row]),
                    "rank": (place + 1).astype(np.int32),
                    "track_id": features.tracks.decode(track),
                    "score": scores_BT[row, track],
                }
            )
        )
    return pl.concat(frames)


def write_list(found: "RankedList", output: Path) -> None:
    """Write one list; JSON and JSONL hold everything, tables the columns that fit a table."""
    import polars as pl

    rows = [
        {
            "user_id": found.user_id,
            "rank": slot.rank,
            "track_id": slot.track_id,
            "title": slot.title,
            "artist": slot.artist,
            "score": slot.score,
            "reason": slot.reason,
        }
        for slot in found.slots
    ]
    if output.suffix == ".json":
        output.write_text(json.dumps(found.to_json(), indent=1, ensure_ascii=False), "utf-8")
    else:
        write_frame(pl.DataFrame(rows), output)


def write_frame(frame: "pl.DataFrame", output: Path) -> None:
    """Write a table by its suffix; raise `UsageError` on another one.

    In CSV a text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    from encore.folder import replacing

    writers: dict[str, Callable[[Path], object]] = {
        ".parquet": frame.write_parquet,
        ".csv": _no_formulas(frame).write_csv,
        ".jsonl": frame.write_ndjson,
        ".json": frame.write_json,
    }
    if output.suffix not in writers:
        raise UsageError(f"-o {output}: expected one of {', '.join(writers)}")
    with replacing(output) as temporary:
        writers[output.suffix](temporary)


def _no_formulas(frame: "pl.DataFrame") -> "pl.DataFrame":
    from polars import selectors

    return frame.with_columns(selectors.string().str.replace(r"^[=+\-@\t\r]", "'${0}"))
