"""How counts and names read in a sentence."""

from collections.abc import Sequence


def noun(count: float, one: str, several: str | None = None) -> str:
    """Return the form that a noun has beside a count; `several` is `one` with an s by default.

    >>> noun(1, "track"), noun(1.5, "track"), noun(0, "row is", "rows are")
    ('track', 'tracks', 'rows are')
    """
    return one if count == 1 else several or f"{one}s"


def counted(count: int, one: str, several: str | None = None) -> str:
    """Return a count, its thousands apart, with its noun.

    >>> counted(1, "track"), counted(2962, "track"), counted(1, "pair has", "pairs have")
    ('1 track', '2,962 tracks', '1 pair has')
    """
    return f"{count:,} {noun(count, one, several)}"


def listed(names: Sequence[str]) -> str:
    """Return names as in a sentence.

    >>> listed([]), listed(["a"]), listed(["a", "b", "c"])
    ('', 'a', 'a, b and c')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
