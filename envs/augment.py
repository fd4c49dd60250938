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


@lru_cache(maxsize=8)
def _basis(height: int, width: int, device: torch.device) -> Tensor:
    """What a warp is a mixture of, (3 + G * G, H * W): x, y, one, and G x G smooth bumps that sum to one."""
    down = (torch.arange(height, device=device) + 0.5) / height * 2 - 1
    across = (torch.arange(width, device=device) + 0.5) / width * 2 - 1
    plane = torch.stack([across.expand(height, width), down[:, None].expand(height, width), torch.ones_like(down)[:, None].expand(height, width)])
    bumps = torch.eye(_GRID * _GRID, device=device).view(1, -1, _GRID, _GRID)
    smooth = F.interpolate(bumps, size=(height, width), mode="bicubic", align_corners=True)[0]
    return torch.cat([plane, smooth]).flatten(1)


def _affine(options: AugmentOptions, key: Tensor, size: tuple[int, int]) -> Tensor:
    """Matrices (B, 2, 3) from an output place (x, y, 1) to the place it is read from."""
    draw = uniform(mix(key, _AFFINE), 6) * 2 - 1
    angle = draw[:, 0] * math.radians(options.rotation)
    wide, high = 1 + draw[:, 1] * options.scale, 1 + draw[:, 2] * options.scale
    shear, cos, sin = draw[:, 3] * options.shear, angle.cos(), angle.sin()
    right, low = draw[:, 4] * options.shift * 2 / size[1], draw[:, 5] * options.shift * 2 / size[0]
    first = torch.stack([cos * wide, (shear * cos - sin) * wide, right], -1)
    second = torch.stack([sin * high, (shear * sin + cos) * high, low], -1)
    return torch.stack([first, second], 1)


def warp(options: AugmentOptions, images: Tensor, key: Tensor) -> Tensor:
    """Warp each image by its own random affine map and elastic displacement, sampled bilinearly.

    Args:
        options: ranges of the warp.
        images: (B, C, H, W) uint8.
        key: (B,) int64.

    Returns:
        (B, C, H, W) uint8; zeros come in from outside.
    """
    batch, _, height, width = images.shape
    bumps = normal(mix(key, _ELASTIC), 2 * _GRID * _GRID).view(batch, 2, -1)
    pixels = torch.tensor([2 / width, 2 / height], device=key.device)
    mixture = torch.cat([_affine(options, key, (height, width)), bumps * (options.elastic * pixels)[:, None]], -1)
    places = mixture.flatten(0, 1) @ _basis(height, width, key.device)  # (B * 2, H * W)
    grid = places.view(batch, 2, height, width).permute(0, 2, 3, 1)
    warped = F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return warped.round_().to(torch.uint8)
