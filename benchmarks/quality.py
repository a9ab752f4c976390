"""How good encore's lists and predictions are, beside tuned baselines and peers, on real listening.

    python benchmarks/quality.py --json build/quality.json            three seeds, all data sets
    python benchmarks/quality.py --quick --json build/quality.json    one seed, HetRec
    python benchmarks/quality.py --tune                               writes settings/ anew

A cell is (data set, kind of split, seed, contender): one process fits it on the training side, asks
the board's question of the test side, and leaves per-listener values in `--out`; a cell that stands
there is not computed again. The bench fits and scores only: settings/ holds what a random
search with equal budget found on validation rows, taken from the training side of seed 0.

encore itself is not tuned here: it competes as the recipe ships.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

import _bench
from contenders import OURS, PLAYS_SPACE, PREDICTORS, RANKERS, Settings, train_ours
from datasets import BESIDE, SOURCES
from encore import Dataset, metrics
from encore.data import split as splitting
from encore.data.cold import RUNGS, cold_listeners, cold_tracks, ladder
from encore.data.split import Split
from encore.evaluation import boards, questions
from encore.evaluation.boards import Question
from encore.evaluation.plays import predict_plays
from encore.evaluation.questions import Known
from encore.evaluation.significance import Values, over_seeds, paired_over_seeds
from encore.models.ranking import TieOrder, listeners_of
from encore.models.training import encode

HERE = Path(__file__).parent
SETTINGS = HERE / "settings"  # a file a data set
PACKAGES = ("torch", "numpy", "scipy", "implicit", "lightfm-next", "lightgbm")

MAIN, COLD_TRACK, COLD_LISTENER, PLAYS = "main", "cold_track", "cold_listener", "plays"
TRIALS = 6  # of each contender: its defaults, then draws from its space
VALIDATION_SHARE = 0.1

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Asked:
    """A figure: ours against the best peer, the one with the best validation value."""

    name: str
    source: str
    kind: str
    board: str
    metric: str = "ndcg@10"


FIGURES = (
    Asked("hetrec_discovery_ndcg10", "hetrec", MAIN, "discovery"),
    Asked("taste_discovery_ndcg10", "taste", MAIN, "discovery"),
    Asked("hetrec_cold_track_ndcg10", "hetrec", COLD_TRACK, "cold_track"),
    Asked("hetrec_cold_listener_ndcg10", "hetrec", COLD_LISTENER, "cold_listener"),
    Asked("sociallgn_discovery_ndcg10", "sociallgn", MAIN, "discovery"),
    Asked("hetrec_plays_r2", "hetrec", PLAYS, "plays", "r2"),
)


@dataclass(frozen=True)
class Cell:
    """One contender on one split of one data set."""

    source: str
    kind: str
    seed: int
    model: str

    def at(self, out: Path) -> Path:
        """Return where its values lie."""
        return out / self.source / self.kind / str(self.seed) / f"{self.model}.npz"


def held_apart(kind: str, source: str, folder: Path, seed: int) -> Split:
    """Return the split of a kind of board."""
    if kind in (MAIN, PLAYS):
        return Split(*SOURCES[source].sides(folder, seed))
    read = SOURCES[source].read
    if read is None:
        raise ValueError(f"{source}: its split is published, there is none by {kind}")
    return (cold_tracks if kind == COLD_TRACK else cold_listeners)(read(folder), seed=seed)


def inner(kind: str, train: Dataset) -> Split:
    """Return the validation split inside a training side."""
    if kind == COLD_TRACK:
        return cold_tracks(train, seed=0)
    if kind == COLD_LISTENER:
        return cold_listeners(train, seed=0)
    return splitting.split(train, held_out=VALIDATION_SHARE, seed=0)


def asked(kind: str, known: Known, test: Dataset, seed: int) -> list[Question]:
    """Return what the boards of a kind ask."""
    if kind == MAIN:
        return [questions.discovery(known, test)]
    if kind == COLD_TRACK:
        return [questions.cold_tracks(known, test)[0]]
    rows = ladder(test, RUNGS, seed)
    return [questions.cold_listener(known, rows, k) for k in RUNGS]


def scored(questions_: list[Question], known: Known, scorer: Callable[..., Any]) -> Arrays:
    """Return a scorer's per-listener values on each question, and its coverage."""
    return side_by_side(questions_, known, lambda asking: [("it", scorer(asking).copy())])["it"]


