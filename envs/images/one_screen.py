"""Glimpses of a dark screen with a ball and a paddle, one at a time, in NumPy."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.images.lit_pixels import LitPixels
from glimpse.envs.images.options import RetinaOptions

Floats = NDArray[np.float32]
_MOST = 2**21
"""Largest number of entries of a table: 8 MB."""


class OneScreen:
    """What `LitPixels.look` returns for a ball and a paddle in the bottom row, to the bit, at a small part of its cost.

    Axes: K scales, P patch side, S side of the screen. The part of a glimpse that a bar of pixels lights is an outer
    product of a column and a row. Both depend only on the distance to the glimpse's centre, and are looked up.
    """

    def __init__(self, retina: RetinaOptions, side: int, paddle: int) -> None:
        """Make the tables for a screen of `side` x `side` pixels and a paddle of `paddle` pixels."""
        lit = LitPixels(retina, side)
        cell, weight = (
            lit._cell.numpy().reshape(2, -1, retina.scales),
            lit._weight.numpy().reshape(2, -1, retina.scales),
        )
        places = cell[1] - np.arange(retina.scales) * retina.patch**2
        self._down = _spread(places // retina.patch, weight[1], retina.patch)[..., None]  # (8 S, K, P, 1)
        self._across = _spread(cell[0], weight[0], retina.patch)[:, :, None]  # (8 S, K, 1, P)
        last = len(self._across) - 2 * paddle
        bars = [self._across[2 * pixel : last + 2 * pixel] for pixel in range(paddle)]
        self._bar: Floats = np.add.reduce(bars)
        self._side, self._half_side = side, np.float32(side / 2)

    @staticmethod
    def fits(retina: RetinaOptions, side: int) -> bool:
        """Return whether tables are small enough, and sums of reduced pixels exact, whatever their order."""
        exact = retina.scales == 1 or retina.zoom & (retina.zoom - 1) == 0
        return exact and 8 * side * retina.scales * retina.patch <= _MOST

    def look(self, ball: tuple[int, int] | None, paddle: int, location: Floats) -> Floats:
        """Take one glimpse.

        Args:
            ball: its column and row; None where the paddle lights its pixel.
            paddle: the paddle's leftmost column.
            location: (2,) in [-1, 1].

        Returns:
            (K, 1, P, P) in [0, 1].
        """
        centre = (location + 1) * self._half_side
        (x, y), (x_up, y_up) = centre.tolist(), (centre + 0.5).tolist()
        side = self._side
        left, top = 2 * side - int(x) - int(x_up), 2 * side - int(y) - int(y_up)  # 2 q - floor(2 c) of pixel q = 0
        glimpse: Floats = self._down[top + 2 * side - 2] * self._bar[left + 2 * paddle]
        if ball is not None:
            glimpse += self._down[top + 2 * ball[1]] * self._across[left + 2 * ball[0]]
        return glimpse[:, None]


def _spread(place: NDArray[np.int64], weight: Floats, patch: int) -> Floats:
    """Put weights (M, K) at places (M, K) in [0, P) of rows: (M, K, P)."""
    rows = np.zeros((*place.shape, patch), np.float32)
    np.put_along_axis(rows, place[..., None], weight[..., None], -1)
    return rows


@lru_cache(maxsize=4)
def one_screen(retina: RetinaOptions, side: int, paddle: int) -> OneScreen:
    """Return the tables of a screen, which lanes share."""
    return OneScreen(retina, side, paddle)
