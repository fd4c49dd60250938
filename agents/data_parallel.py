"""Counts over all ranks: where processes share an update, a loss that divides by a count asks here for that of all.

A rank computes the loss of its share of an update's examples; gradients are weighted by the shares and summed. A mean
over examples then is the mean over all examples by itself. A mean over anything else (tokens, steps taken) has to
divide by what the ranks have in all.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class LostRankError(RuntimeError):
    """Another rank has ended, so that no further step can be made."""


_shares: list[float] = []
"""This rank's share of the update that is being computed, in [0, 1]; empty where a process has all of it."""


@contextmanager
def sharing(share: float) -> Iterator[None]:
    """Compute the loss of a share of an update's examples, while all other ranks do so with theirs.

    Args:
        share: this rank's examples, as a fraction of all; 0 if what it computes is not to count.
    """
    _shares.append(share)
    try:
        yield
    finally:
        _shares.pop()


def over_all_ranks(count: Tensor) -> Tensor:
    """Return what a sum is to be divided by for a mean over all ranks.

    Args:
        count: how many tokens or steps this rank's sum has, a scalar.

    Raises:
        LostRankError: if another rank has ended.

    Returns:
        The count itself in a process that has the whole update; else the count over all ranks, times this rank's
        share, by which the loss will be multiplied.
    """
    if not _shares:
        return count
    share = _shares[-1]
    total = count.detach().double() * (share > 0)
    with noticing_lost_ranks():
        torch.distributed.all_reduce(total)
    return (total * share if share else total.clamp(min=1)).float()


@contextmanager
def noticing_lost_ranks() -> Iterator[None]:
    """Turn the failure of an exchange between ranks into a LostRankError."""
    try:
        yield
    except RuntimeError as error:
        raise LostRankError(f"another rank has ended: {error}") from error
