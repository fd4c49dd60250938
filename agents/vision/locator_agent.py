"""Base class of agents that choose locations with a locator: RAM, DRAM, the player and their controls."""

import torch
from torch import Tensor

from glimpse.agents.agent import EpisodeAgent, LrGroups, scaled_lr_group
from glimpse.agents.vision.locators import Locator


class LocatorAgent(EpisodeAgent):
    """Agent that learns from episodes and looks where its locator proposes; a control differs in the locator only.

    locator: proposes locations, see `locators.py`.
    locator_lr_scale: the locator's learning rate, as a multiple of the other parameters'.
    """

    locator: Locator
    locator_lr_scale = 1.0

    def look(self, location: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
        """Sample the next location, or take the mean.

        Args:
            location: (B, 2), mean locations.
            noise: (B, 3) standard normal; the first two numbers are used.
            greedy: whether to take the mean instead of a sample; a bool, or (B,) bool. A locator that samples from
                another distribution than a Gaussian ignores it.

        Returns:
            (B, 2) float32, not clamped.
        """
        noise = noise[:, :2]
        if self.locator.gaussian is not None and greedy is True:
            noise = torch.zeros_like(noise)
        elif self.locator.gaussian is not None and greedy is not False:
            is_greedy = torch.as_tensor(greedy, device=noise.device).expand(noise.shape[0])
            noise = noise.masked_fill(is_greedy[:, None], 0.0)
        return self.locator.sample(location, noise).float()

    def set_progress(self, progress: float) -> None:
        """Move sigma along its schedule; `progress` is the fraction of training done, in [0, 1]."""
        if self.locator.gaussian is not None:
            self.locator.gaussian.set_progress(progress)

    def learning_rates(self) -> LrGroups:
        """Return the locator's parameters in a group with their own scale, after all others."""
        return scaled_lr_group(self, self.locator, self.locator_lr_scale)
