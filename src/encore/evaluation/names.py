"""How models are named as rows of a board.

Light to import: the command line and the reports name them before they need any array.
"""

ENCORE = "encore"  # the shipped list, and the shipped prediction of plays
ENCORE_LIST = "encore-list"  # that list as `recommend` gives it without further rules: a varied one
NETWORK_PLAYS = "network-plays"  # the plays head used as a ranker
CHANCE = "chance"  # the shipped list, each right answer redrawn among the tracks it could list
MEANS = "listener+track-mean"  # the baseline of plays

#: How the names of models of our own begin; none of them is a baseline.
OWN = (ENCORE, "network", "blend", "hybrid")


def is_baseline(model: str) -> bool:
    """Say whether a row of a board is what ours must beat.

    >>> is_baseline("als"), is_baseline("network-rank"), is_baseline("chance")
    (True, False, False)
    """
    return not model.startswith(OWN) and model != CHANCE
