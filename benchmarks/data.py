"""What an import costs beside pandas and scikit-learn: a CSV of listens to clean, encoded tables.

    python benchmarks/data.py --json build/data.json [--quick] [--large]

Both sides run in a process of their own, in turn, on the same file: `user_id,track_id,listened_at`,
popularity and activity by Zipf's law, a few rows bad. Ours is `encore.read` and a Dataset folder,
with every dropped row counted. The peer reads with pandas, drops what it cannot parse and exact
duplicates, sums listens to plays, encodes both ids with LabelEncoder and writes two Parquet files.
`--large` imports ten times as many rows too, once on each side: memory, and time for a listen as
against that at the smaller size, which must not grow.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

import _bench

PACKAGES = ("polars", "pandas", "scikit-learn", "pyarrow")
LISTENS, QUICK = 5_000_000, 200_000
ROUNDS = 3
FASTER = 3.0  # times as fast as the peer: the goal
LIMIT_GIB = 3.0  # at ten times the rows
LINEAR = 1.0  # a listen costs no more where there are ten times as many
BAD_SHARE = 0.001  # of the rows, whose time is no time
FIRST, SPAN = 1_600_000_000, 100_000_000  # epochs of the listens, in seconds


def write_listens(path: Path, listens: int, seed: int = 0) -> None:
    """Write a CSV of `listens` rows with a listener for 500 of them and a track for 50."""
    rng = np.random.default_rng(seed)
    user = _zipf(rng, listens, max(2, listens // 500))
    track = _zipf(rng, listens, max(2, listens // 50))
    time_ = pl.Series(rng.integers(FIRST, FIRST + SPAN, listens)).cast(pl.String)
    bad = pl.Series(rng.random(listens) < BAD_SHARE)
    pl.DataFrame(
        {
            "user_id": pl.Series(user).cast(pl.String).str.zfill(8),
            "track_id": "t" + pl.Series(track).cast(pl.String).str.zfill(8),
            "listened_at": time_.set(bad, "yesterday"),
        }
    ).write_csv(path)


def _zipf(rng: np.random.Generator, draws: int, ids: int) -> np.ndarray:
    """Return draws of ids whose odds fall with their rank."""
    share = 1 / np.arange(1, ids + 1)
    return np.searchsorted(np.cumsum(share / share.sum()), rng.random(draws)).clip(0, ids - 1)


def ours(file: Path, out: Path) -> int:
    """Import by encore; return the pairs that were kept."""
    from encore.data.readers import read

    data = read(file)
    data.save(out)
    return data.plays.height


def peer(file: Path, out: Path) -> int:
    """Import as one does with pandas and scikit-learn; return the pairs that were kept."""
    import pandas as pd
    from sklearn.preprocessing import LabelEncoder

    listens = pd.read_csv(file, dtype=str)
    listens["listened_at"] = pd.to_datetime(
        pd.to_numeric(listens["listened_at"], errors="coerce"), unit="s", utc=True
    )
    listens = listens.dropna().drop_duplicates()
    plays = listens.groupby(["user_id", "track_id"], as_index=False)["listened_at"].agg(
        plays="size", first_played="min", last_played="max"
    )
    for name in ("user_id", "track_id"):
        plays[f"{name}_index"] = LabelEncoder().fit_transform(plays[name])
    out.mkdir()
    plays.to_parquet(out / "plays.parquet")
    listens.to_parquet(out / "events.parquet")
    return len(plays)


SIDES = {"ours": ours, "peer": peer}


def measured(side: str, file: Path) -> dict[str, float]:
    """Return seconds, peak GiB and pairs of one side, run in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--file", str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def _run(side: str, file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        pairs = SIDES[side](file, Path(folder) / "out")
        seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak_gib": _bench.peak_gib(), "pairs": pairs}))


def figures(rounds: dict[str, list[dict[str, float]]], listens: int) -> list[_bench.Figure]:
    """Return time and memory of both sides as figures.

    Raises `ValueError` where the sides kept different pairs: then they did not do the same work.
    """
    pairs = {name: {one["pairs"] for one in found} for name, found in rounds.items()}
    if pairs["ours"] != pairs["peer"]:
        raise ValueError(f"the sides kept different pairs: {pairs}")

    def of(side: str, key: str) -> list[float]:
        return [one[key] for one in rounds[side]]

    size = f"{listens // 1_000_000}M" if listens >= 1_000_000 else f"{listens // 1000}k"
    beside = {"listens": listens, "pairs": rounds["ours"][0]["pairs"]}
    seconds, peaks = ({s: of(s, key) for s in SIDES} for key in ("seconds", "peak_gib"))
    return [
        _bench.Figure(
            f"import_{size}_vs_pandas",
            median(seconds["ours"]),
            median(seconds["peer"]),
            "s",
            "lower",
            FASTER,
            beside | _bench.spread(seconds["peer"], seconds["ours"]),
        ),
        _bench.Figure(
            f"import_{size}_memory_vs_pandas",
            max(peaks["ours"]),
            max(peaks["peer"]),
            "GiB",
            "lower",
            1.0,
            beside,
        ),
    ]


def large_figures(
    found: dict[str, dict[str, float]], smaller: _bench.Figure, listens: int
) -> list[_bench.Figure]:
    """Return memory at ten times `listens`, and how time grew from the smaller size."""
    size = f"{10 * listens // 1_000_000}M"
    ours, peer = found["ours"], found["peer"]
    beside = {"listens": 10 * listens, "pairs": ours["pairs"], "seconds": ours["seconds"]}
    return [
        _bench.Figure(
            f"import_{size}_memory_gib",
            ours["peak_gib"],
            peer["peak_gib"],
            "GiB",
            "lower",
            beside=beside | {"limit": LIMIT_GIB, "seconds_peer": peer["seconds"]},
        ),
        _bench.Figure(
            f"import_{size}_seconds_a_million",
            ours["seconds"] / (10 * listens) * 1e6,
            smaller.ours / listens * 1e6,
            "s",
            "lower",
            LINEAR,
            beside,
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description="importing beside pandas and scikit-learn")
    parser.add_argument("--json", type=Path, help="write machine and figures to this file")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} listens, one round")
    parser.add_argument("--large", action="store_true", help="ten times the rows, too")
    parser.add_argument("--side", choices=[*SIDES], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.side:
        _run(given.side, given.file)
        return
    console, machine = _bench.console(), _bench.machine(PACKAGES)
    console.print_json(data=machine)
    listens, rounds = (QUICK, 1) if given.quick else (LISTENS, ROUNDS)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "listens.csv"
        write_listens(file, listens)
        for _ in range(rounds):
            for name in SIDES:
                found[name].append(measured(name, file))
        told = figures(found, listens)
        if given.large:
            write_listens(file, 10 * listens)
            told += large_figures({name: measured(name, file) for name in SIDES}, told[0], listens)
    for figure in told:
        goal = "" if figure.goal is None else f" (goal >= {figure.goal:g})"
        console.print(
            f"{figure.name}: ours {figure.ours:.2f} {figure.unit}, peer {figure.peer:.2f}, "
            f"ratio {figure.ratio:.2f}{goal}"
        )
    if given.json:
        _bench.write_json(given.json, machine, told)


if __name__ == "__main__":
    main()
