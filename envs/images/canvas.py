"""Canvases made for each episode: a digit at a random location on a larger canvas, alone or among clutter.

The rule follows Mnih et al. (2014), section 4.1: locations are uniform, and clutter consists of 8 x 8 distractor
patches that are cut from other digits. Patches and digit are added and clamped at white. Everything is drawn from the
episode's key. Axes: B lanes, N images, C channels, S side of the canvas, p side of a distractor patch.
"""

from functools import lru_cache

import torch
from torch import Tensor

from glimpse.envs.images.options import CanvasOptions
from glimpse.envs.images.picture_set import Images, cut_squares, window_index, windows_of
from glimpse.envs.lane_random import integers, mix

_KEY, _DISTRACTOR_SOURCE, _DISTRACTOR_CUT, _DISTRACTOR_LOCATION, _SECOND_LOCATION = 1, 2, 3, 4, 5


def check_canvas(options: CanvasOptions, source: Images) -> None:
    """Check that images (N, C, h, w), and distractor patches cut from them, fit the canvas.

    Raises:
        ValueError: if they do not fit, or there is no second image to cut patches from.
    """
    count, (height, width) = len(source), source.shape[2:]
    if max(height, width) > options.size:
        raise ValueError(f"canvas.size {options.size} is smaller than the images ({height} x {width} pixels)")
    if options.kind == "cluttered" and options.distractor_size > min(height, width):
        raise ValueError(
            f"canvas.distractor_size {options.distractor_size} is larger than the images ({height} x {width} pixels)"
        )
    if options.kind == "cluttered" and count == 1:  # Without any, nothing is shown.
        raise ValueError("clutter is cut from other examples: the split needs at least two")


def make_canvas(options: CanvasOptions, examples: Tensor, index: Tensor, key: Tensor, source: Images) -> Tensor:
    """Make each episode's canvas.

    Args:
        options: the rule.
        examples: (B, C, h, w) uint8, the images to be recognised.
        index: (B,) int64, number of each example in `source`; its clutter is cut from the other images.
        key: (B,) int64, the episodes' keys.
        source: all images (N, C, h, w) of the split.

    Returns:
        (B, C, S, S) uint8.

    Raises:
        ValueError: if examples or distractor patches do not fit.
    """
    check_canvas(options, source)
    batch, channels, height, width = examples.shape
    canvas = torch.zeros(batch, channels, options.size, options.size, dtype=torch.uint8, device=examples.device)
    if options.kind == "cluttered":
        _scatter_distractors(options, canvas, index, key, source)
    lane = torch.arange(batch, device=key.device)
    corner = _corners(mix(key, _KEY), options.size - height, options.size - width)
    _put(windows_of(canvas, height, width), window_index(lane, corner, canvas), examples, options.blend)
    return canvas


def make_pair_canvas(size: int, left: Tensor, right: Tensor, key: Tensor) -> Tensor:
    """Put two images at random locations on each episode's canvas, so that no column shows both.

    Args:
        size: side S of the canvas; see `check_pair`.
        left: (B, C, h, w) uint8, the image on the left.
        right: (B, C, h, w) uint8, the image on the right.
        key: (B,) int64, the episodes' keys.

    Returns:
        (B, C, S, S) uint8.
    """
    batch, channels, height, width = left.shape
    canvas = torch.zeros(batch, channels, size, size, dtype=torch.uint8, device=left.device)
    # Subtracting the width of `left` makes the pair of first columns two independent ones, in ascending order.
    across = integers(mix(key, _KEY), 2, size - 2 * width + 1).sort(-1).values
    down = integers(mix(key, _SECOND_LOCATION), 2, size - height + 1)
    lane, windows = torch.arange(batch, device=key.device), windows_of(canvas, height, width)
    for number, picture in enumerate((left, right)):
        corner = torch.stack([across[:, number] + number * width, down[:, number]], -1)
        _put(windows, window_index(lane, corner, canvas), picture, "add")
    return canvas


def check_pair(size: int, source: Images) -> None:
    """Check that two images (N, C, h, w) fit a canvas side by side. Raises ValueError if they do not."""
    height, width = source.shape[2:]
    if max(height, 2 * width) > size:
        raise ValueError(f"size {size} leaves no room for two images of {height} x {width} pixels side by side")


def _scatter_distractors(options: CanvasOptions, canvas: Tensor, index: Tensor, key: Tensor, source: Images) -> None:
    """Add the distractor patches to each lane's canvas, in a loop over the patches but not over the lanes."""
    distractor, count, (height, width) = options.distractor_size, len(source), source.shape[2:]
    lane = torch.arange(len(canvas), device=key.device)[:, None]
    number = torch.arange(options.distractors, device=key.device)
    # The offset in [1, N) excludes the example itself.
    other = (index[:, None] + 1 + integers(mix(key, _DISTRACTOR_SOURCE), options.distractors, count - 1)) % count
    cut = _corners(mix(mix(key, _DISTRACTOR_CUT)[:, None], number), height - distractor, width - distractor)
    room = options.size - distractor
    location = _corners(mix(mix(key, _DISTRACTOR_LOCATION)[:, None], number), room, room)
    distractors = cut_squares(source, other, cut, distractor)  # (B, distractors, C, p, p)
    windows, start = windows_of(canvas, distractor, distractor), window_index(lane, location, canvas)
    for each in range(options.distractors):  # In turn, since patches may overlap.
        _put(windows, start[:, each], distractors[:, each], "add")


def _corners(key: Tensor, down: int, right: int) -> Tensor:
    """Draw a uniform corner (x, y) with 0 <= x <= right and 0 <= y <= down for each key: (...,) -> (..., 2)."""
    return integers(key, 2, _limits(right + 1, down + 1, key.device))


@lru_cache(maxsize=32)
def _limits(x: int, y: int, device: torch.device) -> Tensor:
    """Return a pair as a tensor that stays on its device; a new copy would make the host wait."""
    return torch.tensor([x, y], device=device)


def _put(windows: Tensor, start: Tensor, picture: Tensor, blend: str) -> None:
    """Add `picture` (B, C, h, w) to the windows `start` (B,) and clamp; with `under`, paste its nonzero pixels."""
    below = windows[start]
    if blend == "under":
        windows[start] = torch.where(picture > 0, picture, below)
    else:
        windows[start] = below + torch.minimum(picture, ~below)  # ~below is 255 - below.
