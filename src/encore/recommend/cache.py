"""Lists kept for whoever asks again, until what they rest on changes.

A list depends on the listener, the model and the rules. It is forgotten when the listener is heard
of again (`forget`: a listen, a like, a ban), and all are when another model serves (`use`). The
longest unasked goes first where there is no room.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock

from encore.errors import UsageError
from encore.recommend.recommender import RankedList, Recommender
from encore.recommend.rules import Rules

SIZE = 10_000  # listeners
EACH = 8  # lists of one listener: of other lengths, or under other rules


@dataclass(frozen=True)
class Hits:
    """How often a list was there when it was asked for, and how often it had to be made."""

    hits: int
    misses: int

    @property
    def rate(self) -> float:
        """The share of hits, 0 before the first request.

        >>> Hits(3, 1).rate, Hits(0, 0).rate
        (0.75, 0.0)
        """
        return self.hits / max(self.hits + self.misses, 1)


class Cache:
    """A model whose lists are kept for `size` listeners at most; it may serve several threads.

    Raises `UsageError` on a size below 1.
    """

    def __init__(self, model: Recommender, size: int = SIZE) -> None:
        if size < 1:
            raise UsageError(f"size = {size}: expected 1 or more")
        self._model, self._size, self._lock = model, size, Lock()
        self._lists: OrderedDict[str, dict[tuple[int, str], RankedList]] = OrderedDict()
        self._hits = self._misses = self._changes = 0

    def recommend(self, user_id: str, n: int = 10, *, rules: Rules | None = None) -> RankedList:
        """Return the listener's list, as `Recommender.recommend` makes it."""
        key = n, (rules or Rules()).model_dump_json()
        with self._lock:
            kept = self._lists.get(user_id, {}).get(key)
            if kept is not None:
                self._lists.move_to_end(user_id)
                self._hits += 1
                return kept
            self._misses += 1
            model, changes = self._model, self._changes
        made = model.recommend(user_id, n, rules=rules)
        # What finds the prices holds all scores: made again when it is asked, it holds none.
        made = replace(made, pricing=lambda: model.recommend(user_id, n, rules=rules).prices)
        with self._lock:
            if changes == self._changes:  # else it may rest on what was forgotten meanwhile
                own = self._lists.setdefault(user_id, {})
                own[key] = made
                if len(own) > EACH:
                    del own[next(iter(own))]
                self._lists.move_to_end(user_id)
                if len(self._lists) > self._size:
                    self._lists.popitem(last=False)
        return made

    def forget(self, user_id: str) -> None:
        """Forget the lists of one listener: they have played, liked or banned something."""
        with self._lock:
            self._changes += 1
            self._lists.pop(user_id, None)

    def use(self, model: Recommender) -> None:
        """Let another model serve: all lists are forgotten."""
        with self._lock:
            self._model = model
            self._changes += 1
            self._lists.clear()

    @property
    def told(self) -> Hits:
        """How often lists were there so far."""
        with self._lock:
            return Hits(self._hits, self._misses)
