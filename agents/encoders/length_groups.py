"""Groups of texts of similar length, so that little of what a group is padded to is padding."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

_STEP = 16
"""What a step of a recurrence costs by itself, in texts: by measurement, for 50 to 300 units."""


def length_groups(length: Tensor) -> list[Tensor]:
    """Divide texts into groups of similar length, where the steps that it adds cost less than the padding it saves.

    Args:
        length: (B,) int64, the number of tokens of each text, on the CPU.

    Returns:
        The numbers of each group's texts, int64; the longest text of all comes first. No text makes one empty group.
    """
    groups, left = [], [length.argsort(descending=True, stable=True)]
    while left:
        group = left.pop()
        ordered = length[group]
        # The padding that a cut before each text saves, less the steps that it adds.
        behind = len(group) - torch.arange(len(group))
        saved = (ordered[:1] - ordered) * behind - _STEP * ordered
        at = int(saved.argmax()) if len(group) else 0
        if at and saved[at] > 0:
            left += [group[at:], group[:at]]
        else:
            groups.append(group)
    return groups


def in_order(each: Tensor, order: Tensor) -> Tensor:
    """Return (B, ...) in another order, a permutation (B,), of which the gradient is only one more permutation."""
    return cast(Tensor, _Permuted.apply(each, order))


class _Permuted(Function):
    """Permutation of the first axis; the gradient of indexing would add up."""

    @staticmethod
    def forward(ctx: Any, each: Tensor, order: Tensor) -> Tensor:
        """Permute."""
        ctx.save_for_backward(order)
        return each.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Permute back."""
        (order,) = ctx.saved_tensors
        return gradient.index_select(0, order.argsort()), None
