"""EfficientNet-Lite0 without its classifier, with the names of the published weights.

Tan and Le (2019), "EfficientNet"; Liu (2020), "EfficientNet-Lite": no squeeze-and-excitation, ReLU6, a fixed stem and
head. Strided convolutions are padded as TensorFlow does it (`SAME`), with which the weights were trained.
Axes: n pictures, H x W pixels.
"""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

_STAGES = (
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4),
    (6, 320, 3, 1, 1),
)
"""Expansion, channels, side of the filters, stride of the first block, and blocks of each stage."""
HEAD_WIDTH = 1280


class SamePadded(nn.Conv2d):
    """Convolution whose output has ceil(side / stride) places along each axis; odd padding goes right and below."""

    def _conv_forward(self, pictures: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Pad with zeros and convolve: (n, C, H, W) -> (n, F, ceil(H / s), ceil(W / s))."""
        beyond = []
        for side, filter_side, stride in zip(pictures.shape[-2:], self.kernel_size, self.stride, strict=True):
            beyond.append(max(0, (-(-side // stride) - 1) * stride + filter_side - side))
        down, across = beyond
        padded = F.pad(pictures, (across // 2, across - across // 2, down // 2, down - down // 2))
        return F.conv2d(padded, weight, bias, self.stride, groups=self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def _normed(convolution: nn.Conv2d, norm: nn.BatchNorm2d, pictures: Tensor) -> Tensor:
    """Convolve, and normalise with the stored mean and variance, whose scale and shift the filters take in."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    weight = convolution.weight * scale.view(-1, 1, 1, 1)
    return cast(Tensor, convolution._conv_forward(pictures, weight, norm.bias - norm.running_mean * scale))


class InvertedBottleneck(nn.Module):
    """Block that widens its input, filters each channel and narrows it again (Sandler et al., 2018)."""

    def __init__(self, channels: int, width: int, side: int, stride: int, expansion: int) -> None:
        """Make a block from `channels` to `width`, with filters of `side` x `side`."""
        super().__init__()
        inner = channels * expansion
        if expansion > 1:
            self._expand_conv, self._bn0 = nn.Conv2d(channels, inner, 1, bias=False), _norm(inner)
        self._depthwise_conv = SamePadded(inner, inner, side, stride, groups=inner, bias=False)
        self._bn1 = _norm(inner)
        self._project_conv, self._bn2 = nn.Conv2d(inner, width, 1, bias=False), _norm(width)
        self.widens, self.adds = expansion > 1, stride == 1 and channels == width

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, width, H / s, W / s) for (n, C, H, W)."""
        inner = F.relu6(_normed(self._expand_conv, self._bn0, x), inplace=True) if self.widens else x
        inner = F.relu6(_normed(self._depthwise_conv, self._bn1, inner), inplace=True)
        out = _normed(self._project_conv, self._bn2, inner)
        return x + out if self.adds else out


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 up to its last convolution, of 1280 channels at a 32nd of the side.

    Its batch norm always has its stored statistics, also in training.
    """

    def __init__(self) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        self._conv_stem, self._bn0 = SamePadded(3, 32, 3, 2, bias=False), _norm(32)
        blocks: list[nn.Module] = []
        channels = 32
        for expansion, width, side, stride, count in _STAGES:
            for number in range(count):
                blocks.append(InvertedBottleneck(channels, width, side, 1 if number else stride, expansion))
                channels = width
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = nn.Conv2d(channels, HEAD_WIDTH, 1, bias=False), _norm(HEAD_WIDTH)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return maps (n, 1280, H / 32, W / 32) of pictures (n, 3, H, W) in [0, 1]."""
        x = F.relu6(_normed(self._conv_stem, self._bn0, (pictures * 255 - 127) / 128), inplace=True)
        for block in self._blocks:
            x = block(x)
        return F.relu6(_normed(self._conv_head, self._bn1, x), inplace=True)
