"""The retina: K square patches around a place, each `zoom` times as wide as the last, all reduced to P x P.

Mnih et al. (2014), section 3.1 and figure 1A, with zoom 2. Reduction is by area averaging.
Pixels are gathered by index from prepared images, so a look costs the same whatever the image's size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from glimpse.envs.options import RetinaOptions


class Retina:
    """Looks at resident images; holds no images itself.

    Axes: N images, B looks, C channels, H x W pixels, K scales, P patch side. A location is (x, y) in [-1, 1]:
    x to the right, y down, (0, 0) the image's centre, (-1, -1) its top left corner. A patch of width w around
    pixel coordinate c = (x + 1) / 2 * W begins at pixel floor(c - w / 2 + 1 / 2). Outside the image there are zeros.
    """

    def __init__(self, options: RetinaOptions, height: int, width: int) -> None:
        """Make a retina for images of `height` x `width` pixels."""
        self.options = options
        self.height, self.width = height, width
        self._margin = (options.patch + 1) // 2

    def prepare(self, images: Tensor) -> Tensor:
        """Lay images out for looking: do it once for images that stay, or once an episode for canvases.

        Args:
            images: (N, C, H, W) uint8.

        Returns:
            With one scale the images with a margin of zeros, uint8; with more their summed-area tables
            (Crow, 1984), (N, C, H + 1, W + 1) int32, from which the mean over any box is four look-ups.
        """
        if self.options.scales == 1:
            return F.pad(images, (self._margin,) * 4)
        table = torch.zeros(*images.shape[:2], self.height + 1, self.width + 1, dtype=torch.int32, device=images.device)
        rows = images.cumsum(-1, dtype=torch.int32)
        torch.cumsum(rows, -2, out=table[..., 1:, 1:])
        return table

    def restore(self, prepared: Tensor) -> Tensor:
        """The images (N, C, H, W) uint8 that `prepare` was given."""
        if self.options.scales == 1:
            margin = self._margin
            return prepared[..., margin : margin + self.height, margin : margin + self.width]
        return prepared.diff(dim=-1).diff(dim=-2).to(torch.uint8)

    def look(self, prepared: Tensor, index: Tensor, location: Tensor) -> Tensor:
        """Gather a glimpse for each look.

        Args:
            prepared: what `prepare` gave for N images.
            index: (B,) int64 in [0, N): which image each look falls on.
            location: (B, 2) float; clamped to [-1, 1].

        Returns:
            (B, K, C, P, P) float32 in [0, 1].
        """
        size = torch.tensor([self.width, self.height], device=location.device)
        centre = (location.float().clamp(-1, 1) + 1) * 0.5 * size  # (B, 2) pixels, x first
        if self.options.scales == 1:
            return self._gather_windows(prepared, index, centre)
        return self._average_boxes(prepared, index, centre)

    def _gather_windows(self, padded: Tensor, index: Tensor, centre: Tensor) -> Tensor:
        """One scale: each look copies one window of a view that has a window for each pixel."""
        patch, (_, channels, height, width) = self.options.patch, padded.shape
        corner = torch.floor(centre - (patch / 2 - 0.5)).long() + self._margin
        start = (index * (channels * height) + corner[:, 1]) * width + corner[:, 0]
        last = padded.numel() - ((channels - 1) * height + patch - 1) * width - patch
        windows = padded.as_strided((last + 1, channels, patch, patch), (1, height * width, width, 1))
        return windows[start].unsqueeze(1).float().mul_(1 / 255)

    def _average_boxes(self, table: Tensor, index: Tensor, centre: Tensor) -> Tensor:
        """Several scales: the sum over a box is the mixed difference of the table at its corners."""
        patch, scales, zoom = self.options.patch, self.options.scales, self.options.zoom
        cell = zoom ** torch.arange(scales, device=table.device)  # (K,) side of a reduced pixel
        corner = torch.floor(centre[:, None] - (cell * patch / 2)[:, None] + 0.5).long()  # (B, K, 2)
        edges = corner.unsqueeze(-1) + cell[:, None, None] * torch.arange(patch + 1, device=table.device)
        # Beyond the border the table is constant: clamping the edges makes the outside zero.
        across, down = edges[:, :, 0].clamp_(0, self.width), edges[:, :, 1].clamp_(0, self.height)  # (B, K, P + 1)
        channel = index[:, None] * table.shape[1] + torch.arange(table.shape[1], device=table.device)  # (B, C)
        row = channel[:, None, :, None] * (self.height + 1) + down[:, :, None]  # (B, K, C, P + 1)
        flat = row.unsqueeze(-1) * (self.width + 1) + across[:, :, None, None]
        corners = torch.take(table, flat)
        sums = corners.diff(dim=-1).diff(dim=-2)
        return sums / (255.0 * cell * cell).view(1, scales, 1, 1, 1)
