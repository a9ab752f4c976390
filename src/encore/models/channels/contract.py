"""What every channel promises; `encore.testing.check_channel` holds each of them to it."""

from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from encore.config import TrainConfig
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats

Need = Literal["plays", "content", "friends"]
Arrays = dict[str, npt.NDArray[np.generic]]

PARTS = (
    *("name", "needs", "asks_others", "of", "fit", "fold_in", "score"),
    *("attribute", "arrays", "from_arrays"),
)


class Channel(Protocol):
    """A scorer of tracks for a history, known listener or new one alike.

    Histories are sparse (listener, track) matrices of plays; column 0 is the unknown track.
    """

    name: ClassVar[str]
    needs: ClassVar[Need]  # what the channel lives on; without it, it rests
    asks_others: ClassVar[bool]  # scores from other listeners' histories, which a bundle may lack

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Return the channel with the settings that are its own."""
        ...

    def fit(self, inputs: Inputs) -> Self:
        """Learn from training rows; return itself."""
        ...

    def fold_in(self, audience: Audience) -> Any:
        """Return what the channel knows of these listeners: all that `score` needs."""
        ...

    def score(self, folded: Any) -> Floats:
        """Return finite scores (B, T), higher is better, also for an empty history."""
        ...

    def attribute(self, history_1T: Any, track: int) -> dict[int, float]:
        """Return how much each track of the history adds to the score of `track`.

        The values sum to the score where the channel is linear in the history, and the dict is
        empty where the score does not come from the history.
        """
        ...

    def arrays(self) -> Arrays:
        """Return what was learned and `inputs` do not hold, as plain arrays for a bundle.

        No listener's own data may be in it: a bundle without its listeners must forget them.
        """
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:
        """Return the channel that `arrays` describe, over the same inputs."""
        ...
