"""READ / WRITE policy of a simultaneous translator.

Axes: ... any leading ones, S width of a state.
"""

from torch import Tensor, nn

_FARTHEST = 15
"""Largest lag, in tokens, with a weight of its own; larger ones share it."""


class WritePolicy(nn.Module):
    """Logit of WRITE: a network of the state, plus a learned weight for each lag.

    Most of the policy is the lag from which on to WRITE; wait-k is a policy of the lag's weights alone. As one more
    input among the state's many the lag was learned ten times as slowly.
    """

    def __init__(self, state: int, width: int) -> None:
        """Make a network of states of width S with `width` hidden units."""
        super().__init__()
        self.of_state = nn.Sequential(nn.Linear(state, width), nn.ReLU(), nn.Linear(width, 1))
        self.of_lag = nn.Embedding(_FARTHEST + 1, 1)
        nn.init.zeros_(self.of_lag.weight)

    def forward(self, state: Tensor, lag: Tensor) -> Tensor:
        """Compute the logit of WRITE.

        Args:
            state: (..., S).
            lag: (...) int64, source tokens read minus target tokens written.

        Returns:
            (...) float32.
        """
        logit: Tensor = self.of_state(state) + self.of_lag(lag.clamp(0, _FARTHEST))
        return logit.squeeze(-1).float()
