"""Random affine and elastic warps of training images, drawn from the episode's key.

Elastic distortions follow Simard et al. (2003), but the displacement is drawn on a coarse grid and interpolated
smoothly, instead of blurred noise, so that the whole warp is one small matrix product.

A warp maps each pixel of the warped image to the place in the image that is shown there. So any part of a warped image
can be sampled alone, at a cost that does not depend on the image's size. Axes: B images, G control points along each
axis, h x w target pixels.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from glimpse.envs.images.options import AugmentOptions
from glimpse.envs.lane_random import mix, normal, uniform

_GRID = 5  # control points of the elastic displacement along each axis
_BUMP_BITS = 8  # bits after the point in the values of the smooth bumps
_AFFINE, _ELASTIC, _FLIP = 11, 12, 13


class Warps(NamedTuple):
    """Warps of B images.

    Attributes:
        affine: (B, 2, 3), from a target pixel (x, y, 1) to its source pixel, in pixels from the centre.
        displacement: (B, 2, G * G), what is added to x and y at the control points, row by row, in pixels.
    """

    affine: Tensor
    displacement: Tensor


def check_warps(options: AugmentOptions | None) -> AugmentOptions | None:
    """Return the options of an environment that can only warp; None where nothing is warped.

    Raises:
        ValueError: if colours are to be changed.
    """
    if options is not None and options.recolour:
        raise ValueError("train.augment.recolour is for photographs in colour (photo-search): leave it out")
    return options if options is not None and options.active else None


def draw_mirrors(options: AugmentOptions, key: Tensor) -> Tensor:
    """Draw whether each image is mirrored left to right and top to bottom, for keys (B,) int64: (B, 2) bool."""
    # Where an axis is not mirrored, no draw is below its limit.
    across, down = (0.5 * (options.flip in (name, "both")) for name in ("horizontal", "vertical"))
    draw = uniform(mix(key, _FLIP), 2)
    return torch.stack([draw[:, 0] < across, draw[:, 1] < down], 1)


def draw_warps(options: AugmentOptions, key: Tensor, height: int, width: int) -> Warps:
    """Draw a warp for each key (B,) int64 of images of `height` x `width` pixels.

    The image is mirrored, scaled, then sheared, rotated about its centre and shifted.
    """
    displacement = normal(mix(key, _ELASTIC), 2 * _GRID * _GRID).view(len(key), 2, -1) * options.elastic
    bits = _bits(height, width)
    affine = _affine(options, key)
    if options.flip != "none":
        affine *= (1 - 2 * draw_mirrors(options, key).float()).unsqueeze(-1)  # Signs of x and y in the image.
    return Warps(_round(affine, bits - 1), _round(displacement, bits - _BUMP_BITS))


def _bits(height: int, width: int) -> int:
    """Return the bits after the point that coordinates may have.

    The order of summation in a matrix product depends on the batch and the device. The result does not if the numbers
    have so few bits that each sum is exact in float32: x and y are multiples of half a pixel, and coordinates lie
    within twice the image's side.
    """
    return 23 - math.ceil(math.log2(max(height, width)))


def warp(options: AugmentOptions, images: Tensor, key: Tensor) -> Tensor:
    """Warp each image by its own random affine map and elastic displacement, sampled bilinearly.

    Args:
        options: ranges of the warp.
        images: (B, C, H, W) uint8.
        key: (B,) int64.

    Returns:
        (B, C, H, W) uint8; pixels outside the image count as zeros.
    """
    return apply_warps(draw_warps(options, key, *images.shape[2:]), images)


def apply_warps(warps: Warps, images: Tensor) -> Tensor:
    """Warp whole images (B, C, H, W) uint8; see `warp`."""
    batch, _, height, width = images.shape
    mixture = torch.cat(warps, -1)  # (B, 2, 3 + G * G)
    with torch.autocast(images.device.type, enabled=False):
        coordinates = mixture.flatten(0, 1) @ _basis(height, width, images.device)  # (B * 2, H * W) pixels
    coordinates = coordinates.view(batch, 2, height, width)
    # `grid_sample` takes coordinates in [-1, 1].
    coordinates[:, 0] *= 2 / width
    coordinates[:, 1] *= 2 / height
    return _sample(images, coordinates)


def _sample(images: Tensor, coordinates: Tensor) -> Tensor:
    """Sample images (B, C, H, W) uint8 at coordinates (B, 2, h, w), x and y in [-1, 1]: (B, C, h, w) uint8."""
    grid = coordinates.permute(0, 2, 3, 1)
    warped = F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return warped.round_().to(torch.uint8)


def source_pixels(warps: Warps, columns: Tensor, rows: Tensor, height: int, width: int) -> Tensor:
    """Return where a grid of target pixels comes from.

    Args:
        warps: of B images.
        columns: (B, w) int64, from 0 on the left of the image; they may lie outside.
        rows: (B, h) int64, from 0 at the top.
        height: of the images, in pixels.
        width: of the images.

    Returns:
        (B, 2, h, w) float32, x and y in pixels; whole numbers are the centres of pixels.
    """
    bits = _bits(height, width)
    wide = _rounded_bumps(width, columns.device)[columns.clamp(0, width - 1)]  # (B, w, G)
    high = _rounded_bumps(height, rows.device)[rows.clamp(0, height - 1)]
    x, y = columns[:, None] + (0.5 - width / 2), rows[:, None] + (0.5 - height / 2)  # (B, 1, w), (B, 1, h)
    with torch.autocast(columns.device.type, enabled=False):
        # Rows of control points at the columns, then columns of these at the rows; both products are exact.
        across = warps.displacement.unflatten(2, (_GRID, _GRID)).flatten(1, 2) @ wide.mT  # (B, 2 * G, w)
        moved = high[:, None] @ _round(across, bits - _BUMP_BITS).unflatten(1, (2, _GRID))  # (B, 2, h, w)
    matrix = warps.affine[..., None]  # (B, 2, 3, 1)
    moved += (matrix[:, :, 0] * x).unsqueeze(2)
    moved += (matrix[:, :, 1] * y + matrix[:, :, 2]).unsqueeze(3)
    moved[:, 0] += width / 2 - 0.5
    moved[:, 1] += height / 2 - 0.5
    return _round(moved, bits - 1)


def sample_pixels(windows: Tensor, pixels: Tensor) -> Tensor:
    """Sample windows bilinearly.

    Args:
        windows: (B, C, S, S) uint8. S is a power of 2, so that all is exact and a result depends on the four
            neighbours of its pixel alone, whatever S is.
        pixels: (B, 2, h, w), x and y in pixels of the window; outside of it there are zeros.

    Returns:
        (B, C, h, w) uint8.
    """
    return _sample(windows, (2 * pixels + 1) / windows.shape[-1] - 1)


def _round(numbers: Tensor, bits: int) -> Tensor:
    """Round to multiples of 2^-bits."""
    return (numbers * 2.0**bits).round_() * 2.0**-bits


def _affine(options: AugmentOptions, key: Tensor) -> Tensor:
    """Return matrices (B, 2, 3) from a target pixel (x, y, 1) to its source pixel, in pixels from the centre."""
    draw = uniform(mix(key, _AFFINE), 6) * 2 - 1
    angle = draw[:, 0] * math.radians(options.rotation)
    wide, high = 1 + draw[:, 1] * options.scale, 1 + draw[:, 2] * options.scale
    shear, cos, sin = draw[:, 3] * options.shear, angle.cos(), angle.sin()
    right, down = draw[:, 4] * options.shift, draw[:, 5] * options.shift
    # Inverse of the rotation (cos, -sin; sin, cos) times the shear (1, shear; 0, 1) times the scaling (wide, high).
    x, y = ((cos + shear * sin) / wide, (sin - shear * cos) / wide), (-sin / high, cos / high)
    rows = [torch.stack([*row, -(row[0] * right + row[1] * down)], -1) for row in (x, y)]
    return torch.stack(rows, 1)


@lru_cache(maxsize=8)
def _basis(height: int, width: int, device: torch.device) -> Tensor:
    """Return the basis of all warps, (3 + G * G, H * W): x and y in pixels, one, and G x G smooth bumps."""
    across = torch.arange(width, device=device) + (0.5 - width / 2)
    down = torch.arange(height, device=device)[:, None] + (0.5 - height / 2)
    plane = torch.stack([part.expand(height, width) for part in (across, down, torch.ones_like(across))])
    down, right = _bumps(height, device), _bumps(width, device)
    smooth = (down.mT[:, None, :, None] * right.mT[:, None]).flatten(0, 1)
    return torch.cat([plane, _round(smooth, _BUMP_BITS)]).flatten(1)


@lru_cache(maxsize=16)
def _rounded_bumps(side: int, device: torch.device) -> Tensor:
    """Return `_bumps`, rounded."""
    return _round(_bumps(side, device), _BUMP_BITS)


def _bumps(side: int, device: torch.device) -> Tensor:
    """Return G smooth bumps along an axis, (side, G): the weights of bicubic interpolation between control points."""
    points = torch.eye(_GRID, device=device).view(1, _GRID, _GRID, 1)
    smooth: Tensor = F.interpolate(points, size=(side, 1), mode="bicubic", align_corners=True)
    return smooth[0, :, :, 0].mT.contiguous()
