"""What agents have in common that choose places with a locator: RAM, DRAM, the player and their controls."""

import torch
from torch import Tensor

from glimpse.agents.agent import LearningAgent, RateGroups, own_rate
from glimpse.agents.vision.locators import Locator


class LookingAgent(LearningAgent):
    """An agent with eyes of its own; its controls differ from it in the locator alone.

    locator: proposes places, see `locators.py`.
    locator_rate: its learning rate, as a multiple of the others'.
    """

    locator: Locator
    locator_rate = 1.0

    def look(self, place: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
        """Draw the next place, or take the mean.

        Args:
            place: (B, 2), mean places.
            noise: (B, 3) standard normal, of which the first two count.
            greedy: whether the mean is taken, a bool or (B,) bool; controls whose places are no Gaussian's ignore it.

        Returns:
            (B, 2) float32, not clamped.
        """
        noise = noise[:, :2]
        if self.locator.gaussian is not None and greedy is not False:
            calm = torch.as_tensor(greedy, device=noise.device).expand(len(noise))
            noise = noise.masked_fill(calm[:, None], 0.0)
        return self.locator.sample(place, noise).float()

    def set_progress(self, progress: float) -> None:
        """Move sigma along its schedule."""
        if self.locator.gaussian is not None:
            self.locator.gaussian.set_progress(progress)

    def learning_rates(self) -> RateGroups:
        """The locator has its own."""
        return own_rate(self, self.locator, self.locator_rate)
