"""The tour runs from end to end, and shows what it says that it shows."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
TOUR = ROOT / "examples/tour.ipynb"

SILENT = 2  # cells: one imports, one trains


@pytest.fixture(scope="module")
def anew(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("tour", ROOT / "docs/tour.py")
    tour = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tour)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name)))
        return tour.run(TOUR, tmp_path_factory.mktemp("tour"))


@pytest.fixture(scope="module", params=["as committed", "run anew"])
def tour(request):
    if request.param == "run anew":
        return request.getfixturevalue("anew")
    return nbformat.read(TOUR, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shapes(notebook):
    """What kinds of thing each cell shows."""
    return [
        [(one.output_type, one.get("name"), *sorted(one.get("data", {}))) for one in cell.outputs]
        for cell in code(notebook)
    ]


def printed(notebook):
    """What the cells print, all in one."""
    shown = [one for cell in code(notebook) for one in cell.outputs]
    return "\n".join(one.text for one in shown if one.output_type == "stream")


def table(notebook, *columns):
    """The rows of the one table whose first columns these are."""
    found = []
    for cell in code(notebook):
        for one in cell.outputs:
            lines = re.findall(r"^│(.*)│$", one.get("data", {}).get("text/plain", ""), re.MULTILINE)
            head, *rows = [[part.strip() for part in line.split("┆")] for line in lines] or [[]]
            if head[: len(columns)] == list(columns):
                found.append([dict(zip(head, row, strict=True)) for row in rows[2:]])
    (only,) = found
    return only


def test_all_cells_run_in_order_and_show_what_is_committed(anew):
    kept = nbformat.read(TOUR, as_version=4)
    assert [cell.execution_count for cell in code(kept)] == [*range(1, len(code(kept)) + 1)]
    assert shapes(anew) == shapes(kept)
    assert len([shown for shown in shapes(kept) if not shown]) == SILENT


def test_nothing_is_complained_of_and_no_machine_is_named(tour):
    shown = [one for cell in code(tour) for one in cell.outputs]
    assert {one.output_type for one in shown} == {"stream", "execute_result"}
    assert {one.name for one in shown if one.output_type == "stream"} == {"stdout"}
    texts = [printed(tour), *(one.data["text/plain"] for one in shown if "data" in one)]
    assert not re.search(r"(?<!\w)/\w+/\w+|[A-Z]:\\|site-packages", "\n".join(texts))


def test_what_is_committed_is_small():
    assert TOUR.stat().st_size < 400_000


def test_what_ships_is_better_than_popularity(tour):
    board = {row["model"]: float(row["ndcg@10"]) for row in table(tour, "model", "ndcg@10")}
    for ships in ("encore", "encore-list"):
        assert board[ships] > 1.5 * board["popularity"]
    assert board["popularity"] > board["chance"]
    compared = {row["against"]: row for row in table(tour, "against", "ratio")}
    assert compared["popularity"]["encore is"] == "better"
    assert float(compared["popularity"]["low"]) > 1
    assert "Discovery: the list " in printed(tour)


def test_predicted_plays_lie_within_their_bounds(tour):
    rows = table(tour, "title", "artist", "plays", "predicted")
    assert rows
    for row in rows:
        assert 0 <= float(row["low"]) < float(row["predicted"]) < float(row["high"])
    board = {row["model"]: float(row["rmse"]) for row in table(tour, "model", "rmse")}
    assert board["encore"] < board["listener+track-mean"] < board["mean"]


def test_the_list_leans_to_the_planted_taste(tour):
    favourite = table(tour, "genre", "planted taste")[0]
    assert float(favourite["their list"]) > 2 * float(favourite["what most play"])


def test_a_model_that_was_kept_gives_the_same_list(tour):
    assert "the same list after loading: True" in printed(tour)
