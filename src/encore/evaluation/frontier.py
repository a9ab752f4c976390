"""What variety costs: accuracy of lists beside how varied they are, by the weight of diversity."""

from typing import Any

import numpy as np

from encore import metrics
from encore.evaluation.boards import Question, accuracy, made_lists, part, sample
from encore.recommend.recommender import Recommender
from encore.recommend.rules import Rules

WEIGHTS = (0.0, 1.0, 2.0, 4.0, 6.0)  # beside the one that ships
LISTENERS = 300
LENGTH = 10


def frontier(model: Recommender, question: Question, seed: int = 0) -> dict[str, Any]:
    """Return NDCG and intra-list diversity by content of lists of each weight of diversity.

    The lists are made as `recommend` makes them, for a seeded sample of the listeners. `ratio` is
    of the NDCG to that of weight 0, paired.
    """
    asked = part(question, sample(len(question.audience), LISTENERS, seed))
    content_TC = model.bundle.scorers.inputs.content_TC
    ships = Rules().lambda_div
    points, plain_B = [], np.zeros(0)
    for weight in sorted({*WEIGHTS, ships}):
        rules = Rules(lambda_div=weight)
        top_BK = made_lists(model, asked.audience.user_B, LENGTH, rules)
        ndcg_B = accuracy(top_BK, asked, (LENGTH,))[f"ndcg@{LENGTH}"]
        plain_B = ndcg_B if weight == 0 else plain_B
        points.append(
            {
                "weight": weight,
                "ndcg": metrics.mean_interval(ndcg_B, seed).to_json(),
                "ratio": metrics.ratio_interval(ndcg_B, plain_B, seed).to_json(),
                "diversity": metrics.mean_interval(
                    metrics.intra_list_diversity(top_BK, content_TC), seed
                ).to_json(),
                "ships": weight == ships,
            }
        )
    return {"n": LENGTH, "listeners": len(asked.audience), "points": points}
