"""Locators: what proposes the next place. One module each, with the signature of `Locator`."""

import math

import torch
from torch import Tensor, nn

from glimpse.agents.options import SigmaOptions
from glimpse.agents.vision.recall import RectifiedSum

Path = tuple[tuple[float, float], ...]


class Gaussian(nn.Module):
    """Standard deviation of sampled places: fixed on a schedule, or learned.

    Mnih et al. (2014) fix it and do not state its value.
    """

    sigma: Tensor

    def __init__(self, options: SigmaOptions) -> None:
        """Begin at `options.start`."""
        super().__init__()
        self.options = options
        if options.schedule == "learned":
            self.log_sigma = nn.Parameter(torch.tensor(math.log(options.start)))
        else:
            self.register_buffer("sigma", torch.tensor(options.start))

    def current(self) -> Tensor:
        """The standard deviation, a positive scalar, in units of half the image's side."""
        return self.log_sigma.exp() if self.options.schedule == "learned" else self.sigma

    def set_progress(self, progress: float) -> None:
        """Move along the schedule; `progress` is the share of training done, in [0, 1]."""
        start, end = self.options.start, self.options.end
        if self.options.schedule == "linear":
            self.sigma.fill_(start + (end - start) * progress)
        elif self.options.schedule == "geometric":
            self.sigma.fill_(start * (end / start) ** progress)

    def sample(self, mean: Tensor, noise: Tensor) -> Tensor:
        """(B, 2) places from means and standard normal noise, both (B, 2), in float32."""
        return mean.float() + self.current() * noise


def path_bias(path: Path | None, steps: int) -> Tensor:
    """Bias of the locator at each step, (T, 2), so that an untrained tanh locator follows `path`.

    Args:
        path: places of glimpses 2 to T, drawn back to at most 0.95 from the centre along each axis, so that the
            tanh is not saturated; none is the centre throughout.
        steps: T. The bias of the last step belongs to a place that nothing looks at.

    Raises:
        ValueError: if the path does not name T - 1 places.
    """
    if path is None:
        return torch.zeros(steps, 2)
    if len(path) != steps - 1:
        raise ValueError(f"first_path names the places of glimpses 2 to {steps}: expected {steps - 1}, got {len(path)}")
    places = torch.tensor([*path, (0.0, 0.0)])
    return torch.atanh(places.clamp(-0.95, 0.95))


class Locator(nn.Module):
    """Proposes places; a subclass's `forward` is (memory (..., D), time (...,) int64, recorded) -> (mean, activations).

    mean: (..., 2) in [-1, 1]. activations: the output of a hidden layer, or none; on `recorded`, see `recall.py`.
    Places are drawn from `gaussian` around the mean, and can then be reinforced; without one, the mean is the place.
    """

    gaussian: Gaussian | None

    def __init__(self, gaussian: Gaussian | None = None) -> None:
        """Sample from `gaussian`, if there is one."""
        super().__init__()
        self.gaussian = gaussian

    def sample(self, mean: Tensor, noise: Tensor) -> Tensor:
        """(B, 2) places from means and standard normal noise, both (B, 2)."""
        return mean if self.gaussian is None else self.gaussian.sample(mean, noise)


class LearnedLocator(Locator):
    """Mean place = tanh(Linear(h) + b_t), or with one rectified layer before; sampled around it.

    Mnih et al. (2014), section 4: f_l(h) = Linear(h), of which the hidden layer, the tanh and the bias b_t
    of each step are departures. With `width` 0 and no path the tanh and a bias that begins at zero remain.
    """

    def __init__(self, memory_width: int, width: int, bias: Tensor, sigma: SigmaOptions) -> None:
        """Make a locator for memories (..., D) and step biases (T, 2)."""
        super().__init__(Gaussian(sigma))
        self.hidden = RectifiedSum((memory_width,), width) if width else None
        self.mean = nn.Linear(width or memory_width, 2)
        self.bias = nn.Parameter(bias)

    def forward(self, memory: Tensor, time: Tensor, recorded: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(..., D) memories at steps (...,) int64 -> (..., 2) mean places in [-1, 1], and the hidden layer's output."""
        if self.hidden is None:
            return torch.tanh(self.mean(memory) + self.bias[time]), None
        hidden = self.hidden(memory, recorded=recorded)
        return torch.tanh(self.mean(hidden) + self.bias[time]), hidden


class PathLocator(Locator):
    """Control: a learned place for each step, the same for all images."""

    def __init__(self, bias: Tensor, sigma: SigmaOptions) -> None:
        """Begin with step biases (T, 2)."""
        super().__init__(Gaussian(sigma))
        self.bias = nn.Parameter(bias)

    def forward(self, memory: Tensor, time: Tensor, recorded: None = None) -> tuple[Tensor, None]:
        """Ignore the memory: the mean place of each step, (..., 2)."""
        return torch.tanh(self.bias[time]), None


class FixedLocator(Locator):
    """Control: the same given path for every image, without noise."""

    path: Tensor

    def __init__(self, path: Tensor) -> None:
        """Take (T, 2) places: entry t is looked at after step t."""
        super().__init__()
        self.register_buffer("path", path)

    def forward(self, memory: Tensor, time: Tensor, recorded: None = None) -> tuple[Tensor, None]:
        """The path's place of each step, (..., 2)."""
        return self.path[time], None


class RandomLocator(Locator):
    """Control: uniform over the image. Its mean is the centre, but it never looks at its mean."""

    def forward(self, memory: Tensor, time: Tensor, recorded: None = None) -> tuple[Tensor, None]:
        """The centre, (..., 2)."""
        return memory.new_zeros(*time.shape, 2), None

    def sample(self, mean: Tensor, noise: Tensor) -> Tensor:
        """Turn standard normal noise (B, 2) into uniform places in [-1, 1] through its distribution function."""
        return torch.erf(noise * 0.5**0.5)


def raster(steps: int) -> Tensor:
    """A grid of T places, row by row, as even as T allows: (T, 2) in [-1, 1].

    There are about as many rows as columns; a row with one place less spreads its places over the same width.
    """
    rows = max(1, round(steps**0.5))
    counts = [steps // rows + (row < steps % rows) for row in range(rows)]
    places = [
        ((2 * column + 1) / count - 1, (2 * row + 1) / rows - 1)
        for row, count in enumerate(counts)
        for column in range(count)
    ]
    return torch.tensor(places)