def side_by_side(
    questions_: list[Question], known: Known, score: boards.Score
) -> dict[str, Arrays]:
    """Return the per-listener values and the coverage of each model that `score` yields."""
    ties = TieOrder.of(listeners_of(known.inputs.plays_UT))
    found: dict[str, Arrays] = {}
    for question in questions_:
        for name, top_BK in boards.rank(question, score, ties).items():
            of_model = found.setdefault(name, {})
            for metric, values in boards.accuracy(top_BK, question).items():
                of_model[f"{question.board}/{metric}"] = values
            of_model[f"{question.board}/listeners"] = question.listeners
            covered = metrics.coverage(top_BK, question.held_BT.shape[1] - 1)
            of_model[f"{question.board}/coverage@20"] = np.array(covered)
    climbed = [question.board for question in questions_ if _rung(question.board) > 0]
    if climbed:
        for of_model in found.values():
            of_model |= _climbed(of_model, climbed)
    return found


def _climbed(found: Arrays, climbed: list[str]) -> Arrays:
    """Return the means over the rungs of the ladder."""
    means: Arrays = {"cold_listener/listeners": found[f"{climbed[0]}/listeners"]}
    for metric in ("ndcg@10", "recall@10", "ndcg@20"):
        rungs = [found[f"{board}/{metric}"] for board in climbed]
        means[f"cold_listener/{metric}"] = np.mean(rungs, axis=0)
    rungs = [found[f"{board}/coverage@20"] for board in climbed]
    means["cold_listener/coverage@20"] = np.mean(rungs)
    return means


def _rung(board: str) -> int:
    stem, _, rung = board.rpartition("_")
    return int(rung) if stem == questions.COLD_LISTENER else 0


def compute(cell: Cell, folder: Path, recipe: str) -> Arrays:
    """Fit a cell's contender and return its values, seconds and peak memory."""
    sides = held_apart(cell.kind, cell.source, folder, cell.seed)
    _bench.forget_peak()
    before = _bench.peak_gib()
    if cell.model == OURS:
        started = time.perf_counter()
        model = train_ours(sides.train, recipe, cell.seed)
        took = time.perf_counter() - started
        known = Known.to(model)
        found = scored(asked(cell.kind, known, sides.test, cell.seed), known, model.scores)
        if cell.kind == MAIN:
            predictions = predict_plays(model, sides.test)
            found |= plays_sums(known, sides.test, predictions.predicted[OURS])
    elif cell.kind == PLAYS:
        known = Known.from_training(sides.train)
        settings = frozen(cell.source, PLAYS, cell.model)
        started = time.perf_counter()
        predicted = PREDICTORS[cell.model](known, sides.train, sides.test, settings, cell.seed)
        took = time.perf_counter() - started
        found = plays_sums(known, sides.test, predicted)
    else:
        known = Known.from_training(sides.train)
        settings = frozen(cell.source, cell.kind, cell.model)
        started = time.perf_counter()
        scorer = RANKERS[cell.model].fit(known, settings, cell.seed)
        took = time.perf_counter() - started
        found = scored(asked(cell.kind, known, sides.test, cell.seed), known, scorer)
    peak = _bench.peak_gib() - before
    return {**found, "fit_seconds": np.array(took), "peak_gib": np.array(peak)}


def plays_sums(known: Known, test: Dataset, predicted: npt.NDArray[np.float64]) -> Arrays:
    """Return what each listener's rows add to R2 and RMSE of log1p(plays)."""
    user, _, target = encode(test, known.features)
    listeners, row = np.unique(user, return_inverse=True)
    sums = metrics.play_sums(row, predicted, target, len(listeners))
    return {
        "plays/listeners": boards.user_ids(known.features.listeners, listeners),
        "plays/sums": sums,
    }


