"""Whole-image classifiers: baselines that see the whole image and answer at once.

Axes: B episodes, C channels, H x W pixels, N classes, levels or labels.
"""

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.episode import Decision
from glimpse.agents.vision.full_view import FullViewAgent
from glimpse.agents.vision.options import CnnOptions, ConvOptions, MlpOptions, WholeImageOptions


class WholeImage(FullViewAgent):
    """Image classifier as an agent: it answers with its network, has no memory, and always looks at the centre."""

    network: nn.Module

    def __init__(self, options: WholeImageOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Read the spaces; the caller sets `network`, from (B, C, H, W) in [0, 1] to logits (B, N)."""
        super().__init__(observation_space, action_space, options.label_smoothing)

    def initial_memory(self, observation: dict[str, Tensor]) -> None:
        """Return None: there is no memory."""

    def forward(self, observation: dict[str, Tensor], memory: None) -> tuple[Decision, None]:
        """Classify the pictures `glimpse` (B, 1, C, H, W)."""
        answer = self.network(observation["glimpse"].squeeze(1))
        return Decision(answer, {}, torch.zeros_like(observation["location"])), None


def make_mlp(options: MlpOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> WholeImage:
    """Make the fully connected network of the paper: hidden layers with ReLU, and a linear layer to the classes.

    Mnih et al. (2014), section 4.1: two hidden layers, of 256 units each or (60 x 60) also of 64.
    """
    agent = WholeImage(options, observation_space, action_space)
    width = agent.channels * agent.height * agent.width
    layers: list[nn.Module] = [nn.Flatten()]
    for hidden in options.widths:
        layers += [nn.Linear(width, hidden), nn.ReLU()]
        width = hidden
    agent.network = nn.Sequential(*layers, nn.Linear(width, agent.kind.outputs))
    return agent


def make_conv(options: ConvOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> WholeImage:
    """Make the convolutional network of the paper: convolutions and one hidden layer with ReLU, and a linear layer.

    Mnih et al. (2014), section 4.1, for translated and cluttered digits: 8 filters of 10 x 10 with stride 5, then 256
    units with ReLU. The paper mentions no padding and no pooling, and there are none here. For centred digits it says
    only "2 layers"; `layers` takes any number.

    Raises:
        ValueError: if the image is too small for the filters.
    """
    agent = WholeImage(options, observation_space, action_space)
    channels, height, width = agent.channels, agent.height, agent.width
    layers: list[nn.Module] = []
    for layer in options.layers:
        if layer.size > min(height, width):
            raise ValueError(
                f"agent.layers: a filter of {layer.size} x {layer.size} does not fit {height} x {width} pixels; "
                "give a smaller size"
            )
        layers += [nn.Conv2d(channels, layer.filters, layer.size, layer.stride), nn.ReLU()]
        channels = layer.filters
        height, width = ((side - layer.size) // layer.stride + 1 for side in (height, width))
    layers += [nn.Flatten(), nn.Linear(channels * height * width, options.width), nn.ReLU()]
    agent.network = nn.Sequential(*layers, nn.Linear(options.width, agent.kind.outputs))
    return agent


class ResidualBlock(nn.Module):
    """Residual block x + Conv(ReLU(Norm(x))), pre-activation (He et al., 2016, "Identity mappings"), with one layer."""

    def __init__(self, channels: int) -> None:
        """Make a block for (B, channels, H, W)."""
        super().__init__()
        self.norm = nn.GroupNorm(_groups(channels), channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum (B, C, H, W) for x (B, C, H, W)."""
        change: Tensor = self.conv(F.relu(self.norm(x)))
        return x + change


def _groups(channels: int) -> int:
    """Return a number of equal groups, with at least 8 channels each where possible."""
    return next(groups for groups in range(max(1, channels // 8), 0, -1) if channels % groups == 0)


def make_cnn(options: CnnOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> WholeImage:
    """Make a small modern network: 3 x 3 convolutions in stages that halve the image, residual blocks, global pooling.

    It is not from the paper. It has group norm (Wu and He, 2018) instead of batch norm, so that an answer does not
    depend on the other images of the batch.
    """
    agent = WholeImage(options, observation_space, action_space)
    channels = agent.channels
    layers: list[nn.Module] = []
    for width in options.widths:
        layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1)]
        layers += [ResidualBlock(width) for _ in range(options.blocks)]
        channels = width
    layers += [nn.GroupNorm(_groups(channels), channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    agent.network = nn.Sequential(*layers, nn.Linear(channels, agent.kind.outputs))
    return agent
