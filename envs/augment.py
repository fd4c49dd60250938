"""Random affine and elastic warps of training images, drawn from the episode's key.

Elastic distortions as in Simard et al. (2003), with the displacement drawn on a coarse grid and
interpolated smoothly instead of blurred noise: the whole warp is then one small matrix product.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from glimpse.envs.lane_random import mix, normal, uniform
from glimpse.envs.options import AugmentOptions

_GRID = 5  # control points of the elastic displacement along each axis
_AFFINE, _ELASTIC = 11, 12


def warp(options: AugmentOptions, images: Tensor, key: Tensor) -> Tensor:
    """Warp each image by its own random affine map and elastic displacement, sampled bilinearly.

    The size is changed first, then the image is sheared, turned about its centre and shifted.

    Args:
        options: ranges of the warp.
        images: (B, C, H, W) uint8.
        key: (B,) int64.

    Returns:
        (B, C, H, W) uint8; zeros come in from outside.
    """
    batch, _, height, width = images.shape
    displacement = normal(mix(key, _ELASTIC), 2 * _GRID * _GRID).view(batch, 2, -1) * options.elastic
    mixture = torch.cat([_affine(options, key), displacement], -1).double()
    x, y = mixture[:, 0] * (2 / width), mixture[:, 1] * (2 / height)  # from pixels to [-1, 1]
    # In double precision the rounding of sums, which depends on the batch and the device, is too small to be seen
    # in a pixel; and mixed precision leaves it alone.
    places = torch.stack([x, y], 1) @ _basis(height, width, key.device)  # (B, 2, H * W)
    grid = places.float().view(batch, 2, height, width).permute(0, 2, 3, 1)
    warped = F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return warped.round_().to(torch.uint8)


def _affine(options: AugmentOptions, key: Tensor) -> Tensor:
    """Matrices (B, 2, 3) from a place (x, y, 1) in the warped image to where it is read, in pixels from the centre."""
    draw = uniform(mix(key, _AFFINE), 6) * 2 - 1
    angle = draw[:, 0] * math.radians(options.rotation)
    wide, high = 1 + draw[:, 1] * options.scale, 1 + draw[:, 2] * options.scale
    shear, cos, sin = draw[:, 3] * options.shear, angle.cos(), angle.sin()
    right, down = draw[:, 4] * options.shift, draw[:, 5] * options.shift
    # The inverse of the rotation (cos, -sin; sin, cos) times the shear (1, shear; 0, 1) times the size (wide; high).
    x, y = ((cos + shear * sin) / wide, (sin - shear * cos) / wide), (-sin / high, cos / high)
    rows = [torch.stack([*row, -(row[0] * right + row[1] * down)], -1) for row in (x, y)]
    return torch.stack(rows, 1)


@lru_cache(maxsize=8)
def _basis(height: int, width: int, device: torch.device) -> Tensor:
    """What a warp is a mixture of, (3 + G * G, H * W): x and y in pixels, one, and G x G bumps that sum to one."""
    across = torch.arange(width, device=device) + (0.5 - width / 2)
    down = torch.arange(height, device=device)[:, None] + (0.5 - height / 2)
    plane = torch.stack([part.expand(height, width) for part in (across, down, torch.ones_like(across))])
    bumps = torch.eye(_GRID * _GRID, device=device).view(1, -1, _GRID, _GRID)
    smooth = F.interpolate(bumps, size=(height, width), mode="bicubic", align_corners=True)[0]
    return torch.cat([plane, smooth]).flatten(1).double()
