"""What each channel adds to the list: the blend with it beside the blend without it.

    python benchmarks/channels.py --json build/channels.json        three seeds, HetRec and Taste
    python benchmarks/channels.py --quick --json build/channels.json   one seed, HetRec discovery
    python benchmarks/channels.py --from build/channels.json --markdown   the table of docs/models.md

Everything is fitted once for a data set, a kind of split and a seed: on all but a validation slice,
and again on all training rows, as `encore.train` does. Then, for each scorer, the slice chooses the
weights anew as if there were no such scorer, and the test side is ranked with them. Splits,
questions and metrics are those of the quality bench.

    gain of s  =  mean NDCG@10 of the blend with s  /  mean NDCG@10 of the blend without s  -  1

with its paired bootstrap interval over listeners. `OTHERS` are channels that do not ship: theirs is
the gain that taking them in would bring.

What a new listener falls back on stays: popularity without any history, friends' mean history.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

import _bench
import quality
from datasets import BESIDE, SOURCES
from encore import Dataset, TrainConfig, metrics
from encore.evaluation.questions import Known
from encore.evaluation.significance import Values, over_seeds, paired_over_seeds
from encore.models.channels import CHANNELS, Bpr
from encore.models.ensemble import NETWORK, Choice
from encore.models.inputs import Audience
from encore.models.ranking import Floats
from encore.pipeline import finished
from encore.recipes import RECIPES
from encore.recommend.recommender import Recommender
from encore.tryout import decide, fit_apart

HERE = Path(__file__).parent
MEASURED = HERE / "measured" / "channels.json"  # what docs/models.md shows
PACKAGES = ("torch", "numpy", "scipy", "implicit")
OTHERS = (Bpr.name,)  # fitted beside the shipped channels, in no blend but their own

FULL, WITHOUT, WITH, ALONE = "full", "without", "with", "alone"
METRIC = "ndcg@10"


@dataclass(frozen=True)
class Asked:
    """A board of a data set: a column of the table."""

    title: str
    source: str
    kind: str
    board: str

    @property
    def name(self) -> str:
        """The stem of its figures' names."""
        return f"{self.source}_{self.board}"


BOARDS = (
    Asked("HetRec discovery", "hetrec", quality.MAIN, "discovery"),
    Asked("Taste discovery", "taste", quality.MAIN, "discovery"),
    Asked("HetRec cold track", "hetrec", quality.COLD_TRACK, "cold_track"),
    Asked("HetRec cold listener", "hetrec", quality.COLD_LISTENER, "cold_listener"),
)


# One data set, kind of split and seed


@dataclass(frozen=True)
class Chosen:
    """A trained model, and the list of each variant of the blend."""

    model: Recommender
    choices: dict[str, Choice]  # FULL, WITHOUT/scorer, WITH/scorer of OTHERS
    seconds: dict[str, float]  # of each scorer's fit on all training rows

    @property
    def shipped(self) -> list[str]:
        """The scorers that the full blend may use."""
        return [name for name in self.model.bundle.scorers.names if name not in OTHERS]


def choose_each(train: Dataset, config: TrainConfig) -> Chosen:
    """Train once, and choose the list with all shipped scorers and without each of them."""
    wanted = dict.fromkeys((*config.channels, *OTHERS))
    fitted = fit_apart(train, config.replaced(channels=tuple(wanted)))
    tried = decide(train, fitted)
    shipped = [name for name in fitted.scorers.names if name not in OTHERS]
    choices = {FULL: fitted.choose(without=OTHERS)}
    choices |= {f"{WITHOUT}/{name}": fitted.choose(without=(*OTHERS, name)) for name in shipped}
    for name in OTHERS:
        choices[f"{WITH}/{name}"] = fitted.choose(without=set(OTHERS) - {name})
    started = time.perf_counter()
    model = finished(train, replace(tried, choice=choices[FULL]))
    return Chosen(model, choices, _fit_seconds(model, time.perf_counter() - started))


