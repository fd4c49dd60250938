"""Policy of looks with a Gaussian location and a zoom of its own.

Axes: B episodes, D memory width, L zooms.
"""

import torch
from torch import Tensor, nn

from glimpse.agents.choices import choose
from glimpse.agents.options import SigmaOptions
from glimpse.agents.policy_gradient import gaussian_log_prob
from glimpse.agents.vision.locators import Gaussian
from glimpse.agents.vision.look_policy import LookPolicy, ZoomChoice, chosen_entropy, chosen_log_prob, kept_noise


class GaussianLooks(LookPolicy):
    """Gaussian around tanh of a small network of the memory; a zoom by its logits, or by another Gaussian.

    The deviation of a zoom in [0, 1] is half that of a coordinate in [-1, 1].
    """

    gaussian: Gaussian

    def __init__(self, memory_width: int, width: int, steps: int, zoom: ZoomChoice, sigma: SigmaOptions) -> None:
        """Make a policy for memories (..., D) and T `steps`."""
        super().__init__()
        self.zoom, self.gaussian = zoom, Gaussian(sigma)
        self.hidden = nn.Linear(memory_width, width)
        self.location = nn.Linear(width, 2)
        self.bias = nn.Parameter(torch.zeros(steps, 2))
        outputs = 1 if zoom.continuous else zoom.levels
        self.zoomer = nn.Linear(width, outputs) if outputs else None

    def forward(self, hidden: Tensor, time: Tensor, keys: Tensor, visited: Tensor) -> dict[str, Tensor]:
        """Return `location` (..., 2), and `zoom`: logits (..., L), or a mean (..., 1); see `LookPolicy.forward`."""
        inner = self.hidden(hidden).relu()
        parts = {"location": torch.tanh(self.location(inner) + self.bias[time]).float()}
        if self.zoomer is not None:
            zoom = self.zoomer(inner).float()
            parts["zoom"] = zoom.sigmoid() if self.zoom.continuous else zoom
        return parts

    def mean(self, parts: dict[str, Tensor]) -> Tensor:
        """Return the Gaussian's mean."""
        return parts["location"]

    def sample(self, parts: dict[str, Tensor], noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Sample a look, or take the means and the likeliest zoom."""
        kept = kept_noise(noise, greedy).float()
        action = {"look": self.gaussian.sample(parts["location"], kept[:, :2])}
        if self.zoom.continuous:
            action["zoom"] = parts["zoom"] + self.gaussian.current() / 2 * kept[:, 2:3]
        elif self.zoom.asked:
            action["zoom"] = choose(parts["zoom"], noise[:, 2], greedy)
        return action

    def log_prob(self, parts: dict[str, Tensor], action: dict[str, Tensor]) -> Tensor:
        """Return the log-density of locations, plus that of zooms."""
        sigma = self.gaussian.current()
        if not self.zoom.continuous:
            located = gaussian_log_prob(action["look"], parts["location"], sigma)
            return located + chosen_log_prob(parts["zoom"], action["zoom"]) if self.zoom.asked else located
        apart = (action["look"] - parts["location"], (action["zoom"] - parts["zoom"]) * 2)
        distance = torch.cat(apart, -1).square().sum(-1)
        return -distance / (2 * sigma.square()) - 3 * sigma.log()  # But for a constant.

    def entropy(self, parts: dict[str, Tensor]) -> Tensor:
        """Return the entropy of the zooms."""
        return chosen_entropy(parts["zoom"]) if self.zoom.levels else super().entropy(parts)
