"""The figures of a run.

Pure functions from numbers to a matplotlib `Figure`. None touches pyplot or any other global state,
so that a server's threads may draw at the same time.
"""

from encore.reports.plots.boards import plot_cold_start, plot_ladder, plot_metric_comparison
from encore.reports.plots.comparison import plot_gains, plot_ratios
from encore.reports.plots.errors import plot_calibration, plot_errors
from encore.reports.plots.exposure import (
    plot_concentration,
    plot_coverage,
    plot_deciles,
    plot_genres,
)
from encore.reports.plots.groups import plot_listener_groups, plot_tiers
from encore.reports.plots.ingredients import plot_channels, plot_frontier
from encore.reports.plots.map import plot_map
from encore.reports.plots.predictions import plot_prediction_analysis
from encore.reports.plots.training import plot_training

__all__ = [
    "plot_calibration",
    "plot_channels",
    "plot_cold_start",
    "plot_concentration",
    "plot_coverage",
    "plot_deciles",
    "plot_errors",
    "plot_frontier",
    "plot_gains",
    "plot_genres",
    "plot_ladder",
    "plot_listener_groups",
    "plot_map",
    "plot_metric_comparison",
    "plot_prediction_analysis",
    "plot_ratios",
    "plot_tiers",
    "plot_training",
]
