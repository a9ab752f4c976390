"""What every channel promises; `encore.testing.check_channel` holds each of them to it."""

from abc import abstractmethod
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from encore.config import TrainConfig
from encore.errors import UsageError
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, Integers
from encore.models.rows import Row, Vectors, Whole

Need = Literal["plays", "content", "friends"]
Arrays = dict[str, npt.NDArray[np.generic]]

PARTS = (
    *("name", "needs", "asks_others", "same_for_all", "of", "fit", "fold_in", "score"),
    *("vectors", "row", "attribute", "arrays", "from_arrays"),
)


class Channel(Protocol):
    """A scorer of tracks for a history, known listener or new one alike.

    Histories are sparse (listener, track) matrices of plays; column 0 is the unknown track.

    A class that inherits it writes `name`, `fit` and `score`, and of the rest what it does in
    another way: `fold_in` gives the histories, `attribute` nothing, and a bundle keeps the arrays,
    numbers and text that are attributes of the channel.
    """

    name: ClassVar[str]
    needs: ClassVar[Need] = "plays"  # what the channel lives on; without it, it rests
    asks_others: ClassVar[bool] = False  # scores from others' histories, which a bundle may lack
    same_for_all: ClassVar[bool] = False  # scores do not depend on who asks

    @classmethod
    def of(cls, config: TrainConfig) -> Self:  # noqa: ARG003
        """Return the channel with the settings that are its own."""
        return cls()

    @abstractmethod
    def fit(self, inputs: Inputs) -> Self:
        """Learn from training rows; return itself."""
        ...

    def fold_in(self, audience: Audience) -> Any:
        """Return what the channel knows of these listeners: all that `score` needs."""
        return audience.history_BT

    @abstractmethod
    def score(self, folded: Any) -> Floats:
        """Return finite scores (B, T), higher is better, also for an empty history.

        They are the caller's to overwrite.
        """
        ...

    @property
    def vectors(self) -> Vectors | None:
        """The tracks' vectors, where a score is their inner product with what `fold_in` returns."""
        return None

    def row(self, folded: Any) -> Row:
        """Return one listener's scores, of `folded` alone, in the form that is cheapest to ask."""
        if self.vectors is not None:
            return self.vectors.row(folded[0])
        return Whole(self.score(folded)[0])

    def attribute(self, history_1T: Any, tracks_N: Integers) -> Floats:
        """Return what each of H tracks of a history adds to the scores of N distinct ones (N, H).

        H are the stored pairs, in the order of `history_1T.indices`; a pair that was only skipped
        adds 0. A row sums to the track's score where the channel is linear in the history. All are
        0 where the scores do not come from the history, or nothing is known of how.
        """
        return np.zeros((len(tracks_N), history_1T.nnz), np.float32)

    def arrays(self) -> Arrays:
        """Return what was learned and `inputs` do not hold, as plain arrays for a bundle.

        No listener's own data may be in it: a bundle without its listeners must forget them.
        Raises `UsageError` on an attribute that is no array, number or text.
        """
        for name, value in vars(self).items():
            if not isinstance(value, np.ndarray | np.generic | bool | int | float | str):
                raise UsageError(
                    f"channel {self.name!r}: its {name} is a {type(value).__name__}: expected a "
                    "numpy array, a number or text; else write arrays and from_arrays"
                )
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel that `arrays` describe, over the same inputs."""
        channel = cls()
        for name, values in arrays.items():
            setattr(channel, name, values if values.ndim else values.item())
        return channel
