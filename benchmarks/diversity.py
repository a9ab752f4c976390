"""What diversity costs: accuracy of lists against how varied they are, for each method and weight.

    python benchmarks/diversity.py --json build/diversity.json --figure docs/diversity.svg
    python benchmarks/diversity.py --from build/diversity.json --figure docs/diversity.svg

HetRec, seed 0: the bundle is trained once and kept in `--out`. Lists of 10 and of 20 are made as
`recommend` makes them, and stand beside those without diversity: NDCG@10 on held-out rows, and the
intra-list diversity by content (what the boards show) and by co-listening. Every other listener is
of the half by which the weight that ships was chosen; figures are of the other half.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.figure import Figure

import _bench
import encore
from datasets import BESIDE, SOURCES
from encore import Dataset, Rules, metrics
from encore.evaluation import questions
from encore.evaluation.boards import Question
from encore.models.ranking import EMPTY, Floats, Integers, are_held
from encore.recipes import RECIPES
from encore.recommend.catalogue import taste_of
from encore.recommend.fold_in import listener_of
from encore.recommend.recommender import Recommender
from encore.recommend.rules import ScoreArray, Taste, rank
from encore.reports.style import ACCENT, INK, MUTED, SECOND, beside, dress, figure_of

PACKAGES = ("torch", "numpy", "scipy", "implicit")
WEIGHTS = {
    "pairs": (0.7, 1.4, 2.1, 2.5, 2.85, 3.3, 4.0, 5.0),
    "mean": (1.0, 2.0, 4.0, 6.0, 8.0, 12.0),
    "mmr": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
}
LENGTHS = (10, 20)
AT_ONCE = 100
FLOOR = 0.97  # of the ranking's NDCG@10, under which the default list must not fall
GOAL = 1.3  # times its diversity
SHOWN = {"pairs": (1.4, 2.1, 2.85, 4.0), "mean": (4.0, 8.0), "mmr": (2.0, 4.0)}  # in the table
COLOURS = {"pairs": ACCENT, "mean": SECOND, "mmr": MUTED}

Values = dict[str, npt.NDArray[np.float64]]


def model_of(folder: Path, out: Path, recipe: str) -> tuple[Recommender, Dataset]:
    """Return the model and the test side of seed 0; trained where `out` does not have it yet."""
    train, test = SOURCES["hetrec"].sides(folder, 0)
    bundle = out / recipe
    if not bundle.exists():
        encore.train(train, RECIPES[recipe]().replaced(seed=0)).save(bundle)
    return encore.load(bundle), test


Asked = list[tuple[Floats, Taste]]
"""The scores (T,) of each listener and what rules read of them: found once for all weights."""


def asked(model: Recommender, question: Question) -> Asked:
    """Return who is asked."""
    bundle, user_B = model.bundle, question.audience.user_B
    found: Asked = []
    for start in range(0, len(user_B), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        scores_BT = model.scores(question.audience.at(rows))
        for scores_T, user_id in zip(scores_BT, question.listeners[rows], strict=True):
            listener = listener_of(bundle, str(user_id), None)
            found.append((scores_T, taste_of(bundle, listener, model.catalogue)))
    return found


def lists(model: Recommender, who: Asked, n: int, rules: Rules) -> Integers:
    """Return the lists (B, n) of all who are asked."""
    top_Bn = np.full((len(who), n), EMPTY, np.int64)
    for row, (scores_T, taste) in enumerate(who):
        scores = ScoreArray(scores_T, model.catalogue.ties)
        found = rank(scores, n, rules, model.catalogue, taste)
        top_Bn[row, : len(found.tracks_n)] = found.tracks_n
    return top_Bn


def values_of(model: Recommender, question: Question, top_Bn: Integers) -> Values:
    """Return accuracy and diversity of each listener's list."""
    catalogue = model.catalogue
    hits_Bn = are_held(top_Bn, question.held_BT)
    return {
        "ndcg": metrics.ndcg_at_k(hits_Bn, question.relevant_B, 10),
        "ndcg_whole": metrics.ndcg_at_k(hits_Bn, question.relevant_B, top_Bn.shape[1]),
        "content": metrics.intra_list_diversity(top_Bn, catalogue.content_TC),
        "listening": metrics.intra_list_diversity(top_Bn, catalogue.together_TD),
    }


def figures_of(
    method: str, weight: float, n: int, varied: Values, plain: Values
) -> Iterable[_bench.Figure]:
    """Yield the figure of one point of the curve: NDCG@10, its diversity beside it."""
    rest = np.arange(len(plain["ndcg"])) % 2 == 1
    ratio = metrics.ratio_interval(varied["ndcg"][rest], plain["ndcg"][rest])
    found = {
        f"{sense}_{half}": float(np.nanmean(varied[sense][at]) / np.nanmean(plain[sense][at]))
        for sense in plain
        for half, at in (("ratio", rest), ("chosen_by", ~rest))
    }
    about = {
        "method": method,
        "weight": weight,
        "n": n,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "content": float(np.nanmean(varied["content"][rest])),
        "content_plain": float(np.nanmean(plain["content"][rest])),
        "listeners": int(rest.sum()),
    }
    yield _bench.Figure(
        f"hetrec_{method}_{weight:g}_of_{n}",
        float(np.nanmean(varied["ndcg"][rest])),
        float(np.nanmean(plain["ndcg"][rest])),
        "NDCG@10",
        "higher",
        beside=about | found,
    )


