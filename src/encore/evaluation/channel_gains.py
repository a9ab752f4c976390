"""What each part of the list adds: the list without it beside the list with it.

Legend: B listeners scored together, T tracks.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from encore import metrics
from encore.evaluation.boards import SCORES_AT_ONCE, Board, Question, accuracy, part, sample
from encore.evaluation.significance import headline
from encore.models.ensemble import RANKER
from encore.models.ranking import Floats, top_k
from encore.recommend.recommender import Recommender

LISTENERS = 1000  # who are asked
CUT = 10

Values = npt.NDArray[np.float64]


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
    values: dict[str, list[Values]] = {}
    blocks = -(-len(asked.audience) * asked.held_BT.shape[1] // SCORES_AT_ONCE)
    for rows in np.array_split(np.arange(len(asked.audience)), max(blocks, 1)):
        some = part(asked, rows)
        parts = scorers.parts(weights, some.audience, ranked=ranked)
        correction_BT = parts.pop(RANKER, None)
        blend_BT: Floats = np.sum([*parts.values()], axis=0, dtype=np.float32)
        lists = {"": blend_BT} | {name: blend_BT - part_BT for name, part_BT in parts.items()}
        if correction_BT is not None:
            lists[RANKER] = blend_BT + correction_BT
        for name, scores_BT in lists.items():
            scores_BT = scores_BT.copy()
            some.close(scores_BT, some.audience.history_BT)
            top_BK = top_k(scores_BT, CUT, scorers.ties)
            values.setdefault(name, []).append(accuracy(top_BK, some, (CUT,))[metric])
    every = {name: np.concatenate(blocks_) for name, blocks_ in values.items()}
    blend_B = every.pop("")
    found = []
    for name, value_B in every.items():
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
