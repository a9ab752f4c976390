"""Is a stranger's export worth anything to a model of others? One listener, several cut dates.

    python benchmarks/fold_in.py --json build/fold_in.json [--data FOLDER] [--bundle BUNDLE]

A model of HetRec Last.fm (artists) never saw the listener. Their Spotify export up to a cut date is
folded in, matched by artist, and the list is asked for the artists that they played in the two
months after it and never before. The peer lists what most listeners of HetRec play; both leave out
what was heard before. One listener is no sample of listeners: windows that do not overlap, of one
person with one taste, are all that is said of chance. Few artists are new in a window and the lists
are short, so the place of every new artist in the whole order is told too.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import polars as pl
from rich.table import Table

import _bench
import encore
from datasets import BESIDE, hetrec
from encore import Dataset, Recommender, schema
from encore.metrics.ranking import ndcg_at_k
from encore.models.ranking import EMPTY
from encore.recommend.brought import by_listeners, matched
from encore.recommend.fold_in import listener_of

PACKAGES = ("polars", "torch", "implicit")
EXPORT = Path("spotify-streaming-history") / "StreamingHistory0.json"
K = 20
WINDOW = "2mo"
LAST = datetime(2020, 11, 17, tzinfo=UTC)  # two months before the export ends
CUTS = (*(datetime(2020, month, 17, tzinfo=UTC) for month in (3, 5, 7, 9)), LAST)
GOAL = 1.0  # times popularity's NDCG: better than it


@dataclass(frozen=True)
class Window:
    """What one cut date gave: NDCG@20 of both lists, and the place of each new artist in both.

    `artists` were heard before; `plays_matched` is the share of plays whose artist is known.
    """

    cut: datetime
    ours: float
    popularity: float
    ranks: list[tuple[int, int]]
    artists: int
    plays_matched: float


def plays_between(data: Dataset, start: datetime | None, end: datetime) -> Dataset:
    """Return the listens from `start` (None: the first) to before `end`, skips left out."""
    listens = data.events.filter(pl.col("listened_at") < end, ~pl.col("skipped").fill_null(False))
    if start is not None:
        listens = listens.filter(pl.col("listened_at") >= start)
    plays = listens.group_by("user_id", "track_id", maintain_order=True).len("plays")
    return data.with_tables(plays=schema.conform(plays, "plays"), events=listens)


def artists_of(model: Recommender, history: Dataset) -> list[str]:
    """Return the ids of the catalogue's artists in a history."""
    return matched(model.bundle, history).tracks["matched"].drop_nulls().unique().sort().to_list()


def window(model: Recommender, data: Dataset, cut: datetime) -> Window:
    """Return what the lists made at `cut` are worth in the two months after it."""
    end = pl.select(pl.lit(cut).dt.offset_by(WINDOW)).item()
    before = plays_between(data, None, cut)
    heard = set(artists_of(model, before))
    wanted = set(artists_of(model, plays_between(data, cut, end))) - heard
    ours = order_of(model, before)
    popular = [track for track in by_listeners(model.bundle)["track_id"] if track not in heard]
    places = [{track: at for at, track in enumerate(order, 1)} for order in (ours, popular)]
    return Window(
        cut,
        ndcg(ours[:K], wanted),
        ndcg(popular[:K], wanted),
        [(places[0][track], places[1][track]) for track in sorted(wanted)],
        len(heard),
        matched(model.bundle, before).rates()["all"]["plays"],
    )


def order_of(model: Recommender, history: Dataset) -> list[str]:
    """Return the whole catalogue but what was heard, as the list of a newcomer would have it."""
    listener = listener_of(model.bundle, None, history)
    tracks = model.bundle.features.tracks
    top_1T = model.top_of(model.scores(listener.asking), listener.heard_1T, len(tracks))
    return tracks.decode(top_1T[top_1T != EMPTY]).to_list()


def ndcg(listed: Sequence[str], wanted: set[str]) -> float:
    """Return NDCG@20 of one list with binary gains."""
    hits = np.array([[track in wanted for track in listed]])
    return float(ndcg_at_k(hits, np.array([len(wanted)]), K)[0])


def figures(windows: Sequence[Window]) -> list[_bench.Figure]:
    """Return the window that was asked for, all of them, and the places of all new artists."""
    ranks = np.array([pair for found in windows for pair in found.ranks])
    told = [
        _bench.Figure(
            f"fold_in_new_artists_{name}",
            mean(found.ours for found in some),
            mean(found.popularity for found in some),
            f"NDCG@{K}",
            "higher",
            GOAL,
            {"better_in": sum(found.ours > found.popularity for found in some)} | beside(some),
        )
        for name, some in (("last_two_months", windows[-1:]), ("all_windows", windows))
    ]
    places = _bench.Figure(
        "fold_in_new_artists_place",
        float(np.median(ranks[:, 0])),
        float(np.median(ranks[:, 1])),
        "median place",
        "lower",
        GOAL,
        {"new_artists": len(ranks), "placed_better": int((ranks[:, 0] < ranks[:, 1]).sum())},
    )
    return [one for one in told if np.isfinite(one.ratio)] + [places]


def beside(windows: Sequence[Window]) -> dict[str, Any]:
    """Return what belongs beside a figure: each window's own."""
    return {
        "listeners": 1,
        "windows": {
            f"{found.cut:%Y-%m-%d}": {
                "ours": found.ours,
                "popularity": found.popularity,
                "new_artists": len(found.ranks),
                "artists_before": found.artists,
                "plays_matched": found.plays_matched,
            }
            for found in windows
        },
    }


def drawn(windows: Sequence[Window]) -> Table:
    """Return the windows as a table for the terminal."""
    table = Table(title=f"artists first played in two months, NDCG@{K}", box=None)
    for name in ("cut", "ours", "popularity", "new artists", "artists before", "plays matched"):
        table.add_column(name, justify="right")
    for found in windows:
        table.add_row(
            f"{found.cut:%Y-%m-%d}",
            f"{found.ours:.3f}",
            f"{found.popularity:.3f}",
            str(len(found.ranks)),
            str(found.artists),
            f"{found.plays_matched:.0%}",
        )
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Train or load, fold in at every cut, print, and write the figures."""
    parser = argparse.ArgumentParser(description="a stranger's export in a model of others")
    parser.add_argument("--json", type=Path, help="write machine and figures to this file")
    parser.add_argument("--data", type=Path, default=BESIDE, help="the folder of listening data")
    parser.add_argument("--bundle", type=Path, help="a bundle of HetRec, instead of training one")
    parser.add_argument("--quick", action="store_true", help="one epoch, the last cut alone")
    given = parser.parse_args(arguments)
    console, machine = _bench.console(), _bench.machine(PACKAGES)
    console.print_json(data=machine)
    if given.bundle:
        model = encore.load(given.bundle)
    else:
        recipe = encore.recipes.quick()
        model = encore.train(
            hetrec(given.data), recipe.replaced(max_epochs=1) if given.quick else recipe
        )
    export = encore.read(given.data / EXPORT)
    windows = [window(model, export, cut) for cut in (CUTS[-1:] if given.quick else CUTS)]
    console.print(drawn(windows))
    told = figures(windows)
    for figure in told:
        console.print(
            f"{figure.name}: ours {figure.ours:.3f}, popularity {figure.peer:.3f} {figure.unit}"
        )
    if given.json:
        _bench.write_json(given.json, machine, told)


if __name__ == "__main__":
    main()
