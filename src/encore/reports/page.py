"""What every page shares: its template filled with all text escaped, its figures embedded."""

from base64 import b64encode
from io import BytesIO
from typing import Any

import matplotlib as mpl
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure

from encore.reports.naming import number
from encore.wording import noun

PRINT_DPI = 200  # of figures with thousands of points, which as SVG would be too heavy


def fill(template: str, **facts: Any) -> str:
    """Return a template of this folder as a page, which needs nothing beside itself."""
    environment = Environment(
        loader=PackageLoader("encore.reports", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "whole": whole, "noun": noun}
    return environment.get_template(template).render(**facts)


def whole(value: Any) -> str:
    """Return a count with its thousands apart; a dash where it is not a number.

    >>> whole(17632), whole(None)
    ('17,632', '—')
    """
    return f"{value:,.0f}" if isinstance(value, int | float) else "—"


def svg(figure: Figure) -> str:
    """Return a figure as the address of an embedded SVG."""
    buffer = BytesIO()
    # the salt makes the ids of the file, and so the page, the same on each run
    with mpl.rc_context({"svg.hashsalt": "encore"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{b64encode(buffer.getvalue()).decode()}"


def png(figure: Figure) -> str:
    """Return a figure as the address of an embedded PNG."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=PRINT_DPI)
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
