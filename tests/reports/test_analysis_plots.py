"""Figures of the analysis show what they were given, and draw odd inputs without a warning."""

from collections.abc import Callable
from copy import deepcopy
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from encore.reports import plots
from encore.reports.style import ACCENT, DARK, KINDS, SECOND

DRAW: dict[str, Callable[[dict[str, Any]], Figure]] = {
    "activity": lambda a: plots.plot_listener_groups(a["listeners"][0]),
    "mainstreamness": lambda a: plots.plot_listener_groups(a["listeners"][1]),
    "tiers": lambda a: plots.plot_tiers(a["tiers"]),
    "errors": lambda a: plots.plot_errors(a["errors"]),
    "calibration": lambda a: plots.plot_calibration(a["calibration"]),
    "concentration": lambda a: plots.plot_concentration(a["exposure"]),
    "deciles": lambda a: plots.plot_deciles(a["exposure"]),
    "genres": lambda a: plots.plot_genres(a["exposure"]),
    "coverage": lambda a: plots.plot_coverage(a["coverage"]),
    "channels": lambda a: plots.plot_channels(a["channels"]),
    "frontier": lambda a: plots.plot_frontier(a["frontier"]),
    "map": lambda a: plots.plot_map(a["map"]),
}

MODELS = ("encore", "als", "ease", "item-knn", "popularity", "training plays")


def drawn(figure: Figure) -> str:
    """Draw the figure and return all of its words."""
    figure.savefig(BytesIO(), format="png")
    return " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))


@pytest.mark.parametrize("name", DRAW)
def test_colours_are_those_that_dark_paper_knows(analysis: dict[str, Any], name: str) -> None:
    figure = DRAW[name](analysis)
    drawn(figure)
    lines = {to_hex(line.get_color()) for axes in figure.axes for line in axes.lines}
    patches = {to_hex(patch.get_facecolor()) for axes in figure.axes for patch in axes.patches}
    assert lines | patches <= {*DARK}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("activity", ("40 to 50", "512", "encore", "popularity", "listener by listener")),
        ("tiers", ("head", "54 %", "held out", "Recall@20")),
        ("errors", ("rock", "1970s", "3,600", "listener+track-mean", "RMSE")),
        ("calibration", ("mean predicted", "said to hold")),
        ("concentration", ("training plays", "encore", "popularity")),
        ("deciles", ("least", "most")),
        ("genres", ("rock", "listed by encore")),
        ("coverage", ("17,632", "encore", "item-knn")),
        ("channels", ("als", "lost without it", "alone")),
        ("frontier", ("0.1, ships", "NDCG@10")),
        ("map", ("Lady Gaga", "rock", "other")),
    ],
)
def test_names_and_numbers_are_there(
    analysis: dict[str, Any], name: str, words: tuple[str, ...]
) -> None:
    text = drawn(DRAW[name](analysis))
    assert [word for word in words if word not in text] == []


def test_what_is_lost_stands_on_the_side_of_losses(analysis: dict[str, Any]) -> None:
    left = plots.plot_channels(analysis["channels"]).axes[0]
    marks = [float(line.get_xdata()[0]) for line in left.lines if line.get_marker() == "o"]
    assert marks == sorted(marks, reverse=True)
    assert marks[0] == pytest.approx(100 * (1 - 0.958))
    assert marks[-1] < 0  # without popularity the list is better


def test_the_point_that_ships_is_marked(analysis: dict[str, Any]) -> None:
    axes = plots.plot_frontier(analysis["frontier"]).axes[0]
    ships = next(point for point in analysis["frontier"]["points"] if point["ships"])
    marked = [line for line in axes.lines if line.get_color() == ACCENT]
    assert [float(line.get_xdata()[0]) for line in marked] == [ships["diversity"]["mean"]]


def test_every_artist_has_a_dot_in_the_colour_of_its_genre(analysis: dict[str, Any]) -> None:
    found = analysis["map"]
    axes = plots.plot_map(found).axes[0]
    dots: dict[str, int] = {}
    for line in axes.lines:
        colour = to_hex(line.get_color())
        dots[colour] = dots.get(colour, 0) + len(line.get_xdata())
    assert sum(dots.values()) == len(found["artists"])
    for genre, colour in zip(found["genres"], KINDS, strict=False):
        assert dots[colour] == sum(one["genre"] == genre for one in found["artists"])


def test_a_map_without_genres_has_no_key_and_one_colour(analysis: dict[str, Any]) -> None:
    found = deepcopy(analysis["map"]) | {"genres": []}
    figure = plots.plot_map(found)
    assert "other" not in drawn(figure)
    assert {to_hex(line.get_color()) for line in figure.axes[0].lines} == {SECOND}


