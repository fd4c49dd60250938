"""Glimpse encoders that are trained from the start: fully connected, convolutional and residual.

Axes: n pictures, C channels, H x W pixels, F features, h x w places of a map.
"""

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.vision.encoder_options import (
    ConvolutionEncoderOptions,
    FlatEncoderOptions,
    ResidualEncoderOptions,
)
from glimpse.agents.vision.picture_encoder import PictureEncoder
from glimpse.agents.vision.whole_image import ResidualBlock

_LEAST_VARIANCE = 1e-3


class FlatEncoder(PictureEncoder):
    """Fully connected encoder: linear layers with ReLU see a patch at once (Mnih et al., 2014, section 4).

    A larger picture, such as a glance, is divided into tiles of a patch's size; what is over is filled with zeros.
    """

    pooled = 1

    def __init__(self, options: FlatEncoderOptions, shape: tuple[int, int, int]) -> None:
        """Make the layers for patches of `shape` (C, H, W)."""
        super().__init__()
        self.tile = shape[1:]
        layers: list[nn.Module] = []
        width = shape[0] * shape[1] * shape[2]
        for units in options.widths:
            layers += [nn.Linear(width, units), nn.ReLU()]
            width = units
        self.layers, self.width = nn.Sequential(*layers), width

    def forward(self, pictures: Tensor) -> Tensor:
        """Return maps with one place for each tile."""
        (height, width), (down, across) = pictures.shape[-2:], self.tile
        rows, columns = -(-height // down), -(-width // across)
        filled = F.pad(pictures, (0, columns * across - width, 0, rows * down - height))
        tiles = filled.unflatten(3, (columns, across)).unflatten(2, (rows, down)).permute(0, 2, 4, 1, 3, 5)
        return cast(Tensor, self.layers(tiles.flatten(3)).permute(0, 3, 1, 2))


class ConvolutionEncoder(PictureEncoder):
    """Convolutions with ReLU: the first has a stride of choice, and the others, of 3 x 3, halve the picture."""

    reduction: Literal["mean", "max"] = "max"

    def __init__(self, options: ConvolutionEncoderOptions, shape: tuple[int, int, int]) -> None:
        """Make the layers for pictures of `shape[0]` channels."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = shape[0]
        for number, width in enumerate(options.widths):
            layers += [_convolution(channels, width, number, options.stride), nn.ReLU()]
            channels = width
        self.layers, self.width, self.contrast = nn.Sequential(*layers), channels, options.local_contrast

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the last layer's maps."""
        return cast(Tensor, self.layers(local_contrast(pictures, self.contrast)))


class ResidualEncoder(PictureEncoder):
    """Residual network with group norm: the first stage has a stride of choice, and the others halve the picture."""

    reduction: Literal["mean", "max"] = "max"

    def __init__(self, options: ResidualEncoderOptions, shape: tuple[int, int, int]) -> None:
        """Make the stages for pictures of `shape[0]` channels."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = shape[0]
        for number, width in enumerate(options.widths):
            layers.append(_convolution(channels, width, number, options.stride))
            layers += [ResidualBlock(width) for _ in range(options.blocks)]
            channels = width
        self.layers, self.width, self.contrast = nn.Sequential(*layers, nn.ReLU()), channels, options.local_contrast

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the last stage's maps."""
        return cast(Tensor, self.layers(local_contrast(pictures, self.contrast)))


def _convolution(channels: int, width: int, number: int, stride: int) -> nn.Conv2d:
    """Return the convolution that begins a stage: the first has a stride of choice, and the others halve."""
    return nn.Conv2d(channels, width, 3, 2, 1) if number else nn.Conv2d(channels, width, 2 * stride + 1, stride, stride)


def local_contrast(pictures: Tensor, side: int | None) -> Tensor:
    """Normalise pictures (n, C, H, W) in [0, 1] by what is around each pixel (Jarrett et al., 2009, section 2).

    The mean of a window of `side` x `side` is subtracted in each channel; then all are divided by the standard
    deviation of all channels in the window, of at least about 0.03. None: pictures stay as they are.
    """
    if side is None:
        return pictures
    inside = _sums_around(torch.ones_like(pictures[:1, :1]), side)
    centred = pictures - _sums_around(pictures, side) / inside
    variance = _sums_around(centred.square().mean(1, keepdim=True), side) / inside
    return centred / (variance + _LEAST_VARIANCE).sqrt()


def _sums_around(pictures: Tensor, side: int) -> Tensor:
    """Sum windows of `side` x `side` around each pixel, as far as they are inside: first columns, then rows.

    `avg_pool2d` adds all of a window for each pixel, which takes several times as long on a CPU.
    """
    for axis, around in ((2, (0, 0, side // 2, side // 2)), (3, (side // 2, side // 2))):
        padded, size = F.pad(pictures, around), pictures.shape[axis]
        pictures = padded.narrow(axis, 0, size)
        for shift in range(1, side):
            pictures = pictures + padded.narrow(axis, shift, size)
    return pictures
