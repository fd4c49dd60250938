"""Ranks of one training: processes that `torchrun` started, which share each update's examples and sum its gradients.

Each rank has the same weights. It takes every N-th example of an update, computes their loss, and weighs the gradients
by its share; the sum over ranks is the gradient of the whole update. Rank 0, the leader, alone evaluates, writes and
tracks; the others follow it, step by step.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from glimpse.agents.data_parallel import noticing_lost_ranks
from glimpse.training.budget import Budget
from glimpse.training.torchrun import are_ranks, device_of_rank

_PATIENCE = timedelta(days=7)
"""Followers wait this long for an evaluation to end. A rank that dies is noticed at once: its connection closes."""


class Ranks:
    """The ranks of a training, seen from one of them; `ALONE` is a process without others."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        """Describe rank `rank` of `size`."""
        self.rank, self.size = rank, size

    @property
    def leads(self) -> bool:
        """Whether this rank evaluates, writes and tracks."""
        return self.rank == 0

    def share(self, example: Tensor, key: Tensor) -> tuple[Tensor, Tensor, float]:
        """Take this rank's examples of an update.

        Args:
            example: (E,) int64.
            key: (E,) int64.

        Returns:
            Its examples, their keys, and its share of all examples. A rank for which there is none gets the first one
            with a share of 0, since all ranks compute together.
        """
        if self.size == 1:
            return example, key, 1.0
        own, all_examples = slice(self.rank, None, self.size), len(example)
        if all_examples <= self.rank:
            return example[:1], key[:1], 0.0
        return example[own], key[own], len(example[own]) / all_examples

    def noise(self, seed: int) -> int:
        """Return the seed of this rank's dropout, from that of the update."""
        return (seed + (self.rank << 48)) % 2**63

    @torch.no_grad()
    def sum_gradients(self, weights: Sequence[Tensor], changes: Sequence[Tensor], terms: dict[str, Tensor]) -> None:
        """Sum gradients, changes of buffers and metrics over the ranks, in place.

        Args:
            weights: parameters; one that no rank has a gradient of keeps none.
            changes: what this update added to the agent's buffers, each already times this rank's share.
            terms: metrics, scalars, each already times this rank's share.

        Raises:
            LostRankError: if a rank has ended; nothing is changed then.
        """
        if self.size == 1:
            return
        there = [weight.grad is not None for weight in weights]
        gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
        own = [*gradients, *changes, *terms.values()]
        flat = torch.cat([part.flatten().float() for part in own] + [weights[0].new_tensor(there)])
        with noticing_lost_ranks():
            dist.all_reduce(flat)
        *summed, counts = flat.split([part.numel() for part in own] + [len(there)])
        totals = [part.view_as(like) for part, like in zip(summed, own, strict=True)]
        for weight, total, ranks in zip(weights, totals, counts.tolist(), strict=False):
            weight.grad = total if ranks else None
        for change, total in zip(changes, totals[len(weights) :], strict=False):
            change.copy_(total)
        for name, total in zip(terms, totals[len(weights) + len(changes) :], strict=True):
            terms[name] = total

    def go_on(self, wanted: bool = True) -> bool:
        """Tell the followers whether there is another step, or hear it from the leader."""
        if self.size == 1:
            return wanted
        return bool(self._from_leader(torch.tensor(float(wanted))))

    def number(self, value: float) -> float:
        """Return the leader's number on every rank."""
        return float(self._from_leader(torch.tensor(value, dtype=torch.float64)))

    def text(self, value: str = "") -> str:
        """Return the leader's text on every rank."""
        if self.size == 1:
            return value
        return self._bytes(value.encode()).decode()

    def state(self, value: Mapping[str, Any] | None, device: torch.device) -> dict[str, Any]:
        """Return the leader's tensors and numbers, in dicts and lists, on every rank."""
        packed = io.BytesIO()
        if value is not None:
            torch.save(dict(value), packed)
        content = io.BytesIO(self._bytes(packed.getvalue()))
        unpacked: dict[str, Any] = torch.load(content, map_location=device, weights_only=True)
        return unpacked

    def _bytes(self, value: bytes) -> bytes:
        size = int(self.number(len(value)))
        content = torch.zeros(size, dtype=torch.uint8)
        if self.leads:
            content = torch.frombuffer(bytearray(value), dtype=torch.uint8) if value else content
        return self._from_leader(content).numpy().tobytes() if size else b""

    def _from_leader(self, value: Tensor) -> Tensor:
        with noticing_lost_ranks():
            dist.broadcast(value, 0)
        return value


ALONE = Ranks()
"""One process, which has all examples."""


class SharedBudget(Budget):
    """Budget of time that the leader's clock decides for all ranks; each asks for the progress of each step."""

    def __init__(self, ranks: Ranks, seconds: float, own: Budget | None) -> None:
        """Follow the leader's budget of `seconds`; `own` is it on the leader, None on the others."""
        self.steps, self.seconds = None, seconds
        self._ranks, self._own, self._known = ranks, own, (-1, 0.0)

    def progress(self, step: int) -> float:
        """Return the share of the time that had passed on the leader when `step` updates were made."""
        if step != self._known[0]:
            self._known = step, self._ranks.number(self._own.progress(step) if self._own else 0.0)
        return self._known[1]


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Join the other ranks, by gloo on CPUs and NCCL between GPUs, and leave them at the end.

    Where the caller has joined them already, they stay joined.
    """
    if not are_ranks():
        yield ALONE
        return
    if dist.is_initialized():
        yield Ranks(dist.get_rank(), dist.get_world_size())
        return
    backend = "gloo"
    if torch.cuda.is_available():
        backend = "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(device_of_rank("cuda", torch.cuda.device_count()))
    with noticing_lost_ranks():
        dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
