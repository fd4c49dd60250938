"""Random affine and elastic warps of training images, drawn from the episode's key.

Elastic distortions follow Simard et al. (2003), but the displacement is drawn on a coarse grid and interpolated
smoothly, instead of blurred noise, so that the whole warp is one small matrix product.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from glimpse.envs.images.options import AugmentOptions
from glimpse.envs.lane_random import mix, normal, uniform

_GRID = 5  # control points of the elastic displacement along each axis
_BUMP_BITS = 8  # bits after the point in the values of the smooth bumps
_AFFINE, _ELASTIC = 11, 12


def warp(options: AugmentOptions, images: Tensor, key: Tensor) -> Tensor:
    """Warp each image by its own random affine map and elastic displacement, sampled bilinearly.

    The image is scaled, then sheared, rotated about its centre and shifted.

    Args:
        options: ranges of the warp.
        images: (B, C, H, W) uint8.
        key: (B,) int64.

    Returns:
        (B, C, H, W) uint8; pixels outside the image count as zeros.
    """
    batch, _, height, width = images.shape
    displacement = normal(mix(key, _ELASTIC), 2 * _GRID * _GRID).view(batch, 2, -1) * options.elastic
    # The order of summation in a matrix product depends on the batch and the device. The result does not if the
    # numbers have so few bits that each sum is exact in float32: x and y are multiples of half a pixel, and
    # coordinates lie within twice the image's side.
    bits = 23 - math.ceil(math.log2(max(height, width)))
    affine, elastic = _round(_affine(options, key), bits - 1), _round(displacement, bits - _BUMP_BITS)
    mixture = torch.cat([affine, elastic], -1)  # (B, 2, 3 + G * G)
    with torch.autocast(key.device.type, enabled=False):
        coordinates = mixture.flatten(0, 1) @ _basis(height, width, key.device)  # (B * 2, H * W) pixels
    coordinates = coordinates.view(batch, 2, height, width)
    # `grid_sample` takes coordinates in [-1, 1].
    coordinates[:, 0] *= 2 / width
    coordinates[:, 1] *= 2 / height
    grid = coordinates.permute(0, 2, 3, 1)
    warped = F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return warped.round_().to(torch.uint8)


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
    bumps = torch.eye(_GRID * _GRID, device=device).view(1, -1, _GRID, _GRID)
    smooth = F.interpolate(bumps, size=(height, width), mode="bicubic", align_corners=True)[0]
    return torch.cat([plane, _round(smooth, _BUMP_BITS)]).flatten(1)
