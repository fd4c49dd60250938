"""Glimpses of one picture at a time, in NumPy."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from glimpse.envs.images.retina import Retina

Picture = NDArray[Any]
"""A prepared picture (C, h, w); see `Retina.prepare`."""
Floats = NDArray[np.float32]


class OneLook:
    """What `Retina.look` returns for one look, to the bit, at a small part of its cost.

    Axes: K scales, C channels, P patch side, H x W pixels.
    """

    def __init__(self, retina: Retina) -> None:
        """Compute the constants of a retina on the CPU."""
        options = retina.options
        self._patch, self._scales, self._whole = options.patch, options.scales, retina.shows_all
        self._width = retina.width
        self._half_size = np.array([retina.width / 2, retina.height / 2], np.float32)
        self._shades: Floats = torch.arange(256).float().div_(255).numpy()
        cells = options.zoom ** torch.arange(options.scales)  # (K,) side of a reduced pixel
        cell = cells.numpy()
        side = cell * options.patch
        self._rounding = np.where(side % 2 == 0, 0.5, 0.0).astype(np.float32)  # see `Retina`
        edges = cell[:, None] * np.arange(options.patch + 1) - side[:, None] // 2
        self._edges = edges.astype(np.int64)[None]  # (1, K, P + 1)
        self._last = np.array([retina.width, retina.height]).reshape(2, 1, 1)
        self._white: Floats = (255.0 * cells * cells).view(-1, 1, 1, 1).numpy()  # In torch, whose rounding it has.

    def look(self, prepared: Picture, location: Floats) -> Floats:
        """Take one glimpse.

        Args:
            prepared: one picture of `Retina.prepare`'s result.
            location: (2,) in [-1, 1].

        Returns:
            (K, C, P, P) in [0, 1], a new array.
        """
        if self._whole:
            return self._shades.take(prepared)[None]
        centre = (location + 1) * self._half_size  # (2,) pixels
        if self._scales == 1:
            return self._window(prepared, centre + self._rounding)
        return self._average_boxes(prepared, np.floor(centre[:, None] + self._rounding))

    def _window(self, padded: Picture, middle: Floats) -> Floats:
        """Return a window of the picture; `middle` (2,) is not rounded down yet."""
        patch = self._patch
        beyond = (padded.shape[-1] - self._width) // 2 - patch // 2
        across, down = middle.tolist()
        left, top = math.floor(across) + beyond, math.floor(down) + beyond
        return self._shades.take(padded[:, top : top + patch, left : left + patch])[None]

    def _average_boxes(self, table: Picture, middle: Floats) -> Floats:
        """Return the means over boxes from a summed-area table, for pixels `middle` (2, K)."""
        channels, height, width = table.shape
        edges = middle.astype(np.int64)[:, :, None] + self._edges  # (2, K, P + 1)
        across, down = np.minimum(np.maximum(edges, 0), self._last)
        channel = np.arange(channels)[:, None] * height
        entry = ((channel + down[:, None]) * width)[..., None] + across[:, None, None]  # (K, C, P + 1, P + 1)
        corners = table.reshape(-1).take(entry)
        sums = corners[..., 1:] - corners[..., :-1]
        sums = sums[..., 1:, :] - sums[..., :-1, :]
        means: Floats = sums.astype(np.float32) / self._white
        return means