def _fit_seconds(model: Recommender, whole: float) -> dict[str, float]:
    """Return how long each channel takes to fit alone; the network, what its epochs took."""
    bundle, found = model.bundle, {}
    for name in bundle.scorers.channels:
        channel = CHANNELS[name].of(bundle.config)
        started = time.perf_counter()
        channel.fit(bundle.scorers.inputs)
        found[name] = time.perf_counter() - started
    epochs = [bundle.history_UT.nnz / epoch["samples_per_second"] for epoch in model.history]
    found[NETWORK] = float(np.mean(epochs)) * bundle.facts["epochs"]
    return found | {"all": whole}


def variants(chosen: Chosen, audience: Audience) -> Iterator[tuple[str, Floats]]:
    """Yield the scores (B, T) of each variant of the blend, and of each scorer alone."""
    bundle = chosen.model.bundle
    raw = {name: bundle.scorers.score(name, audience) for name in bundle.scorers.names}
    for variant, choice in chosen.choices.items():
        yield variant, Recommender(replace(bundle, choice=choice)).scores(audience, raw)
    for name, scores_BT in raw.items():
        yield f"{ALONE}/{name}", scores_BT


def values_of(chosen: Chosen, test: Dataset, asked: Asked, seed: int) -> quality.Arrays:
    """Return each variant's NDCG@10 of every listener, its weights, and the seconds of fits."""
    known = Known.to(chosen.model)
    found = quality.side_by_side(
        quality.asked(asked.kind, known, test, seed), known, lambda a: variants(chosen, a)
    )
    values = {variant: of[f"{asked.board}/{METRIC}"] for variant, of in found.items()}
    full = chosen.choices[FULL].both
    weights = {
        f"weight/{name}": np.array([side.get(name, 0.0) for side in full])
        for name in chosen.shipped
    }
    seconds = {f"seconds/{name}": np.array(took) for name, took in chosen.seconds.items()}
    return {"listeners": found[FULL][f"{asked.board}/listeners"], **values, **weights, **seconds}


def compute(asked: Asked, folder: Path, recipe: str, seed: int) -> quality.Arrays:
    """Return the values of a board of one seed."""
    sides = quality.held_apart(asked.kind, asked.source, folder, seed)
    chosen = choose_each(sides.train, RECIPES[recipe]().replaced(seed=seed))
    return values_of(chosen, sides.test, asked, seed)


# Figures


Seeds = Mapping[int, Mapping[str, Any]]


def figures_of(asked: Asked, seeds: Seeds) -> list[_bench.Figure]:
    """Return a figure for each scorer: the blend with it against the blend without it."""
    first = next(iter(seeds.values()))

    def values(variant: str) -> dict[int, Values]:
        return {seed: Values(kept["listeners"], kept[variant]) for seed, kept in seeds.items()}

    def mean(variant: str) -> float:
        return float(over_seeds(values(variant).values()).values_U.mean())

    found = []
    for alone in [variant for variant in first if variant.startswith(f"{ALONE}/")]:
        name = alone.partition("/")[2]
        ships = f"{WITHOUT}/{name}" in first
        one, other = (FULL, f"{WITHOUT}/{name}") if ships else (f"{WITH}/{name}", FULL)
        of_one, of_other = values(one), values(other)
        pairs = paired_over_seeds((of_one[seed], of_other[seed]) for seed in seeds)
        ratio = metrics.ratio_interval(pairs.one_U, pairs.other_U)
        weights = [kept.get(f"weight/{name}", np.zeros(2)) for kept in seeds.values()]
        took = [float(kept[f"seconds/{name}"]) for kept in seeds.values()]
        heard, unheard = np.mean(weights, axis=0).tolist()
        beside = {
            "ratio_low": ratio.low,
            "ratio_high": ratio.high,
            "alone": mean(alone),
            "weight": heard,
            "weight_unheard": unheard,
            "ships": ships,
            "fit_seconds": float(np.mean(took)),
            "seeds": sorted(seeds),
            "listeners": len(pairs.listeners),
        }
        stem = f"{asked.name}_without_{name}" if ships else f"{asked.name}_with_{name}"
        figure = _bench.Figure(
            stem, mean(one), mean(other), "NDCG@10", "higher", beside=beside
        )
        found.append(figure)
    return found


Figures = Mapping[str, Mapping[str, Any]]


