"""Policies of looks that are controls: what they look at is not learned from what is seen.

Axes: B episodes, T steps, D memory width.
"""

import torch
from torch import Tensor, nn

from glimpse.agents.options import SigmaOptions
from glimpse.agents.vision.gaussian_looks import GaussianLooks
from glimpse.agents.vision.look_policy import LookPolicy, ZoomChoice


class FixedLooks(LookPolicy):
    """Control: a given path, the same for every picture, at one zoom; centre and raster are such paths."""

    learned = adapts = False
    path: Tensor

    def __init__(self, path: Tensor, zoom: ZoomChoice, look_zoom: float) -> None:
        """Set the path, (T, 2) locations: entry t is the location after step t; and the zoom of all looks."""
        super().__init__()
        self.zoom, self.gaussian, self.look_zoom = zoom, None, look_zoom
        self.register_buffer("path", path)

    def forward(self, hidden: Tensor, time: Tensor, keys: Tensor, visited: Tensor) -> dict[str, Tensor]:
        """Return `location` (..., 2), the path's at each step; see `LookPolicy.forward`."""
        return {"location": self.path[time]}

    def mean(self, parts: dict[str, Tensor]) -> Tensor:
        """Return the path's locations."""
        return parts["location"]

    def sample(self, parts: dict[str, Tensor], noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return the path's look; the noise is ignored."""
        return self.zoomed(parts["location"], self.look_zoom)


class RandomLooks(LookPolicy):
    """Control: uniform over the picture, also where other policies take the mean; at random zooms, or at one."""

    learned = adapts = False

    def __init__(self, zoom: ZoomChoice, look_zoom: float | None) -> None:
        """Set the zoom of all looks; with None zooms are uniform too."""
        super().__init__()
        self.zoom, self.gaussian, self.look_zoom = zoom, None, look_zoom

    def forward(self, hidden: Tensor, time: Tensor, keys: Tensor, visited: Tensor) -> dict[str, Tensor]:
        """Return `location` (..., 2), the centre, which is the distribution's mean; see `LookPolicy.forward`."""
        return {"location": torch.zeros(*time.shape, 2, device=time.device)}

    def mean(self, parts: dict[str, Tensor]) -> Tensor:
        """Return the centre."""
        return parts["location"]

    def sample(self, parts: dict[str, Tensor], noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return uniform looks, whether greedy or not."""
        look = self.uniform(noise)
        return look if self.look_zoom is None else self.zoomed(look["look"], self.look_zoom)


class PathLooks(GaussianLooks):
    """Control: a learned location and zoom for each step, the same for all pictures."""

    adapts = False

    def __init__(self, steps: int, zoom: ZoomChoice, sigma: SigmaOptions) -> None:
        """Make a path of T `steps` that begins at the centre, with zooms that are equally likely or in the middle."""
        super().__init__(1, 1, steps, zoom, sigma)
        del self.hidden, self.location, self.zoomer
        outputs = 1 if zoom.continuous else zoom.levels
        self.path_zoom = nn.Parameter(torch.zeros(steps, outputs)) if outputs else None

    def forward(self, hidden: Tensor, time: Tensor, keys: Tensor, visited: Tensor) -> dict[str, Tensor]:
        """Return `location` and `zoom` as `GaussianLooks.forward` does; the memory is ignored."""
        parts = {"location": torch.tanh(self.bias[time])}
        if self.path_zoom is not None:
            zoom = self.path_zoom[time]
            parts["zoom"] = zoom.sigmoid() if self.zoom.continuous else zoom
        return parts
