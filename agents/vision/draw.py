"""Differentiable foveal reading: DRAW's Gaussian filter bank, with the recurrent core and classifier of RAM.

Gregor et al. (2015, "DRAW"), section 3.2: a grid of N x N Gaussian filters whose centre, stride, width and intensity
are linear in the memory. Section 4.1 classifies cluttered digits with it: several reads, and an answer at the end.

Departure: several scales may be read around one centre, as by RAM's retina.

Axes: B episodes, K scales, C channels, H x W pixels, N filters along each side, D memory width.
"""

from typing import NamedTuple

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.agent import LrGroups, scaled_lr_group
from glimpse.agents.episode import Decision
from glimpse.agents.readout import Readout
from glimpse.agents.step_cores import make_recurrent_core
from glimpse.agents.vision.full_view import FullViewAgent
from glimpse.agents.vision.glimpse_network import GlimpseNetwork
from glimpse.agents.vision.options import DrawOptions


class FilterWindow(NamedTuple):
    """Parameters of the filter bank for one read.

    location: (B, 2), the centre (x, y), in [-1, 1].
    stride: (B,), distance between neighbouring filters, in pixels.
    deviation: (B,), standard deviation sigma of each filter, in pixels.
    intensity: (B,), gamma, by which what is read is multiplied.
    """

    location: Tensor
    stride: Tensor
    deviation: Tensor
    intensity: Tensor


def filter_rows(centre: Tensor, stride: Tensor, deviation: Tensor, filters: int, pixels: int) -> Tensor:
    """Compute the filters along one axis: Gaussians over pixels that sum to 1 (equations 19, 20, 25 and 26).

    Args:
        centre: (...,), centre of the N filters, in pixels; pixel a is centred at a + 1/2: the picture is [0, pixels].
        stride: (...,), distance between neighbouring filters, in pixels.
        deviation: (...,), standard deviation sigma, in pixels.
        filters: N.
        pixels: A, the picture's side.

    Returns:
        (..., N, A). A filter far outside the picture reads the pixel nearest to it.
    """
    offset = torch.arange(filters, device=centre.device) - (filters - 1) / 2
    mean = centre[..., None] + offset * stride[..., None]  # (..., N)
    position = torch.arange(pixels, device=centre.device) + 0.5
    width = deviation[..., None] * 2**0.5
    distance = position / width[..., None] - (mean / width)[..., None]
    # The softmax divides by the normaliser Z and stays finite where no pixel is near.
    return distance.square().neg().softmax(-1)


