"""Glimpses of a dark screen with a few lit pixels, computed from the pixels' coordinates without drawing the screen.

The results equal those of `Retina.look` on the drawn screen, at a small part of its cost.
"""

import torch
from torch import Tensor

from glimpse.envs.images.options import RetinaOptions


class LitPixels:
    """Retina for n lit pixels on a square screen.

    Axes: B looks, K scales, P patch side, S side of the screen. A patch of even width w begins w // 2 pixels before
    pixel floor(c + 1/2), one of odd width before floor(c), where c is the centre's pixel coordinate; see `Retina`. In
    half-pixels h = floor(2 c), pixel q is floor((2 q - h) / 2) or floor((2 q - h + 1) / 2) pixels away from there. So
    the row or column of a pixel in each reduced patch depends on 2 q - h alone, and is looked up in a table.
    """

    def __init__(self, retina: RetinaOptions, side: int, *, device: torch.device | str = "cpu") -> None:
        """Make the tables for a screen of `side` x `side` pixels."""
        patch, scales = retina.patch, torch.arange(retina.scales)
        self._side, self._shape = side, (retina.scales, 1, patch, patch)
        self.nowhere = 2 * side
        """Number of rows by which a pixel is moved down to be in no glimpse."""
        apart = torch.arange(-2 * side, 2 * (self.nowhere + side))[:, None]  # 2 q - h, and K on the second axis
        cell = retina.zoom**scales
        width = cell * patch
        pixel = (apart + width % 2).div(2, rounding_mode="floor") + width // 2  # counted from where the patch begins
        inside = (pixel >= 0) & (pixel < width) & (apart < 2 * side)
        column = (pixel // cell) * inside
        # Two tables, of columns and of rows, one below the other. The index of a pixel in the glimpse is the sum of its
        # two entries in `_cell`, and its weight in the reduced pixel the product of its two entries in `_weight`.
        self._cell = torch.cat([column, column * patch + scales * patch**2]).to(device)
        self._weight = torch.cat([inside.float(), inside / cell**2]).to(device)
        self._begin = torch.tensor([[2 * side], [2 * side + len(apart)]], device=device)

    def look(self, pixels: Tensor, location: Tensor) -> Tensor:
        """Compute the glimpse of each look.

        Args:
            pixels: (B, 2, n) int64, columns and rows of lit pixels, no two the same; each is on the screen, or
                `nowhere` rows below.
            location: (B, 2) float in [-1, 1].

        Returns:
            (B, K, 1, P, P) float32 in [0, 1].
        """
        centre = (location + 1) * (self._side / 2)
        half = centre.long() + (centre + 0.5).long()  # floor(2 c), rounded where `Retina` rounds.
        entry = torch.add(self._begin - half[:, :, None], pixels, alpha=2).flatten()
        batch = len(pixels)
        cell = self._cell.index_select(0, entry).view(batch, 2, -1)  # (B, 2, n * K)
        weight = self._weight.index_select(0, entry).view(batch, 2, -1)
        glimpse = weight.new_zeros(batch, *self._shape)
        glimpse.view(batch, -1).scatter_add_(1, cell[:, 0] + cell[:, 1], weight[:, 0] * weight[:, 1])
        return glimpse
