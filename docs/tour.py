"""Run examples/tour.ipynb and keep what it shows: `python docs/tour.py`."""

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

PAGE = Path(__file__).parent.parent / "examples/tour.ipynb"
SECONDS = 300  # that a cell may take


def run(page: Path, folder: Path) -> nbformat.NotebookNode:
    """Return the notebook `page`, run anew in `folder`; the first cell that fails raises."""
    notebook = nbformat.read(page, as_version=4)
    notebook.metadata.pop("language_info", None)  # which Python it was is nobody's difference
    NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    notebook.metadata.pop("language_info", None)
    return notebook


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(run(PAGE, Path(folder)), PAGE)
