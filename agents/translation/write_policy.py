"""Whether to write now or to hear on: the policy of a simultaneous translator.

Axes: ... any leading ones, S numbers of a state.
"""

from torch import Tensor, nn

_FARTHEST = 15
"""Whoever is farther behind, in pieces, is treated as if it were so far."""


class WritePolicy(nn.Module):
    """The logit of writing: what a network makes of the state, plus a weight for each lag.

    The lag has weights of its own since most of what there is to learn is from where on to write (wait-k is a policy of
    these weights alone): as one number among the state's many it is learned ten times as slowly.
    """

    def __init__(self, state: int, width: int) -> None:
        """Read states of S numbers by a layer of `width` hidden units."""
        super().__init__()
        self.of_state = nn.Sequential(nn.Linear(state, width), nn.ReLU(), nn.Linear(width, 1))
        self.of_lag = nn.Embedding(_FARTHEST + 1, 1)
        nn.init.zeros_(self.of_lag.weight)

    def forward(self, state: Tensor, lag: Tensor) -> Tensor:
        """Of states (..., S) and lags (...) int64, pieces heard more than written -> float32 (...)."""
        logit: Tensor = self.of_state(state) + self.of_lag(lag.clamp(0, _FARTHEST))
        return logit.squeeze(-1).float()
