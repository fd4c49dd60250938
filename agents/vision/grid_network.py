"""Networks of attention over a grid of patches: those that soft and hard attention share.

Axes: B episodes, L cells, G feature width, D memory width.
"""

from typing import cast

from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.answer_kinds import answer_kind
from glimpse.agents.step_cores import make_recurrent_core
from glimpse.agents.vision.grid import CellEncoder, FeatureScores, Grid, MemoryScores
from glimpse.agents.vision.options import GridOptions


class GridNetwork(nn.Module):
    """Networks of soft and hard attention: grid, encoder, scores, recurrent core and classifier."""

    def __init__(self, options: GridOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks for pictures (1, C, H, W)."""
        super().__init__()
        channels, height, width = cast(spaces.Box, observation_space["glimpse"]).shape[-3:]
        memory_width = options.memory_width
        self.grid = Grid(height, width, options.patch, options.stride)
        self.encoder = CellEncoder(channels * options.patch**2, options)
        self.scores = (
            MemoryScores(len(self.grid.locations), memory_width)
            if options.scores == "memory"
            else FeatureScores(options.feature_width, memory_width, options.attention_width)
        )
        self.core = make_recurrent_core(options)
        self.classifier = nn.Linear(memory_width, answer_kind(action_space).outputs)

    def empty_memory(self, episodes: int) -> Tensor:
        """Return the empty memory of the recurrent core: zeros, (B, D) or (B, 2 D)."""
        return self.classifier.weight.new_zeros(episodes, self.core.memory_width)

    def encode(self, observation: dict[str, Tensor]) -> Tensor:
        """Compute the features (B, L, G) of all cells of pictures `glimpse` (B, 1, C, H, W)."""
        features: Tensor = self.encoder(self.grid.cut(observation["glimpse"].squeeze(1)), self.grid.locations)
        return features
