"""All that a report tells beyond the boards, as JSON values; docs/report.md shows it drawn."""

from typing import Any

import numpy as np

from encore.evaluation.artist_map import artist_map
from encore.evaluation.boards import Board, Question
from encore.evaluation.channel_gains import channel_gains
from encore.evaluation.exposure import coverage, exposure
from encore.evaluation.frontier import frontier
from encore.evaluation.names import ENCORE
from encore.evaluation.plays import PlaysPredictions
from encore.evaluation.prediction_errors import calibration, errors
from encore.evaluation.served import BESIDE, baselines, listener_groups, served
from encore.evaluation.significance import headline
from encore.evaluation.tiers import tiers
from encore.models.channels import Popularity
from encore.recommend.recommender import Recommender


def analyse(
    model: Recommender, board: Board, question: Question, found: PlaysPredictions, seed: int = 0
) -> dict[str, Any]:
    """Return who is served how well, what is listed, where predictions err, what each part adds.

    `board` is that of `question`, which known listeners were asked of the whole catalogue. Beside
    what ships stand its best baselines, and popularity.
    """
    bundle = model.bundle
    peers = baselines(board, headline(board.name))
    shown = dict.fromkeys((ENCORE, *peers[:BESIDE], Popularity.name))
    lists = {name: board.lists[name] for name in shown if name in board.lists}
    history_UT = bundle.history_UT
    return {
        "listeners": listener_groups(board, question, bundle.listeners_T, seed),
        "served": served(model, board, question, found),
        "exposure": exposure(model, lists),
        "coverage": coverage(lists, len(bundle.features.tracks)),
        "tiers": tiers(bundle, question, lists, seed),
        "errors": errors(
            found,
            bundle.features,
            model.catalogue.year_T.astype(np.float64),
            np.diff(history_UT.indptr),
            bundle.listeners_T,
            seed,
        ),
        "calibration": calibration(found, seed),
        "channels": channel_gains(model, board, question, seed),
        "frontier": frontier(model, question, seed),
        "map": artist_map(model, seed),
    }
