"""Marks that several figures share."""

from matplotlib.axes import Axes

from encore.reports.naming import Value, finite


def dot(
    axes: Axes, at: Value | None, y: float, colour: str, size: float, marker: str = "o"
) -> float | None:
    """Draw a mean and its interval; return where the mark ends, None where there is no mean."""
    if not finite(at):
        return None
    mean = at["mean"]
    low, high = (mean if end is None else end for end in (at.get("low"), at.get("high")))
    axes.plot([low, high], [y, y], color=colour, linewidth=1.6)
    axes.plot(mean, y, marker, color=colour, markersize=size)
    return high
