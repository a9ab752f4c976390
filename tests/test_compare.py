"""`encore compare` on runs made by hand: what it says, each flag, and what it refuses."""

import json
import math
import re
import sys
from base64 import b64decode
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import wilcoxon

from encore import folder
from encore.cli import main
from encore.evaluation.names import ENCORE
from encore.evaluation.significance import Comparison, holm
from encore.metrics import Interval
from encore.reports.naming import SHIPPED
from encore.reports.sentences import SAME_SETUP, sentence

SIZE = 60
USERS = [f"user {u}" for u in range(SIZE)]


def scores(level: float, seed: int = 0):
    """Per-listener values about `level`; the same listeners are easy at each level."""
    rng = np.random.default_rng(seed)
    return level * (0.5 + rng.random(SIZE)) + rng.normal(0, 0.002, SIZE)


def board(place: Path, name: str, users=USERS, **figures) -> None:
    """Write one board; a figure is named model__metric, with `at` for @ and `-` as `_dash_`."""
    place.mkdir(parents=True, exist_ok=True)
    arrays = {
        key.replace("__", "/").replace("_at_", "@").replace("_dash_", "-"): np.asarray(values)
        for key, values in figures.items()
    }
    np.savez(place / f"{name}.npz", allow_pickle=False, listeners=np.array(users), **arrays)


def test_side(place: Path, content: str) -> None:
    """Write what `encore evaluate` leaves of held-out rows, as far as compare reads it."""

    def fill(target: Path):
        (target / "plays.parquet").write_text(content)
        return {}

    folder.write(place, "dataset", 1, fill)


test_side.__test__ = False


def make_run(place: Path, level: float, seeds=(0, 1), rows: str = "rows") -> Path:
    """Write a run whose encore is about `level` on discovery, and its error 1 / level on plays."""
    for seed in seeds:
        at = place / str(seed)
        board(
            at,
            "discovery",
            encore__ndcg_at_10=scores(level, seed),
            encore__recall_at_10=scores(level / 2, seed),
            als__ndcg_at_10=scores(0.2, seed),
            item_dash_knn__ndcg_at_10=scores(0.1, seed + 50),
        )
        board(
            at,
            "plays",
            encore__squared_error=scores(1 / level, seed),
            mean__squared_error=scores(6, seed),
        )
        np.savez(at / "predictions.npz", predictions=np.zeros(3))
        test_side(at / "test", f"{rows} of seed {seed}")
    return place