def frozen(source: str, kind: str, model: str) -> Settings:
    """Return the settings that tuning found; the published split of HetRec uses HetRec's."""
    settings: Settings = tuned(source)[kind][model]["settings"]
    return settings


def settings_file(source: str) -> Path:
    """Return where the settings of a data set stand."""
    return SETTINGS / f"{'hetrec' if source == 'sociallgn' else source}.json"


def tuned(source: str) -> dict[str, Any]:
    """Return what tuning found for a data set, by kind and contender; {} before any tuning."""
    path = settings_file(source)
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


# Tuning


def tune(source: str, folder: Path, say: Callable[[str], None]) -> None:
    """Search settings for each contender; each is written when it is found: it can go on later."""
    told = tuned(source)
    for kind in dict.fromkeys(figure.kind for figure in FIGURES if figure.source == source):
        place = told.setdefault(kind, {})
        wanted = contenders(source, kind)
        if all(model in place for model in wanted):
            continue
        sides = inner(kind, held_apart(kind, source, folder, 0).train)
        known = Known.from_training(sides.train)
        for model in wanted:
            if model in place:
                continue
            trials = list(_trials(kind, model, told))
            values = [_tried(kind, model, known, sides, settings) for settings in trials]
            best = int(np.argmax(values))
            place[model] = {
                "settings": trials[best],
                "validation": values[best],
                "trials": [
                    {"settings": settings, "validation": value}
                    for settings, value in zip(trials, values, strict=True)
                ],
            }
            SETTINGS.mkdir(exist_ok=True)
            settings_file(source).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
            say(f"{source} {kind} {model}: {values[best]:.4f} with {trials[best]}")


