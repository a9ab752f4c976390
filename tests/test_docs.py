"""The documentation cannot drift: its snippets run, its pages name what exists."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import encore
from encore.cli import COMMANDS, GROUPS
from encore.config import TrainConfig
from encore.data.features import BINARY, LISTENER_NUMERIC, TRACK_NUMERIC
from encore.data.readers import READERS
from encore.data.strength import STRENGTHS
from encore.models.channels import CHANNELS
from encore.recommend.rules import Rules, read_rules

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_readme_opens_with_the_two_commands():
    assert blocks("sh")[0] == "make demo\nmake test\n"
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    wanted = {"help", "setup", "demo", "test", "lint", "types", "format", "bench", "docs", "tour"}
    assert set(targets) == wanted | {"quality", "channels", "fuzz", "requests", "serve", "clean"}


def test_ci_runs_the_readmes_test_command():
    assert "make lint types test" in (ROOT / ".ci/run").read_text("utf-8")


def test_readme_python_runs_as_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert (tmp_path / "run/report.html").stat().st_size > 10_000
    assert encore.load("bundle").recommend("nobody we know").answer == (
        "new listener: what most play"
    )


def test_readme_commands_exist_with_their_options():
    lines = [line for line in "\n".join(blocks("sh")).splitlines() if line.startswith("encore ")]
    assert {line.split()[1] for line in lines} <= {*COMMANDS, *GROUPS}
    reference = (ROOT / "docs/cli.md").read_text("utf-8")
    for option in re.findall(r"\s(--?[a-z-]+)", " ".join(line.split("#")[0] for line in lines)):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", reference), option


def module_at(place):
    spec = importlib.util.spec_from_file_location(place.stem, place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_command_reference_is_current():
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    assert page == module_at(ROOT / "docs/cli_reference.py").page(), "run `make docs`"


def test_the_table_of_rules_is_current_and_its_example_is_understood(tmp_path):
    page = (ROOT / "docs/recommending.md").read_text("utf-8")
    assert page == module_at(ROOT / "docs/rules_reference.py").page(page), "run `make docs`"
    (example,) = blocks("toml", page)
    (tmp_path / "rules.toml").write_text(example, "utf-8")
    rules = read_rules(tmp_path / "rules.toml")
    assert rules.acoustics["energy"].max == 0.9
    assert rules.targets == {"tempo": 120}
    assert f"| pairs | {Rules().lambda_div} |" in page


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_format_and_every_page_of_a_source_is_listed():
    page = (ROOT / "docs/data.md").read_text("utf-8")
    for reader in READERS:
        assert f"| `{reader.name}` |" in page, reader.name
    for source in ROOT.glob("docs/sources/*.md"):
        assert f"(sources/{source.name})" in page, source.name


def test_every_setting_and_rule_has_a_docstring():
    for model in (TrainConfig, Rules):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


def test_every_channel_has_its_section_and_the_settings_there_exist():
    pages = {page: page.read_text("utf-8") for page in ROOT.glob("docs/models/*.md")}
    index = (ROOT / "docs/models.md").read_text("utf-8")
    rows = re.findall(r"^\| \[?([a-z-]+)(?:\]\(models/(\S+)\))? \|", index, re.MULTILINE)
    named = {name: target for name, target in rows if name in CHANNELS}
    assert set(named) == set(CHANNELS)
    for name, target in named.items():
        page, _, section = target.partition("#")
        if section:
            titles = re.findall(r"^## (.*)", pages[ROOT / "docs/models" / page], re.MULTILINE)
            assert section in [title.lower().replace(" ", "-") for title in titles], name
    for page, text in pages.items():
        for told in re.findall(
            r"^- \*\*Settings\.\*\*(.*?)(?=^- )", text, re.MULTILINE | re.DOTALL
        ):
            for setting in re.findall(r"`(\w\w+)`", told):
                assert setting in TrainConfig.model_fields, f"{page.name}: {setting}"


def test_layers_import_one_way():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_feature_and_strength_has_its_row_in_the_order_of_the_code():
    tracks, listeners, _, strengths = re.findall(
        r"^## .*?(?=^## |\Z)",
        (ROOT / "docs/features.md").read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    for section, names in (
        (tracks, (*TRACK_NUMERIC, *BINARY)),
        (listeners, LISTENER_NUMERIC),
        (strengths, STRENGTHS),
    ):
        assert re.findall(r"^\| `([a-z0-9_]+)` \|", section, re.MULTILINE) == list(names)
