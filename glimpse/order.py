"""Which examples an update sees, as a function of (seed, step): shuffled epochs without any state to keep."""

import torch
from torch import Tensor

from glimpse.envs.lane_random import mix

_TRAINING = 41


class TrainingOrder:
    """Episode n of a run shows the (n mod N)-th example of the permutation of epoch n div N.

    So each example is seen once an epoch, whatever the batch, and a resumed run needs no more than its step.
    """

    def __init__(self, examples: int, batch: int, seed: int, device: torch.device) -> None:
        """Shuffle `examples` = N examples into updates of `batch`."""
        self.examples, self.batch, self.seed, self.device = examples, batch, seed, device
        self._epoch = (-1, torch.empty(0))

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """The examples (E,) and the episodes' keys (E,) of an update, both int64."""
        number = torch.arange(step * self.batch, (step + 1) * self.batch)
        pieces = []
        for epoch in range(int(number[0]) // self.examples, int(number[-1]) // self.examples + 1):
            inside = number[torch.div(number, self.examples, rounding_mode="floor") == epoch]
            pieces.append(self._permutation(epoch)[inside % self.examples])
        run = mix(torch.tensor(self.seed), _TRAINING)
        return torch.cat(pieces).to(self.device), mix(run, number).to(self.device)

    def _permutation(self, epoch: int) -> Tensor:
        """The epoch's order; the last one used is kept."""
        if self._epoch[0] != epoch:
            seed = int(mix(mix(torch.tensor(self.seed), _TRAINING), -1 - epoch))
            self._epoch = (
                epoch,
                torch.randperm(self.examples, generator=torch.Generator().manual_seed(seed)),
            )
        return self._epoch[1]
