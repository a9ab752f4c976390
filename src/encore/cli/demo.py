"""`encore demo`: the whole line once, on real listening where it can be had."""

from pathlib import Path
from typing import Annotated

import typer

from encore.cli import show
from encore.cli.evaluate import print_boards, print_said
from encore.cli.train import Device, Seed
from encore.cli.watching import watching


def demo(
    data: Annotated[
        Path | None, typer.Option(help="Listening data at hand, of any form import reads.")
    ] = None,
    acoustics: Annotated[
        Path | None, typer.Option(help="A table of acoustic features to join by track id.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where to leave everything.")] = Path("build/demo"),
    user: Annotated[
        str | None, typer.Option(help="The listener to show; else a typical one.")
    ] = None,
    seed: Seed = None,
    device: Device = None,
) -> None:
    """Import, split, train, evaluate beside baselines, recommend with reasons, write a report.

    Without --data: HetRec Last.fm from its publisher where a network answers within seconds, else
    the synthetic world.
    """
    from encore import protocol
    from encore.data import fetch, world
    from encore.data.readers import read
    from encore.pipeline import why

    settings = show.settings("quick", None, seed=seed, device=device)
    if data is not None:
        show.say(f"reading {data}")
        dataset, title = read(data, acoustics=acoustics), data.name
    elif (archive := fetch.hetrec(show.say)) is not None:
        dataset, title = read(archive, acoustics=acoustics), "HetRec Last.fm"
    else:
        show.say("no network: using the synthetic world, made of planted tastes, not of people")
        dataset, title = world.make(seed=settings.seed).data, "synthetic world"
    dataset.save(out / "dataset")
    folder = out / str(settings.seed)
    with watching(settings) as on_epoch:
        found, report = protocol.run_seed(
            dataset,
            folder,
            settings,
            protocol.Protocol(kinds=(protocol.MAIN,)),
            title,
            user=user,
            say=show.say,
            on_epoch=on_epoch,
        )
    show.out.print()
    print_boards(found.boards)
    print_said(folder)
    show.out.print(f"\nthe list: {why(found.model.bundle.choice)}\n", markup=False, soft_wrap=True)
    listener = user or found.typical_listener()
    show.out.print(show.list_table(found.model.recommend(listener, 10)))
    show.out.print(f"\nreport: {report}\nbundle: {folder / 'bundle'}", markup=False, soft_wrap=True)
