"""`encore recommend`: a list for one listener, for a history brought along, or for all."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from encore.cli import rule_flags as flags
from encore.cli import show
from encore.errors import InputError, UsageError
from encore.folder import replacing
from encore.wording import counted

if TYPE_CHECKING:
    import polars as pl

    from encore.data.matching import Match
    from encore.recommend.recommender import RankedList, Recommender
    from encore.recommend.rules import Rules
    from encore.recommend.seeds import Seeds

TABLES = (".parquet", ".csv", ".jsonl", ".json")

Paths = Annotated[
    Path | None, typer.Option(help="A CSV of track_id and path: what a playlist file plays.")
]

# The options by which seeds are named, a command at a time.
LikeTrack = Annotated[
    list[str] | None, typer.Option(help="A seed: a track by id, title or 'artist - title'.")
]
LikeArtist = Annotated[list[str] | None, typer.Option(help="A seed: an artist by id or name.")]
Genre = Annotated[list[str] | None, typer.Option(help="A seed: a genre or tag.")]


def recommend(
    bundle: Annotated[Path, typer.Argument(help="A Bundle folder (see encore train).")],
    user: Annotated[str | None, typer.Argument(help="The listener's id.")] = None,
    n: Annotated[int, typer.Option("-n", help="How many tracks.")] = 10,
    history: Annotated[
        Path | None, typer.Option(help="A history of one listener, of any form import reads.")
    ] = None,
    like_track: LikeTrack = None,
    like_artist: LikeArtist = None,
    genre: Genre = None,
    unmatched: Annotated[
        Path | None, typer.Option(help="Write what of the history is not known to this CSV.")
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
        Path | None,
        typer.Option("-o", "--output", help="A file: .json .jsonl .csv .parquet .jspf .xspf .m3u8"),
    ] = None,
    paths: Paths = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """Recommend tracks, each with its reason. An unknown listener is served, and told how.

    One list is a varied one unless a rule says otherwise; --all without any rule writes the ranking
    that the boards measure.
    """
    given = locals()
    import encore
    from encore.recommend.brought import of_dataset

    seeds = seeds_of(like_track, like_artist, genre)
    asking = [user is not None, history is not None, seeds is not None]
    if everybody and (any(asking) or paths or output is None):
        raise UsageError(
            "--all takes no USER, no --history, no seeds and no --paths, and needs -o FILE"
        )
    if not everybody and not any(asking):
        raise UsageError(
            "name a USER, a --history FILE, --like-track, --like-artist or --genre, "
            "or --all with -o FILE"
        )
    if history is not None and seeds is not None:
        raise UsageError("--history and seeds are two ways to tell of oneself: give one of them")
    if unmatched is not None and history is None:
        raise UsageError("--unmatched tells of a --history: give one")
    rules = flags.rules_from(rules_file, plain, given)
    model = encore.load(bundle)
    if everybody and output is not None:
        _write_all(model, bundle, n, rules or encore.Rules.plain(), output)
        everyone = counted(len(model.bundle.features.listeners), "listener")
        show.say(f"{output}: {counted(n, 'track')} each for {everyone}")
        return
    brought = None
    if history is not None:
        brought = of_dataset(model.bundle, encore.read(history))
        if unmatched is not None and brought.match is not None:
            write_frame(brought.match.unmatched, unmatched)
    found = model.recommend(user, n, rules=rules, history=brought or seeds)
    if output is not None:
        write_list(model, found, output, paths)
    if json_:
        show.print_json(found.to_json())
    elif output is None:
        show.out.print(show.list_table(found))
        for line in filter(None, [found.bound, *found.notes]):
            show.out.print(line, style="yellow", markup=False)
        if brought is not None and brought.match is not None:
            show.say(match_line(brought.match))


def seeds_of(
    tracks: list[str] | None, artists: list[str] | None, genres: list[str] | None
) -> "Seeds | None":
    """Return the seeds that the options name; None where they name none."""
    from encore.recommend.seeds import Seeds

    if not (tracks or artists or genres):
        return None
    return Seeds(tracks or (), artists or (), genres or ())


def match_line(match: "Match") -> str:
    """Return in a line how much of a history is known, and by what."""
    rates = match.rates()
    levels = [
        f"{level} {rate['plays']:.0%}"
        for level, rate in rates.items()
        if rate["tracks"] and level != "all"
    ]
    by = f" (by {', '.join(levels)})" if levels else ""
    return (
        f"known of the history: {rates['all']['tracks']:,} of "
        f"{counted(match.tracks.height, 'track')}, "
        f"{rates['all']['plays']:.0%} of plays{by}; --unmatched FILE lists the rest"
    )


def _write_all(model: "Recommender", bundle: Path, n: int, rules: "Rules", output: Path) -> None:
    """Write the lists of all; Parquet without ever holding them at once."""
    from encore.recommend.batch import Task, lists_of_all

    check_suffix(output)
    with (
        show.progress("listeners") as progress,
        lists_of_all(model, Task.of(bundle, rules, n), rules, output, progress) as rows,
    ):
        if output.suffix == ".parquet":
            with replacing(output) as temporary:
                rows.sink_parquet(temporary)
        else:
            write_frame(rows.collect(), output)


def write_list(
    model: "Recommender", found: "RankedList", output: Path, paths: Path | None = None
) -> None:
    """Write one list: JSON holds everything, tables and playlists what fits them.

    `paths` is a CSV of track_id and path, for players. Raises `UsageError` on an unknown suffix.
    """
    import polars as pl

    from encore.data.writers import playlists
    from encore.recommend.playlist import playlist_of

    if paths is not None and output.suffix not in playlists.FORMS:
        raise UsageError(
            f"--paths is for players: -o {output} is none of {', '.join(playlists.FORMS)}"
        )
    if output.suffix in playlists.FORMS:
        title = f"for {found.user_id}" if found.user_id else output.stem
        date, locations = datetime.now(UTC).replace(microsecond=0), locations_of(paths)
        playlist = playlist_of(model.bundle, found, title=title, date=date, locations=locations)
        playlists.write(playlist, output)
        return
    if output.suffix == ".json":
        with replacing(output) as temporary:
            temporary.write_text(json.dumps(found.to_json(), indent=1, ensure_ascii=False), "utf-8")
        return
    shown = ("rank", "track_id", "title", "artist", "score", "reason")
    rows = [{name: getattr(slot, name) for name in shown} for slot in found.slots]
    listed = pl.DataFrame(
        rows, dict.fromkeys(shown, pl.String) | {"rank": pl.Int64, "score": pl.Float64}
    )
    listed = listed.select(pl.lit(found.user_id, pl.String).alias("user_id"), *shown)
    write_frame(listed, output, more=playlists.FORMS)


def locations_of(paths: Path | None) -> dict[str, str]:
    """Return the paths by track_id in a CSV of these; raise `InputError` on another file."""
    import polars as pl

    if paths is None:
        return {}
    try:
        told = pl.read_csv(paths, infer_schema=False).select("track_id", "path").drop_nulls()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{paths}: expected a CSV with the columns track_id and path: {error}"
        ) from error
    return dict(told.iter_rows())


def write_frame(frame: "pl.DataFrame", output: Path, more: Iterable[str] = ()) -> None:
    """Write a table by its suffix; raise `UsageError` on another one, `more` being known elsewhere.

    In CSV a text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    writers: dict[str, Callable[[Path], object]] = {
        ".parquet": frame.write_parquet,
        ".csv": _no_formulas(frame).write_csv,
        ".jsonl": frame.write_ndjson,
        ".json": frame.write_json,
    }
    check_suffix(output, more)
    with replacing(output) as temporary:
        writers[output.suffix](temporary)


def check_suffix(output: Path, more: Iterable[str] = ()) -> None:
    """Raise `UsageError` where no table is written in the form that a suffix names."""
    if output.suffix not in TABLES:
        raise UsageError(f"-o {output}: expected one of {', '.join([*TABLES, *more])}")


def _no_formulas(frame: "pl.DataFrame") -> "pl.DataFrame":
    from polars import selectors

    return frame.with_columns(selectors.string().str.replace(r"^[=+\-@\t\r]", "'${0}"))
