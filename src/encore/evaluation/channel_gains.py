"""What each part of the list adds: the list without it beside the list with it.

Legend: B listeners scored together, T tracks.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from encore import metrics
from encore.evaluation.boards import Board, Question, accuracy, part, rank, sample
from encore.evaluation.significance import headline
from encore.models.ensemble import BLEND, RANKER
from encore.models.inputs import Audience
from encore.models.ranking import Floats
from encore.recommend.recommender import Recommender

LISTENERS = 1000  # who are asked
CUT = 10


def channel_gains(
    model: Recommender, board: Board, question: Question, seed: int = 0
) -> list[dict[str, Any]]:
    """Return each scorer's figure alone and the list's without it, the most missed first.

    The weights of the others stay as they are, the ranker's correction is left out on both sides;
    the ranker itself is compared with the blend that it reorders. `ratio` is without to with,
    paired. Nothing where one scorer alone makes the list. A seeded sample of the listeners.
    """
    scorers, weights = model.bundle.scorers, model.bundle.choice.both
    ranked = model.bundle.choice.ranked and scorers.serving_ranker is not None
    if len(weights.used) < 2 and not ranked:
        return []
    asked = part(question, sample(len(question.audience), LISTENERS, seed))
    metric = headline(board.name)

    def score(audience: Audience) -> Iterable[tuple[str, Floats]]:
        parts = scorers.parts(weights, audience, ranked=ranked)
        correction_BT = parts.pop(RANKER, None)
        blend_BT: Floats = np.sum([*parts.values()], axis=0, dtype=np.float32)
        yield from ((name, blend_BT - part_BT) for name, part_BT in parts.items())
        if correction_BT is not None:
            yield RANKER, blend_BT + correction_BT
        yield BLEND, blend_BT

    lists = rank(asked, score, scorers.ties)
    values = {name: accuracy(top_BK, asked, (CUT,))[metric] for name, top_BK in lists.items()}
    blend_B = values.pop(BLEND)
    found = []
    for name, value_B in values.items():
        without_B, with_B = (blend_B, value_B) if name == RANKER else (value_B, blend_B)
        alone = board.scores.get(name, {}).get(metric)
        found.append(
            {
                "channel": name,
                "weight": weights.heard.get(name),
                "alone": alone.to_json() if alone else None,
                "without": metrics.mean_interval(without_B, seed).to_json(),
                "ratio": metrics.ratio_interval(without_B, with_B, seed).to_json(),
            }
        )
    return sorted(found, key=_kept)


def _kept(gain: dict[str, Any]) -> float:
    kept = gain["ratio"]["mean"]
    return 1.0 if kept is None else float(kept)
