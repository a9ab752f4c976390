"""`encore recommend`: a list for one listener, for a history brought along, or for all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from encore.cli import rule_flags as flags
from encore.cli import show
from encore.errors import UsageError
from encore.wording import counted

if TYPE_CHECKING:
    import polars as pl

    from encore.recommend.recommender import RankedList, Recommender
    from encore.recommend.rules import Rules

LISTENERS_AT_ONCE = 256


def recommend(
    bundle: Annotated[Path, typer.Argument(help="A Bundle folder (see encore train).")],
    user: Annotated[str | None, typer.Argument(help="The listener's id.")] = None,
    n: Annotated[int, typer.Option("-n", help="How many tracks.")] = 10,
    history: Annotated[
        Path | None, typer.Option(help="A history of one listener, of any form import reads.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All listeners; needs -o.")] = False,
    rules_file: flags.RulesFile = None,
    plain: flags.Plain = False,
    explicit: flags.Explicit = None,
    heard: flags.Heard = None,
    relisten_after_days: flags.Relisten = None,
    discovery: flags.Discovery = None,
    recent: flags.Recent = None,
    no_repeat_window: flags.Window = None,
    per_artist: flags.PerArtist = None,
    artist_spacing: flags.Spacing = None,
    per_album: flags.PerAlbum = None,
    ban_tracks: flags.BanTrack = None,
    ban_artists: flags.BanArtist = None,
    ban_genres: flags.BanGenre = None,
    only_tracks: flags.OnlyTrack = None,
    only_artists: flags.OnlyArtist = None,
    only_genres: flags.OnlyGenre = None,
    year: flags.Year = None,
    duration_s: flags.Duration = None,
    listeners: flags.Listeners = None,
    acoustics: flags.Acoustics = None,
    targets: flags.Target = None,
    target_weight: flags.TargetWeight = None,
    genre_balance: flags.GenreBalance = None,
    genre_shares: flags.GenreShare = None,
    popularity_weight: flags.PopularityWeight = None,
    diversity: flags.Diversity = None,
    lambda_div: flags.LambdaDiv = None,
    similarity: flags.Similarity = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file: .json .jsonl .csv .parquet")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """Recommend tracks, each with its reason. An unknown listener is served, and told how.

    One list is a varied one unless a rule says otherwise; --all without any rule writes the ranking
    that the boards measure.
    """
    given = locals()
    import encore

    if everybody and (user or history or output is None):
        raise UsageError("--all takes no USER and no --history, and needs -o FILE")
    if not everybody and user is None and history is None:
        raise UsageError("name a USER, a --history FILE, or --all with -o FILE")
    rules = flags.rules_from(rules_file, plain, given)
    model = encore.load(bundle)
    if everybody and output is not None:
        write_frame(_all_lists(model, n, rules or encore.Rules.plain()), output)
        everyone = counted(len(model.bundle.features.listeners), "listener")
        show.say(f"{output}: {counted(n, 'track')} each for {everyone}")
        return
    brought = None if history is None else encore.read(history)
    found = model.recommend(user, n, rules=rules, history=brought)
    if output is not None:
        write_list(found, output)
    if json_:
        show.print_json(found.to_json())
    elif output is None:
        show.out.print(show.list_table(found))
        for line in filter(None, [found.bound, *found.notes]):
            show.out.print(line, style="yellow", markup=False)
        if found.unmatched:
            unknown = counted(
                len(found.unmatched), "track of the history is", "tracks of the history are"
            )
            show.say(f"{unknown} not in the catalogue")


def _all_lists(model: "Recommender", n: int, rules: "Rules") -> "pl.DataFrame":
    """Return (user_id, rank, track_id, score) of every known listener with a history."""
    import numpy as np
    import polars as pl

    features = model.bundle.features
    listeners = np.flatnonzero(features.heard_U).astype(np.int32)
    frames = []
    for start in range(0, len(listeners), LISTENERS_AT_ONCE):
        users = listeners[start : start + LISTENERS_AT_ONCE]
        lists = model.lists(users, n, rules)
        each = [len(found.tracks_n) for found in lists]
        frames.append(
            pl.DataFrame(
                {
                    "user_id": features.listeners.decode(np.repeat(users, each)),
                    "rank": np.concatenate([np.arange(1, k + 1, dtype=np.int32) for k in each]),
                    "track_id": features.tracks.decode(
                        np.concatenate([found.tracks_n for found in lists])
                    ),
                    "score": np.concatenate([found.scores_n for found in lists]),
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
