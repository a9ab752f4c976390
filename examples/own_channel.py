"""A channel of one's own: held to the laws, trained, weighed in the blend. `python own_channel.py`.

The channel is the random walk P3 (Cooper, Lee, Radinsky & Siantos, "Random walks in recommender
systems: exact computation and simulations", WWW 2014): from the listener's tracks to somebody who
plays them, to what that one plays.
"""

import numpy as np

import encore
from encore.testing import check_channel


@encore.register
class Walk(encore.Channel):
    """Where a walk of three steps over who plays what comes to rest."""

    name = "walk"

    def fit(self, inputs):
        """Learn the chance of each step from a track to a track: (T, T)."""
        P_UT = (inputs.plays_UT.toarray() > 0).astype(np.float32)
        to_listener_UT = P_UT / np.maximum(P_UT.sum(axis=0), 1)
        self.step_TT = to_listener_UT.T @ (P_UT / np.maximum(P_UT.sum(axis=1, keepdims=True), 1))
        return self

    def score(self, history_BT):
        """Return the sum of the chances over the listener's tracks: (B, T)."""
        return (history_BT > 0) @ self.step_TT


def main():
    """Hold the channel to the laws, train with it, and print what the blend makes of it."""
    check_channel(Walk)
    data = encore.world.make(listeners=200, tracks=300, seed=1, events=False).data
    config = encore.TrainConfig(
        channels=("content", "walk"), embedding_dim=8, hidden_layers=(16,), max_epochs=2
    )
    model = encore.train(data, config)
    for name, weight in model.bundle.choice.weights.items():
        print(f"{name:14} {weight:.2f}")


if __name__ == "__main__":
    main()
