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
        self.examples, self.batch, self.device = examples, batch, device
        self._run = mix(torch.tensor(seed), _TRAINING)
        self._epoch = (-1, torch.empty(0))

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """The examples (E,) and the episodes' keys (E,) of an update, both int64."""
        first, end = step * self.batch, (step + 1) * self.batch
        shown = []
        for epoch in range(first // self.examples, (end - 1) // self.examples + 1):
            begun = epoch * self.examples
            shown.append(self._permutation(epoch)[max(0, first - begun) : end - begun])
        key = mix(self._run, torch.arange(first, end))
        return torch.cat(shown).to(self.device), key.to(self.device)

    def _permutation(self, epoch: int) -> Tensor:
        """The epoch's order; the last one used is kept."""
        if self._epoch[0] != epoch:
            generator = torch.Generator().manual_seed(int(mix(self._run, -1 - epoch)))
            self._epoch = (epoch, torch.randperm(self.examples, generator=generator))
        return self._epoch[1]
