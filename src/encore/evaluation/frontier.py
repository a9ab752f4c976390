"""What variety costs: accuracy of lists beside how varied they are, by the weight of diversity."""

from typing import Any

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
    lists = {
        weight: made_lists(model, asked.audience.user_B, LENGTH, Rules(lambda_div=weight))
        for weight in sorted({*WEIGHTS, ships})
    }
    ndcg = {
        weight: accuracy(top_BK, asked, (LENGTH,))[f"ndcg@{LENGTH}"]
        for weight, top_BK in lists.items()
    }
    points = [
        {
            "weight": weight,
            "ndcg": metrics.mean_interval(ndcg[weight], seed).to_json(),
            "ratio": metrics.ratio_interval(ndcg[weight], ndcg[0], seed).to_json(),
            "diversity": metrics.mean_interval(
                metrics.intra_list_diversity(top_BK, content_TC), seed
            ).to_json(),
            "ships": weight == ships,
        }
        for weight, top_BK in lists.items()
    ]
    return {"n": LENGTH, "listeners": len(asked.audience), "points": points}
