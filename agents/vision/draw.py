"""A differentiable foveal read: DRAW's Gaussian filter bank, with the core and classifier of RAM.

Gregor et al. (2015, "DRAW"), section 3.2: a grid of N x N Gaussian filters whose centre, stride, width and intensity
are linear in the memory. Section 4.1 classifies cluttered digits so: it reads, remembers, and answers at the end.

Departure: several scales may be read around one centre, as by RAM's retina.

Axes: B episodes, K scales, C channels, H x W pixels, N filters along each side, D memory width.
"""

from typing import NamedTuple

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.agent import RateGroups, own_rate
from glimpse.agents.episode import Decision
from glimpse.agents.soft_options import DrawOptions
from glimpse.agents.vision.full_view import Onlooker
from glimpse.agents.vision.glimpse_network import GlimpseNetwork, make_core
from glimpse.agents.vision.readout import Sight


class Window(NamedTuple):
    """Where and how a read falls.

    place: (B, 2), the centre (x, y), a location.
    stride: (B,), distance of neighbouring filters, in pixels.
    deviation: (B,), sigma of each filter, in pixels.
    intensity: (B,), gamma.
    """

    place: Tensor
    stride: Tensor
    deviation: Tensor
    intensity: Tensor


def filter_rows(centre: Tensor, stride: Tensor, deviation: Tensor, filters: int, pixels: int) -> Tensor:
    """The filters along one axis, equations 19, 20, 25 and 26: each a Gaussian over pixels that sums to 1.

    Args:
        centre: (...,) of the N filters, in pixels; pixel a is centred at a + 1/2, so that the picture is [0, pixels].
        stride: (...,) between neighbouring filters, in pixels.
        deviation: (...,) sigma, in pixels.
        filters: N.
        pixels: A, the picture's side.

    Returns:
        (..., N, A). A filter far outside sees the pixel nearest to it.
    """
    offset = torch.arange(filters, device=centre.device) - (filters - 1) / 2
    mean = centre[..., None] + offset * stride[..., None]  # (..., N)
    position = torch.arange(pixels, device=centre.device) + 0.5
    width = deviation[..., None] * 2**0.5
    distance = position / width[..., None] - (mean / width)[..., None]
    # The softmax divides by the sum Z, which it keeps from vanishing where no pixel is near.
    return distance.square().neg().softmax(-1)


