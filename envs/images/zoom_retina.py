"""Retina that zooms: patches of P x P pixels over windows of any width, read from pyramids of the pictures.

Axes: N pictures, B looks, C channels, K scales, P patch side, G side of the glance, S pixels of a pyramid.
"""

import torch
from torch import Tensor

from glimpse.envs.images.glance import fitted_size
from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.pyramids import (
    PictureTable,
    level_of,
    level_starts,
    levels_for,
    make_pyramids,
    read_windows,
)
from glimpse.envs.images.retina import Retina

_DRAWN = 320
"""Longer side of pictures that are drawn, in pixels."""


class ZoomRetina(Retina):
    """Sensor whose windows are as wide as a zoom says, at one cost for each width and each size of picture.

    A picture has sides of its own, and locations are relative to them. The finest scale at zoom z in [0, 1] is a square
    window of P^(1 - z) L^z pixels, where L is the picture's longer side, or P if that is larger: P pixels at zoom 0, as
    the eye sees best, and the whole picture at zoom 1. Each further scale is `zoom` times as wide. A window shows P x P
    samples of the pyramid's nearest level, with bilinear interpolation; it begins at a whole pixel of this level.
    Pixels outside the picture are zeros.

    height, width: size of pictures as they are drawn, where their longer side is at most 320 pixels.
    """

    def __init__(
        self,
        options: RetinaOptions,
        height: int,
        width: int,
        *,
        table: PictureTable | None = None,
        least: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Make a retina for pictures of one size, or of the sizes of a table.

        Args:
            options: patch and scales.
            height: height of all pictures; with a table, of the drawings.
            width: width of all pictures; with a table, of the drawings.
            table: where pictures of different sizes are; None for pictures of one size.
            least: the smallest side G to which pictures are reduced besides, such as a glance's.
            device: device of all tensors.
        """
        self.options, self._table = options, table
        self._size = (height, width)
        longer = max(height, width)
        self.height, self.width = fitted_size(height, width, min(longer, _DRAWN)) if longer else (1, 1)
        levels = levels_for(longer, min(options.patch, least or options.patch))
        self.levels = levels if table is None else table.first.shape[1]
        *starts, self._count = level_starts(height, width, self.levels)
        self._level_starts = torch.tensor(starts, dtype=torch.int64, device=device)
        self._sides = torch.tensor([[width, height]], device=device)
        self._ratio = float(options.zoom) ** torch.arange(options.scales, device=device)

    def prepare(self, images: Tensor) -> Tensor:
        """Return the pyramids of pictures of one size: (N, C, H, W) uint8 -> (N, S, C) uint8."""
        return make_pyramids(images, self.levels)

    def restore(self, prepared: Tensor) -> Tensor:
        """Return the pictures (N, C, H, W) uint8 from which `prepare` made `prepared`."""
        height, width = self._size
        pixels: Tensor = prepared[:, : height * width].transpose(1, 2)
        return pixels.reshape(*pixels.shape[:2], height, width)

    def look(self, prepared: Tensor, index: Tensor, location: Tensor, zoom: Tensor | None = None) -> Tensor:
        """Take a glimpse for each look.

        Args:
            prepared: result of `prepare` for N pictures; or the buffer (1, S, C) of a table.
            index: (B,) int64 in [0, N), the picture of each look.
            location: (B, 2) float; it is clamped to [-1, 1], and NaN counts as 0.
            zoom: (B, 1) float in [0, 1]; by default 0.

        Returns:
            (B, K, C, P, P) float32 in [0, 1].
        """
        first, sides = self.place(index)
        corner, step = self.windows(sides, location, zoom)
        scales, patch = self.options.scales, self.options.patch
        first, sides = (part.repeat_interleave(scales, 0) for part in (first, sides))
        steps = step.flatten()[:, None].expand(-1, 2)
        seen = read_windows(prepared.flatten(0, 1), first, sides, corner.flatten(0, 1), steps, (patch, patch))
        return seen.view(-1, scales, *seen.shape[1:])

    def windows(self, sides: Tensor, location: Tensor, zoom: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the left and top edge of each window, (B, K, 2), and the side of its samples, (B, K), in pixels."""
        longest = sides.amax(1, keepdim=True).float().clamp(min=self.options.patch)
        finest = longest / self.options.patch  # Side of a sample at zoom 1.
        step = (torch.ones_like(finest) if zoom is None else finest ** zoom.clamp(0, 1)) * self._ratio  # (B, K)
        centre = (location.float().nan_to_num(0.0).clamp(-1, 1) + 1) / 2 * sides
        corner = centre[:, None] - step[..., None] * (self.options.patch / 2)
        cell = torch.exp2(level_of(step, self.levels).float())[..., None]
        return torch.floor(corner / cell + 0.5) * cell, step

    def boxes_of(self, index: Tensor, location: Tensor, zoom: Tensor | None) -> Tensor:
        """Return left, top, right and bottom of each window, in pixels of the drawings: (B, K, 4)."""
        factor = torch.tensor([self.width, self.height] * 2, device=location.device)
        return (self.extents(index, location, zoom) + 1) / 2 * factor

    def extents(self, index: Tensor, location: Tensor, zoom: Tensor | None) -> Tensor:
        """Return left, top, right and bottom of each window, in locations, also outside of [-1, 1]: (B, K, 4)."""
        _, sides = self.place(index)
        corner, step = self.windows(sides, location, zoom)
        ends = torch.cat([corner, corner + step[..., None] * self.options.patch], -1)
        return ends / sides.repeat(1, 2)[:, None] * 2 - 1

    def glance(self, prepared: Tensor, index: Tensor, side: int) -> Tensor:
        """Return whole pictures, their longer side reduced to G pixels and centred: (B, C, G, G) in [0, 1]."""
        first, sides = self.place(index)
        corner, step = self.glance_window(index, side)
        return read_windows(prepared.flatten(0, 1), first, sides, corner, step, (side, side))

    def glance_window(self, index: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """Return left and top edge of the square around each picture (B,), and its samples' sides: (B, 2) both."""
        _, sides = self.place(index)
        longer = sides.amax(1, keepdim=True).float()
        return (sides - longer) / 2, (longer / side).expand(-1, 2)

    def drawn(self, prepared: Tensor, index: Tensor) -> Tensor:
        """Return pictures as they are drawn, stretched to one size: (B, C, height, width) uint8."""
        first, sides = self.place(index)
        step = sides / torch.tensor([self.width, self.height], device=sides.device)
        shape = (self.height, self.width)
        seen = read_windows(prepared.flatten(0, 1), first, sides, torch.zeros_like(step), step, shape)
        return (seen * 255).round().to(torch.uint8)

    def proportions(self, index: Tensor) -> Tensor:
        """Return width and height of pictures (B,), as parts of their longer side: (B, 2) in (0, 1]."""
        _, sides = self.place(index)
        return sides / sides.amax(1, keepdim=True)

    def place(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first pixels (B, L) of the levels of pictures (B,), and their width and height (B, 2)."""
        if self._table is not None:
            return self._table.first[index], self._table.sides[index]
        return index[:, None] * self._count + self._level_starts, self._sides.expand(len(index), 2)
