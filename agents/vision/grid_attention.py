"""Attention over a grid of patches, soft or hard, with the core and classifier of RAM.

Xu et al. (2015, "Show, attend and tell"): at each step the cells a_i are scored by the memory and
alpha_t = softmax(e_t), e_ti = f_att(a_i, h_{t-1}) (equations 4 and 5). Soft attention reads their expectation
(equation 13), hard attention one of them, drawn from alpha_t (equation 8). What is a caption's word there is an
answer here, given after each step; the gate beta and the penalty on unvisited cells are left out.

Axes: B episodes, T steps, M copies, L cells, G feature width, D memory width, N classes.
"""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.agent import LearningAgent, RateGroups, own_rate
from glimpse.agents.choices import choose
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.returns import credit, subtract_baseline
from glimpse.agents.soft_options import GridOptions
from glimpse.agents.vision.full_view import Onlooker
from glimpse.agents.vision.glimpse_network import make_core
from glimpse.agents.vision.grid import CellEncoder, FeatureScores, Grid, MemoryScores
from glimpse.agents.vision.locators import Locator
from glimpse.agents.vision.readout import Sight


class GridNetwork(nn.Module):
    """The networks of both: grid, encoder, scores, core and classifier."""

    def __init__(self, options: GridOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make them for pictures (1, C, H, W)."""
        super().__init__()
        channels, height, width = cast(spaces.Box, observation_space["glimpse"]).shape[-3:]
        memory_width = options.memory_width
        self.grid = Grid(height, width, options.patch, options.stride)
        self.encoder = CellEncoder(channels * options.patch**2, options)
        self.scores = (
            MemoryScores(len(self.grid.places), memory_width)
            if options.scores == "memory"
            else FeatureScores(options.feature_width, memory_width, options.attention_width)
        )
        self.core = make_core(options)
        self.classifier = nn.Linear(memory_width, int(cast(spaces.Discrete, action_space["answer"]).n))

    def empty_memory(self, episodes: int) -> Tensor:
        """Of the core: zeros, (B, D) or (B, 2 D)."""
        return self.classifier.weight.new_zeros(episodes, self.core.memory_width)

    def encode(self, observation: dict[str, Tensor]) -> Tensor:
        """The features of all cells of pictures `glimpse` (B, 1, C, H, W): (B, L, G)."""
        features: Tensor = self.encoder(self.grid.cut(observation["glimpse"].squeeze(1)), self.grid.places)
        return features


class SoftMemory(NamedTuple):
    """What soft attention carries.

    core: (B, D) or (B, 2 D).
    features: (B, L, G); `keys`: what is scored of them, (B, L, attention_width).
    weights: (B, L), alpha of the step to come.
    """

    core: Tensor
    features: Tensor
    keys: Tensor
    weights: Tensor


class SoftGrid(Onlooker):
    """Reads the expected feature of all cells at each step. Its `look` is the mean place of the step to come."""

    shows = "the weight of each cell"

    def __init__(self, options: GridOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks."""
        every_step = options.classification == "every_step"
        super().__init__(observation_space, action_space, options.label_smoothing, every_step)
        self.network = GridNetwork(options, observation_space, action_space)

    def begin(self, observation: dict[str, Tensor]) -> SoftMemory:
        """Encode the pictures, once an episode, and weigh their cells by the empty memory."""
        network = self.network
        features = network.encode(observation)
        keys, core = network.scores.key(features), network.empty_memory(len(features))
        return SoftMemory(core, features, keys, network.scores(keys, network.core.output(core)).softmax(-1))

    def forward(self, observation: dict[str, Tensor], memory: SoftMemory) -> tuple[Decision, SoftMemory]:
        """Read, remember, answer, and weigh the cells for the next step; the observation is not read again."""
        network, features = self.network, memory.features
        expected = (memory.weights.to(features.dtype).unsqueeze(1) @ features).squeeze(1)
        core = network.core(expected, memory.core)
        hidden = network.core.output(core)
        weights = network.scores(memory.keys, hidden).softmax(-1)
        place = (weights.unsqueeze(-1) * network.grid.places).sum(-2)
        return Decision(place, network.classifier(hidden), None, {}), memory._replace(core=core, weights=weights)

    def sight(self, observation: dict[str, Tensor], memory: SoftMemory) -> Sight:
        """All cells, each as much as it weighs."""
        weights, grid = memory.weights, self.network.grid
        weights_map = (weights / weights.amax(-1, keepdim=True)).view(-1, 1, 1, grid.rows, grid.columns)
        return Sight(weights @ grid.places, grid.spread(weights), weights_map, weights.new_empty(len(weights), 0, 4))


class HardMemory(NamedTuple):
    """What hard attention carries.

    core: (B, D) or (B, 2 D).
    cells: features (B, L, G), or, where scores are by place, the pixels that are encoded if they are chosen.
    keys: as in `SoftMemory`; none where scores are by place.
    """

    core: Tensor
    cells: Tensor
    keys: Tensor | None


class HardGrid(LearningAgent):
    """Reads one cell at each step; which one is learned by policy gradient, as in RAM.

    The first cell is where the world's first place falls, as RAM's first glimpse; the others are chosen. The `look`
    is the chosen cell's centre, and what is read is the cell nearest to the observation's `location`.
    """

    average_return: Tensor
    locator: Locator | None
    foveal = True
    shows = "the cell that is read"

    def __init__(self, options: GridOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks."""
        super().__init__()
        self.options = options
        self.greedy_copy = options.baseline == "self_critical"
        self.steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
        self.may_stop = "stop" in action_space.spaces
        self.network = GridNetwork(options, observation_space, action_space)
        self.baseline = nn.Linear(options.memory_width, 1)
        self.register_buffer("average_return", torch.zeros(self.steps))
        self.register_module("locator", None)  # Its own eyes; an evaluation with other eyes puts a locator here.

    def begin(self, observation: dict[str, Tensor]) -> HardMemory:
        """Cut the pictures into cells, and encode them all where scores are by feature."""
        cells, keys = self._cells(observation["glimpse"].squeeze(1))
        return HardMemory(self.network.empty_memory(len(cells)), cells, keys)

    def forward(self, observation: dict[str, Tensor], memory: HardMemory) -> tuple[Decision, HardMemory]:
        """Read the cell at `location` (B, 2), remember, answer, and score the cells for the next step."""
        network = self.network
        episode = torch.arange(len(memory.cells), device=memory.cells.device)
        feature = self._read(memory.cells, episode, network.grid.nearest(observation["location"]))
        core = network.core(feature, memory.core)
        hidden = network.core.output(core)
        scores = network.scores(memory.keys, hidden)
        place = scores.softmax(-1) @ network.grid.places
        if self.locator is not None:
            place = self.locator(hidden, observation["time"])[0]
        return Decision(place, network.classifier(hidden), None, {"scores": scores}), memory._replace(core=core)

    def sight(self, observation: dict[str, Tensor], memory: HardMemory) -> Sight:
        """The cell that is read."""
        grid, picture = self.network.grid, observation["glimpse"].squeeze(1)
        cell = grid.nearest(observation["location"])
        pixels = grid.cut(picture)[torch.arange(len(cell), device=cell.device), cell]
        patch = pixels.view(len(cell), 1, -1, grid.patch, grid.patch)
        share = grid.spread(F.one_hot(cell, len(grid.places)))
        return Sight(grid.places[cell], share, patch, grid.boxes(cell).unsqueeze(1))

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Look at the centre of a cell drawn from the softmax of the scores, or of the likeliest.

        Args:
            decision: for B episodes.
            noise: (B, 3) standard normal, of which one decides.
            greedy: a bool, or (B,) bool.

        Returns:
            `look` (B, 2), `answer` (B,), the likeliest class, and `stop` (B,), 0, where the task has it.
        """
        if self.locator is None:
            look = self.network.grid.places[choose(decision.activations["scores"], noise[:, 0], greedy)]
        else:
            look = self.locator.sample(decision.place, noise[:, :2]).float()
        action = {"look": look, "answer": decision.answer.argmax(-1)}
        return action | ({"stop": torch.zeros_like(action["answer"])} if self.may_stop else {})

    def loss(self, episode: Episode) -> Loss:
        """Classification by cross-entropy, cells by policy gradient, baseline by squared error; see RAM's loss.

        The policy gradient flows on into core and encoder (Xu et al., 2015, equation 12, whose entropy term is left
        out). The last cell is not reinforced: nothing looks at it.
        """
        network, options = self.network, self.options
        cells, keys = self._cells(episode.observation["glimpse"][0, :: episode.copies].squeeze(1))
        picture = torch.arange(len(episode.label), device=cells.device) // episode.copies
        chosen = network.grid.nearest(episode.observation["location"])  # (T, B)
        hidden, last = network.core.unroll(self._read(cells, picture, chosen), None)
        logits = network.classifier(last).float()
        answers = logits[None] if options.classification == "final" else network.classifier(hidden).float()
        label = episode.label.expand(len(answers), -1).flatten()
        cross_entropy = F.cross_entropy(answers.flatten(0, 1), label, label_smoothing=options.label_smoothing)
        returns = policy_gradient.returns_to_go(credit(options.credit, logits, episode))
        advantage, baseline_error = subtract_baseline(
            options.baseline, returns, episode, hidden.detach(), self.baseline, self.average_return
        )
        scores = network.scores(None if keys is None else keys[picture], hidden[:-1])
        log_prob = scores.log_softmax(-1).gather(-1, chosen[1:, :, None]).squeeze(-1)
        policy = policy_gradient.reinforce(log_prob, advantage[:-1])
        accuracy = (logits.argmax(-1) == episode.label).float().mean()
        terms = {"cross_entropy": cross_entropy, "accuracy": accuracy, "policy": policy, "baseline": baseline_error}
        terms["return"] = returns[0].mean()
        total = cross_entropy + options.policy_weight * policy + baseline_error
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def learning_rates(self) -> RateGroups:
        """The scores have their own."""
        return own_rate(self, self.network.scores, self.options.locator_rate)

    def pixels(self, shown: int) -> int:
        """Where scores are by place, those of the chosen cells; else all."""
        if self.options.scores == "feature":
            return shown
        return self.steps * self.network.encoder.see.in_features

    def _cells(self, picture: Tensor) -> tuple[Tensor, Tensor | None]:
        """Pictures (B, C, H, W) -> `cells` and `keys` of `HardMemory`."""
        network = self.network
        pixels = network.grid.cut(picture)
        if self.options.scores == "memory":
            return pixels, None
        features = network.encoder(pixels, network.grid.places)
        return features, network.scores.key(features)

    def _read(self, cells: Tensor, picture: Tensor, chosen: Tensor) -> Tensor:
        """The features (..., G) of the `chosen` cells (...,) of the pictures numbered (...,), which broadcast."""
        read = cells[picture, chosen]
        if self.options.scores == "feature":
            return read
        feature: Tensor = self.network.encoder(read, self.network.grid.places[chosen])
        return feature


def make_grid(options: GridOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> SoftGrid | HardGrid:
    """Soft or hard attention over a grid, as the options say."""
    return (SoftGrid if options.attention == "soft" else HardGrid)(options, observation_space, action_space)
