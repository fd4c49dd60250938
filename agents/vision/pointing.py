"""Pointing beside an answer, learned from reward: a Gaussian point around a mean, and its baseline.

Axes: B episodes, T steps, D memory width.
"""

from typing import cast

from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.episode import Episode
from glimpse.agents.vision.look_policy import kept_noise


class SampledPoint(nn.Module):
    """Gaussian point (x, y) around tanh(Linear(ReLU(Linear(h)))), trained by REINFORCE with a learned baseline."""

    def __init__(self, memory_width: int, width: int, sigma: float) -> None:
        """Make the head for memories (..., D), with a hidden layer of `width` units and noise of `sigma`."""
        super().__init__()
        self.sigma = sigma
        self.layers = nn.Sequential(nn.Linear(memory_width, width), nn.ReLU(), nn.Linear(width, 2), nn.Tanh())
        self.baseline = nn.Linear(memory_width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return mean points (..., 2) in [-1, 1], float32."""
        return cast(Tensor, self.layers(hidden)).float()

    def sample(self, mean: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
        """Return points for means and noise, (B, 2) all three; the means themselves in episodes that are greedy."""
        return mean + self.sigma * kept_noise(noise, greedy).float()

    def losses(self, hidden: Tensor, mean: Tensor, episode: Episode) -> dict[str, Tensor]:
        """Return `point_loss` and `point_value_loss`, for the memory (T, B, D) without gradient and means (T, B, 2)."""
        value = self.baseline(hidden).squeeze(-1).float()
        better, loss = policy_gradient.learned_baseline(episode.reward, value, episode.step_mask)
        chance = policy_gradient.gaussian_log_prob(episode.action["point"], mean, self.sigma)
        return {"point_loss": policy_gradient.reinforce(chance, better, episode.step_mask), "point_value_loss": loss}
