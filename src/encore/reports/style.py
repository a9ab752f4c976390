"""How figures look: one restrained palette and one width.

The colours are told apart by people with any colour vision: ink, grey, blue, and vermilion for what
matters. Figures are narrow, so that their type can still be read at 400 pixels.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

PAPER, INK, MUTED, FAINT = "#faf8f3", "#22262b", "#6f747c", "#dcd8ce"
ACCENT, SECOND = "#c8451b", "#2b5f8a"

WIDTH = 5.4  # inches
SMALL, BODY = 9.5, 10.5  # points


def figure_of(height: float) -> Figure:
    """Return an empty figure of the house's width, `height` inches high."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    return Figure(figsize=(WIDTH, height), layout=layout, facecolor=PAPER)


def dress(axes: Axes, title: str, across: str = "", up: str = "") -> None:
    """Give `axes` the house's look, a title, and names for what is across and up."""
    axes.set_facecolor(PAPER)
    axes.set_title(title, loc="left", fontsize=BODY, color=INK, fontweight="bold")
    axes.set_xlabel(across, fontsize=SMALL, color=MUTED)
    axes.set_ylabel(up, fontsize=SMALL, color=MUTED)
    axes.tick_params(labelsize=SMALL, colors=MUTED, length=2, width=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=MUTED, linewidth=0.6)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))


def text(colour: str) -> dict[str, Any]:
    """Return how text in a figure is set."""
    return {"fontsize": SMALL, "color": colour, "va": "center"}


def beside(colour: str, across: str, up: str) -> dict[str, Any]:
    """Return how a note is set some points beside what it speaks of."""
    return text(colour) | {"textcoords": "offset points", "ha": across, "va": up}
