"""Order of training examples as a function of (seed, step): shuffled epochs without any state to keep."""

from bisect import bisect_right

import torch
from torch import Tensor

from glimpse.config.experiment import Experiment
from glimpse.envs.core import BatchedEnv
from glimpse.envs.lane_random import mix
from glimpse.errors import UserError
from glimpse.families import family_of

_TRAINING, _NOISE = 41, 43
_HOST = torch.device("cpu")
"""Where texts are put in order: the host, which knows their lengths, so that they are cut without asking a GPU."""


class TrainingOrder:
    """Order in which episode n shows the (n mod N)-th example of the permutation of epoch n div N.

    Each example is seen once an epoch, whatever the batch size, and a resumed run needs only its step.
    """

    def __init__(self, examples: int, batch: int, seed: int, device: torch.device) -> None:
        """Shuffle `examples` = N examples into updates of `batch`."""
        self.examples, self.batch, self.device = examples, batch, device
        self._run = mix(torch.tensor(seed), _TRAINING)
        self._noise = int(mix(self._run, _NOISE))
        self._epoch = (-1, torch.empty(0))

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the examples (E,) and the random keys (E,) of an update, both int64."""
        first, end = step * self.batch, (step + 1) * self.batch
        shown = []
        for epoch in range(first // self.examples, (end - 1) // self.examples + 1):
            begun = epoch * self.examples
            shown.append(self._permutation(epoch)[max(0, first - begun) : end - begun])
        return torch.cat(shown), mix(self._run, torch.arange(first, end, device=self.device))

    def noise(self, step: int) -> int:
        """Return the seed of an update's dropout."""
        return (self._noise + step) % 2**63

    def _permutation(self, epoch: int) -> Tensor:
        """Return the order of an epoch, on the device; the last one used is cached, so that no step copies anything."""
        if self._epoch[0] != epoch:
            # The CPU shuffles, so that the order is the same for each device.
            generator = torch.Generator().manual_seed(int(mix(self._run, -1 - epoch)))
            self._epoch = (epoch, to_device(self._shuffled(epoch, generator), self.device))
        return self._epoch[1]

    def _shuffled(self, epoch: int, generator: torch.Generator) -> Tensor:
        """Shuffle all examples, (N,)."""
        return torch.randperm(self.examples, generator=generator)


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor of the host to a device, without waiting for what a GPU still computes."""
    return (values.pin_memory() if device.type == "cuda" else values).to(device, non_blocking=True)


class BucketedOrder(TrainingOrder):
    """Order with examples of similar length in an update, so that little of a batch is padding.

    An epoch's permutation is cut into pools; each is sorted by length, and the updates made of them are shuffled. The
    updates that straddle two epochs, one at each end of an epoch, hold examples of all lengths.
    """

    def __init__(self, lengths: Tensor, batch: int, seed: int, device: torch.device, pool: int = 50) -> None:
        """Shuffle examples into updates of `batch`.

        Args:
            lengths: (N,) int64 on the CPU, length of each example.
            batch: Examples in an update.
            seed: Seed of the run.
            device: Device of the examples and keys.
            pool: Updates made of a pool; more means less padding and less randomness.
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
    """Order of updates with about equally many tokens, made of examples of similar length.

    An epoch's permutation is cut into pools; each is sorted by length and cut into updates, and these are shuffled.
    Every epoch begins with a new update, so the epoch of a step follows from the epochs before it.
    """

    def __init__(
        self, lengths: Tensor, tokens: int, seed: int, device: torch.device, batch: int, pool: int = 50
    ) -> None:
        """Shuffle examples into updates.

        Args:
            lengths: (N,) int64 on the CPU, length of each example.
            tokens: Tokens of an update at most, padding included; a longer example is an update alone.
            seed: Seed of the run.
            device: Device of the examples and keys.
            batch: Examples in an update at most.
            pool: Updates made of a pool; more means less padding and less randomness.
        """
        super().__init__(len(lengths), batch, seed, device)
        self._lengths, self._tokens = lengths, tokens
        self._pool = pool * max(1, int(tokens / float(lengths.float().mean())))
        self._begins = [0]  # First step of each epoch made so far.
        self._updates: tuple[int, tuple[Tensor, ...]] = (-1, ())

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the examples (E,) and the random keys (E,) of an update, both int64."""
        while self._begins[-1] <= step:
            self._begins.append(self._begins[-1] + len(self._epoch_updates(len(self._begins) - 1)))
        epoch = bisect_right(self._begins, step) - 1
        shown = self._epoch_updates(epoch)[step - self._begins[epoch]]
        key = mix(mix(self._run, step), torch.arange(len(shown)))
        return shown.to(self.device), key.to(self.device)

    def _epoch_updates(self, epoch: int) -> tuple[Tensor, ...]:
        """Return the updates of an epoch; those of the last one used are cached."""
        if self._updates[0] != epoch:
            generator = torch.Generator().manual_seed(int(mix(self._run, -1 - epoch)))
            shuffled = self._shuffled(epoch, generator)
            updates = [part for pool in shuffled.split(self._pool) for part in self._cut(pool)]
            order = torch.randperm(len(updates), generator=generator).tolist()
            self._updates = (epoch, tuple(updates[number] for number in order))
        return self._updates[1]

    def _cut(self, pool: Tensor) -> list[Tensor]:
        """Cut a pool into updates of at most `tokens` tokens, padded to the longest example."""
        pool = pool[self._lengths[pool].argsort(stable=True)]
        sizes, count = [], 0
        for length in self._lengths[pool].tolist():
            if count and ((count + 1) * length > self._tokens or count == self.batch):
                sizes.append(count)
                count = 0
            count += 1
        return list(pool.split([*sizes, count]))


def make_order(env: BatchedEnv, experiment: Experiment) -> TrainingOrder:
    """Make the order of a config's examples: by length where the family says so, shuffled otherwise.

    Raises:
        UserError: if tokens are asked for where examples have no length.
    """
    batch, tokens, seed = experiment.train.batch, experiment.train.tokens, experiment.seed
    lengths = env.lengths if family_of(experiment.task.name).by_length else None
    if tokens is not None:
        if lengths is None:
            raise UserError(f"train.tokens: {experiment.task.name} shows no texts: give train.batch alone")
        return TokenOrder(lengths, tokens, seed, _HOST, batch)
    if lengths is None:
        return TrainingOrder(env.examples, batch, seed, env.device)
    return BucketedOrder(lengths, batch, seed, _HOST)
