"""Figures show what they were given, and draw odd inputs without a warning."""

import subprocess
import sys
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from encore.errors import InputError
from encore.reports import plots
from encore.reports.style import ACCENT, INK


def drawn(figure: Figure) -> str:
    """Draw the figure and return all of its words."""
    figure.savefig(BytesIO(), format="png")
    return " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))


def test_training_marks_the_restored_epoch_and_names_its_curves(
    history: list[dict[str, Any]],
) -> None:
    figure = plots.plot_training(history)
    words = drawn(figure)
    assert "best: epoch 17" in words
    assert all(name in words for name in ("validation", "training", "plays part", "rank part"))
    assert len(figure.axes) == 6


def test_training_leaves_out_panels_without_values() -> None:
    rows = [{"epoch": 1, "train_loss": 1.0, "val_ndcg": None}, {"epoch": 2, "train_loss": 0.5}]
    figure = plots.plot_training(rows)
    assert len(figure.axes) == 1
    assert "best" not in drawn(figure)


def test_training_draws_the_second_pass_over_the_epochs_that_it_repeats(
    history: list[dict[str, Any]],
) -> None:
    empty = dict.fromkeys(["val_loss", "val_rmse", "val_r2", "val_ndcg", "best"])
    again = [{**row, **empty, "phase": "refit"} for row in history[:17]]
    figure = plots.plot_training([*history, *again])
    assert "best: epoch 17" in drawn(figure)
    assert "on all rows" in drawn(figure)
    for axes in figure.axes:
        for line in axes.lines:
            across = np.asarray(line.get_xdata())
            assert len(across) == 2 or np.all(np.diff(across) > 0), "no curve runs backwards"
    dashed = [line for axes in figure.axes for line in axes.lines if line.get_linestyle() == "--"]
    curves = [line for line in dashed if len(np.asarray(line.get_xdata())) == 17]
    assert len(curves) == 2, "training loss and throughput"


@pytest.mark.parametrize(("last", "scale"), [(5e-4, "linear"), (1e-5, "log")])
def test_a_learning_rate_that_spans_has_a_logarithmic_axis(
    history: list[dict[str, Any]], last: float, scale: str
) -> None:
    figure = plots.plot_training([*history[:-1], {**history[-1], "learning_rate": last}])
    words = drawn(figure)
    axes = next(axes for axes in figure.axes if axes.get_title("left") == "learning rate")
    assert axes.get_yscale() == scale
    low, high = axes.get_ylim()
    assert low < last < 1e-3 < high
    assert "0.001" in words


@pytest.mark.parametrize("rows", [[{}], [{"train_loss": float("nan")}], [{"train_loss": 1.0}]])
def test_training_draws_the_least_history(rows: list[dict[str, Any]]) -> None:
    drawn(plots.plot_training(rows))


def test_prediction_analysis_has_the_four_panels(predictions) -> None:
    figure = plots.plot_prediction_analysis(
        dict(zip(("predictions", "targets"), predictions, strict=True))
    )
    words = drawn(figure)
    for panel in ("predicted by true plays", "errors", "Q-Q", "residuals"):
        assert panel in words
    error = float(np.mean(predictions[0] - predictions[1]))
    assert f"mean {error:+.3f}" in words


@pytest.mark.parametrize(
    ("predicted", "true"),
    [
        ([1.0], [2.0]),
        ([1.0, 1.0], [1.0, 1.0]),
        ([-0.5, 3.0], [0.0, 12.0]),
        ([2.0] * 50, list(np.linspace(0, 5, 50))),
    ],
)
def test_predictions_of_any_shape_are_drawn(predicted: list[float], true: list[float]) -> None:
    drawn(plots.plot_prediction_analysis({"predictions": predicted, "targets": true}))


@pytest.mark.parametrize(
    ("predicted", "true"), [([], []), ([1.0], [1.0, 2.0]), ([float("nan")], [1.0])]
)
def test_predictions_that_cannot_be_drawn_are_refused(
    predicted: list[float], true: list[float]
) -> None:
    with pytest.raises(InputError, match="predictions"):
        plots.plot_prediction_analysis({"predictions": predicted, "targets": true})


def test_comparison_sorts_by_the_first_metric_and_colours_the_highlight(results) -> None:
    figure = plots.plot_metric_comparison(
        results["boards"]["discovery"], ["ndcg@10", "recall@10", "coverage@20"], "encore"
    )
    drawn(figure)
    labels = figure.axes[0].get_yticklabels()
    assert [text.get_text() for text in labels][:2] == ["encore", "network-rank"]
    assert [text.get_color() for text in labels][:2] == [ACCENT, INK]
    assert not figure.axes[3].axison


def test_comparison_puts_the_least_error_first_and_the_missing_last() -> None:
    board = {
        "none": {},
        "bad": {"rmse": {"mean": 2.0}},
        "good": {"rmse": {"mean": 1.0, "low": None}},
    }
    figure = plots.plot_metric_comparison(board, ["rmse"], "good")
    assert "better" in drawn(figure)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["good", "bad", "none"]


def test_cold_start_names_groups_rows_and_models(results) -> None:
    words = drawn(plots.plot_cold_start(results["cold_start"]))
    for part in ("cold listeners", "212 rows", "warm tracks", "encore", "listener+track-mean"):
        assert part in words


def test_drawing_needs_no_global_state() -> None:
    code = "import sys, encore.reports.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