def test_names_on_the_map_do_not_lie_on_one_another(analysis: dict[str, Any]) -> None:
    figure = plots.plot_map(analysis["map"])
    figure.savefig(BytesIO(), format="png")
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) > 10
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])


def test_names_of_lines_and_of_curves_do_not_lie_on_one_another(analysis: dict[str, Any]) -> None:
    for name in ("activity", "tiers", "concentration", "deciles", "coverage"):
        figure = DRAW[name](analysis)
        figure.savefig(BytesIO(), format="png")
        for axes in figure.axes:
            texts = [one for one in axes.texts if one.get_text() in MODELS]
            boxes = [text.get_window_extent() for text in texts]
            for i, one in enumerate(boxes):
                assert not any(one.overlaps(other) for other in boxes[i + 1 :]), name


def test_lines_stand_where_their_means_are(analysis: dict[str, Any]) -> None:
    grouping = analysis["listeners"][0]
    above, below = plots.plot_listener_groups(grouping).axes
    bold = [line for line in above.lines if line.get_linewidth() == 2.0]
    assert [list(line.get_ydata()) for line in bold] == [
        [group["models"]["encore"]["mean"] for group in grouping["groups"]]
    ]
    dots = [line.get_ydata()[0] for line in below.lines if line.get_marker() == "o"]
    assert dots == [group["ratio"]["mean"] for group in grouping["groups"]]


def test_bars_are_as_long_as_shares(analysis: dict[str, Any]) -> None:
    top = plots.plot_tiers(analysis["tiers"]).axes[0]
    wide = [bar.get_width() for bar in top.patches]
    head, middle, tail = analysis["tiers"]["groups"]
    assert wide[:3] == pytest.approx([one["played"] for one in (head, middle, tail)])
    assert wide[6:9] == pytest.approx([one["listed"]["encore"] for one in (head, middle, tail)])


def test_deciles_stand_at_slots_less_plays(analysis: dict[str, Any]) -> None:
    found = analysis["exposure"]["deciles"]
    axes = plots.plot_deciles(analysis["exposure"]).axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    more = np.array(found["models"]["encore"]) - np.array(found["played"])
    assert heights == pytest.approx(100 * more)


def test_errors_stand_left_and_bias_right(analysis: dict[str, Any]) -> None:
    grouping = analysis["errors"][0]
    for axes, metric in zip(plots.plot_errors([grouping]).axes, ("rmse", "bias"), strict=True):
        ours = [line for line in axes.lines if line.get_marker() == "o"]
        wanted = [group["models"]["encore"][metric]["mean"] for group in grouping["groups"]]
        assert [line.get_xdata()[0] for line in ours] == wanted


def odd(analysis: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return analyses of data that is small, one-sided or without intervals."""
    few, unknown, same = (deepcopy(analysis) for _ in range(3))
    for one in (*few["listeners"], *few["errors"], few["tiers"]):
        del one["groups"][1:]
    few["errors"] = few["errors"][:1]
    few["calibration"] = {"bins": few["calibration"]["bins"][:1], "levels": []}
    few["exposure"]["genres"] = few["exposure"]["genres"][:1]
    few["channels"], few["map"]["artists"] = few["channels"][:1], few["map"]["artists"][:1]
    few["map"]["genres"] = []
    few["frontier"]["points"] = few["frontier"]["points"][:1]
    few["coverage"] = {"catalogue": 3, "k": [1], "models": {"encore": [0.0]}}
    _without_intervals(unknown)
    for one in same["map"]["artists"]:
        one |= {"x": 0.0, "y": 0.0, "name": "a name that goes on and on and never comes to an end"}
    same["exposure"]["deciles"] = {"played": [0.1] * 10, "models": {"encore": [0.1] * 10}}
    same["exposure"]["genres"][0]["genre"] = "$\\frac{音楽"
    return {"few": few, "unknown": unknown, "same": same}


def _without_intervals(value: Any) -> None:
    if isinstance(value, dict):
        if "mean" in value:
            value |= {"low": None, "high": None}
        for inner in value.values():
            _without_intervals(inner)
    elif isinstance(value, list):
        for inner in value:
            _without_intervals(inner)


@pytest.mark.parametrize("kind", ["few", "unknown", "same"])
@pytest.mark.parametrize("name", DRAW)
def test_odd_inputs_are_drawn(analysis: dict[str, Any], name: str, kind: str) -> None:
    data = odd(analysis)[kind]
    if name == "mainstreamness" and kind == "few":
        data["listeners"][1]["groups"][0]["models"] = {"encore": {"mean": None}}
        data["listeners"][1]["groups"][0]["ratio"] = {"mean": None}
    figure = DRAW[name](data)
    drawn(figure)
    assert np.prod(figure.get_size_inches()) > 0
