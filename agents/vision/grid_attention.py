"""Attention over a grid of patches, soft or hard, with the recurrent core and classifier of RAM.

Xu et al. (2015, "Show, attend and tell"): at each step the cells a_i are scored by the memory and
alpha_t = softmax(e_t), e_ti = f_att(a_i, h_{t-1}) (equations 4 and 5). Soft attention reads their expectation
(equation 13), hard attention one of them, sampled from alpha_t (equation 8). Where the paper generates a word of a
caption at each step, an answer is given here. The gate beta and the penalty on unvisited cells are left out.

Hard attention is in `hard_grid.py`. Axes: B episodes, L cells, G feature width, D memory width.
"""

from typing import NamedTuple

from gymnasium import spaces
from torch import Tensor

from glimpse.agents.episode import Decision
from glimpse.agents.readout import Readout
from glimpse.agents.vision.full_view import FullViewAgent
from glimpse.agents.vision.grid_network import GridNetwork
from glimpse.agents.vision.hard_grid import HardGrid
from glimpse.agents.vision.options import GridOptions


class SoftMemory(NamedTuple):
    """Memory of soft attention.

    core: (B, D) or (B, 2 D), of the recurrent core.
    features: (B, L, G), of all cells.
    keys: (B, L, attention_width), the part of the scores that depends on the features alone.
    weights: (B, L), alpha of the next step.
    """

    core: Tensor
    features: Tensor
    keys: Tensor
    weights: Tensor


class SoftGrid(FullViewAgent):
    """Soft attention: reads the expected feature of all cells at each step.

    The action `look` is the mean location of the next step.
    """

    readout_name = "the weight of each cell"
    foveal = False

    def __init__(self, options: GridOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks."""
        every_step = options.classification == "every_step"
        super().__init__(observation_space, action_space, options.label_smoothing, every_step)
        self.network = GridNetwork(options, observation_space, action_space)

    def initial_memory(self, observation: dict[str, Tensor]) -> SoftMemory:
        """Encode the pictures, once an episode, and compute the cells' weights from the empty memory."""
        network = self.network
        features = network.encode(observation)
        keys, core = network.scores.key(features), network.empty_memory(features.shape[0])
        return SoftMemory(core, features, keys, network.scores(keys, network.core.output(core)).softmax(-1))

    def forward(self, observation: dict[str, Tensor], memory: SoftMemory) -> tuple[Decision, SoftMemory]:
        """Read, update the memory, answer, and compute the cells' weights for the next step.

        The observation is not read: the memory has the features of its cells.
        """
        network, features = self.network, memory.features
        expected = (memory.weights.to(features.dtype).unsqueeze(1) @ features).squeeze(1)
        core = network.core(expected, memory.core)
        hidden = network.core.output(core)
        weights = network.scores(memory.keys, hidden).softmax(-1)
        location = (weights.unsqueeze(-1) * network.grid.locations).sum(-2)
        return Decision(network.classifier(hidden), {}, location), memory._replace(core=core, weights=weights)

    def pixels_read(self, shown: int) -> int:
        """Return the number of pixels read in an episode: all that are shown."""
        return shown

    def readout(self, observation: dict[str, Tensor], memory: SoftMemory) -> Readout:
        """Return the readout of all cells by their weights."""
        weights, grid = memory.weights, self.network.grid
        weights_map = (weights / weights.amax(-1, keepdim=True)).view(-1, 1, 1, grid.rows, grid.columns)
        return Readout(
            weights @ grid.locations, grid.spread(weights), weights_map, weights.new_empty(len(weights), 0, 4)
        )


def make_grid(options: GridOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> SoftGrid | HardGrid:
    """Make soft or hard attention over a grid, as the options say."""
    return (SoftGrid if options.attention == "soft" else HardGrid)(options, observation_space, action_space)
