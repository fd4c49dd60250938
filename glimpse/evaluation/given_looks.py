"""Control locator that is given the locations of each lane, such as those of people."""

import torch
from torch import Tensor

from glimpse.agents.vision.locators import Locator


class GivenLooks(Locator):
    """Control locator: a given scanpath for each lane, without noise."""

    learned = False
    looks: Tensor

    def __init__(self, looks: Tensor) -> None:
        """Set the looks, (T, B, 2): entry t is the location after step t."""
        super().__init__()
        self.register_buffer("looks", looks)

    def forward(self, memory: Tensor, time: Tensor, recorded: None = None) -> tuple[Tensor, None]:
        """Return each lane's location (B, 2) after steps (B,) int64; the memory is ignored."""
        return self.looks[time, torch.arange(len(time), device=time.device)], None
