"""Which examples an update sees, as a function of (seed, step): shuffled epochs without any state to keep."""

from bisect import bisect_right

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


class TokenOrder(TrainingOrder):
    """Updates of about as many tokens, of examples of similar length: the shorter they are, the more of them.

    An epoch's permutation is cut into pools; each is sorted by length and cut into updates, and these are shuffled.
    Every epoch begins with an update of its own, so that which one a step is in follows from those before it.
    """

    def __init__(
        self, lengths: Tensor, tokens: int, seed: int, device: torch.device, batch: int, pool: int = 50
    ) -> None:
        """Shuffle examples into updates.

        Args:
            lengths: (N,) int64 on the CPU, each example's length.
            tokens: Of an update at most, padding included; an example that is longer is alone.
            seed: Of the run.
            device: Where examples and keys go.
            batch: Examples in an update at most.
            pool: Updates that a pool makes; more of them means less padding and less chance.
        """
        super().__init__(len(lengths), batch, seed, device)
        self._lengths, self._tokens = lengths, tokens
        self._pool = pool * max(1, int(tokens / float(lengths.float().mean())))
        self._begins = [0]  # The first step of each epoch that is known.
        self._updates: tuple[int, tuple[Tensor, ...]] = (-1, ())

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """The examples (E,) and the episodes' keys (E,) of an update, both int64."""
        while self._begins[-1] <= step:
            self._begins.append(self._begins[-1] + len(self._epoch_updates(len(self._begins) - 1)))
        epoch = bisect_right(self._begins, step) - 1
        shown = self._epoch_updates(epoch)[step - self._begins[epoch]]
        key = mix(mix(self._run, step), torch.arange(len(shown)))
        return shown.to(self.device), key.to(self.device)

    def _epoch_updates(self, epoch: int) -> tuple[Tensor, ...]:
        """The updates of an epoch; those of the last one used are kept."""
        if self._updates[0] != epoch:
            generator = torch.Generator().manual_seed(int(mix(self._run, -1 - epoch)))
            shuffled = self._shuffled(epoch, generator)
            updates = [part for pool in shuffled.split(self._pool) for part in self._cut(pool)]
            order = torch.randperm(len(updates), generator=generator).tolist()
            self._updates = (epoch, tuple(updates[number] for number in order))
        return self._updates[1]

    def _cut(self, pool: Tensor) -> list[Tensor]:
        """A pool as updates: with the longest one's length, each has `tokens` tokens at most."""
        pool = pool[self._lengths[pool].argsort(stable=True)]
        sizes, count = [], 0
        for length in self._lengths[pool].tolist():
            if count and ((count + 1) * length > self._tokens or count == self.batch):
                sizes.append(count)
                count = 0
            count += 1
        return list(pool.split([*sizes, count]))
