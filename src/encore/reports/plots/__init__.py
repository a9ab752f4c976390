"""The figures of a run.

Pure functions from numbers to a matplotlib `Figure`. None touches pyplot or any other global state,
so that a server's threads may draw at the same time.
"""

from encore.reports.plots.boards import plot_cold_start, plot_ladder, plot_metric_comparison
from encore.reports.plots.comparison import plot_gains, plot_ratios
from encore.reports.plots.predictions import plot_bias_by_range, plot_prediction_analysis
from encore.reports.plots.training import plot_training

__all__ = [
    "plot_bias_by_range",
    "plot_cold_start",
    "plot_gains",
    "plot_ladder",
    "plot_metric_comparison",
    "plot_prediction_analysis",
    "plot_ratios",
    "plot_training",
]
