"""How far a simultaneous translation lags behind.

Axes: B sentences, M pieces of a translation.
"""

import torch
from torch import Tensor


def average_lagging(heard: Tensor, written: Tensor, length: Tensor) -> Tensor:
    """Average lagging (Ma et al., 2019, "STACL", equation 5): pieces of the source behind an ideal interpreter.

    AL = 1 / tau sum over t <= tau of g(t) - (t - 1) |x| / |y|, with g(t) the pieces heard when piece t was written, and
    tau the first piece that was written when all had been heard, or the last one.

    Args:
        heard: (B, M) int64, g(t).
        written: (B,) int64, |y|.
        length: (B,) int64, |x|.

    Returns:
        (B,) float32; 0 where nothing was written.
    """
    number = torch.arange(heard.shape[1], device=heard.device)
    real = number < written[:, None]
    whole = (heard >= length[:, None]) & real
    counted = real & (whole.cumsum(1) - whole.long() == 0)  # Up to the first with all heard, that one included.
    behind = heard - number * (length / written.clamp(min=1))[:, None]
    return (behind * counted).sum(1) / counted.sum(1).clamp(min=1)
