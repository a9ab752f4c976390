"""A real browser, what it finds wrong with a page, and the pages that are shown to it."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

import encore
from encore import Dataset, TrainConfig

GRAVE = ("serious", "critical")  # of axe's minor, moderate, serious, critical
HEIGHT = 900  # pixels; pages scroll down, never across

# Asked of the page in its own language; each answers with what is wrong.
BROKEN_IMAGES = (
    "[...document.images].filter(one => !one.naturalWidth).map(one => one.alt || one.src)"
)
OVERFLOW = """() => {
  const page = document.documentElement
  const over = [...document.querySelectorAll("body *")].filter(
    one => one.getBoundingClientRect().right > page.clientWidth + 1)
  return page.scrollWidth > page.clientWidth
    ? [`${page.scrollWidth} px wide: ` + over.slice(0, 5).map(one => one.outerHTML.slice(0, 80))]
    : []
}"""


@dataclass(frozen=True)
class Made:
    """A page as it was written, and sentences that whoever opens it must be able to read."""

    path: Path
    says: list[str]


@dataclass
class Visit:
    """A page while it is open, and what was heard of it since it began to load."""

    page: Page
    javascript: bool
    told: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Return everything that is wrong, in words; empty where nothing is."""
        found = [f"image without a picture: {one}" for one in self.page.evaluate(BROKEN_IMAGES)]
        found += [f"wider than the window: {one}" for one in self.page.evaluate(OVERFLOW)]
        if self.javascript:  # axe needs it
            grave = [one for one in self._violations() if one["impact"] in GRAVE]
            found += [f"{one['id']}: {one['help']}: {_places(one)}" for one in grave]
        return found + self.told  # last: what a page does later has been heard by now

    def text(self) -> str:
        """Return what can be seen, its white space made one."""
        return " ".join(self.page.inner_text("body").split())

    def _violations(self) -> list[dict[str, Any]]:
        return Axe().run(self.page).response["violations"]


Opens = Callable[..., AbstractContextManager[Visit]]


def chromium() -> str | None:
    """Return where a chromium is: $ENCORE_CHROMIUM, else the first of the names that it goes by."""
    told = os.environ.get("ENCORE_CHROMIUM")
    names = [told] if told else ["chromium", "chromium-browser", "google-chrome"]
    return next((found for name in names if (found := shutil.which(name))), None)


# Of a module, not of the session: while it is open no other test can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    where = chromium()
    if where is None:
        pytest.skip("no chromium: install Debian's package chromium or set ENCORE_CHROMIUM")
    with sync_playwright() as playwright:
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        launched = playwright.chromium.launch(executable_path=where, args=as_root)
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Browser) -> Opens:
    """Open a file: `visit(path, width=400, scheme="dark", javascript=False)`."""

    @contextmanager
    def opened(
        path: Path, *, width: int = 1600, scheme: str = "light", javascript: bool = True
    ) -> Iterator[Visit]:
        context = browser.new_context(
            viewport={"width": width, "height": HEIGHT},
            color_scheme=scheme,
            java_script_enabled=javascript,
            offline=True,  # what a page asks for is told, and goes nowhere
        )
        seen, address = Visit(context.new_page(), javascript), path.as_uri()

        def hear_request(url: str) -> None:
            if url.partition("#")[0] != address and not url.startswith("data:"):
                seen.told.append(f"asks for {url}")

        def hear_console(kind: str, text: str) -> None:
            if kind == "error":
                seen.told.append(f"console: {text}")

        seen.page.on("request", lambda request: hear_request(request.url))
        seen.page.on("websocket", lambda socket: hear_request(socket.url))
        seen.page.on("console", lambda message: hear_console(message.type, message.text))
        seen.page.on("pageerror", lambda error: seen.told.append(f"page error: {error}"))
        seen.page.goto(address)
        yield seen
        context.close()

    return opened


def _places(violation: dict[str, Any]) -> str:
    return "; ".join(
        f"{' '.join(map(str, node['target']))} {node.get('failureSummary', '')}"
        for node in violation["nodes"][:5]
    ).replace("\n", " ")


# The pages: fixtures that return `Made`, named in PAGES of test_pages.py.


@pytest.fixture(scope="session")
def run_report(small_world: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The report of a whole run, with each board that there is."""
    from encore.protocol import Protocol, run_seed
    from encore.reports.verdict import verdict

    config = TrainConfig(
        channels=("item-knn", "content"),
        embedding_dim=8,
        hidden_layers=(16, 8),
        batch_size=64,
        max_epochs=2,
        negatives=32,
    )
    folder = tmp_path_factory.mktemp("browser") / "run"
    found, page = run_seed(
        small_world, folder, config, Protocol(), "A small world", say=lambda _: None
    )
    return Made(page, verdict(found.results("A small world")))


@pytest.fixture(scope="session")
def dataset_page(small_world: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What `encore inspect` writes of a dataset."""
    from encore.reports.inspection import summary, write_page

    found = encore.inspect(small_world)
    page = tmp_path_factory.mktemp("browser") / "inspection.html"
    return Made(write_page(found, "A small world", page), summary(found))


@pytest.fixture(scope="session")
def interrupted_page(
    small_world: Dataset, small_config: TrainConfig, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    """What a training leaves that was stopped after an epoch."""
    from encore import pipeline
    from encore.reports.live import LiveReport

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    facts = {"title": "A small world", **pipeline.known(small_world, small_config)}
    live = LiveReport(tmp_path_factory.mktemp("browser") / "stopped", facts, on_epoch=stop)
    with pytest.raises(KeyboardInterrupt), live:
        pipeline.train(small_world, small_config, on_epoch=live.epoch)
    return Made(live.page, ["It had come to this: training: epoch 1 of at most 3."])


@pytest.fixture(scope="session")
def comparison_page(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What `encore compare` writes of two runs, one of them with a long name."""
    from encore.evaluation.gains import gains
    from encore.evaluation.setups import Difference
    from encore.evaluation.significance import Contrast, Values, compare
    from encore.reports.comparison import Compared, write_comparison
    from encore.reports.sentences import sentence

    rng, users = np.random.default_rng(0), np.arange(80).astype(str)
    runs = "runs/good", "runs/" + "of-a-long-evening-" * 4
    sides = Values(users, rng.random(80)), Values(users, rng.random(80) / 2)
    boards = (("discovery", "ndcg@10"), ("plays", "squared_error"))
    questions = [Contrast(board, metric, *runs, {0: sides}) for board, metric in boards]
    found = compare(questions)
    digests = Difference("data.sources.plays.csv.sha256", "ab" * 32, "cd" * 32)
    means = {"discovery": {"encore": dict.fromkeys(runs, 0.2), "als": {runs[0]: 0.1}}}
    page = tmp_path_factory.mktemp("browser") / "comparison.html"
    differences = {runs[1]: [digests]}
    write_comparison(
        Compared("Two runs", found, gains(questions), "encore", means, differences), page
    )
    return Made(page, [sentence(each) for each in found])
