"""Which examples an update sees, as a function of (seed, step): shuffled epochs without any state to keep."""

import torch
from torch import Tensor

from glimpse.envs.lane_random import mix

_TRAINING, _NOISE = 41, 43


class TrainingOrder:
    """Episode n of a run shows the (n mod N)-th example of the permutation of epoch n div N.

    So each example is seen once an epoch, whatever the batch, and a resumed run needs no more than its step.
    """

    def __init__(self, examples: int, batch: int, seed: int, device: torch.device) -> None:
        """Shuffle `examples` = N examples into updates of `batch`."""
        self.examples, self.batch, self.device = examples, batch, device
        self._run = mix(torch.tensor(seed), _TRAINING)
        self._noise = int(mix(self._run, _NOISE))
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

    def noise(self, step: int) -> int:
        """A seed for what an update draws beside its episodes: dropout."""
        return (self._noise + step) % 2**63

    def _permutation(self, epoch: int) -> Tensor:
        """The epoch's order; the last one used is kept."""
        if self._epoch[0] != epoch:
            generator = torch.Generator().manual_seed(int(mix(self._run, -1 - epoch)))
            self._epoch = (epoch, self._shuffled(epoch, generator))
        return self._epoch[1]

    def _shuffled(self, epoch: int, generator: torch.Generator) -> Tensor:
        """All examples (N,), in the order of an epoch."""
        return torch.randperm(self.examples, generator=generator)


class BucketedOrder(TrainingOrder):
    """As `TrainingOrder`, with examples of similar length in an update, so that little of a batch is padding.

    An epoch's permutation is cut into pools; each is sorted by length, and the updates so made are shuffled. The
    updates that straddle two epochs, one at each end of an epoch, hold examples of all lengths.
    """

    def __init__(self, lengths: Tensor, batch: int, seed: int, device: torch.device, pool: int = 50) -> None:
        """Shuffle examples into updates of `batch`.

        Args:
            lengths: (N,) int64 on the CPU, each example's length.
            batch: Examples in an update.
            seed: Of the run.
            device: Where examples and keys go.
            pool: Updates that a pool makes; more of them means less padding and less chance.
        """
        super().__init__(len(lengths), batch, seed, device)
        self._lengths, self._pool = lengths, pool * batch

    def _shuffled(self, epoch: int, generator: torch.Generator) -> Tensor:
        shuffled = super()._shuffled(epoch, generator)
        head = min(-epoch * self.examples % self.batch, self.examples)
        updates = (self.examples - head) // self.batch
        tail = head + updates * self.batch
        whole = shuffled[head:tail]
        pool = torch.arange(len(whole)) // self._pool
        whole = whole[(pool * (self._lengths.max() + 1) + self._lengths[whole]).argsort(stable=True)]
        whole = whole.view(updates, self.batch)[torch.randperm(updates, generator=generator)]
        return torch.cat([shuffled[:head], whole.flatten(), shuffled[tail:]])
