"""Every figure that encore reports, as pure functions of arrays.

`ranking` finds held-out tracks in lists, `plays` compares predicted with true plays, `catalogue`
looks at lists beyond their hits, `intervals` says how sure a figure is. Where a figure belongs to a
listener, the function returns one value for each, NaN where there is none: means and intervals are
the caller's. docs/metrics.md says what each does not tell.
"""

from encore.metrics.catalogue import (
    PopularityBias,
    artist_concentration,
    bias_by_popularity_decile,
    calibration,
    coverage,
    gini,
    intra_list_diversity,
    novelty,
    popularity_lift,
    serendipity,
)
from encore.metrics.intervals import (
    Interval,
    mean_interval,
    play_sums,
    pooled_interval,
    pooled_intervals,
    pooled_mae,
    pooled_r2,
    pooled_rmse,
    pooled_skill,
    ratio_interval,
)
from encore.metrics.plays import (
    calculate_metrics,
    calculate_ndcg,
    mae,
    r2,
    rmse,
    scaled,
    seed_ndcg,
    skill,
)
from encore.metrics.ranking import (
    average_precision_at_k,
    hit_rate_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank_at_k,
)

__all__ = [
    "Interval",
    "PopularityBias",
    "artist_concentration",
    "average_precision_at_k",
    "bias_by_popularity_decile",
    "calculate_metrics",
    "calculate_ndcg",
    "calibration",
    "coverage",
    "gini",
    "hit_rate_at_k",
    "intra_list_diversity",
    "mae",
    "mean_interval",
    "ndcg_at_k",
    "novelty",
    "play_sums",
    "pooled_interval",
    "pooled_intervals",
    "pooled_mae",
    "pooled_r2",
    "pooled_rmse",
    "pooled_skill",
    "popularity_lift",
    "precision_at_k",
    "r2",
    "ratio_interval",
    "recall_at_k",
    "reciprocal_rank_at_k",
    "rmse",
    "scaled",
    "seed_ndcg",
    "serendipity",
    "skill",
]
