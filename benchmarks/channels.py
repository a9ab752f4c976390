"""What each channel adds to the list: the blend with it beside the blend without it.

    python benchmarks/channels.py --json build/channels.json           three seeds, all boards
    python benchmarks/channels.py --quick --json build/channels.json   one seed, HetRec discovery
    python benchmarks/channels.py --from FILE --markdown               the tables of such a JSON

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
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import _bench
import quality
from datasets import BESIDE
from encore import Dataset, TrainConfig, metrics
from encore.evaluation.questions import Known
from encore.evaluation.significance import Values, over_seeds, paired_over_seeds
from encore.models.channels import CHANNELS, Bpr
from encore.models.ensemble import Choice
from encore.models.inputs import Audience
from encore.models.network_rank import NETWORK
from encore.models.ranking import Floats
from encore.pipeline import finished
from encore.recipes import RECIPES
from encore.recommend.recommender import Recommender
from encore.tryout import decide, fit_apart

HERE = Path(__file__).parent
MEASURED = HERE / "measured" / "channels.json"  # what docs/models/gains.md shows
PACKAGES = ("torch", "numpy", "scipy", "implicit")
OTHERS = (Bpr.name,)  # fitted beside the shipped channels, in no blend but their own

FULL, WITHOUT, WITH, ALONE = "full", "without", "with", "alone"
METRIC = "ndcg@10"


@dataclass(frozen=True)
class Asked:
    """A board of a data set: a table."""

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
        figure = _bench.Figure(stem, mean(one), mean(other), "NDCG@10", "higher", beside=beside)
        found.append(figure)
    return found


Figures = Mapping[str, Mapping[str, Any]]
HEADS = ("", "weight", "on unheard", "blend without it", "its gain", "alone", "fit, s")


def tables(figures: Figures) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield each board's title and rows: the blend, then a row for each scorer."""
    for asked in BOARDS:
        of_board = {
            name.removeprefix(f"{asked.name}_{way}_"): figure
            for name, figure in figures.items()
            for way in (WITHOUT, WITH)
            if name.startswith(f"{asked.name}_{way}_")
        }
        if not of_board:
            continue
        any_ = next(figure for figure in of_board.values() if figure["ships"])
        seeds = ", ".join(map(str, any_["seeds"]))
        title = f"{asked.title}: seed{'s' * (len(any_['seeds']) > 1)} {seeds}"
        title += f", {any_['listeners']:,} listeners"
        rows = [["**all that ship**", "", "", f"**{_short(any_['ours'])}**", "", "", ""]]
        yield title, rows + [_row(name, figure) for name, figure in of_board.items()]


def _row(name: str, figure: Mapping[str, Any]) -> list[str]:
    low, mean, high = (100 * (figure[end] - 1) for end in ("ratio_low", "ratio", "ratio_high"))
    weights = [f"{figure[w]:.2f}" if figure["ships"] else "" for w in ("weight", "weight_unheard")]
    return [
        name if figure["ships"] else f"{name} (does not ship)",
        *weights,
        _short(figure["peer"]),
        f"{_signed(mean)} % ({_signed(low)} to {_signed(high)})",
        _short(figure["alone"]),
        f"{figure['fit_seconds']:.1f}",
    ]


def _signed(percent: float) -> str:
    return f"{round(percent, 1) + 0.0:+.1f}"  # no -0.0


def _short(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def markdown(figures: Figures) -> str:
    """Return the tables as docs/models/gains.md has them."""
    rule = ["---", *["---:"] * (len(HEADS) - 1)]
    return "\n".join(
        f"## {title}\n\n" + "".join(f"| {' | '.join(r)} |\n" for r in (HEADS, rule, *rows))
        for title, rows in tables(figures)
    )


def terminal(figures: Figures) -> Iterator[Table]:
    """Yield the tables for the terminal."""
    for title, rows in tables(figures):
        table = Table(title=title)
        for head in HEADS:
            table.add_column(head, justify="right" if head else "left")
        for row in rows:
            table.add_row(*(cell.replace("**", "") for cell in row))
        yield table


def show(figures: Figures, as_markdown: bool) -> None:
    """Print the tables."""
    if as_markdown:
        print(markdown(figures), end="")
        return
    console = _bench.console()
    for table in terminal(figures):
        console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute what is missing; print the tables and write the figures of all seeds that stand."""
    parser = argparse.ArgumentParser(description="what each channel adds to the blend")
    parser.add_argument("--json", type=Path, help="write machine and figures to this file")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--from", type=Path, dest="given", help="figures of an earlier --json")
    parser.add_argument("--quick", action="store_true", help="one seed, HetRec discovery")
    parser.add_argument("--data", type=Path, default=BESIDE, help="the folder of listening data")
    parser.add_argument("--out", type=Path, default=Path("build/channels"), help="where values lie")
    parser.add_argument("--board", action="append", choices=[asked.name for asked in BOARDS])
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--recipe", default="quick", choices=[*RECIPES], help="encore's recipe")
    given = parser.parse_args(arguments)
    if given.given:
        show(json.loads(given.given.read_text("utf-8"))["figures"], given.markdown)
        return
    if not given.data.is_dir():
        parser.error(f"{given.data}: no listening data there; --data FOLDER names where it is")
    boards = BOARDS[:1] if given.quick else [a for a in BOARDS if a.name in (given.board or a.name)]
    seeds = range(1 if given.quick else given.seeds)
    machine, console = _bench.machine(PACKAGES), Console(stderr=True)
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
    made = [figure for asked in boards for figure in figures_of(asked, kept_of(given.out, asked))]
    show({figure.name: figure.to_json() for figure in made}, given.markdown)
    if given.json:
        _bench.write_json(given.json, machine | {"recipe": given.recipe}, made)


def kept_of(out: Path, asked: Asked) -> dict[int, quality.Arrays]:
    """Return what was computed of a board, by seed."""
    found = {}
    for path in out.glob(f"{asked.name}/*.npz"):
        with np.load(path) as file:
            found[int(path.stem)] = dict(file)
    return dict(sorted(found.items()))


def _at(out: Path, asked: Asked, seed: int) -> Path:
    return out / asked.name / f"{seed}.npz"


if __name__ == "__main__":
    main()
