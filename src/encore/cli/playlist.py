"""`encore playlist`: go on from what one likes, in an order for listening."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from encore.cli import show
from encore.cli.recommend import Genre, LikeArtist, Paths, seeds_of, write_list
from encore.errors import InputError, UsageError
from encore.wording import counted

if TYPE_CHECKING:
    from encore.recommend.recommender import Recommender

NAMED = 5  # tracks that the model does not know


def playlist(
    bundle: Annotated[Path, typer.Argument(help="A Bundle folder (see encore train).")],
    from_: Annotated[
        list[str] | None,
        typer.Option("--from", help="What to go on from: a track by id, title or artist - title."),
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option(help="A playlist to go on from: JSPF, XSPF, M3U or M3U8."),
    ] = None,
    like_artist: LikeArtist = None,
    genre: Genre = None,
    n: Annotated[int, typer.Option("-n", help="How many tracks.")] = 25,
    per_artist: Annotated[int | None, typer.Option(help="Most tracks of one artist.")] = None,
    arc: Annotated[
        str | None, typer.Option(help="Order by energy and tempo: rise, fall or peak.")
    ] = None,
    spacing: Annotated[
        int, typer.Option(help="Tracks of others between two of one artist, where there are.")
    ] = 2,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A file: .jspf .xspf .m3u8 .json .jsonl .csv .parquet"),
    ] = None,
    paths: Paths = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """Go on from tracks, artists or genres with what is close to them, in an order to listen to."""
    import encore
    from encore.recommend.playlist import arranged
    from encore.recommend.rules import rules_of

    model = encore.load(bundle)
    known, unmatched = _listed_in(model, from_file) if from_file else ([], [])
    from_ = [*(from_ or []), *known]
    if model.bundle.item_kind == "artist":
        like_artist, from_ = [*from_, *(like_artist or [])], []
    seeds = seeds_of(from_, like_artist, genre)
    if seeds is None:
        raise UsageError("name what to go on from: --from, --from-file, --like-artist or --genre")
    found = model.recommend(None, n, rules=rules_of(per_artist=per_artist), history=seeds)
    found = arranged(model.bundle, found, arc=arc, spacing=spacing)
    found = replace(found, unmatched=unmatched)
    if output is not None:
        write_list(model, found, output, paths)
    if json_:
        show.print_json(found.to_json())
    elif output is None:
        show.out.print(show.list_table(found))


def _listed_in(model: "Recommender", file: Path) -> tuple[list[str], list[str]]:
    """Return the ids of the file's tracks that the model knows, and the names of the others."""
    from encore.data import playlist_files
    from encore.recommend.playlist import known_of

    entries = playlist_files.read(file)
    known, unmatched = known_of(model.bundle, entries)
    if not known:
        raise InputError(f"{file}: of {counted(len(entries), 'track')} the model knows none")
    if unmatched:
        more = "; ..." if len(unmatched) > NAMED else ""
        show.say(
            f"{len(unmatched):,} of {len(entries):,} tracks of {file.name} are not known: "
            f"{'; '.join(unmatched[:NAMED])}{more}"
        )
    return known, unmatched
