"""Locators: modules that propose the next location, learned or as controls."""

import math

import torch
from torch import Tensor, nn

from glimpse.agents.options import SigmaOptions
from glimpse.agents.recall import ReluSum

Path = tuple[tuple[float, float], ...]


class Gaussian(nn.Module):
    """Gaussian noise of sampled locations, with a standard deviation that is scheduled or learned.

    Mnih et al. (2014) fix it and do not state its value.
    """

    sigma: Tensor

    def __init__(self, options: SigmaOptions) -> None:
        """Set the standard deviation to `options.start`."""
        super().__init__()
        self.options = options
        if options.schedule == "learned":
            self.log_sigma = nn.Parameter(torch.tensor(math.log(options.start)))
        else:
            self.register_buffer("sigma", torch.tensor(options.start))

    def current(self) -> Tensor:
        """Return the standard deviation, a positive scalar, in units of half the image's side."""
        return self.log_sigma.exp() if self.options.schedule == "learned" else self.sigma

    def set_progress(self, progress: float) -> None:
        """Move along the schedule; `progress` is the fraction of training done, in [0, 1]."""
        start, end = self.options.start, self.options.end
        if self.options.schedule == "linear":
            self.sigma.fill_(start + (end - start) * progress)
        elif self.options.schedule == "geometric":
            self.sigma.fill_(start * (end / start) ** progress)

    def sample(self, mean: Tensor, noise: Tensor) -> Tensor:
        """Return locations (B, 2) in float32 from means and standard normal noise, both (B, 2)."""
        return mean.float() + self.current() * noise


def path_bias(path: Path | None, steps: int) -> Tensor:
    """Compute the locator's bias at each step, (T, 2), with which an untrained tanh locator follows `path`.

    Args:
        path: locations of glimpses 2 to T, clamped to [-0.95, 0.95] along each axis, so that the tanh is not saturated;
            None is the centre at each step.
        steps: T. The bias of the last step is for a location at which no glimpse is taken.

    Raises:
        ValueError: if the path does not have T - 1 locations.
    """
    if path is None:
        return torch.zeros(steps, 2)
    if len(path) != steps - 1:
        raise ValueError(
            f"initial_path names the locations of glimpses 2 to {steps}: expected {steps - 1}, got {len(path)}"
        )
    locations = torch.tensor([*path, (0.0, 0.0)])
    return torch.atanh(locations.clamp(-0.95, 0.95))


class Locator(nn.Module):
    """Base class of locators.

    A subclass's `forward` is (memory (..., D), time (...,) int64, recorded) -> (mean, hidden), where mean (..., 2) is
    in [-1, 1] and hidden is the output of a hidden layer, or None; on `recorded`, see `recall.py`.

    gaussian: samples locations around the mean, which can then be reinforced; without it the mean is the location.
    learned: whether the locations are learned.
    adapts: whether they can differ between images.
    """

    learned = True
    adapts = True
    gaussian: Gaussian | None

    def __init__(self, gaussian: Gaussian | None = None) -> None:
        """Sample from `gaussian`, if there is one."""
        super().__init__()
        self.gaussian = gaussian

    def sample(self, mean: Tensor, noise: Tensor) -> Tensor:
        """Return locations (B, 2) from means and standard normal noise, both (B, 2)."""
        return mean if self.gaussian is None else self.gaussian.sample(mean, noise)


class LearnedLocator(Locator):
    """Locator that is learned: locations are sampled around a mean that depends on the memory.

    mean = tanh(Linear(h) + b_t), or the same of a hidden layer with ReLU. Mnih et al. (2014), section 4, have
    f_l(h) = Linear(h): the hidden layer, the tanh and the bias b_t of each step are departures. With `width` 0 and no
    initial path, the tanh and a bias that is initially zero remain.
    """

    def __init__(self, memory_width: int, width: int, bias: Tensor, sigma: SigmaOptions) -> None:
        """Make a locator for memories (..., D), with initial step biases (T, 2)."""
        super().__init__(Gaussian(sigma))
        self.hidden = ReluSum((memory_width,), width) if width else None
        self.mean = nn.Linear(width or memory_width, 2)
        self.bias = nn.Parameter(bias)

    def forward(self, memory: Tensor, time: Tensor, recorded: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return mean locations (..., 2) and the hidden layer's output, of memories (..., D) at steps (...,) int64."""
        if self.hidden is None:
            return torch.tanh(self.mean(memory) + self.bias[time]), None
        hidden = self.hidden(memory, recorded=recorded)
        return torch.tanh(self.mean(hidden) + self.bias[time]), hidden


class PathLocator(Locator):
    """Control locator: a learned location for each step, the same for all images."""

    adapts = False

    def __init__(self, bias: Tensor, sigma: SigmaOptions) -> None:
        """Set the initial step biases (T, 2)."""
        super().__init__(Gaussian(sigma))
        self.bias = nn.Parameter(bias)

    def forward(self, memory: Tensor, time: Tensor, recorded: None = None) -> tuple[Tensor, None]:
        """Return the mean location of each step, (..., 2); the memory is ignored."""
        return torch.tanh(self.bias[time]), None


class FixedLocator(Locator):
    """Control locator: a given path, the same for every image, without noise."""

    learned = adapts = False
    path: Tensor

    def __init__(self, path: Tensor) -> None:
        """Set the path, (T, 2) locations: entry t is the location after step t."""
        super().__init__()
        self.register_buffer("path", path)

    def forward(self, memory: Tensor, time: Tensor, recorded: None = None) -> tuple[Tensor, None]:
        """Return the path's location of each step, (..., 2); the memory is ignored."""
        return self.path[time], None


class RandomLocator(Locator):
    """Control locator: uniform over the image, also where other locators take the mean."""

    learned = adapts = False

    def forward(self, memory: Tensor, time: Tensor, recorded: None = None) -> tuple[Tensor, None]:
        """Return the centre, (..., 2), the mean of the distribution."""
        return memory.new_zeros(*time.shape, 2), None

    def sample(self, mean: Tensor, noise: Tensor) -> Tensor:
        """Return uniform locations in [-1, 1]: standard normal noise (B, 2) through its distribution function."""
        return torch.erf(noise * 0.5**0.5)


def raster(steps: int) -> Tensor:
    """Return a grid of T locations, row by row, as even as T allows: (T, 2) in [-1, 1].

    There are about as many rows as columns. A row with one location less has them farther apart.
    """
    rows = max(1, round(steps**0.5))
    counts = [steps // rows + (row < steps % rows) for row in range(rows)]
    locations = [
        ((2 * column + 1) / count - 1, (2 * row + 1) / rows - 1)
        for row, count in enumerate(counts)
        for column in range(count)
    ]
    return torch.tensor(locations)
