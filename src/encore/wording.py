"""How counts read in a sentence."""


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
