"""Leave-one-channel-out: the arithmetic of gains, and that it leaves out what it says."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import encore
from encore import Dataset, TrainConfig
from encore.evaluation import boards, questions
from encore.evaluation.questions import Known
from encore.models.network_rank import NETWORK

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/models/gains.md"


def kept(seed: int, ids: list[str], **variants: float) -> dict[str, np.ndarray]:
    """Values with a spread over listeners that all variants share."""
    spread = 1 + np.random.default_rng(seed).uniform(-0.5, 0.5, len(ids))
    values = {name.replace("__", "/").replace("_", "-"): v * spread for name, v in variants.items()}
    scorers = {name.partition("/")[2] for name in values if "/" in name}
    weights = {f"weight/{name}": np.array([0.25, 0.5]) for name in scorers - {"bpr"}}
    seconds = {f"seconds/{name}": np.array(seed + 1.0) for name in scorers}
    return {"listeners": np.array(ids), **values, **weights, **seconds}


IDS = [f"u{u}" for u in range(30)]
SIDES = {"without__als": 0.4, "with__bpr": 0.6, "alone__als": 0.3, "alone__bpr": 0.1}


def test_a_gain_is_of_the_blend_with_a_scorer_over_that_without_it(channels: ModuleType) -> None:
    als, bpr = channels.figures_of(channels.BOARDS[0], {0: kept(0, IDS, full=0.5, **SIDES)})
    assert als.name == "hetrec_discovery_without_als"
    assert als.ratio == pytest.approx(0.5 / 0.4)
    assert als.beside["alone"] / als.ours == pytest.approx(0.3 / 0.5)
    assert (als.beside["weight"], als.beside["weight_unheard"]) == (0.25, 0.5)
    assert bpr.name == "hetrec_discovery_with_bpr"  # does not ship: what it would bring
    assert bpr.ratio == pytest.approx(0.6 / 0.5)
    # All listeners gain by the same factor: whoever is drawn, the ratio is that.
    for figure in (als, bpr):
        assert figure.beside["ratio_low"] == pytest.approx(figure.ratio)
        assert figure.beside["ratio_high"] == pytest.approx(figure.ratio)
    json.dumps([als.to_json(), bpr.to_json()], allow_nan=False)


def test_a_listeners_values_are_averaged_over_seeds_first(channels: ModuleType) -> None:
    sides = {"without__als": 0.4, "alone__als": 0.3}
    seeds = {0: kept(0, IDS[:20], full=0.5, **sides), 1: kept(1, IDS[10:], full=0.2, **sides)}
    (figure,) = channels.figures_of(channels.BOARDS[0], seeds)
    of = {u: [] for u in IDS}
    for values in seeds.values():
        for u, one, other in zip(
            values["listeners"], values["full"], values["without/als"], strict=True
        ):
            of[u].append((one, other))
    one, other = np.mean([np.mean(pairs, axis=0) for pairs in of.values()], axis=0)
    assert figure.ours == pytest.approx(one)
    assert figure.peer == pytest.approx(other)
    assert figure.beside["listeners"] == 30
    assert figure.beside["fit_seconds"] == 1.5
    assert figure.beside["ratio_low"] < figure.ratio < figure.beside["ratio_high"]


def test_each_list_is_chosen_without_the_scorer_and_the_full_one_is_what_ships(
    channels: ModuleType, small_world: Dataset, small_config: TrainConfig
) -> None:
    config = small_config.replaced(ranker_folds=0, max_epochs=2, channels=("item-knn", "content"))
    train, test = encore.split(small_world)
    chosen = channels.choose_each(train, config)
    shipped = ["popularity", "item-knn", "content", NETWORK]
    assert chosen.shipped == shipped
    assert {*chosen.choices} == {"full", "with/bpr", *(f"without/{name}" for name in shipped)}
    for name in shipped:
        choice = chosen.choices[f"without/{name}"]
        assert name not in {*choice.weights, *choice.unheard, *choice.validation}
        assert {*choice.weights} == {*shipped} - {name}
    assert "bpr" not in chosen.choices["full"].weights
    assert "bpr" in chosen.choices["with/bpr"].weights

    model = encore.train(train, config)
    assert chosen.choices["full"] == model.bundle.choice
    asked = channels.BOARDS[0]
    found = channels.values_of(chosen, test, asked, 0)
    board = boards.ranking_board(model, questions.discovery(Known.to(model), test))
    assert found["listeners"].tolist() == board.listeners.tolist()
    np.testing.assert_array_equal(found["full"], board.values["encore"]["ndcg@10"])
    np.testing.assert_array_equal(found["alone/content"], board.values["content"]["ndcg@10"])
    heard, unheard = found["weight/content"]
    assert heard == model.bundle.choice.weights["content"]
    assert unheard == model.bundle.choice.unheard["content"]
    assert all(found[f"seconds/{name}"] > 0 for name in (*shipped, "bpr"))


def test_the_tables_say_what_the_figures_say(
    channels: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = channels.figures_of(channels.BOARDS[0], {0: kept(0, IDS, full=0.5, **SIDES)})
    path = tmp_path / "channels.json"
    channels._bench.write_json(path, {}, figures)
    channels.main(["--from", str(path), "--markdown"])
    told = capsys.readouterr().out
    als, bpr = figures
    assert told.startswith("## HetRec discovery: seed 0, 30 listeners\n\n|  | weight |")
    row = f"| {als.peer:.4f} | +25.0 % (+25.0 to +25.0) |".replace(" 0.", " .")
    assert f"| als | 0.25 | 0.50 {row}" in told
    assert f"| bpr (does not ship) |  |  | {bpr.peer:.4f} |".replace(" 0.", " .") in told
    assert "+20.0 % (+20.0 to +20.0)" in told
    channels.main(["--from", str(path)])
    assert "+25.0 % (+25.0 to +25.0)" in capsys.readouterr().out


def test_the_page_shows_what_was_measured(channels: ModuleType) -> None:
    figures = json.loads(channels.MEASURED.read_text("utf-8"))["figures"]
    assert channels.markdown(figures) in PAGE.read_text("utf-8"), (
        "docs/models/gains.md: put there what "
        "`python benchmarks/channels.py --from benchmarks/measured/channels.json --markdown` prints"
    )