def filter_bank(window: FilterWindow, filters: int, scales: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return the filters F_Y (B, K, N, H) and F_X (B, K, N, W) of B windows, for pictures of H x W pixels."""
    x, y = ((window.location[:, axis, None] + 1) * (side / 2) for axis, side in enumerate((width, height)))  # (B, 1)
    zoom = 2 ** torch.arange(scales, device=x.device)
    stride, deviation = (size[:, None] * zoom for size in (window.stride, window.deviation))  # (B, K)
    return filter_rows(y, stride, deviation, filters, height), filter_rows(x, stride, deviation, filters, width)


def read_patch(picture: Tensor, window: FilterWindow, filters: int, scales: int = 1) -> Tensor:
    """Read gamma F_Y x F_X^T (equation 27), at one scale or several around the same centre.

    Args:
        picture: (B, C, H, W).
        window: B windows, at the finest scale.
        filters: N.
        scales: K; each has twice the stride and sigma of the one before.

    Returns:
        Patches (B, K, C, N, N).
    """
    down, across = filter_bank(window, filters, scales, *picture.shape[-2:])
    # One product filters the rows for all scales, without copying the picture.
    rows = (down.flatten(1, 2).unsqueeze(1) @ picture).unflatten(2, (scales, filters))  # (B, C, K, N, W)
    patch: Tensor = (rows @ across.unsqueeze(1).mT).transpose(1, 2)
    return window.intensity.view(-1, 1, 1, 1, 1) * patch


class WindowNetwork(nn.Module):
    """Linear layer from a memory to a window.

    (x, y, log sigma^2, log stride, log gamma) = Linear(h), equations 21 to 24.

    Departures: at -1 and 1 the centre is at the picture's edges instead of half a pixel beyond. An untrained network
    reads the whole picture with its coarsest scale, the same at each step, with a sigma of one stride, since with more
    blur the gradient of the location reaches farther. All five numbers are bounded by a tanh, since what is read
    changes how the next read is made, and a ReLU core would grow without bound. Locations stay in the picture, and
    logarithms within 2 of those of the untrained network.
    """

    def __init__(self, memory_width: int, filters: int, scales: int, height: int, width: int) -> None:
        """Make the network.

        Args:
            memory_width: D.
            filters: N, along each side.
            scales: K.
            height: of the pictures, in pixels.
            width: of the pictures, in pixels.
        """
        super().__init__()
        self.linear = nn.Linear(memory_width, 5)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.stride = (max(height, width) - 1) / (filters - 1) / 2 ** (scales - 1)

    def forward(self, hidden: Tensor) -> FilterWindow:
        """Return the window of each memory (B, D)."""
        numbers = self.linear(hidden).float()
        location = numbers[:, :2].tanh()
        variance, stride, intensity = (2 * (numbers[:, 2:] / 2).tanh()).unbind(-1)
        deviation = self.stride * (variance / 2).exp()
        return FilterWindow(location, self.stride * stride.exp(), deviation, intensity.exp())


class DrawMemory(NamedTuple):
    """Memory of the DRAW agent.

    core: (B, D) or (B, 2 D), of the recurrent core.
    window: the window of the next read.
    """

    core: Tensor
    window: FilterWindow


class DrawReader(FullViewAgent):
    """DRAW agent: reads the picture through the filter bank at each step.

    The action `look` is the centre of the next read.
    """

    readout_name = "what the filters read"
    foveal = False

    def __init__(self, options: DrawOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks."""
        every_step = options.classification == "every_step"
        super().__init__(observation_space, action_space, options.label_smoothing, every_step)
        self.filters, self.scales = options.patch, options.scales
        self.window_rate = options.locator_lr_scale
        pixels = options.scales * self.channels * options.patch**2
        self.glimpse_network = GlimpseNetwork(pixels, options, location=5)
        self.core = make_recurrent_core(options)
        self.window = WindowNetwork(options.memory_width, options.patch, options.scales, self.height, self.width)
        self.classifier = nn.Linear(options.memory_width, self.kind.outputs)

    def learning_rates(self) -> LrGroups:
        """Return the parameters of the window network in a group with their own scale, after all others."""
        return scaled_lr_group(self, self.window, self.window_rate)

    def initial_memory(self, observation: dict[str, Tensor]) -> DrawMemory:
        """Return an empty memory and the first window, which is the same for all pictures."""
        core = self.classifier.weight.new_zeros(observation["glimpse"].shape[0], self.core.memory_width)
        return DrawMemory(core, self.window(self.core.output(core)))

    def forward(self, observation: dict[str, Tensor], memory: DrawMemory) -> tuple[Decision, DrawMemory]:
        """Read the picture `glimpse` (B, 1, C, H, W), update the memory, answer, and compute the next window."""
        window = memory.window
        patch = read_patch(observation["glimpse"].squeeze(1), window, self.filters, self.scales)
        size = torch.stack([window.deviation, window.stride, window.intensity], -1).log()
        seen = self.glimpse_network(patch, torch.cat([window.location, size], -1))
        core = self.core(seen.feature, memory.core)
        hidden = self.core.output(core)
        following = self.window(hidden)
        return Decision(self.classifier(hidden), {}, following.location), DrawMemory(core, following)

    def pixels_read(self, shown: int) -> int:
        """Return the number of pixels read in an episode: all that are shown."""
        return shown

    def readout(self, observation: dict[str, Tensor], memory: DrawMemory) -> Readout:
        """Return the window of each scale, before the intensity multiplies what is read.

        Filters outside the picture all read the pixel nearest to them; that pixel weighs no more than a pixel inside.
        """
        window, picture = memory.window, observation["glimpse"].squeeze(1)
        stride = (window.stride[:, None] * 2 ** torch.arange(self.scales, device=picture.device)).unsqueeze(-1)
        bank = filter_bank(window, self.filters, self.scales, self.height, self.width)
        down, across = (filters.sum(-2).minimum(1 / stride) for filters in bank)  # (B, K, H) and (B, K, W)
        share = (down.unsqueeze(-1) * across.unsqueeze(-2)).sum(1)
        patch = read_patch(
            picture, window._replace(intensity=torch.ones_like(window.intensity)), self.filters, self.scales
        )
        centre = (window.location + 1) * window.location.new_tensor([self.width / 2, self.height / 2])
        reach = self.filters / 2 * stride  # (B, K, 1)
        boxes = torch.cat([centre.unsqueeze(1) - reach, centre.unsqueeze(1) + reach], -1)
        return Readout(window.location, share / share.amax((1, 2), keepdim=True), patch, boxes)


def make_draw(options: DrawOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> DrawReader:
    """Make the DRAW agent for an environment with these spaces."""
    return DrawReader(options, observation_space, action_space)
