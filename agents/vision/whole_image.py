"""Networks that see the whole image and answer at once: what glimpses are compared with.

Axes: B episodes, C channels, H x W pixels, N classes.
"""

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.episode import Decision
from glimpse.agents.vision.full_view import Onlooker
from glimpse.agents.whole_image_options import CnnOptions, ConvOptions, MlpOptions, WholeImageOptions


class WholeImage(Onlooker):
    """An image classifier as an agent: it looks at the centre, remembers nothing, and answers with its network."""

    network: nn.Module

    def __init__(self, options: WholeImageOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Without its network yet: (B, C, H, W) in [0, 1] -> (B, N) logits."""
        super().__init__(observation_space, action_space, options.label_smoothing)

    def begin(self, observation: dict[str, Tensor]) -> None:
        """Nothing is remembered."""

    def forward(self, observation: dict[str, Tensor], memory: None) -> tuple[Decision, None]:
        """Answer for pictures (B, 1, C, H, W)."""
        answer = self.network(observation["glimpse"].squeeze(1))
        return Decision(torch.zeros_like(observation["location"]), answer, None, {}), None


def make_mlp(options: MlpOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> WholeImage:
    """The paper's fully connected network: hidden rectified layers, and a linear layer to the classes.

    Mnih et al. (2014), section 4.1: two hidden layers, of 256 units each or (60 x 60) also of 64.
    """
    agent = WholeImage(options, observation_space, action_space)
    width = agent.channels * agent.height * agent.width
    layers: list[nn.Module] = [nn.Flatten()]
    for hidden in options.widths:
        layers += [nn.Linear(width, hidden), nn.ReLU()]
        width = hidden
    agent.network = nn.Sequential(*layers, nn.Linear(width, agent.classes))
    return agent


def make_conv(options: ConvOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> WholeImage:
    """The paper's convolutional network: rectified convolutions, one rectified layer, and a linear layer.

    Mnih et al. (2014), section 4.1, for translated and cluttered digits: 8 filters of 10 x 10 with stride 5, then 256
    rectified units. No padding and no pooling are mentioned, and there are none here. For centred digits the paper
    says "2 layers" and no more; `layers` takes any number.

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
    agent.network = nn.Sequential(*layers, nn.Linear(options.width, agent.classes))
    return agent


class ResidualBlock(nn.Module):
    """x + Conv(Rect(Norm(x))), the pre-activation order of He et al. (2016, "Identity mappings"), one layer deep."""

    def __init__(self, channels: int) -> None:
        """Make a block for (B, channels, H, W)."""
        super().__init__()
        self.norm = nn.GroupNorm(_groups(channels), channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        change: Tensor = self.conv(F.relu(self.norm(x)))
        return x + change


def _groups(channels: int) -> int:
    """Groups of at least 8 channels where they can be made, of equal size."""
    return next(groups for groups in range(max(1, channels // 8), 0, -1) if channels % groups == 0)


def make_cnn(options: CnnOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> WholeImage:
    """A small modern network: 3 x 3 convolutions in stages that halve the image, residual blocks, global pooling.

    Ours, not the paper's. Group norm (Wu and He, 2018) instead of batch norm, so that an answer does not depend on
    the other images of the batch.
    """
    agent = WholeImage(options, observation_space, action_space)
    channels = agent.channels
    layers: list[nn.Module] = []
    for width in options.widths:
        layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1)]
        layers += [ResidualBlock(width) for _ in range(options.blocks)]
        channels = width
    layers += [nn.GroupNorm(_groups(channels), channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    agent.network = nn.Sequential(*layers, nn.Linear(channels, agent.classes))
    return agent
