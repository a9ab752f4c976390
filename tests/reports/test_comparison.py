"""The page of a comparison says what its numbers say, and turns over with its sides."""

import json
import math
import re
from base64 import b64decode
from html import unescape

import numpy as np
import pytest

from encore.evaluation.gains import gains
from encore.evaluation.setups import Difference
from encore.evaluation.significance import Contrast, Values, compare
from encore.reports import plots
from encore.reports.comparison import Compared, render, write_comparison
from encore.reports.plots.comparison import ACCENT, MUTED, SECOND
from encore.reports.sections.comparison import HOW_GAINS, HOW_RATIOS, HOW_TEST, ratios_section
from encore.reports.sentences import SAME_SETUP, sentence, summary

USERS = np.array([f"user {u}" for u in range(60)])
EVIL = "<script>$alert('&')</script>$\\foo 東京"


def values(level, seed=0):
    rng = np.random.default_rng(seed)
    return Values(USERS, level * (0.5 + rng.random(60)) + rng.normal(0, 0.002, 60))


def asked(one=0.3, other=0.25, board="discovery", metric="ndcg@10", names=("good", "poor")):
    return Contrast(board, metric, *names, {0: (values(one), values(other))})


def compared(questions, **facts):
    return Compared("a title", compare(questions), gains(questions), **facts)


def twins(page):
    found = re.findall(r'download="(\w+)\.json" href="data:application/json;base64,([^"]+)"', page)
    return {name: json.loads(b64decode(text)) for name, text in found}


def pictures(page):
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    return [b64decode(text).decode() for text in found]


BOTH = [asked(), asked(2.0, 2.4, "plays", "squared_error")]
RUNS = {
    "model": "encore",
    "means": {"discovery": {"encore": {"good": 0.3, "poor": 0.25}, "als": {"good": 0.2}}},
    "differences": {"poor": [Difference("config.dropout", 0.2, 0.1)]},
}


def test_the_page_has_the_numbers_of_the_comparison():
    facts = compared(BOTH, **RUNS)
    page = render(facts)
    told = twins(page)
    assert list(told) == ["comparisons", "gains", "means", "differences", "asked"]
    for row, found, of in zip(told["comparisons"]["rows"], facts.found, facts.gains, strict=True):
        wanted = found.to_json()
        keys = ("other", "verdict", "mean_one", "mean_other", "ratio", "p", "p_holm")
        assert row == [f"{found.board}, {found.metric}", *(wanted[key] for key in keys)]
        assert [*of.to_json().values()] in [row[2:] for row in told["gains"]["rows"]]
    assert told["means"]["rows"] == [
        ["discovery, ndcg@10", "encore", 0.3, 0.25],
        ["discovery, ndcg@10", "als", 0.2, None],
    ]
    assert told["differences"] == {
        "columns": ["setting", "good", "poor"],
        "rows": [["config.dropout", 0.2, 0.1]],
    }
    assert told["asked"]["rows"] == [["discovery: poor", [0], 60, 0], ["plays: poor", [0], 60, 0]]


def test_the_page_says_what_the_terminal_says_and_how_to_read_it():
    facts = compared([asked(other=0.299)], **RUNS)
    page = unescape(render(facts))
    assert f"<p>{sentence(facts.found[0])}</p>" in page
    assert "encore of each run" in page
    for text in (HOW_RATIOS, HOW_GAINS, *HOW_TEST):
        assert text in page


def test_of_many_comparisons_the_verdict_is_summed_up_by_board():
    questions = [
        asked(other=level, names=("encore", f"model {level}")) for level in (0.1, 0.3, 0.6)
    ]
    questions += [asked(names=("encore", name), board="familiar") for name in ("a", "b")]
    facts = compared(questions)
    told = summary(facts.found)
    assert told == [
        "discovery, ndcg@10: encore is better than model 0.1; worse than model 0.6; "
        "equal to model 0.3.",
        "familiar, ndcg@10: encore is better than a, b.",
    ]
    page = render(facts)
    verdict, _, rest = page.partition("</section>")
    assert all(f"<p>{line}</p>" in verdict for line in told)
    assert all(sentence(found) in unescape(rest) for found in facts.found)


