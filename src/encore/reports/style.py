"""How figures look: one restrained palette, light and dark, and one width.

The colours are told apart by people with any colour vision: ink, grey, blue, and vermilion for what
matters. Figures are narrow, so that their type can still be read at 400 pixels. They are drawn in
the light colours; `encore.reports.page` gives them the dark ones where a reader wants those.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

PAPER, INK, MUTED, FAINT = "#faf8f3", "#22262b", "#6b6f77", "#dcd8ce"
ACCENT, SECOND = "#c8451b", "#2b5f8a"
#: From few to many.
STEPS = ("#dbe4ea", "#b5cad9", "#84a7c0", "#4f7fa5", "#2a5b85", "#10283d")
#: Kinds that have no order: Okabe and Ito's colours, which differ for any colour vision.
KINDS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#9a6300")
DENSITY = ListedColormap(STEPS)

#: Each colour's counterpart on dark paper.
DARK = {
    PAPER: "#1d2024",
    INK: "#e9e5db",
    MUTED: "#a3a5a8",
    FAINT: "#3b4046",
    ACCENT: "#f0825a",
    SECOND: "#6fa8d6",
    **dict(
        zip(
            (*STEPS, *KINDS),
            (
                *("#2a3440", "#33506a", "#437196", "#6598c2", "#98c3e6", "#e2f1ff"),
                *("#4aa3df", "#f0b840", "#3ec79a", "#e3a5c7", "#9ad6f7", "#c99a4a"),
            ),
            strict=True,
        )
    ),
}

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
