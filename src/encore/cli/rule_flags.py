"""The rule flags of `encore recommend`: one for each field of `Rules`, over a file of rules."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from encore.errors import UsageError

if TYPE_CHECKING:
    from encore.recommend.rules import Rules

RulesFile = Annotated[
    Path | None, typer.Option("--rules", help="TOML file of rules; flags stand in their place.")
]
Plain = Annotated[
    bool, typer.Option("--plain", help="The ranking as it is: no rule, no diversity.")
]
Explicit = Annotated[str | None, typer.Option(help="allow, exclude or exclude_known.")]
Heard = Annotated[str | None, typer.Option(help="mask, allow or only.")]
Relisten = Annotated[
    int | None,
    typer.Option(
        "--relisten-after", help="Heard tracks again, so many days after their last play."
    ),
]
Discovery = Annotated[
    float | None, typer.Option(help="The dial: 0 heard tracks, 1 artists never heard.")
]
Recent = Annotated[list[str] | None, typer.Option(help="A track id listed lately; repeat.")]
Window = Annotated[
    int | None,
    typer.Option("--no-repeat-window", help="Leave out only so many of the latest --recent."),
]
PerArtist = Annotated[int | None, typer.Option(help="Most tracks of one artist.")]
Spacing = Annotated[int | None, typer.Option(help="Least slots between two of one artist.")]
PerAlbum = Annotated[int | None, typer.Option(help="Most tracks of one album.")]
BanTrack = Annotated[
    list[str] | None, typer.Option("--ban-track", help="A track id never to list; repeat.")
]
BanArtist = Annotated[
    list[str] | None, typer.Option("--ban-artist", help="An artist (name or id); repeat.")
]
BanGenre = Annotated[
    list[str] | None, typer.Option("--ban-genre", help="A genre never to list; repeat.")
]
OnlyTrack = Annotated[
    list[str] | None, typer.Option("--only-track", help="List only these track ids; repeat.")
]
OnlyArtist = Annotated[
    list[str] | None, typer.Option("--only-artist", help="List only these artists; repeat.")
]
OnlyGenre = Annotated[
    list[str] | None, typer.Option("--only-genre", help="List only these genres; repeat.")
]
Year = Annotated[str | None, typer.Option(help="Years, such as 1990..1999 or 1990.. .")]
Duration = Annotated[str | None, typer.Option("--duration", help="Seconds, such as 120..300.")]
Listeners = Annotated[str | None, typer.Option(help="How many listeners, such as 5.. or ..100.")]
Acoustics = Annotated[
    list[str] | None, typer.Option("--acoustic", help="Bounds, such as energy=0.4..0.9; repeat.")
]
Target = Annotated[
    list[str] | None, typer.Option("--target", help="Near to, such as tempo=120; repeat.")
]
TargetWeight = Annotated[float | None, typer.Option(help="Weight of the targets.")]
GenreBalance = Annotated[float | None, typer.Option(help="0..1: towards one's own genres.")]
GenreShare = Annotated[
    list[str] | None,
    typer.Option("--genre-share", help="Or towards these, such as rock=0.5; repeat."),
]
PopularityWeight = Annotated[float | None, typer.Option(help="Above 0: popular; below: rare.")]
Diversity = Annotated[str | None, typer.Option(help="pairs, mean or mmr.")]
LambdaDiv = Annotated[float | None, typer.Option(help="Weight of the diversity; 0: none.")]
Similarity = Annotated[str | None, typer.Option(help="both, content or listening.")]


def rules_from(file: Path | None, plain: bool, flags: Mapping[str, Any]) -> "Rules | None":
    """Return the rules: flag over file over default; None where nothing was asked for.

    `flags` hold a value for each field of `Rules`, None or empty where the flag was not given.
    Raises `UsageError` naming what is wrong.
    """
    from encore.recommend.rules import Rules, read_rules, rules_of

    values = {name: flags[name] for name in Rules.model_fields}
    given = {name: value for name, value in values.items() if value not in (None, [])}
    for name in ("acoustics", "targets", "genre_shares"):
        if name in given:
            given[name] = _named(name, given[name])
    if plain and (given or file is not None):
        raise UsageError("--plain takes no rule; --lambda-div 0 leaves the diversity alone out")
    if plain:
        return Rules.plain()
    if file is not None:
        return read_rules(file, **given)
    return rules_of(**given) if given else None


def _named(flag: str, pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{flag}: found {pair!r}, expected NAME=VALUE, such as energy=0.5")
        found[name.strip()] = value.strip()
    return found
