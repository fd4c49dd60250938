"""Retina: K square patches around a location, each `zoom` times as wide as the one before, all reduced to P x P.

Mnih et al. (2014), section 3.1 and figure 1A, with zoom 2. Reduction is by area averaging.
Pixels are gathered by index from prepared images, so the cost of a look does not depend on the image's size.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.render import Box, boxes


class Retina:
    """Sensor that takes glimpses of resident images; it holds no images itself.

    Axes: N images, B looks, C channels, H x W pixels, K scales, P patch side. A location is (x, y) in [-1, 1]; x points
    to the right, y down, (0, 0) is the image's centre and (-1, -1) its top left corner. A patch of width w around pixel
    coordinate c = (x + 1) / 2 * W begins at pixel floor(c - w / 2 + 1 / 2). Pixels outside the image are zeros.
    """

    shows_all = False
    """Whether each glimpse shows the whole picture."""
    sides: tuple[int, ...] = ()
    """Width of each patch before reduction, in pixels; empty where a glimpse is made otherwise than of squares."""

    def __init__(self, options: RetinaOptions, height: int, width: int, *, device: torch.device | str = "cpu") -> None:
        """Make a retina for images of `height` x `width` pixels on a device."""
        self.options = options
        self.height, self.width = height, width
        self._margin = (options.patch + 1) // 2
        cell = options.zoom ** torch.arange(options.scales, device=device)  # (K,) side of a reduced pixel
        side = (cell * options.patch)[:, None]  # (K, 1)
        self._half_size = torch.tensor([width / 2, height / 2], device=device)
        # floor(c - w / 2 + 1 / 2) is floor(c + 1 / 2) - w // 2 for even w and floor(c) - w // 2 for odd w.
        self._rounding = torch.where(side % 2 == 0, 0.5, 0.0)
        edges = cell[:, None] * torch.arange(options.patch + 1, device=device) - side // 2
        self._edges = edges.to(torch.int32)  # (K, P + 1) first pixel of each reduced pixel, and the end
        self._starts: dict[int, Tensor] = {}
        self._white = (255.0 * cell * cell).view(-1, 1, 1, 1)  # sum over a white reduced pixel
        self._cells = [options.zoom**scale for scale in range(options.scales)]
        self.sides = tuple(each * options.patch for each in self._cells)
        self._before = side // 2  # (K, 1) pixels of a patch before its middle

    def shape(self, channels: int) -> tuple[int, ...]:
        """Return the shape (K, C, P, P) of a glimpse of pictures of C channels."""
        return (self.options.scales, channels, self.options.patch, self.options.patch)

    def boxes(self, location: NDArray[Any]) -> list[Box]:
        """Return the box that each scale covers at a location (2,); see `glimpse.envs.images.render.boxes`."""
        return boxes(self.options, location, self.height, self.width)

    def prepare(self, images: Tensor) -> Tensor:
        """Prepare images for glimpses: once for resident images, and at each reset for pictures made for an episode.

        Args:
            images: (N, C, H, W) uint8.

        Returns:
            With one scale, the images with a margin of zeros, uint8. With several, their summed-area tables (Crow,
            1984), (N, C, H + 1, W + 1) int32 (int64 above 8 million pixels), which give the mean over any box by four
            look-ups.
        """
        if self.options.scales == 1:
            return F.pad(images.contiguous(), (self._margin,) * 4)  # Windows are views of memory in this order.
        shape = (*images.shape[:2], self.height + 1, self.width + 1)
        sums = torch.int32 if 255 * self.height * self.width < 2**31 else torch.int64
        table = torch.zeros(shape, dtype=sums, device=images.device)
        # Sums are made in place, since allocating a second table would cost more than they do.
        table[..., 1:, 1:].copy_(images).cumsum_(-1).cumsum_(-2)
        return table

    def restore(self, prepared: Tensor) -> Tensor:
        """Return the images (N, C, H, W) uint8 from which `prepare` made `prepared`."""
        if self.options.scales == 1:
            margin = self._margin
            return prepared[..., margin : margin + self.height, margin : margin + self.width]
        return prepared.diff(dim=-1).diff(dim=-2).to(torch.uint8)

    def look(self, prepared: Tensor, index: Tensor, location: Tensor) -> Tensor:
        """Take a glimpse for each look.

        Args:
            prepared: result of `prepare` for N images.
            index: (B,) int64 in [0, N), the image of each look.
            location: (B, 2) float; it is clamped to [-1, 1], and NaN counts as 0.

        Returns:
            (B, K, C, P, P) float32 in [0, 1].
        """
        centre = self._centre(location)
        if self.options.scales == 1:
            return self._gather_windows(prepared, index, centre.add_(self._rounding[0]).floor_().long())
        middle = torch.floor(centre[:, None] + self._rounding)  # (B, K, 2) the pixel w // 2 of each patch
        return self._average_boxes(prepared, index, middle)

    def look_through(self, read: Callable[[Tensor, int], Tensor], location: Tensor) -> Tensor:
        """Take a glimpse for each look by a function that reads pixels, to the bit as `look` does.

        Args:
            read: returns the pixels (B, C, side, side) uint8 of squares that begin at (B, 2) int64, a column and a row;
                zeros outside of the picture.
            location: (B, 2) float, as `look` takes it.

        Returns:
            (B, K, C, P, P) float32 in [0, 1].
        """
        middle = torch.floor(self._centre(location)[:, None] + self._rounding)  # (B, K, 2)
        corners = middle.long() - self._before
        glimpses: list[Tensor] = []
        found: dict[int, Tensor] = {}
        for scale in reversed(range(self.options.scales)):
            side = self.sides[scale]
            # Patches whose widths are both even, or both odd, have the same middle.
            if side % 2 not in found:
                found[side % 2] = read(corners[:, scale], side)
            outer = found[side % 2]
            inset = outer.shape[-1] // 2 - side // 2
            glimpses.append(self._reduce(outer[..., inset : inset + side, inset : inset + side], scale))
        return torch.stack(glimpses[::-1], 1).div_(self._white)

    def _reduce(self, patch: Tensor, scale: int) -> Tensor:
        """Return the sums over reduced pixels: (B, C, side, side) uint8 -> (B, C, P, P) float32."""
        cell = self._cells[scale]
        # The smallest type in which sums are exact.
        kind = torch.int16 if 255 * cell * cell < 2**15 else torch.int32 if 255 * cell * cell < 2**31 else torch.int64
        pixels = patch.to(kind)
        rows = sum((pixels[:, :, row::cell] for row in range(1, cell)), pixels[:, :, ::cell])  # (B, C, P, side)
        sums: Tensor = sum((rows[..., column::cell] for column in range(1, cell)), rows[..., ::cell])
        return sums.float()

    def _centre(self, location: Tensor) -> Tensor:
        """Return locations (B, 2) in pixels, as new numbers."""
        # In this order, which is part of the rule: other rounding would move some patches by a pixel.
        return location.float().nan_to_num(0.0).clamp_(-1, 1).add_(1).mul_(self._half_size)

    def _gather_windows(self, padded: Tensor, index: Tensor, middle: Tensor) -> Tensor:
        """Take glimpses of one scale: copy the rows of one window for each look, of a view with a row for each pixel.

        Args:
            padded: (N, C, H, W) uint8, images with a margin.
            index: (B,) int64.
            middle: (B, 2) int64, the pixel P // 2 of each patch, in the image without its margin.
        """
        patch, (_, channels, height, width) = self.options.patch, padded.shape
        offset = self._margin - patch // 2  # from there to the patch's corner in the padded image
        x, y = middle.unbind(1)
        if torch.compiler.is_exporting():  # Graphs have no views of memory.
            side = torch.arange(patch, device=middle.device)
            rows, columns = y[:, None] + (side + offset), x[:, None] + (side + offset)
            pixel = (rows[:, :, None] * width + columns[:, None]).flatten(1).unsqueeze(1).expand(-1, channels, -1)
            pixels = padded[index].flatten(2).gather(2, pixel)
            glimpses: Tensor = pixels.unflatten(2, (patch, patch)).unsqueeze(1) / 255
            return glimpses
        corner = torch.add(x, y, alpha=width).add_(index, alpha=channels * height * width)
        rows = (corner[:, None] + self._row_starts(channels, height, width)).flatten()  # (B * C * P,) first pixels
        begin = offset * (width + 1)
        every_row = padded.as_strided((padded.numel() - begin - patch + 1, patch), (1, 1), begin)
        return every_row.index_select(0, rows).view(-1, 1, channels, patch, patch) / 255

    def _row_starts(self, channels: int, height: int, width: int) -> Tensor:
        """Return where the rows of a window begin in an image (C, H, W), counted from the window's corner: (C * P,)."""
        if channels not in self._starts:
            channel, row = (torch.arange(each, device=self._white.device) for each in (channels, self.options.patch))
            self._starts[channels] = (channel[:, None] * (height * width) + row * width).flatten()
        return self._starts[channels]

    def _average_boxes(self, table: Tensor, index: Tensor, middle: Tensor) -> Tensor:
        """Take glimpses of several scales: the sum over a box is the mixed difference of the table at its corners."""
        _, channels, height, width = table.shape
        # Small indices halve the memory traffic, which limits the speed of large batches.
        kind = torch.int32 if table.numel() < 2**31 else torch.int64
        edges = middle.to(kind).unsqueeze(-1) + self._edges[:, None]  # (B, K, 2, P + 1)
        # The table is constant beyond the border, so clamped edges make the outside zero.
        across, down = edges[:, :, 0].clamp_(0, self.width), edges[:, :, 1].clamp_(0, self.height)
        channel = index.to(kind)[:, None] * channels + torch.arange(channels, dtype=kind, device=table.device)
        row = (channel[:, None, :, None] * height + down[:, :, None]) * width  # (B, K, C, P + 1)
        entry = row.unsqueeze(-1) + across[:, :, None, None]  # (B, K, C, P + 1, P + 1)
        corners = table.flatten().index_select(0, entry.flatten()).view(entry.shape)
        return corners.diff(dim=-1).diff(dim=-2) / self._white
