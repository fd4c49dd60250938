"""Sinusoidal positions (Vaswani et al., 2017, section 3.5)."""

import torch
from torch import Tensor


def sinusoids(
    tokens: int, width: int, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Compute sinusoids of positions, (tokens, width), in [-1, 1].

    PE(p, 2i) = sin(p / 10000^(2i / D)) and PE(p, 2i + 1) = cos(p / 10000^(2i / D)).
    """
    even = torch.arange(0, width, 2, device=device, dtype=torch.float64)
    angle = torch.arange(tokens, device=device)[:, None] * 10000 ** (-even / width)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :width].to(dtype)
