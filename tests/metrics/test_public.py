"""What the package promises as a whole: its names, its page, and that it stays light."""

import ast
import re
from pathlib import Path

import pytest

from encore import metrics

SOURCES = sorted(Path(metrics.__file__).parent.glob("*.py"))
PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.mark.parametrize("name", metrics.__all__)
def test_every_name_exists_and_every_function_stands_on_the_page(name: str) -> None:
    public = getattr(metrics, name)
    if not isinstance(public, type):
        assert f"`{name}`" in PAGE.read_text("utf-8")


def test_the_example_on_the_page_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    assert names["values_U"] is not None


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_metrics_need_numpy_and_scipy_alone(source: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).split(".")[0])
    assert imported <= {"collections", "encore", "math", "numpy", "scipy", "typing"}
