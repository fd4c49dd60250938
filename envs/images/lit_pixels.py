"""Glimpses of a dark screen on which a few pixels are lit, made from their places without drawing the screen.

The same as `Retina.look` on the drawn screen, at a small part of its cost.
"""

import torch
from torch import Tensor

from glimpse.envs.options import RetinaOptions


class LitPixels:
    """Sees n lit pixels on a square screen.

    B looks, K scales, P patch side, S side of the screen. A patch of even width begins half of it before pixel
    floor(c + 1/2), an odd one before floor(c), where c is the centre's pixel coordinate; see `Retina`. Counted in
    half-pixels h = floor(2 c), pixel q is floor((2 q - h) / 2) or floor((2 q - h + 1) / 2) pixels away from there. So
    2 q - h alone decides in which row or column of each reduced patch a pixel falls, and a table tells it.
    """

    def __init__(self, retina: RetinaOptions, side: int, *, device: torch.device | str = "cpu") -> None:
        """Make the tables for a screen of `side` x `side` pixels."""
        patch, scales = retina.patch, torch.arange(retina.scales)
        self._side, self._shape = side, (retina.scales, 1, patch, patch)
        self.nowhere = 2 * side
        """So many rows below the screen's own a pixel is in no glimpse."""
        apart = torch.arange(-2 * side, 2 * (self.nowhere + side))[:, None]  # 2 q - h, and K on the second axis
        cell = retina.zoom**scales
        width = cell * patch
        pixel = (apart + width % 2).div(2, rounding_mode="floor") + width // 2  # counted from where the patch begins
        inside = (pixel >= 0) & (pixel < width) & (apart < 2 * side)
        column = (pixel // cell) * inside
        # One table below the other, of columns and of rows: where in the glimpse a pixel falls is the sum of both, and
        # its share of what is seen there is the product.
        self._cell = torch.cat([column, column * patch + scales * patch**2]).to(device)
        self._share = torch.cat([inside.float(), inside / cell**2]).to(device)
        self._begin = torch.tensor([[2 * side], [2 * side + len(apart)]], device=device)

    def look(self, pixels: Tensor, location: Tensor) -> Tensor:
        """What each look sees.

        Args:
            pixels: (B, 2, n) int64, columns and rows of lit pixels, no two at one place; each is on the screen, or
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
        share = self._share.index_select(0, entry).view(batch, 2, -1)
        glimpse = share.new_zeros(batch, *self._shape)
        glimpse.view(batch, -1).scatter_add_(1, cell[:, 0] + cell[:, 1], share[:, 0] * share[:, 1])
        return glimpse
