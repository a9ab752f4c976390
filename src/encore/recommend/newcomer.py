"""Somebody the model never saw, who asks for lists and says what they think of them.

Nothing is trained: each answer is computed from the history as it stands.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from encore.errors import UsageError
from encore.recommend.brought import Brought
from encore.recommend.naming import Names
from encore.recommend.rules import Rules

if TYPE_CHECKING:
    from encore.recommend.explain import Explanation
    from encore.recommend.recommender import RankedList, Recommender


@dataclass(frozen=True)
class Newcomer:
    """A person by what they brought along; made by `Recommender.fold_in`.

    `play`, `like`, `skip` and `ban` take a track, or an artist where items are artists, by its id
    or name, and return the person with that said too; the one at hand stays as it was.
    """

    model: "Recommender"
    brought: Brought

    def recommend(self, n: int = 10, *, rules: Rules | None = None) -> "RankedList":
        """Return `n` tracks for this person; see `Recommender.recommend`."""
        return self.model.recommend(None, n, rules=rules, history=self.brought)

    def explain(self, track: str, n: int = 10, *, rules: Rules | None = None) -> "Explanation":
        """Return why a track has its score with this person; see `Recommender.explain`."""
        return self.model.explain(None, track, n, rules=rules, history=self.brought)

    def play(self, name: str, times: float = 1) -> "Newcomer":
        """Return the person after `times` further plays; raise `UsageError` where it is below 0."""
        return self._said(Brought.played, name, times)

    def skip(self, name: str, times: float = 1) -> "Newcomer":
        """Return the person after `times` skips, each of which takes back a play."""
        return self._said(Brought.skipped, name, times)

    def like(self, name: str) -> "Newcomer":
        """Return the person with a like: the track counts for more; it takes back a ban."""
        return self._said(Brought.liked, name)

    def ban(self, name: str) -> "Newcomer":
        """Return the person with a ban: the track counts nothing and is never listed."""
        return self._said(Brought.banned, name)

    def _said(self, change: Callable[..., Brought], name: str, *times: float) -> "Newcomer":
        if any(not 0 <= count < float("inf") for count in times):
            raise UsageError(f"times = {times[0]}: expected 0 or more")
        bundle = self.model.bundle
        track = bundle.features.tracks.index(name) or Names.of(bundle).item(name)
        return replace(self, brought=change(self.brought, track, *times))
