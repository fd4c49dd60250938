"""Dropout with cheap random numbers: on a CPU torch's own costs more than the layers around it."""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Dropout that zeroes each number with a probability, in steps of 1 / 256, and scales up the others.

    One random byte is drawn for each number, eight at a time. On a GPU torch's own dropout is used.
    """

    def __init__(self, share: float) -> None:
        """Set the probability of zeroing a number in training, `share` in [0, 1)."""
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Return x (...) with dropout in training, and x itself in evaluation mode."""
        least = round(256 * self.share)
        if not self.training or not least:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.share)
        drawn = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = drawn.view(torch.uint8)[: x.numel()].view(x.shape) >= least
        return x * kept.to(x.dtype).mul_(256 / (256 - least))

    def extra_repr(self) -> str:
        """Return the options to print."""
        return f"share={self.share}"
