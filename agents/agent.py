"""Base classes of all agents: (observation, memory) -> (decision, memory), and how they learn.

Abilities that only some agents have are protocols in `abilities.py`.
"""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from glimpse.agents.episode import Batch, Decision, Episode, Loss

Memory = Any
"""State that an agent carries from step to step; each agent has its own type, with the episodes on the first axis."""
LrGroups = list[tuple[list[nn.Parameter], float]]
"""Groups of parameters, each with its learning rate as a multiple of the optimiser's."""


class Agent(nn.Module, ABC):
    """Agent that acts in a batched environment: all that the rollout, the evaluation and the report need.

    steps: the length T of the longest episode.
    stochastic: whether actions are sampled; if not, all rollouts of an example are the same.
    noise_width: random numbers that `act` takes for a step of an episode.
    """

    steps: int
    stochastic = True
    noise_width = 3

    @abstractmethod
    def initial_memory(self, observation: dict[str, Tensor]) -> Memory:
        """Return the memory of B episodes before their first step, given their first observation."""

    @abstractmethod
    def forward(self, observation: dict[str, Tensor], memory: Memory) -> tuple[Decision, Memory]:
        """Make one step of B episodes.

        Args:
            observation: the environment's dict, each (B, ...).
            memory: from the last step, or from `initial_memory`.

        Returns:
            The decision, from which `act` samples, and the new memory.
        """

    @abstractmethod
    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Turn a decision for B episodes into an action.

        Args:
            decision: what `forward` returned.
            noise: (B, noise_width) standard normal.
            greedy: whether to take the likeliest action instead of a sample; a bool, or (B,) bool.

        Returns:
            The action: a dict of tensors (B, ...), as the environment's action space names them.
        """

    def set_progress(self, progress: float) -> None:
        """Move all schedules; `progress` is the fraction of training done, in [0, 1]."""


class LearningAgent(Agent):
    """Agent that this package's training loop trains; the subclasses say from which data."""

    def learning_rates(self) -> LrGroups:
        """Return the parameters in groups with their learning-rate scales; by default one group with scale 1."""
        return [(list(self.parameters()), 1.0)]

    @abstractmethod
    def loss(self, data: Any) -> Loss:
        """Return the loss to minimise in an update from episodes or from a labelled batch, with its named terms."""


class EpisodeAgent(LearningAgent):
    """Agent that learns from episodes that it has played."""

    @abstractmethod
    def loss(self, episode: Episode) -> Loss:
        """Return the loss to minimise, with its named terms."""


class BatchAgent(LearningAgent):
    """Agent that learns from labelled batches, by supervised learning without a rollout."""

    @abstractmethod
    def loss(self, batch: Batch) -> Loss:
        """Return the loss to minimise, with its named terms."""


class PlayingBatchAgent(BatchAgent):
    """Agent that learns from labelled batches, and in some updates from episodes that it has played."""

    @property
    @abstractmethod
    def plays_next(self) -> bool:
        """True if the next update is from episodes."""

    @abstractmethod
    def policy_loss(self, episode: Episode) -> Loss:
        """Return the loss to minimise in an update from episodes, with its named terms."""


def scaled_lr_group(agent: nn.Module, part: nn.Module, scale: float) -> LrGroups:
    """Return two groups of parameters: first all others with scale 1, then those of `part` with its own scale."""
    return scaled_lr_groups(agent, (part, scale))


def scaled_lr_groups(agent: nn.Module, *parts: tuple[nn.Module, float]) -> LrGroups:
    """Return groups of parameters: first all others with scale 1, then those of each part with its own scale.

    A parameter of several parts, of which one holds another, belongs to the first of them.
    """
    known: set[int] = set()
    own: LrGroups = []
    for part, scale in parts:
        own.append(([parameter for parameter in part.parameters() if id(parameter) not in known], scale))
        known |= {id(parameter) for parameter in part.parameters()}
    return [([other for other in agent.parameters() if id(other) not in known], 1.0), *own]
