"""What the lanes of an image environment show: data that stay as they are, or pictures made for each episode.

The ways differ in what is kept for an episode and in what a glimpse costs, not in what is seen. Axes: R episodes or
looks, K scales, C channels, P patch side, H x W pixels of the picture.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from glimpse.envs.images.augment import Warps, apply_warps, draw_warps, sample_pixels, source_pixels, warp
from glimpse.envs.images.canvas import make_canvas
from glimpse.envs.images.options import AugmentOptions, CanvasOptions
from glimpse.envs.images.picture_set import MARGIN, Images, PictureSet
from glimpse.envs.images.retina import Retina

_SAMPLED_COST = 4
"""Cost of a pixel that is sampled for a glimpse, in pixels of a picture that is warped as a whole."""
_READ_COST = 4
"""Pixels of windows that may be read for an episode, for each pixel of its picture."""


class Display(Protocol):
    """What lanes show, and glimpses of it.

    by_example: whether the rows of a look are numbers of examples; otherwise they are rows of what `draw` has returned.
    """

    by_example: bool

    def draw(self, example: Tensor, key: Tensor) -> Tensor:
        """Return what is kept for new episodes, with an axis R in front; empty if nothing is.

        Args:
            example: (R,) int64.
            key: (R,) int64.
        """

    def look(self, drawn: Tensor, row: Tensor, location: Tensor) -> Tensor:
        """Return glimpses of rows (R,) int64 at locations (R, 2): (R, K, C, P, P) float32 in [0, 1]."""

    def pictures(self, drawn: Tensor, row: Tensor) -> Tensor:
        """Return the whole pictures of rows (R,) int64: (R, C, H, W) uint8."""


class PreparedDisplay:
    """Images in memory, which are prepared for the retina once."""

    by_example = True

    def __init__(self, prepared: Tensor, retina: Retina) -> None:
        """Show what `retina.prepare` has made of images."""
        self.prepared, self._retina = prepared, retina

    def draw(self, example: Tensor, key: Tensor) -> Tensor:
        """Return an empty tensor."""
        return torch.empty(0, dtype=torch.uint8, device=self.prepared.device)

    def look(self, drawn: Tensor, row: Tensor, location: Tensor) -> Tensor:
        """Return glimpses of images."""
        return self._retina.look(self.prepared, row, location)

    def pictures(self, drawn: Tensor, row: Tensor) -> Tensor:
        """Return whole images."""
        return self._retina.restore(self.prepared[row])


class WindowDisplay:
    """Pictures of which only the windows that are looked at are read."""

    by_example = True

    def __init__(self, images: PictureSet, retina: Retina) -> None:
        """Read pictures through a retina."""
        self._images, self._retina = images, retina

    def draw(self, example: Tensor, key: Tensor) -> Tensor:
        """Return an empty tensor."""
        return torch.empty(0, dtype=torch.uint8)

    def look(self, drawn: Tensor, row: Tensor, location: Tensor) -> Tensor:
        """Return glimpses of pictures."""

        def read(corner: Tensor, side: int) -> Tensor:
            return self._images.windows(row, corner, side, side)

        return self._retina.look_through(read, location)

    def pictures(self, drawn: Tensor, row: Tensor) -> Tensor:
        """Return whole pictures."""
        return self._images[row]


class WarpedDisplay:
    """Pictures of which only the pixels that are looked at are warped; a warp is kept for each episode."""

    by_example = False

    def __init__(self, images: PictureSet, retina: Retina, augment: AugmentOptions) -> None:
        """Look at pictures through a retina and through random warps."""
        self._images, self._retina, self._augment = images, retina, augment
        self._size = images.shape[2], images.shape[3]

    def draw(self, example: Tensor, key: Tensor) -> Tensor:
        """Return the example and the warp of each episode: (R, numbers) float64."""
        warps = draw_warps(self._augment, key, *self._size)
        return torch.cat([example[:, None].double(), *(part.flatten(1).double() for part in warps)], 1)

    def look(self, drawn: Tensor, row: Tensor, location: Tensor) -> Tensor:
        """Return glimpses of warped pictures."""
        example, warps = _unpacked(drawn[row])
        return self._retina.look_through(partial(self._patch, example, warps), location)

    def _patch(self, example: Tensor, warps: Warps, corner: Tensor, side: int) -> Tensor:
        """Return the pixels of a patch of the warped pictures (R, C, side, side) uint8, which begins at `corner`."""
        height, width = self._size
        columns, rows = corner[:, :1] + torch.arange(side), corner[:, 1:] + torch.arange(side)
        pixels = source_pixels(warps, columns, rows, height, width)
        # What is a pixel or more outside of the picture is zero, wherever.
        x, y = pixels[:, 0].clamp_(-1, width), pixels[:, 1].clamp_(-1, height)
        first = pixels.amin((2, 3)).floor()
        reach = int((pixels.amax((2, 3)).floor() - first).amax()) + 2
        across = 1 << (reach - 1).bit_length()
        windows = self._images.windows(example, first.long(), across, across)
        x -= first[:, 0, None, None]
        y -= first[:, 1, None, None]
        inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None]
        return sample_pixels(windows, pixels).mul_(inside[:, None])

    def pictures(self, drawn: Tensor, row: Tensor) -> Tensor:
        """Return whole warped pictures."""
        example, warps = _unpacked(drawn[row])
        return apply_warps(warps, self._images[example])


def _unpacked(numbers: Tensor) -> tuple[Tensor, Warps]:
    """Return examples and warps from what `WarpedDisplay.draw` has returned."""
    affine, displacement = numbers[:, 1:7].float(), numbers[:, 7:].float()
    return numbers[:, 0].long(), Warps(affine.unflatten(1, (2, 3)), displacement.unflatten(1, (2, -1)))


class DrawnDisplay:
    """Whole pictures that are made for each episode, and prepared for the retina then."""

    by_example = False

    def __init__(self, draw: Callable[[Tensor, Tensor], Tensor], retina: Retina) -> None:
        """Show what a function of examples (R,) and keys (R,) returns: (R, C, H, W) uint8."""
        self._draw, self._retina = draw, retina

    def draw(self, example: Tensor, key: Tensor) -> Tensor:
        """Return the prepared pictures of new episodes."""
        return self._retina.prepare(self._draw(example, key))

    def look(self, drawn: Tensor, row: Tensor, location: Tensor) -> Tensor:
        """Return glimpses of the pictures."""
        return self._retina.look(drawn, row, location)

    def pictures(self, drawn: Tensor, row: Tensor) -> Tensor:
        """Return the whole pictures."""
        return self._retina.restore(drawn[row])


def make_display(
    images: Images, retina: Retina, canvas: CanvasOptions, augment: AugmentOptions | None, glimpses: int
) -> Display:
    """Return the way of showing images that costs least.

    Args:
        images: the data.
        retina: what sees them, of the size of the canvas.
        canvas: how the episode's picture is made of an image.
        augment: random warps of the images; None for none.
        glimpses: number of glimpses of an episode.
    """
    warps = augment if augment is not None and augment.active else None
    plain = canvas.kind == "plain"
    if plain and warps is None and isinstance(images, Tensor):
        return PreparedDisplay(retina.prepare(images), retina)

    def draw(example: Tensor, key: Tensor) -> Tensor:
        pictures = images[example]
        if warps is not None:
            pictures = warp(warps, pictures, key)
        return pictures if canvas.kind == "plain" else make_canvas(canvas, pictures, example, key, images)

    seen = glimpses * sum(side * side for side in retina.sides) / images.shape[2:].numel()
    apart = plain and bool(retina.sides) and images.device.type == "cpu" and max(retina.sides) <= MARGIN
    if apart and warps is None and not isinstance(images, Tensor) and seen < _READ_COST:
        return WindowDisplay(images, retina)
    if apart and warps is not None and seen < 1 / _SAMPLED_COST:
        return WarpedDisplay(PictureSet.of_images(images) if isinstance(images, Tensor) else images, retina, warps)
    return DrawnDisplay(draw, retina)