def measured(
    model: Recommender, test: Dataset, weights: Mapping[str, Sequence[float]]
) -> list[_bench.Figure]:
    """Return every point of the curve."""
    question = questions.discovery(questions.Known.to(model), test)
    who = asked(model, question)
    found: list[_bench.Figure] = []
    for n in LENGTHS:
        plain = values_of(model, question, lists(model, who, n, Rules.plain()))
        for method, each in weights.items():
            for weight in each:
                rules = Rules(diversity=method, lambda_div=weight)
                varied = values_of(model, question, lists(model, who, n, rules))
                found += figures_of(method, weight, n, varied, plain)
    return found


Figures = Mapping[str, Mapping[str, Any]]


def drawn(figures: Figures) -> Figure:
    """Return the picture: accuracy against diversity, both as multiples of the plain ranking's."""
    figure = figure_of(5.4)
    for axes, n in zip(figure.subplots(2, 1, sharex=True), LENGTHS, strict=True):
        across = "intra-list diversity by content / that of the plain ranking"
        dress(axes, f"lists of {n}", across if n == LENGTHS[-1] else "", f"NDCG@{n} / plain")
        axes.axhline(FLOOR, color=MUTED, linewidth=0.6, linestyle=":")
        axes.axvline(GOAL, color=MUTED, linewidth=0.6, linestyle=":")
        for method, colour in COLOURS.items():
            points = [f for f in figures.values() if (f["method"], f["n"]) == (method, n)]
            points.sort(key=lambda point: point["weight"])
            x = [1.0, *(point["content_ratio"] for point in points)]
            y = [1.0, *(point["ndcg_whole_ratio"] for point in points)]
            axes.plot(x, y, color=colour, marker="o", markersize=2.5, linewidth=1.2, label=method)
            for point in points:
                if (method, point["weight"]) == (Rules().diversity, Rules().lambda_div):
                    at = (point["content_ratio"], point["ndcg_whole_ratio"])
                    axes.plot(*at, "o", color=INK, markersize=6)
                    axes.annotate("default", at, (6, 6), **beside(INK, "left", "bottom"))
        axes.set_ylim(0.8, 1.02)
        axes.set_xlim(0.99, 1.5)
    figure.axes[0].legend(frameon=False, fontsize=9, labelcolor=INK, loc="lower left")
    return figure


def markdown(figures: Figures) -> str:
    """Return the rows of docs/recommending.md."""
    heads = ("method", "weight", "n", "NDCG@10", "/ plain", "NDCG@n / plain", "diversity", "by ALS")
    rows = [heads, ("---", *["---:"] * (len(heads) - 1))]
    for f in figures.values():
        if f["weight"] in SHOWN[f["method"]]:
            interval = f"{f['ratio']:.3f} ({f['ratio_low']:.3f} to {f['ratio_high']:.3f})"
            whole = f"{f['ndcg_whole_ratio']:.3f}"
            ratios = (whole, f"{f['content_ratio']:.2f} x", f"{f['listening_ratio']:.2f} x")
            ndcg = f"{f['ours']:.4f}".removeprefix("0")
            rows.append((f["method"], f"{f['weight']:g}", str(f["n"]), ndcg, interval, *ratios))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the curve, or read it from `--from`; print it, draw it and write it."""
    parser = argparse.ArgumentParser(description="accuracy of lists against their diversity")
    parser.add_argument("--json", type=Path, help="write machine and figures to this file")
    parser.add_argument("--figure", type=Path, help="draw the curve to this file (.svg, .png)")
    parser.add_argument("--from", type=Path, dest="given", help="figures of an earlier --json")
    parser.add_argument("--quick", action="store_true", help="the default's weight alone")
    parser.add_argument("--data", type=Path, default=BESIDE, help="the folder of listening data")
    parser.add_argument("--out", type=Path, default=Path("build/diversity"), help="of the bundle")
    parser.add_argument("--recipe", default="quick", choices=[*RECIPES], help="encore's recipe")
    given = parser.parse_args(arguments)
    if given.given:
        figures = json.loads(given.given.read_text("utf-8"))["figures"]
    elif given.data.is_dir():
        machine = _bench.machine(PACKAGES)
        weights = {Rules().diversity: (Rules().lambda_div,)} if given.quick else WEIGHTS
        made = measured(*model_of(given.data, given.out, given.recipe), weights)
        figures = {figure.name: figure.to_json() for figure in made}
        if given.json:
            _bench.write_json(given.json, machine | {"recipe": given.recipe}, made)
    else:
        parser.error(f"{given.data}: no listening data there; --data FOLDER names where it is")
    print(markdown(figures), end="")
    if given.figure:
        with rc_context({"svg.hashsalt": "diversity", "svg.fonttype": "none"}):
            drawn(figures).savefig(given.figure, metadata={"Date": None}, dpi=150)


if __name__ == "__main__":
    main()
