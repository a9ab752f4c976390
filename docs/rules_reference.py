"""Write the table of rules in docs/recommending.md from `Rules` itself, so that it cannot drift."""

import sys
from pathlib import Path

from encore.recommend.rules import Rules

PAGE = Path(__file__).with_name("recommending.md")
BEGIN, END = "<!-- rules: written by `make docs` -->\n", "<!-- end of rules -->\n"


def table() -> str:
    """Return a row for each rule: its name, its default, what it does."""
    rows = ["| rule | default | what it does |\n", "| --- | --- | --- |\n"]
    for name, field in Rules.model_fields.items():
        told = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {_default(field.default)} | {told} |\n")
    return "".join(rows)


def page(text: str) -> str:
    """Return the page with its table of rules as it should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def _default(value: object) -> str:
    return "" if value is None or value == () or value == {} else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{PAGE}\n")