def rows_of(figures: Figures) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the rows of the table: a scorer a row, in each board gain and alone."""
    there = [asked for asked in BOARDS if any(f.startswith(f"{asked.name}_") for f in figures)]
    heads = ["", *(head for a in there for head in (f"{a.title}: gain", "alone")), "fit, s"]
    by_scorer: dict[str, dict[str, Mapping[str, Any]]] = {}
    for asked in there:
        for name, figure in figures.items():
            for way in (WITHOUT, WITH):
                if name.startswith(stem := f"{asked.name}_{way}_"):
                    by_scorer.setdefault(name.removeprefix(stem), {})[asked.name] = figure
    rows = [["**all**"]]
    for asked in there:
        full = next(of[asked.name] for of in by_scorer.values() if asked.name in of)
        rows[0] += ["", _short(full["ours"])]
    rows[0].append("")
    for name, of in by_scorer.items():
        ships = all(figure["ships"] for figure in of.values())
        row = [name if ships else f"{name} (does not ship)"]
        for asked in there:
            row += _cells(of[asked.name]) if asked.name in of else ["", ""]
        took = [f"{figure['fit_seconds']:.1f}" for board, figure in of.items() if "disc" in board]
        rows.append([*row, " / ".join(took)])
    return heads, rows


def _cells(figure: Mapping[str, Any]) -> list[str]:
    low, mean, high = (
        100 * (figure[end] - 1) for end in ("ratio_low", "ratio", "ratio_high")
    )
    return [f"{mean:+.1f} % ({low:+.1f} to {high:+.1f})", _short(figure["alone"])]


def _short(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def markdown(figures: Figures) -> str:
    """Return the table as docs/models.md has it."""
    heads, rows = rows_of(figures)
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def terminal(figures: Figures) -> Table:
    """Return the table for the terminal."""
    heads, rows = rows_of(figures)
    table = Table(title="what each scorer adds to the blend")
    for head in heads:
        table.add_column(head, justify="right" if head else "left")
    for row in rows:
        table.add_row(*row)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute what is missing, print the table, write the figures."""
    parser = argparse.ArgumentParser(description="what each channel adds to the blend")
    parser.add_argument("--json", type=Path, help="write machine and figures to this file")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--from", type=Path, dest="given", help="figures of an earlier --json")
    parser.add_argument("--quick", action="store_true", help="one seed, HetRec discovery")
    parser.add_argument("--data", type=Path, default=BESIDE, help="the folder of listening data")
    parser.add_argument("--out", type=Path, default=Path("build/channels"), help="where values lie")
    parser.add_argument("--board", action="append", choices=[asked.name for asked in BOARDS])
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--recipe", default="quick", choices=[*RECIPES], help="encore's recipe")
    given = parser.parse_args(arguments)
    console = _bench.console()
    if given.given:
        figures = json.loads(given.given.read_text("utf-8"))["figures"]
        print(markdown(figures)) if given.markdown else console.print(terminal(figures))
        return
    if not given.data.is_dir():
        parser.error(f"{given.data}: no listening data there; --data FOLDER names where it is")
    boards = BOARDS[:1] if given.quick else [a for a in BOARDS if a.name in (given.board or a.name)]
    seeds = range(1 if given.quick else given.seeds)
    machine = _bench.machine(PACKAGES)
    console.print_json(data=machine)
    for seed in seeds:
        for asked in boards:
            path = _at(given.out, asked, seed)
            if path.exists():
                continue
            console.print(f"{asked.title}, seed {seed}")
            path.parent.mkdir(parents=True, exist_ok=True)
            found = compute(asked, given.data, given.recipe, seed)
            whole = path.with_suffix(".part")
            with whole.open("wb") as file:
                np.savez(file, allow_pickle=False, **found)
            whole.replace(path)
    made = []
    for asked in boards:
        kept = {}
        for seed in seeds:
            with np.load(_at(given.out, asked, seed)) as file:
                kept[seed] = dict(file)
        made += figures_of(asked, kept)
    figures = {figure.name: figure.to_json() for figure in made}
    print(markdown(figures)) if given.markdown else console.print(terminal(figures))
    if given.json:
        _bench.write_json(given.json, machine | {"recipe": given.recipe}, made)


def _at(out: Path, asked: Asked, seed: int) -> Path:
    return out / asked.name / f"{seed}.npz"


if __name__ == "__main__":
    main()
