"""Dropout whose chances are cheap to draw: on a CPU torch's own costs more than the layers around it."""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Each number is left out with a chance of `share`, in steps of 1 / 256, and the others are scaled up to it.

    A byte is drawn for each number, eight at a time; on a GPU torch's own dropout is as good.
    """

    def __init__(self, share: float) -> None:
        """Leave out this share, in [0, 1), while it is trained."""
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """As torch's."""
        least = round(256 * self.share)
        if not self.training or not least:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.share)
        drawn = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = drawn.view(torch.uint8)[: x.numel()].view(x.shape) >= least
        return x * kept.to(x.dtype).mul_(256 / (256 - least))

    def extra_repr(self) -> str:
        """For printing."""
        return f"share={self.share}"
