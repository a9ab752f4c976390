"""Who is served how well: groups of listeners side by side, and the worst served in person.

Legend: B listeners who were asked, K slots.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore import metrics
from encore.data.vocabulary import UNKNOWN
from encore.evaluation.boards import Board, Question
from encore.evaluation.groups import Group, by_size
from encore.evaluation.names import ENCORE, is_baseline
from encore.evaluation.plays import PlaysPredictions
from encore.evaluation.significance import headline
from encore.models.ranking import row_of
from encore.recommend.recommender import Recommender
from encore.recommend.shown import Shown

Values = npt.NDArray[np.float64]

BESIDE = 3  # baselines that stand beside what ships, the best first
SHOWN = 3  # listeners who are told of one by one
HEARD, LISTED = 8, 10  # of their history, of their list


def baselines(board: Board, metric: str) -> list[str]:
    """Return the baselines that all listeners were asked of, the best first."""
    means = {
        name: float(np.nanmean(values[metric]))
        for name, values in board.values.items()
        if is_baseline(name) and name in board.lists
    }
    return sorted(means, key=lambda name: -means[name])


def listener_groups(
    board: Board, question: Question, heard_T: npt.NDArray[np.integer], seed: int = 0
) -> list[dict[str, Any]]:
    """Return a board's headline figure by activity and by mainstreamness of its listeners.

    Mainstreamness is the mean number of training listeners of what one has played (average
    popularity of a profile: Abdollahpouri et al., "The unfairness of popularity bias in
    recommendation", RMSE workshop at RecSys 2019). `ratio` is what ships to the best baseline of
    the whole board, paired.
    """
    metric = headline(board.name)
    peers = baselines(board, metric)
    if not peers:
        return []
    history_BT = question.audience.history_BT
    groupings = (
        ("activity", "training rows of a listener", np.diff(history_BT.indptr), "rows"),
        (
            "mainstreamness",
            "mean number of listeners of what one plays",
            profile_popularity(history_BT, heard_T),
            "listeners",
        ),
    )
    shown = [ENCORE, *peers[:BESIDE]]
    return [
        {
            "grouping": name,
            "what": what,
            "metric": metric,
            "board": board.name,
            "baseline": peers[0],
            "groups": [
                _group(board, metric, shown, group, seed) for group in by_size(values_B, unit=unit)
            ],
        }
        for name, what, values_B, unit in groupings
    ]


def profile_popularity(history_BT: sp.csr_array, heard_T: npt.NDArray[np.integer]) -> Values:
    """Return the mean number of listeners of what each has played; NaN without a history."""
    row_N, size = row_of(history_BT), history_BT.shape[0]
    sums_B = np.bincount(row_N, heard_T[history_BT.indices], size)
    return metrics.arrays.over(sums_B, np.bincount(row_N, minlength=size))


def served(
    model: Recommender, board: Board, question: Question, found: PlaysPredictions
) -> dict[str, Any]:
    """Return how many find nothing among the first ten, and the worst served of them.

    The worst are those of whose right answers none was listed though they have the most.
    """
    metric = headline(board.name)
    hit = f"hit_rate@{LISTED}"
    peers = baselines(board, metric)[:BESIDE]
    value_B = board.values[ENCORE][metric]
    worst = np.lexsort((-question.relevant_B, value_B))[:SHOWN]
    return {
        "cut": LISTED,
        "listeners": len(question.listeners),
        "none_found": {
            name: float(1 - np.nanmean(board.values[name][hit])) for name in (ENCORE, *peers)
        },
        "worst": [_in_person(model, question, found, int(b)) for b in worst],
    }


def _group(board: Board, metric: str, shown: list[str], group: Group, seed: int) -> dict[str, Any]:
    values = {name: board.values[name][metric][group.within_N] for name in shown}
    return {
        "label": group.label,
        "listeners": int(group.within_N.sum()),
        "models": {
            name: metrics.mean_interval(value, seed).to_json() for name, value in values.items()
        },
        "ratio": metrics.ratio_interval(values[ENCORE], values[shown[1]], seed).to_json(),
    }


def _in_person(
    model: Recommender, question: Question, found: PlaysPredictions, b: int
) -> dict[str, Any]:
    user_id, audience = str(question.listeners[b]), question.audience.at(slice(b, b + 1))
    shown, user = model.shown, int(audience.user_B[0])
    scores_BT = model.scores(audience)
    question.close(scores_BT, audience.history_BT)
    scores_T, listed = scores_BT[0], model.recommend(user_id, LISTED)
    mine = (found.user_N == user) & (found.track_N != UNKNOWN)
    held_N = np.flatnonzero(mine & (scores_T[found.track_N] > -np.inf))
    held_N = held_N[np.argsort(-found.target_N[held_N], kind="stable")]
    return {
        "user_id": user_id,
        "training_rows": int(np.diff(audience.history_BT.indptr)[0]),
        "held_out": int(question.relevant_B[b]),
        "history": heard_most(shown, audience.history_BT, HEARD),
        "offered": [
            {"title": slot.title, "artist": slot.artist, "reason": slot.reason}
            for slot in listed.slots
        ],
        "played": [
            {
                **shown.of_track(int(found.track_N[n])),
                "plays": float(np.expm1(found.target_N[n]).round()),
                "place": 1 + int((scores_T > scores_T[found.track_N[n]]).sum()),
            }
            for n in held_N[:LISTED]
        ],
    }


def heard_most(shown: Shown, history_1T: sp.csr_array, n: int) -> list[dict[str, Any]]:
    """Return the `n` most played tracks of a history, with their plays."""
    most = np.argsort(-history_1T.data, kind="stable")[:n]
    return [
        {**shown.of_track(int(history_1T.indices[at])), "plays": float(history_1T.data[at])}
        for at in most
    ]
