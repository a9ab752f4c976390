"""The pure parts of the quality bench: which cells there are, what is tried, what a figure says."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


def test_every_contender_has_frozen_settings_and_equal_trials(quality: ModuleType) -> None:
    for source in ("hetrec", "taste"):
        for figure in quality.FIGURES:
            if figure.source != source:
                continue
            for model in quality.contenders(source, figure.kind):
                told = quality.tuned(source)[figure.kind][model]
                values = [trial["validation"] for trial in told["trials"]]
                assert told["validation"] == max(values), (source, figure.kind, model)
                assert len(values) in (1, quality.TRIALS), (source, figure.kind, model)
                space = quality.PLAYS_SPACE.get(model) or quality.RANKERS[model].space
                of_main = figure.kind in (quality.MAIN, quality.PLAYS)
                assert len(values) == (quality.TRIALS if space and of_main else len(values))


def test_trials_begin_with_the_defaults_and_are_drawn_from_the_space(quality: ModuleType) -> None:
    first, *drawn = quality._trials(quality.MAIN, "als", {})
    space = quality.RANKERS["als"].space
    assert first == {}
    assert len(drawn) == quality.TRIALS - 1
    assert all(trial.keys() == space.keys() for trial in drawn)
    assert all(trial[name] in space[name] for trial in drawn for name in space)
    assert drawn == [*quality._trials(quality.MAIN, "als", {})][1:]


def test_on_cold_tracks_only_those_compete_who_can_rank_them(quality: ModuleType) -> None:
    assert quality.contenders("hetrec", quality.COLD_TRACK) == ["popularity", "content", "lightfm"]
    assert "friends" in quality.contenders("hetrec", quality.MAIN)
    assert "friends" not in quality.contenders("taste", quality.MAIN)


def test_a_published_split_has_one_seed(quality: ModuleType) -> None:
    cells = quality.cells(["hetrec", "sociallgn"], range(3))
    assert len(set(cells)) == len(cells)
    assert {cell.seed for cell in cells if cell.source == "hetrec"} == {0, 1, 2}
    assert {cell.seed for cell in cells if cell.source == "sociallgn"} == {0}


def test_a_figure_is_against_the_peer_that_validation_prefers(
    quality: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = next(figure for figure in quality.FIGURES if figure.source == "sociallgn")
    peers = quality.contenders(asked.source, asked.kind)
    # The best on test is not the best on validation.
    validation = dict.fromkeys(peers, 0.1) | {"bpr": 0.9}
    test = dict.fromkeys(peers, 0.2) | {"ease": 0.5, "bpr": 0.3, quality.OURS: 0.6}
    told = {asked.kind: {m: {"validation": value} for m, value in validation.items()}}
    monkeypatch.setattr(quality, "tuned", lambda _: told)
    rng = np.random.default_rng(0)
    spread = rng.normal(0, 0.01, 40)
    for model, value in test.items():
        path = quality.Cell(asked.source, asked.kind, 0, model).at(tmp_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        named = {f"discovery/{m}": value + spread for m in ("ndcg@10", "recall@10", "ndcg@20")}
        np.savez(
            path,
            **named,
            **{
                "discovery/listeners": np.array([f"u{u}" for u in range(40)]),
                "discovery/coverage@20": np.array(0.1),
                "fit_seconds": np.array(1.0),
                "peak_gib": np.array(0.5),
            },
        )
    figure, _ = quality.ranking_figure(asked, [0], tmp_path)
    assert figure.beside["peer_name"] == "bpr"
    assert figure.ours == pytest.approx(0.6, abs=0.01)
    assert figure.ratio == pytest.approx(2, abs=0.05)
    assert figure.beside["ratio_low"] < figure.ratio < figure.beside["ratio_high"]
    json.dumps(figure.to_json(), allow_nan=False)


def test_r2_of_a_figure_is_of_all_rows(quality: ModuleType) -> None:
    rng = np.random.default_rng(1)
    user, target = rng.integers(0, 5, 60), rng.normal(size=60)
    predicted = target + rng.normal(0, 0.3, 60)
    sums = quality.metrics.play_sums(user, predicted, target, 5)
    whole = quality.metrics.pooled_r2(sums.sum(0)[None, :])[0]
    naive = 1 - ((predicted - target) ** 2).sum() / ((target - target.mean()) ** 2).sum()
    assert whole == pytest.approx(naive)
