"""An update that ranks make together, each from its share of the examples; alone, a process makes all of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from glimpse.agents.data_parallel import sharing
from glimpse.training.ranks import Ranks


class SharedUpdate:
    """Share that this rank has of an update of an agent's weights; its gradients are summed over the ranks.

    ranks: the processes that share it.
    torn: whether the last step, of several updates, was left after some of them, for want of another rank.
    """

    def __init__(self, ranks: Ranks, agent: nn.Module, weights: Sequence[Tensor]) -> None:
        """Share the updates of `weights`, the parameters of an agent that are trained."""
        self.ranks, self.torn = ranks, False
        self._weights, self._share = weights, 1.0
        # Of the buffers, averages of returns change with each update.
        self._buffers = [each for each in agent.buffers() if each.is_floating_point()] if ranks.size > 1 else []
        self._before: list[Tensor] = []

    def take(self, example: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Return this rank's examples of an update, and their keys; see `Ranks.share`."""
        example, key, self._share = self.ranks.share(example, key)
        return example, key

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Compute the loss of this rank's share; its counts are then those of all ranks."""
        self._before = [buffer.clone() for buffer in self._buffers]
        if self.ranks.size == 1:
            yield
            return
        with sharing(self._share):
            yield

    def backward(self, total: Tensor, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the gradients of the whole update's loss, from this rank's part of it.

        Args:
            total: the loss of this rank's examples.
            terms: metrics, scalars.

        Returns:
            The metrics of all examples.

        Raises:
            LostRankError: if another rank has ended.
        """
        if self.ranks.size == 1:
            total.backward()
            return terms
        (total * self._share).backward()
        with torch.no_grad():
            terms = {name: term * self._share for name, term in terms.items()}
            changes = [
                (buffer - before) * self._share for buffer, before in zip(self._buffers, self._before, strict=True)
            ]
            self.ranks.sum_gradients(self._weights, changes, terms)
            for buffer, before, change in zip(self._buffers, self._before, changes, strict=True):
                buffer.copy_(before + change)
        return terms

    @torch.no_grad()
    def undo(self) -> None:
        """Take back what the loss has changed of the agent's buffers."""
        for buffer, before in zip(self._buffers, self._before, strict=True):
            buffer.copy_(before)
