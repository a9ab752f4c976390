"""Reasons: from the arithmetic of a score to a sentence."""

from collections.abc import Mapping, Sequence

from encore.wording import counted

LARGEST = 3  # tracks named in a reason
SHARE = 0.08  # of the attributed score that a track must carry to be named


def main_tracks(attribution: Mapping[int, float]) -> list[int]:
    """Return the history's tracks that carry most of a score, the largest first.

    >>> main_tracks({7: 0.6, 9: 0.3, 4: 0.05, 5: -0.2})
    [7, 9]
    """
    total = sum(value for value in attribution.values() if value > 0)
    ordered = sorted(attribution.items(), key=lambda item: (-item[1], item[0]))
    return [t for t, value in ordered[:LARGEST] if value > 0 and value >= SHARE * total] or [
        t for t, value in ordered[:1] if value > 0
    ]


def sentence(
    because: Sequence[str], genres: Sequence[str], listeners: int, by: str = "because you play"
) -> str:
    """Return the reason for a slot in words.

    - `because`: titles of the tracks that carry the score, and `by`, what the listener has to do
      with them;
    - `genres`: genres that the track shares with them;
    - `listeners`: how many training listeners play the track.

    >>> sentence(["Duran Duran", "Depeche Mode"], ["new wave"], 120)
    'because you play Duran Duran and Depeche Mode; also new wave'
    >>> sentence([], [], 120)
    'played by 120 listeners'
    """
    if because:
        also = f"; also {listed(genres)}" if genres else ""
        return f"{by} {listed(because)}{also}"
    if genres:
        return f"close to what you play in {listed(genres)}"
    return f"played by {counted(listeners, 'listener')}"


def listed(names: Sequence[str]) -> str:
    """Return names as in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
