"""Hard attention over a grid of patches: one sampled cell at each step (Xu et al., 2015).

See `grid_attention.py` for the equations and what is left out.

Axes: B episodes, T steps, M rollouts of each example, L cells, G feature width, D memory width, N classes.
"""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.agent import EpisodeAgent, LrGroups, scaled_lr_group
from glimpse.agents.answer_kinds import answer_kind
from glimpse.agents.answer_loss import repeated_label
from glimpse.agents.choices import choose
from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.readout import Readout
from glimpse.agents.returns import policy_reward, subtract_baseline
from glimpse.agents.vision.grid_network import GridNetwork
from glimpse.agents.vision.locators import Locator
from glimpse.agents.vision.options import GridOptions


class HardMemory(NamedTuple):
    """Memory of hard attention.

    core: (B, D) or (B, 2 D), of the recurrent core.
    cells: features (B, L, G); with scores by location, pixels (B, L, C * P * P), encoded only when a cell is chosen.
    keys: as in `SoftMemory`; None with scores by location.
    """

    core: Tensor
    cells: Tensor
    keys: Tensor | None


class HardGrid(EpisodeAgent):
    """Hard attention: reads one cell at each step, chosen by a policy that is learned by REINFORCE, as in RAM.

    The first cell is at the environment's initial location; the others are chosen. The action `look` is the centre of
    the chosen cell, and the cell that is read is the one nearest to the observation's `location`.
    """

    average_return: Tensor
    class_weights: Tensor | None = None
    locator: Locator | None
    foveal = True
    readout_name = "the cell that is read"

    def __init__(self, options: GridOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> None:
        """Make the networks."""
        super().__init__()
        self.options = options
        self.greedy_copy = options.baseline == "self_critical"
        self.steps = int(cast(spaces.Discrete, observation_space["time"]).n) - 1
        self.may_stop = "stop" in action_space.spaces
        self.kind = answer_kind(action_space)
        self.network = GridNetwork(options, observation_space, action_space)
        self.baseline = nn.Linear(options.memory_width, 1)
        self.register_buffer("average_return", torch.zeros(self.steps))
        self.register_module("locator", None)  # None: locations come from the scores. Control locators go here.

    def initial_memory(self, observation: dict[str, Tensor]) -> HardMemory:
        """Cut the pictures into cells, and encode all of them if scores are by feature."""
        cells, keys = self._cells(observation["glimpse"].squeeze(1))
        return HardMemory(self.network.empty_memory(cells.shape[0]), cells, keys)

    def forward(self, observation: dict[str, Tensor], memory: HardMemory) -> tuple[Decision, HardMemory]:
        """Read the cell at `location` (B, 2), update the memory, answer, and score the cells for the next step."""
        network = self.network
        episode = torch.arange(memory.cells.shape[0], device=memory.cells.device)
        feature = self._read(memory.cells, episode, network.grid.nearest(observation["location"]))
        core = network.core(feature, memory.core)
        hidden = network.core.output(core)
        scores = network.scores(memory.keys, hidden)
        location = scores.softmax(-1) @ network.grid.locations
        if self.locator is not None:
            location = self.locator(hidden, observation["time"])[0]
        return Decision(network.classifier(hidden), {"scores": scores}, location), memory._replace(core=core)

    def readout(self, observation: dict[str, Tensor], memory: HardMemory) -> Readout:
        """Return the readout of the cell that is read."""
        grid, picture = self.network.grid, observation["glimpse"].squeeze(1)
        cell = grid.nearest(observation["location"])
        pixels = grid.cut(picture)[torch.arange(len(cell), device=cell.device), cell]
        patch = pixels.view(len(cell), 1, -1, grid.patch, grid.patch)
        share = grid.spread(F.one_hot(cell, len(grid.locations)))
        return Readout(grid.locations[cell], share, patch, grid.boxes(cell).unsqueeze(1))

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Look at the centre of a cell: sampled from the softmax of the scores, or the likeliest.

        Args:
            decision: for B episodes.
            noise: (B, 3) standard normal; only the first number is used.
            greedy: whether to take the likeliest cell instead of a sample; a bool, or (B,) bool.

        Returns:
            `look` (B, 2); `answer` (B,), the likeliest class, or `score` (B,), or `labels` (B, N); and `stop` (B,),
            always 0, where the task has it.
        """
        if self.locator is None:
            look = self.network.grid.locations[choose(decision.activations["scores"], noise[:, 0], greedy)]
        else:
            look = self.locator.sample(decision.mean_location, noise[:, :2]).float()
        never = torch.zeros(len(look), dtype=torch.int64, device=look.device)
        return {"look": look, **self.kind.act(decision.answer)} | ({"stop": never} if self.may_stop else {})

    def loss(self, episode: Episode) -> Loss:
        """Compute the error of answers, the policy loss of cells and the value loss of the baseline, as RAM does.

        The policy gradient flows on into recurrent core and encoder (Xu et al., 2015, equation 12, without its entropy
        term). The last chosen cell is not reinforced, since it is never read.

        Args:
            episode: T steps of B episodes.

        Returns:
            The sum, and its terms: those of the kind of answers, for classes cross_entropy and accuracy; policy_loss,
            value_loss, return.
        """
        # Replay all steps; rollouts of the same example share the features of its picture.
        network, options = self.network, self.options
        cells, keys = self._cells(episode.observation["glimpse"][0, :: episode.copies].squeeze(1))
        picture = torch.arange(len(episode.label), device=cells.device) // episode.copies
        chosen = network.grid.nearest(episode.observation["location"])  # (T, B)
        hidden, last = network.core.unroll(self._read(cells, picture, chosen), None)
        # Classification loss.
        logits = network.classifier(last).float()
        answers = logits[None] if options.classification == "final" else network.classifier(hidden).float()
        label, smoothing = repeated_label(episode.label, len(answers)), options.label_smoothing
        error = self.kind.mean_error(answers.flatten(0, 1), label, smoothing, self.class_weights)
        # Policy loss of the cells chosen before the last step, and value loss.
        returns = policy_gradient.returns_to_go(policy_reward(options.policy_reward, self.kind, logits, episode))
        advantage, value_loss = subtract_baseline(
            options.baseline,
            returns,
            episode.step_mask,
            episode.copies,
            hidden.detach(),
            self.baseline,
            self.average_return,
        )
        scores = network.scores(None if keys is None else keys[picture], hidden[:-1])
        log_prob = scores.log_softmax(-1).gather(-1, chosen[1:, :, None]).squeeze(-1)
        policy = policy_gradient.reinforce(log_prob, advantage[:-1])
        # Their weighted sum.
        terms = self.kind.terms(logits, episode.label, error)
        terms |= {"policy_loss": policy, "value_loss": value_loss}
        terms["return"] = returns[0].mean()
        total = error + options.policy_weight * policy + value_loss
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def learning_rates(self) -> LrGroups:
        """Return the parameters of the scores in a group with their own scale, after all others."""
        return scaled_lr_group(self, self.network.scores, self.options.locator_lr_scale)

    def pixels_read(self, shown: int) -> int:
        """Return the number of pixels read: those of the chosen cells with scores by location, else all."""
        if self.options.scores == "feature":
            return shown
        return self.steps * self.network.encoder.see.in_features

    def _cells(self, picture: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return `cells` and `keys` of `HardMemory` for pictures (B, C, H, W)."""
        network = self.network
        pixels = network.grid.cut(picture)
        if self.options.scores == "memory":
            return pixels, None
        features = network.encoder(pixels, network.grid.locations)
        return features, network.scores.key(features)

    def _read(self, cells: Tensor, picture: Tensor, chosen: Tensor) -> Tensor:
        """Return the features (..., G) of `chosen` cells (...,) of pictures with indices (...,), which broadcast."""
        read = cells[picture, chosen]
        if self.options.scores == "feature":
            return read
        feature: Tensor = self.network.encoder(read, self.network.grid.locations[chosen])
        return feature
