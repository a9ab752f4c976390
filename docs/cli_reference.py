"""Write docs/cli.md from the commands themselves, so that it cannot drift."""

import sys
from pathlib import Path

import typer.rich_utils
from typer.testing import CliRunner

from encore.cli import COMMANDS, GROUPS, app

PAGE = Path(__file__).with_name("cli.md")
WIDTH = "100"

HEAD = """# Command line

Written by `make docs` from `encore --help`. One verb a stage; results go to standard output,
everything else to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
A setting is taken from a flag, else from the environment (`ENCORE_BATCH_SIZE=256`), else from
`encore.toml` (or `--config FILE`), else from the recipe.
"""


def page() -> str:
    """Return the page."""
    typer.rich_utils.FORCE_TERMINAL = False
    parts = [HEAD, _block([]), *(_block([name]) for name in COMMANDS)]
    for group, commands in GROUPS.items():
        named = [command.name or "" for command in commands.registered_commands]
        parts += [_block([group]), *(_block([group, name]) for name in named)]
    return "\n".join(parts)


def _block(command: list[str]) -> str:
    environment = {"COLUMNS": WIDTH, "TERMINAL_WIDTH": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
    shown = CliRunner().invoke(app, [*command, "--help"], env=environment, prog_name="encore")
    lines = [line.rstrip() for line in shown.output.strip("\n").splitlines()]
    title = " ".join(["encore", *command])
    return f"## {title}\n\n```text\n" + "\n".join(lines).strip("\n") + "\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"{PAGE}\n")