def test_the_page_needs_nothing_beside_itself(tmp_path):
    write_comparison(compared(BOTH, **RUNS), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    sources = re.findall('(?:src|href)="([^"]*)"', page)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    for picture in pictures(page):
        left = set(re.findall("(?:fill|stroke): (#[0-9a-f]{6})", picture.partition("</style>")[2]))
        assert left == set(), "a colour that the palette does not have stays as it is on dark paper"


def test_a_page_of_many_models_and_listeners_stays_small():
    ids = np.arange(20_000).astype(str)
    rng = np.random.default_rng(0)
    sides = Values(ids, rng.random(20_000)), Values(ids, rng.random(20_000))
    questions = [
        Contrast(board, "ndcg@10", "encore", f"model {i}", {0: sides})
        for board in ("discovery", "familiar", "cold_track", "cold_listener")
        for i in range(12)
    ]
    assert len(render(compared(questions))) < 1_000_000


def test_hostile_names_are_escaped_and_drawn():
    questions = [asked(names=(EVIL, f"{EVIL} 2")), asked(names=(EVIL, f"{EVIL} 3"))]
    facts = compared(
        questions,
        model=EVIL,
        means={"discovery": {EVIL: {EVIL: 0.3}}},
        differences={EVIL: [Difference(EVIL, EVIL, [EVIL])]},
    )
    page = render(facts)
    assert "<script" not in page
    assert twins(page)["differences"]["rows"] == [[EVIL, EVIL, [EVIL]]]


@pytest.mark.parametrize(
    ("differences", "told"), [([], SAME_SETUP), (None, "Not known: a results.json is missing.")]
)
def test_no_difference_and_no_knowledge_are_said_in_words(differences, told):
    page = render(compared(BOTH, model="encore", differences={"poor": differences}))
    assert told in page
    assert "differences" not in twins(page)


# Figures


def marks(figure):
    """Return by row label where a dot is, how it looks and what is written beside it."""
    found = {}
    for axes in figure.axes:
        figure.canvas.draw()
        labels = [text.get_text() for text in axes.get_yticklabels()]
        words = [text.get_text() for text in axes.texts]
        for line in axes.lines:
            if line.get_marker() not in ("None", None, ""):
                x, y = line.get_xdata()[0], int(line.get_ydata()[0])
                found[labels[y]] = (x, line.get_marker(), line.get_color(), words[y])
    return found


def test_better_is_right_whatever_the_metrics_direction_and_flips_with_the_sides():
    found = compare(BOTH)
    figure = plots.plot_ratios({"": [(each.board, each) for each in found]})
    here = marks(figure)
    for x, mark, colour, words in here.values():
        assert (x > 1, mark, colour) == (True, ">", SECOND)
        assert words.endswith("better")
    flipped = [asked(0.25, 0.3), asked(2.4, 2.0, "plays", "squared_error")]
    there = marks(plots.plot_ratios({"": [(each.board, each) for each in compare(flipped)]}))
    for board, (x, mark, colour, words) in there.items():
        assert x == pytest.approx(1 / here[board][0])
        assert (mark, colour) == ("<", ACCENT)
        assert words.endswith("worse")


def test_what_has_no_verdict_is_a_ring_and_told_in_words():
    found = compare([asked(), asked(0.3, 0.3, board="equal")])
    found_marks = marks(plots.plot_ratios({"": [(each.board, each) for each in found]}))
    assert found_marks["equal"] == (1.0, "o", MUTED, "1.000 equal")


def test_the_intervals_are_the_comparisons():
    (found,) = compare([asked()])
    (axes,) = plots.plot_ratios({"": [("row", found)]}).axes
    spans = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2]
    assert any(span == pytest.approx([found.ratio.low, found.ratio.high]) for span in spans)


def test_models_stand_from_most_beaten_to_least_on_each_board():
    levels = {"a": 0.28, "b": 0.1, "c": 0.6}
    found = compare([asked(other=level, names=("encore", name)) for name, level in levels.items()])
    figure = ratios_section(found, one_run=True).parts[1].figure
    assert list(marks(figure)) == ["b", "a", "c"]


def test_ratios_that_have_no_place_are_told_in_words():
    nothing = Values(USERS, np.zeros(60))
    sides = {"to zero": (values(0.3), nothing), "of zero": (nothing, values(0.3))}
    sides["nobody"] = (values(0.3), Values(np.array(["x"]), np.array([0.1])))
    found = compare([Contrast("b", "ndcg@10", "a", n, {0: both}) for n, both in sides.items()])
    figure = plots.plot_ratios({"": [(each.other, each) for each in found]})
    assert marks(figure) == {}
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["— better", "0.000 worse", "— none"]
    assert math.isnan(found[0].ratio.mean)


def test_the_curve_of_changes_tells_who_gains_and_who_loses():
    ids = np.array(["a", "b", "c", "d"])
    sides = Values(ids, np.array([0.5, 0.6, 0.7, 0.1])), Values(ids, np.array([0.4, 0.4, 0.4, 0.4]))
    (found,) = gains([Contrast("b", "ndcg@10", "one", "other", {0: sides})])
    figure = plots.plot_gains({("b", "other"): found})
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["75.0 % gain", "25.0 % lose"]
    blue, red = (area.get_datalim(figure.axes[0].transData) for area in figure.axes[0].collections)
    assert (blue.y1, red.y0) == pytest.approx((0.3, -0.3))


@pytest.mark.parametrize("sides", [([], []), ([0.0], [0.0]), ([0.2], [0.2]), ([0.3], [0.1])])
def test_few_and_equal_listeners_are_drawn(sides):
    ids = USERS[: len(sides[0])]
    both = tuple(Values(ids, np.array(side, float)) for side in sides)
    page = render(compared([Contrast("discovery", "ndcg@10", "a", "b", {0: both})]))
    assert len(pictures(page)) == 2
