"""What every page shares: its template filled with all text escaped, its figures embedded."""

import re
from base64 import b64encode
from collections.abc import Callable
from io import StringIO
from typing import Any

import matplotlib as mpl
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure

from encore.reports.naming import number
from encore.reports.style import DARK
from encore.wording import noun

# The names under which an embedded figure's colours are declared, light and dark.
_NAMES = {light: f"c{i}" for i, light in enumerate(DARK)}
_COLOUR = re.compile("|".join(DARK))
# A place to a hundredth of a point, which is as much as can be seen; scales keep their digits.
_PLACE = re.compile(r"scale\([^)]*\)|(\d+\.\d\d)\d+")
_DECLARED = "".join(
    f"@media {media}{{:root{{{';'.join(f'--{_NAMES[light]}:{hue}' for light, hue in shades)}}}}}"
    for media, shades in (
        ("all", [(light, light) for light in DARK]),
        ("(prefers-color-scheme:dark)", list(DARK.items())),
    )
)


def fill(template: str, **facts: Any) -> str:
    """Return a template of this folder as a page, which needs nothing beside itself."""
    environment = Environment(
        loader=PackageLoader("encore.reports", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "whole": whole, "noun": noun, "tight": tight}
    return environment.get_template(template).render(**facts)


def whole(value: Any) -> str:
    """Return a count with its thousands apart; a dash where it is not a number.

    >>> whole(17632), whole(None)
    ('17,632', '—')
    """
    return f"{value:,.0f}" if isinstance(value, int | float) else "—"


def tight(sentence: str) -> str:
    r"""Return a sentence in which no line ends between a number and its percent sign.

    >>> tight("5.0 % more")
    '5.0\xa0% more'
    """
    return sentence.replace(" %", "\u00a0%")


def svg(figure: Figure) -> str:
    """Return a figure as the address of an embedded SVG, light or dark as the reader's page is."""
    return embedded(written(figure))


def embedded(text: str) -> str:
    """Return the text of `written` as the address of an SVG that is light or dark as its page."""
    text = _coloured(text, lambda light: f"var(--{_NAMES[light]})")
    return address("image/svg+xml", text.replace("</style>", f"{_DECLARED}</style>", 1))


def in_dark(text: str) -> str:
    """Return the text of `written` in colours for dark paper."""
    return _coloured(text, DARK.__getitem__)


def written(figure: Figure) -> str:
    """Return a figure as the text of an SVG file of its own, in light colours."""
    buffer = StringIO()
    # The salt makes the ids of the file, and so the page, the same on each run.
    with mpl.rc_context({"svg.hashsalt": "encore"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _PLACE.sub(lambda found: found[1] or found[0], buffer.getvalue())


def address(kind: str, text: str) -> str:
    """Return the `data:` address that holds a text of the media type `kind`."""
    return f"data:{kind};base64,{b64encode(text.encode()).decode()}"


def _coloured(text: str, shade: Callable[[str], str]) -> str:
    return _COLOUR.sub(lambda found: shade(found[0]), text)