@pytest.fixture
def encore(capsys, monkeypatch):
    """Run the command line; return (exit code, standard output, standard error)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["encore", "compare", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code or 0
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err + shown.out
        return code, shown.out, " ".join(shown.err.split())

    return run


@pytest.fixture
def compared(encore):
    """Run with --json; return the comparisons by (board, other)."""

    def run(*arguments):
        code, out, err = encore(*arguments, "--json")
        assert code == 0, err
        return {(each["board"], each["other"]): each for each in json.loads(out)["comparisons"]}

    return run


@pytest.fixture
def good(tmp_path):
    return make_run(tmp_path / "good", 0.3)


@pytest.fixture
def poor(tmp_path):
    return make_run(tmp_path / "poor", 0.25)


def test_the_model_compared_by_default_is_the_one_that_ships():
    assert SHIPPED == ENCORE


def test_two_runs_are_compared_on_each_board_they_share(encore, compared, good, poor):
    found = compared(good, poor)
    assert list(found) == [("discovery", str(poor)), ("plays", str(poor))]
    ranking, plays = found.values()
    assert ranking["one"] == str(good)
    assert (ranking["metric"], plays["metric"]) == ("ndcg@10", "squared_error")
    assert (ranking["seeds"], ranking["listeners"], ranking["left_out"]) == ([0, 1], SIZE, 0)
    assert ranking["ratio"]["mean"] == pytest.approx(1.2, abs=0.02)
    assert ranking["ratio"]["mean"] == pytest.approx(ranking["mean_one"] / ranking["mean_other"])
    assert plays["ratio"]["mean"] == pytest.approx(1 / 1.2, abs=0.02)
    assert (ranking["verdict"], plays["verdict"]) == ("better", "better")
    code, out, err = encore(good, poor)
    assert (code, err) == (0, "")
    assert f"encore: {good} against {poor}" in out
    assert f"{good} is better." in out
    assert "\x1b" not in out


def test_the_order_of_runs_is_the_direction(compared, good, poor):
    (ranking, plays) = compared(poor, good).values()
    assert ranking["ratio"]["mean"] < 1 < plays["ratio"]["mean"]
    assert (ranking["verdict"], plays["verdict"]) == ("worse", "worse")


def test_seeds_are_averaged_by_listener_and_p_is_scipys(compared, good, poor):
    found = compared(good, poor, "--board", "discovery")[("discovery", str(poor))]
    means = [np.mean([scores(level, seed) for seed in (0, 1)], axis=0) for level in (0.3, 0.25)]
    assert (found["mean_one"], found["mean_other"]) == pytest.approx(
        [side.mean() for side in means]
    )
    assert found["p"] == pytest.approx(wilcoxon(*means, zero_method="pratt").pvalue)


def test_several_runs_are_each_compared_with_the_first(compared, tmp_path, good, poor):
    equal = make_run(tmp_path / "equal", 0.3)
    found = compared(good, poor, equal)
    assert len(found) == 4
    assert found["discovery", str(equal)]["verdict"] == "equal"
    p_K = np.array([each["p"] for each in found.values()])
    assert [each["p_holm"] for each in found.values()] == pytest.approx(holm(p_K).tolist())


def test_json_has_the_shape_that_the_docstring_tells(encore, good, poor):
    _, out, _ = encore(good, poor, "--json")
    found = json.loads(out)
    assert list(found) == ["model", "comparisons", "differences"]
    assert found["model"] == "encore"
    wanted = (
        "board metric one other seeds listeners left_out mean_one mean_other ratio lean p p_holm "
        "verdict gains"
    )
    for each in found["comparisons"]:
        assert list(each) == wanted.split()
        assert set(each["ratio"]) == {"mean", "low", "high"}
    from encore.cli.compare import compare

    for name in [*wanted.split(), "model", "comparisons", "mean", "low", "high", "gain"]:
        assert f'"{name}"' in compare.__doc__


# One run


def test_one_run_compares_the_shipped_list_with_all_its_models(encore, compared, good):
    found = compared(good)
    assert list(found) == [("discovery", "als"), ("discovery", "item-knn"), ("plays", "mean")]
    assert {each["one"] for each in found.values()} == {"encore"}
    assert found["discovery", "als"]["ratio"]["mean"] == pytest.approx(1.5, abs=0.03)
    code, out, _ = encore(good)
    assert code == 0
    assert "discovery, ndcg@10: encore against" in out
    assert sum(line.endswith("encore is better.") for line in out.splitlines()) == 3


def test_against_chooses_the_models(encore, compared, good):
    assert list(compared(good, "--against", "als")) == [("discovery", "als")]
    both = compared(good, "--against", "als", "--against", "item-knn")
    assert list(both) == [("discovery", "als"), ("discovery", "item-knn")]
    _, _, err = encore(good, "--against", "als")
    assert "left out: plays, no squared_error that both encore and als have" in err


def test_model_chooses_who_is_compared(compared, good, poor):
    found = compared(good, "--model", "als", "--board", "discovery")
    assert list(found) == [("discovery", "encore"), ("discovery", "item-knn")]
    assert found["discovery", "encore"]["verdict"] == "worse"
    (between,) = compared(good, poor, "--model", "als").values()
    assert between["verdict"] == "equal"


def test_board_chooses_the_boards(compared, good, poor):
    assert list(compared(good, poor, "--board", "plays")) == [("plays", str(poor))]
    asked = ["--board", "plays", "--board", "discovery"]
    assert [name for name, _ in compared(good, poor, *asked)] == ["plays", "discovery"]


def test_metric_chooses_the_metric(encore, compared, good, poor):
    (found,) = compared(good, poor, "--metric", "recall@10").values()
    assert (found["metric"], found["board"]) == ("recall@10", "discovery")
    assert found["mean_one"] == pytest.approx(0.15, abs=0.02)
    _, _, err = encore(good, poor, "--metric", "recall@10")
    assert "left out: plays" in err


def test_a_seeds_own_folder_is_a_run_of_that_seed(compared, monkeypatch, good, poor):
    (found,) = compared(good / "1", poor, "--board", "discovery").values()
    assert (found["one"], found["seeds"]) == (str(good / "1"), [1])
    assert found["mean_one"] == pytest.approx(scores(0.3, 1).mean())
    monkeypatch.chdir(good / "1")
    assert [each["seeds"] for each in compared(".").values()] == [[1], [1], [1]]


def test_boards_come_in_their_usual_order(compared, tmp_path):
    names = ["plays", "cold_listener_10", "cold_listener_2", "cold_listener", "mine", "cold_track"]
    for name in [*names, "cold_track_full", "familiar", "discovery"]:
        metric = "squared_error" if name == "plays" else "ndcg_at_10"
        figures = {f"encore__{metric}": scores(0.3), f"als__{metric}": scores(0.2)}
        board(tmp_path / "run/0", name, **figures)
    assert [name for name, _ in compared(tmp_path / "run")] == [
        "discovery",
        "familiar",
        "cold_track",
        "cold_track_full",
        "cold_listener",
        "cold_listener_2",
        "cold_listener_10",
        "plays",
        "mine",
    ]


# Listeners


def test_listeners_are_paired_by_id_and_the_rest_is_told(encore, compared, tmp_path):
    values = scores(0.3)
    board(tmp_path / "a/0", "discovery", encore__ndcg_at_10=values)
    turned, others = [*USERS[:49:-1], *USERS[:40]], [*values[:49:-1], *values[:40]]
    board(tmp_path / "b/0", "discovery", turned, encore__ndcg_at_10=np.array(others) / 2)
    (found,) = compared(tmp_path / "a", tmp_path / "b").values()
    assert (found["listeners"], found["left_out"]) == (50, 10)
    assert found["ratio"] == pytest.approx({"mean": 2, "low": 2, "high": 2})
    _, out, _ = encore(tmp_path / "a", tmp_path / "b")
    assert "50 listeners, seed 0, 10 left out who have a value in only one" in out


def test_a_model_asked_for_some_listeners_is_compared_on_those(compared, tmp_path):
    some = np.where(np.arange(SIZE) < 7, scores(0.1), np.nan)
    board(tmp_path / "run/0", "discovery", encore__ndcg_at_10=scores(0.3), some__ndcg_at_10=some)
    (found,) = compared(tmp_path / "run").values()
    assert (found["listeners"], found["left_out"]) == (7, SIZE - 7)
    assert found["mean_one"] == pytest.approx(scores(0.3)[:7].mean())


def test_nobody_in_common_is_said(encore, tmp_path):
    board(tmp_path / "a/0", "discovery", encore__ndcg_at_10=scores(0.3))
    board(tmp_path / "b/0", "discovery", [*map(str, range(SIZE))], encore__ndcg_at_10=scores(0.3))
    code, out, _ = encore(tmp_path / "a", tmp_path / "b")
    assert code == 0
    assert "have no listener in common." in out
    _, out, _ = encore(tmp_path / "a", tmp_path / "b", "--json")
    assert json.loads(out)["comparisons"][0]["p"] is None


# Test sides


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("discovery", "test"),
        ("familiar", "test"),
        ("cold_track_full", "cold-tracks/test"),
        ("cold_listener_5", "cold-listeners/test"),
    ],
)
def test_other_held_out_rows_are_refused_by_both_names(encore, tmp_path, name, side):
    for run in "ab":
        board(tmp_path / run / "0", name, encore__ndcg_at_10=scores(0.3))
        test_side(tmp_path / run / "0" / side, "rows")
    assert encore(tmp_path / "a", tmp_path / "b")[0] == 0
    test_side(tmp_path / "b/0" / side, "other rows")
    code, out, err = encore(tmp_path / "a", tmp_path / "b")
    assert (code, out) == (1, "")
    assert f"{tmp_path / 'a/0' / side} and {tmp_path / 'b/0' / side} hold different plays" in err
    assert "--seed" in err


def test_only_the_test_sides_of_boards_compared_matter(encore, good, poor):
    for run in (good, poor):
        board(run / "0", "cold_track", encore__ndcg_at_10=scores(0.3))
        test_side(run / "0/cold-tracks/test", f"rows of {run}")
    assert encore(good, poor, "--board", "discovery")[0] == 0
    assert encore(good, poor)[0] == 1


def test_a_damaged_manifest_is_refused_by_name(encore, good, poor):
    manifest = poor / "1/test/manifest.json"
    manifest.write_text(manifest.read_text().replace("plays", "prays"))
    code, _, err = encore(good, poor)
    assert code == 1
    assert f"{manifest}: damaged" in err


def test_absent_test_sides_are_told(encore, tmp_path, good):
    board(tmp_path / "b/0", "discovery", encore__ndcg_at_10=scores(0.3))
    code, _, err = encore(good / "0", tmp_path / "b")
    assert code == 0
    assert f"not verified that both held out the same rows: no {tmp_path / 'b/0/test'}" in err


def test_seeds_of_one_run_only_are_left_out_and_told(encore, compared, tmp_path, good):
    more = make_run(tmp_path / "more", 0.3, seeds=(1, 2))
    assert compared(good, more)["discovery", str(more)]["seeds"] == [1]
    _, _, err = encore(good, more)
    assert "compared on seeds 1" in err


def test_a_board_that_one_run_lacks_is_left_out_and_told(encore, good, poor):
    (poor / "0/plays.npz").unlink()
    (poor / "1/plays.npz").unlink()
    code, out, err = encore(good, poor)
    assert code == 0
    assert "squared_error" not in out
    assert "left out: plays" in err


# Wrong calls


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "runs"),
        (["GOOD", "POOR", "--against", "als"], 2, "--against compares models of one RUN"),
        (["GOOD", "--against", "encore"], 2, "--against encore"),
        (["GOOD", "NOWHERE"], 1, "NOWHERE: no such folder"),
        (["EMPTY"], 1, "found nothing; expected a folder for each seed"),
        (["GOOD", "THIRD"], 1, "no seed in common"),
        (["GOOD", "POOR", "--board", "moon"], 1, "no board 'moon'; expected one of discovery"),
        (["GOOD", "--against", "moon"], 1, "no model 'moon' on discovery, plays"),
        (["GOOD", "--model", "moon"], 1, "no model 'moon'"),
        (["GOOD", "POOR", "--model", "moon"], 1, "als/ndcg@10, encore/ndcg@10"),
        (["GOOD", "POOR", "--metric", "moon"], 1, "no moon that both"),
        (["GOOD", "POOR", "--board", "plays", "--metric", "ndcg@10"], 1, "board plays: no ndcg@10"),
    ],
)
def test_a_wrong_call_tells_what_and_exits(
    encore, monkeypatch, tmp_path, good, poor, arguments, code, told
):
    make_run(tmp_path / "third", 0.3, seeds=(7,))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    places = {"GOOD": good, "POOR": poor, "THIRD": "third", "EMPTY": "empty"}
    found, out, err = encore(*[places.get(word, word) for word in arguments])
    assert (found, out) == (code, "")
    assert told in err


def test_runs_without_a_board_in_common_are_refused(encore, tmp_path):
    board(tmp_path / "a/0", "discovery", encore__ndcg_at_10=scores(0.3))
    board(tmp_path / "b/0", "familiar", encore__ndcg_at_10=scores(0.3))
    code, _, err = encore(tmp_path / "a", tmp_path / "b")
    assert code == 1
    assert "has boards discovery" in err


def test_a_run_of_one_model_has_nothing_to_compare(encore, tmp_path):
    board(tmp_path / "a/0", "discovery", encore__ndcg_at_10=scores(0.3))
    code, _, err = encore(tmp_path / "a")
    assert code == 1
    assert "no model beside encore" in err


def test_a_board_of_an_older_encore_is_refused_by_name(encore, tmp_path):
    board(
        tmp_path / "a/0",
        "discovery",
        range(SIZE),
        encore__ndcg_at_10=scores(1),
        x__ndcg_at_10=scores(1),
    )
    code, _, err = encore(tmp_path / "a")
    assert code == 1
    assert f"{tmp_path / 'a/0/discovery.npz'}, encore/ndcg@10: listeners: int64" in err
    assert "evaluate again" in err


@pytest.mark.parametrize("keep", [0, 100, 0.5])
def test_a_damaged_board_is_refused_by_name(encore, good, keep):
    file = good / "0/discovery.npz"
    body = file.read_bytes()
    file.write_bytes(body[: keep if isinstance(keep, int) else int(len(body) * keep)])
    code, _, err = encore(good)
    assert code == 1
    assert f"{file}: damaged" in err


def test_a_flipped_byte_in_a_board_is_refused_by_name(encore, good):
    file = good / "0/discovery.npz"
    body = bytearray(file.read_bytes())
    body[len(body) // 3] ^= 1
    file.write_bytes(body)
    code, _, err = encore(good)
    assert code == 1
    assert str(file) in err


# What differs, and the page


def write_results(run: Path, seeds=(0, 1), **config) -> None:
    for seed in seeds:
        facts = {"config": {"dropout": 0.2, "layers": [8, 4], "seed": seed, **config}}
        (run / str(seed) / "results.json").write_text(json.dumps(facts))


def test_what_differs_between_runs_is_printed_and_in_json(encore, good, poor):
    write_results(good)
    write_results(poor, dropout=0.1, layers=[16])
    _, out, _ = encore(good, poor)
    assert [line.split() for line in out.splitlines() if line.startswith("config")] == [
        ["config.dropout", "0.2", "0.1"],
        ["config.layers", "8,", "4", "16"],
    ]
    _, out, _ = encore(good, poor, "--json")
    assert json.loads(out)["differences"] == [
        {"run": str(poor), "setting": "config.dropout", "one": 0.2, "other": 0.1},
        {"run": str(poor), "setting": "config.layers", "one": [8, 4], "other": [16]},
    ]


def test_the_same_settings_and_unknown_ones_are_said_in_words(encore, good, poor):
    write_results(good)
    _, out, _ = encore(good, poor)
    assert f"{good}, {poor}: What differs in how they were made is not known" in out
    write_results(poor)
    _, out, _ = encore(good, poor)
    assert f"{good}, {poor}: {SAME_SETUP}" in out
    _, out, _ = encore(good)
    assert SAME_SETUP not in out


def test_gains_count_the_listeners_of_the_comparison(compared, good, poor):
    for each in compared(good, poor).values():
        assert sum(each["gains"].values()) == each["listeners"]
        assert each["gains"]["gain"] > each["gains"]["lose"]


def test_out_writes_the_page_of_what_is_printed(encore, tmp_path, good, poor):
    write_results(good)
    write_results(poor, dropout=0.1)
    page = tmp_path / "pages/page.html"
    code, out, err = encore(good, poor, "--out", page)
    assert code == 0
    assert f"page: {page}" in err
    text = unescape(page.read_text())
    told = [line for line in out.splitlines() if line.endswith("is better.")]
    assert len(told) == 2
    for words in (*told, "config.dropout", "Side by side", f"{good} against {poor}"):
        assert words in text
    assert not (good / "comparison.html").exists()


def test_a_page_of_one_run_has_its_models_and_no_differences(encore, tmp_path, good):
    page = tmp_path / "page.html"
    assert encore(good, "--json", "--out", page)[0] == 0
    text = page.read_text()
    assert f"<h1>encore in {good}</h1>" in text
    assert "item-knn" in text
    assert "Side by side" not in text
    assert "What differs" not in text


def test_open_shows_the_page_where_it_was_written(encore, monkeypatch, tmp_path, good, poor):
    shown = []
    monkeypatch.setattr("typer.launch", shown.append)
    encore(good, poor, "--open")
    encore(good, poor, "--open", "--out", tmp_path / "page.html")
    pages = [good / "comparison.html", tmp_path / "page.html"]
    assert shown == [page.as_uri() for page in pages]
    assert all(page.is_file() for page in pages)


def test_side_by_side_are_the_means_over_the_shared_seeds(encore, tmp_path, good):
    more = make_run(tmp_path / "more", 0.25, seeds=(1, 2))
    page = tmp_path / "page.html"
    encore(good, more, "--out", page)
    (twin,) = re.findall('download="means.json" href="data:[^,]*,([^"]+)"', page.read_text())
    rows = json.loads(b64decode(twin))["rows"]
    (means,) = (row[2:] for row in rows if row[:2] == ["discovery, ndcg@10", "encore"])
    assert means == pytest.approx([scores(level, 1).mean() for level in (0.3, 0.25)])


# Sentences


def comparison(**changes) -> Comparison:
    facts = {
        "board": "discovery",
        "metric": "ndcg@10",
        "one": "encore",
        "other": "als",
        "seeds": (0, 1, 2),
        "listeners": 1884,
        "left_out": 0,
        "mean_one": 0.249,
        "mean_other": 0.24,
        "ratio": Interval(1.0375, 1.01, 1.06),
        "lean": 0.2,
        "p": 0.0004,
        "p_holm": 0.0012,
        "verdict": "better",
    }
    return Comparison(**{**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {},
            "discovery, ndcg@10: encore 0.249, als 0.240; 1.038 (1.010 to 1.060) times; "
            "p < 0.001, 0.001 after Holm; 1,884 listeners, seeds 0, 1, 2: encore is better.",
        ),
        ({"seeds": (3,), "verdict": "worse"}, "1,884 listeners, seed 3: encore is worse."),
        ({"verdict": "unclear", "lean": -0.2}, "opposite ways, so neither is better."),
        ({"verdict": "unclear", "p_holm": 0.2}, "the interval tells them apart, the p does not"),
        (
            {"verdict": "unclear", "ratio": Interval(1.01, 0.99, 1.06)},
            "the p tells them apart, the interval does not",
        ),
        (
            {"verdict": "unclear", "ratio": Interval(1.01, 0.99, 1.06), "p_holm": 0.2},
            "they cannot be told apart.",
        ),
        (
            {"metric": "squared_error", "ratio": Interval(1.21, 1.1, 1.3), "verdict": "worse"},
            "als 0.240 (less is better); 1.210 (1.100 to 1.300) times, 1.100 times the RMSE; p",
        ),
        (
            {"ratio": Interval(math.nan, math.nan, math.nan), "mean_other": 0.0},
            "no ratio to 0.000; p",
        ),
        ({"verdict": "equal"}, "the same for every listener (1,884 listeners, seeds 0, 1, 2)."),
    ],
)
def test_a_sentence_says_what_the_numbers_say(changes, told):
    assert told in sentence(comparison(**changes))