def filter_bank(window: Window, filters: int, scales: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The filters F_Y (B, K, N, H) and F_X (B, K, N, W) of B windows, for pictures of H x W pixels; see `read`."""
    x, y = (window.place + 1).mul(window.place.new_tensor([width / 2, height / 2])).unsqueeze(1).unbind(-1)  # (B, 1)
    zoom = 2 ** torch.arange(scales, device=x.device)
    stride, deviation = (size[:, None] * zoom for size in (window.stride, window.deviation))  # (B, K)
    return filter_rows(y, stride, deviation, filters, height), filter_rows(x, stride, deviation, filters, width)


def read(picture: Tensor, window: Window, filters: int, scales: int = 1) -> Tensor:
    """Read gamma F_Y x F_X^T, equation 27, at one scale or several around the same centre.

    Args:
        picture: (B, C, H, W).
        window: of each picture; it is that of the finest scale.
        filters: N.
        scales: K, each with twice the stride and sigma of the one before.

    Returns:
        (B, K, C, N, N).
    """
    down, across = filter_bank(window, filters, scales, *picture.shape[-2:])
    # All scales' rows are gathered in one product, for which the picture need not be copied.
    rows = (down.flatten(1, 2).unsqueeze(1) @ picture).unflatten(2, (scales, filters))  # (B, C, K, N, W)
    patch: Tensor = (rows @ across.unsqueeze(1).mT).transpose(1, 2)
    return window.intensity.view(-1, 1, 1, 1, 1) * patch


class WindowNetwork(nn.Module):
    """A window from a memory: (x, y, log sigma^2, log stride, log gamma) = Linear(h), equations 21 to 24.

    Departures: at -1 and 1 the centre is at the picture's edges instead of half a pixel beyond. An untrained network
    reads the whole picture with its coarsest scale, the same at each step, with a sigma of one stride: the more is
    blurred, the farther reaches the gradient of the place. All five numbers are bounded by a tanh, since what is read
    feeds back into how it is read, and a rectified core then grows without bound: places stay in the picture,
    logarithms within 2 of the untrained network's.
    """

    def __init__(self, memory_width: int, filters: int, scales: int, height: int, width: int) -> None:
        """Read windows of N x N `filters` at K `scales` for pictures of `height` x `width` from memories (B, D)."""
        super().__init__()
        self.linear = nn.Linear(memory_width, 5)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.stride = (max(height, width) - 1) / (filters - 1) / 2 ** (scales - 1)

    def forward(self, hidden: Tensor) -> Window:
        """(B, D) -> a window each."""
        numbers = self.linear(hidden).float()
        place = numbers[:, :2].tanh()
        variance, stride, intensity = (2 * (numbers[:, 2:] / 2).tanh()).unbind(-1)
        deviation = self.stride * (variance / 2).exp()
        return Window(place, self.stride * stride.exp(), deviation, intensity.exp())


class DrawMemory(NamedTuple):
    """core: (B, D) or (B, 2 D); window: of the step to come."""

    core: Tensor
    window: Window


class DrawReader(Onlooker):
    """Reads through the filter bank at each step. Its `look` is the centre of the read to come."""

    shows = "what the filters read"

    def __init__(self, options: DrawOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks."""
        every_step = options.classification == "every_step"
        super().__init__(observation_space, action_space, options.label_smoothing, every_step)
        self.filters, self.scales = options.patch, options.scales
        self.window_rate = options.locator_rate
        pixels = options.scales * self.channels * options.patch**2
        self.glimpse_network = GlimpseNetwork(pixels, options, place=5)
        self.core = make_core(options)
        self.window = WindowNetwork(options.memory_width, options.patch, options.scales, self.height, self.width)
        self.classifier = nn.Linear(options.memory_width, self.classes)

    def learning_rates(self) -> RateGroups:
        """The window's network has its own."""
        return own_rate(self, self.window, self.window_rate)

    def begin(self, observation: dict[str, Tensor]) -> DrawMemory:
        """An empty memory, and the first window, the same for all pictures."""
        core = self.classifier.weight.new_zeros(len(observation["glimpse"]), self.core.memory_width)
        return DrawMemory(core, self.window(self.core.output(core)))

    def forward(self, observation: dict[str, Tensor], memory: DrawMemory) -> tuple[Decision, DrawMemory]:
        """Read the picture `glimpse` (B, 1, C, H, W), remember, answer, and choose the next window."""
        window = memory.window
        patch = read(observation["glimpse"].squeeze(1), window, self.filters, self.scales)
        size = torch.stack([window.deviation, window.stride, window.intensity], -1).log()
        seen = self.glimpse_network(patch, torch.cat([window.place, size], -1))
        core = self.core(seen.feature, memory.core)
        hidden = self.core.output(core)
        following = self.window(hidden)
        return Decision(following.place, self.classifier(hidden), None, {}), DrawMemory(core, following)

    def sight(self, observation: dict[str, Tensor], memory: DrawMemory) -> Sight:
        """The window of each scale, before its intensity multiplies what is read.

        Filters outside the picture all read the pixel nearest to them; that pixel counts for no more than one inside.
        """
        window, picture = memory.window, observation["glimpse"].squeeze(1)
        stride = (window.stride[:, None] * 2 ** torch.arange(self.scales, device=picture.device)).unsqueeze(-1)
        bank = filter_bank(window, self.filters, self.scales, self.height, self.width)
        down, across = (filters.sum(-2).minimum(1 / stride) for filters in bank)  # (B, K, H) and (B, K, W)
        share = (down.unsqueeze(-1) * across.unsqueeze(-2)).sum(1)
        patch = read(picture, window._replace(intensity=torch.ones_like(window.intensity)), self.filters, self.scales)
        centre = (window.place + 1) * window.place.new_tensor([self.width / 2, self.height / 2])
        reach = self.filters / 2 * stride  # (B, K, 1)
        boxes = torch.cat([centre.unsqueeze(1) - reach, centre.unsqueeze(1) + reach], -1)
        return Sight(window.place, share / share.amax((1, 2), keepdim=True), patch, boxes)


def make_draw(options: DrawOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> DrawReader:
    """A foveal reader for a world with these spaces."""
    return DrawReader(options, observation_space, action_space)
