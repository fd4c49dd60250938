"""Flights of balls that fall over a square court and bounce off its side walls, from integers alone.

Places and velocities are whole numbers of sub-pixels, so that they are the same on every device.
"""

import torch
from torch import Tensor

from glimpse.envs.lane_random import integers, mix
from glimpse.envs.options import SUBPIXEL_BITS, SUBPIXELS, CatchOptions

_BALL = 61


class Flights:
    """Draws flights and says where a ball is at each time. A ball's whole path is known from its beginning.

    A flight is 5 numbers, int64: the place (x, y) where it begins and the velocity (x, y) in sub-pixels, and the
    column in which it comes down. x goes from 0, in column 0, to the last column; the ball is drawn in the nearest one,
    and in the last row that it has reached.
    """

    def __init__(self, options: CatchOptions, *, device: torch.device | str = "cpu") -> None:
        """Lay out the court."""
        self._fall, self._end = options.fall, (options.screen - 1) * SUBPIXELS
        fastest = round(options.sideways * SUBPIXELS)
        # Kept on the device: sending them anew would make the host wait. What is drawn for a ball is its column in
        # sub-pixels, its speed sideways, and its row.
        self._limits = torch.tensor([self._end + 1, 2 * fastest + 1, options.first_rows], device=device)
        self._least = torch.tensor([0, -fastest, 0], device=device)
        self._units = torch.tensor([1, 1, SUBPIXELS], device=device)
        self._rounding = torch.tensor([SUBPIXELS // 2, 0], device=device)
        self._lowest = torch.tensor([2**62, self._end], device=device)

    def draw(self, key: Tensor) -> Tensor:
        """A flight for each key: (B,) int64 -> (B, 5) int64."""
        across, velocity, row = ((integers(mix(key, _BALL), 3, self._limits) + self._least) * self._units).unbind(-1)
        flight = torch.stack([across, row, velocity, torch.full_like(key, self._fall), across], -1)
        time = torch.div(self._end - row + (self._fall - 1), self._fall, rounding_mode="floor")
        flight[:, 4] = self.place(flight, time)[0]
        return flight

    def place(self, flight: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """The ball's column and row, (B,) int64 both, after (B,) int64 steps; once down it stays in the last row."""
        straight = torch.addcmul(flight[:, :2], flight[:, 2:4], time[:, None]).minimum(self._lowest)
        # The path of a ball that bounces is a straight one, folded at both walls.
        folded = self._end - (straight.remainder_(2 * self._end) - self._end).abs_()
        column, row = ((folded + self._rounding) >> SUBPIXEL_BITS).unbind(-1)
        return column, row