def _trials(kind: str, model: str, of_source: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the settings to try; on cold boards only what ranks new tracks is tuned anew."""
    if kind in (COLD_TRACK, COLD_LISTENER) and not (
        kind == COLD_TRACK and RANKERS[model].ranks_cold_tracks
    ):
        yield of_source[MAIN][model]["settings"]
        return
    space = PLAYS_SPACE[model] if kind == PLAYS else RANKERS[model].space
    yield {}
    rng = np.random.default_rng(0)
    for _ in range(TRIALS - 1 if space else 0):
        yield {name: values[rng.integers(len(values))] for name, values in space.items()}


def _tried(kind: str, model: str, known: Known, sides: Split, settings: Settings) -> float:
    """Return the validation value: NDCG@10 (over rungs 1 to 20), or R2 of log1p(plays)."""
    if kind == PLAYS:
        predicted = PREDICTORS[model](known, sides.train, sides.test, settings, 0)
        sums = plays_sums(known, sides.test, predicted)["plays/sums"]
        return float(metrics.pooled_r2(sums.sum(0)[None, :])[0])
    scorer = RANKERS[model].fit(known, settings, 0)
    found = scored(asked(kind, known, sides.test, 0), known, scorer)
    board = {MAIN: "discovery"}.get(kind, kind)
    return float(np.nanmean(found[f"{board}/ndcg@10"]))


# Figures


def contenders(source: str, kind: str) -> list[str]:
    """Return who competes with ours on a kind of board: on new tracks only who can rank them."""
    if kind == PLAYS:
        return [*PREDICTORS]
    return [
        name
        for name, ranker in RANKERS.items()
        if (kind != COLD_TRACK or ranker.ranks_cold_tracks)
        and not (source == "taste" and name == "friends")
    ]


def cells(sources: Sequence[str], seeds: Sequence[int]) -> list[Cell]:
    """Return all cells, the quick ones of each split first."""
    found = []
    for figure in FIGURES:
        if figure.source not in sources:
            continue
        models = contenders(figure.source, figure.kind)
        models += [OURS] if figure.kind != PLAYS else []
        found += [
            Cell(figure.source, figure.kind, seed, model)
            for seed in of_source(figure.source, seeds)
            for model in models
        ]
    return found


def of_source(source: str, seeds: Sequence[int]) -> Sequence[int]:
    """Return the seeds of a data set: a published split has one."""
    return seeds[:1] if SOURCES[source].published else seeds


def run(cell: Cell, given: argparse.Namespace) -> None:
    """Compute a cell in a process of its own, so that its peak memory is; on one thread."""
    command = [sys.executable, __file__, "--cell", *map(str, vars(cell).values())]
    command += ["--data", str(given.data), "--out", str(given.out), "--recipe", given.recipe]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def of_seeds(asked_: Asked, model: str, seeds: Sequence[int], out: Path) -> dict[int, Values]:
    """Return a contender's headline values of each seed."""
    found = {}
    for seed in seeds:
        with np.load(Cell(asked_.source, asked_.kind, seed, model).at(out)) as kept:
            values = kept[f"{asked_.board}/{asked_.metric}"]
            found[seed] = Values(kept[f"{asked_.board}/listeners"], values)
    return found


def ranking_figure(asked_: Asked, seeds: Sequence[int], out: Path) -> tuple[_bench.Figure, Table]:
    """Return ours against the peer that validation prefers, and a table of all."""
    told = tuned(asked_.source)[asked_.kind]
    peers = contenders(asked_.source, asked_.kind)
    values = {model: of_seeds(asked_, model, seeds, out) for model in [*peers, OURS]}
    best = max(peers, key=lambda model: told[model]["validation"])
    table = Table(title=f"{asked_.source}: {asked_.board}, mean of seeds {[*seeds]}")
    for column in ("", "NDCG@10", "Recall@10", "coverage@20", "ours / it", "fit s", "peak GiB"):
        table.add_column(column, justify="left" if not column else "right")
    rows, beside = {}, {}
    for model, of_seed in values.items():
        interval = metrics.mean_interval(over_seeds(of_seed.values()).values_U)
        pairs = paired_over_seeds((values[OURS][seed], of_seed[seed]) for seed in seeds)
        ratio = metrics.ratio_interval(pairs.one_U, pairs.other_U)
        also = _also(asked_, model, seeds, out)
        rows[model] = {
            "ndcg@10": interval.to_json(),
            "ratio": ratio.to_json(),
            "validation": told.get(model, {}).get("validation"),
            **also,
        }
        table.add_row(
            f"[bold]{model}" if model in (OURS, best) else model,
            f"{interval.mean:.4f} ±{(interval.high - interval.low) / 2:.4f}",
            f"{also['recall@10']:.4f}",
            f"{also['coverage@20']:.3f}",
            f"{ratio.mean:.3f} ({ratio.low:.3f} to {ratio.high:.3f})" if model != OURS else "",
            f"{also['fit_seconds']:.1f}",
            f"{also['peak_gib']:.2f}",
        )
    beside = {
        "peer_name": best,
        "ratio_low": rows[best]["ratio"]["low"],
        "ratio_high": rows[best]["ratio"]["high"],
        "seeds": [*seeds],
        "models": rows,
    }
    figure = _bench.Figure(
        asked_.name,
        rows[OURS]["ndcg@10"]["mean"],
        rows[best]["ndcg@10"]["mean"],
        "NDCG@10",
        "higher",
        beside=beside,
    )
    return figure, table


def _also(asked_: Asked, model: str, seeds: Sequence[int], out: Path) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for seed in seeds:
        with np.load(Cell(asked_.source, asked_.kind, seed, model).at(out)) as kept:
            for name in ("recall@10", "ndcg@20", "coverage@20"):
                found.setdefault(name, []).append(float(np.nanmean(kept[f"{asked_.board}/{name}"])))
            for name in ("fit_seconds", "peak_gib"):
                found.setdefault(name, []).append(float(kept[name]))
    return {name: float(np.mean(values)) for name, values in found.items()}


def plays_figure(asked_: Asked, seeds: Sequence[int], out: Path) -> tuple[_bench.Figure, Table]:
    """Return ours against the predictor that validation prefers, and a table of all."""
    told = tuned(asked_.source)[PLAYS]
    best = max(PREDICTORS, key=lambda model: told[model]["validation"])
    table = Table(title=f"{asked_.source}: log1p(plays) of held-out pairs, mean of {[*seeds]}")
    for column in ("", "R²", "RMSE", "fit s", "peak GiB"):
        table.add_column(column, justify="left" if not column else "right")
    rows = {}
    for model in (*PREDICTORS, OURS):
        r2, rmse, seconds, peak = [], [], [], []
        for seed in seeds:
            kind = MAIN if model == OURS else PLAYS
            with np.load(Cell(asked_.source, kind, seed, model).at(out)) as kept:
                sums = kept["plays/sums"]
                r2.append(metrics.pooled_interval(sums, metrics.pooled_r2))
                rmse.append(metrics.pooled_interval(sums, metrics.pooled_rmse))
                seconds.append(float(kept["fit_seconds"]))
                peak.append(float(kept["peak_gib"]))
        rows[model] = {
            name: dict(zip(("mean", "low", "high"), np.mean(found, 0).tolist(), strict=True))
            for name, found in (("r2", r2), ("rmse", rmse))
        }
        table.add_row(
            f"[bold]{model}" if model in (OURS, best) else model,
            *(
                f"{row['mean']:.4f} ±{(row['high'] - row['low']) / 2:.4f}"
                for row in rows[model].values()
            ),
            f"{np.mean(seconds):.1f}",
            f"{np.mean(peak):.2f}",
        )
    beside = {"peer_name": best, "seeds": [*seeds], "models": rows}
    figure = _bench.Figure(
        asked_.name,
        rows[OURS]["r2"]["mean"],
        rows[best]["r2"]["mean"],
        "R2",
        "higher",
        beside=beside,
    )
    return figure, table


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute what is missing, print the tables, write the figures."""
    parser = argparse.ArgumentParser(description="quality of lists and predictions beside peers")
    parser.add_argument("--json", type=Path, help="write machine and figures to this file")
    parser.add_argument("--quick", action="store_true", help="one seed, HetRec, recipe quick")
    parser.add_argument("--tune", action="store_true", help="search settings and write them anew")
    parser.add_argument("--data", type=Path, default=BESIDE, help="the folder of listening data")
    parser.add_argument("--out", type=Path, default=Path("build/quality"), help="where cells lie")
    parser.add_argument("--source", action="append", choices=[*SOURCES], help="these data sets")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="cells at a time")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--recipe", default="default", help="encore's recipe")
    parser.add_argument("--cell", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    console = _bench.console()
    if not given.data.is_dir():
        parser.error(f"{given.data}: no listening data there; --data FOLDER names where it is")
    if given.cell:
        source, kind, seed, model = given.cell
        cell = Cell(source, kind, int(seed), model)
        path = cell.at(given.out)
        path.parent.mkdir(parents=True, exist_ok=True)
        found = compute(cell, given.data, given.recipe)
        whole = path.with_suffix(".part")
        with whole.open("wb") as file:
            np.savez(file, allow_pickle=False, **found)
        whole.replace(path)
        return
    sources = ("hetrec",) if given.quick else tuple(given.source or SOURCES)
    if given.tune:
        for source in sources:
            if SOURCES[source].read is not None:
                tune(source, given.data, console.print)
        return
    seeds = range(1 if given.quick else given.seeds)
    if given.quick:
        given.recipe, given.out = "quick", given.out / "quick"
    machine = _bench.machine(PACKAGES)
    console.print_json(data=machine)
    missing = [cell for cell in cells(sources, seeds) if not cell.at(given.out).exists()]
    missing.sort(
        key=lambda cell: cell.model != OURS
    )  # the longest first, so that none is left last

    def told(cell: Cell) -> None:
        console.print(f"{cell.source} {cell.kind} seed {cell.seed}: {cell.model}")
        run(cell, given)

    with ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(told, missing))
    figures = []
    for asked_ in FIGURES:
        if asked_.source in sources:
            make = plays_figure if asked_.kind == PLAYS else ranking_figure
            figure, table = make(asked_, of_source(asked_.source, seeds), given.out)
            figures.append(figure)
            console.print(table)
    for figure in figures:
        console.print(
            f"{figure.name}: ours {figure.ours:.4f}, {figure.beside['peer_name']} "
            f"{figure.peer:.4f}, ratio {figure.ratio:.3f}"
        )
    if given.json:
        _bench.write_json(given.json, machine | {"recipe": given.recipe}, figures)


if __name__ == "__main__":
    main()
