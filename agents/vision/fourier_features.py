"""Fourier features of coordinates, by which a linear layer can tell near places apart."""

import math

import torch
from torch import Tensor, nn


class FourierFeatures(nn.Module):
    """Sines and cosines of coordinates at octaves of a frequency (Tancik et al., 2020; Mildenhall et al., 2020).

    width: numbers of a feature, n (2 F + 1): the n coordinates, and sine and cosine of pi 2^k times each, k < F.
    """

    octaves: Tensor

    def __init__(self, coordinates: int, frequencies: int) -> None:
        """Make features of n `coordinates` at F `frequencies`."""
        super().__init__()
        self.width = coordinates * (2 * frequencies + 1)
        self.register_buffer("octaves", math.pi * 2.0 ** torch.arange(frequencies), persistent=False)

    def forward(self, place: Tensor) -> Tensor:
        """Return features (..., width) of coordinates (..., n) in [-1, 1]."""
        angle = (place.float().unsqueeze(-1) * self.octaves).flatten(-2)
        return torch.cat([place.float(), angle.sin(), angle.cos()], -1)
