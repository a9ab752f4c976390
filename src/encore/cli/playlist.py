"""`encore playlist`: go on from what one likes, in an order for listening."""

from pathlib import Path
from typing import Annotated

import typer

from encore.cli import show
from encore.cli.recommend import Genre, LikeArtist, Paths, seeds_of, write_list
from encore.errors import UsageError


def playlist(
    bundle: Annotated[Path, typer.Argument(help="A Bundle folder (see encore train).")],
    from_: Annotated[
        list[str] | None,
        typer.Option("--from", help="What to go on from: a track by id, title or artist - title."),
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
    if model.bundle.item_kind == "artist":
        like_artist, from_ = [*(from_ or []), *(like_artist or [])], None
    seeds = seeds_of(from_, like_artist, genre)
    if seeds is None:
        raise UsageError("name what to go on from: --from, --like-artist or --genre")
    found = model.recommend(None, n, rules=rules_of(per_artist=per_artist), history=seeds)
    found = arranged(model.bundle, found, arc=arc, spacing=spacing)
    if output is not None:
        write_list(model, found, output, paths)
    if json_:
        show.print_json(found.to_json())
    elif output is None:
        show.out.print(show.list_table(found))
