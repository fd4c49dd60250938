"""What every agent is: (observation, memory) -> (decision, memory), and what one learns from episodes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from glimpse.agents.episode import Decision, Episode, Loss
from glimpse.agents.vision.readout import Sight

Memory = Any
"""What an agent carries from step to step, its own affair: tensors with the episodes on the first axis."""
RateGroups = list[tuple[list[nn.Parameter], float]]
"""Groups of parameters with their learning rates as multiples of the optimiser's."""


class Agent(nn.Module, ABC):
    """What plays: the rollout, the evaluation and the report ask no more of it.

    steps: the longest episode, T.
    samples: whether chance has a part in what it does or sees. The answers of one that leaves nothing to chance are
        the same in all copies of an episode.
    foveal: whether it reads a picture that it is shown whole only where it looks.
    shows: what the patches of a glimpse, or of its `sight`, are, in words.
    hurries: whether a rollout ends when all of its episodes have, before `steps` if they are that short.
    prepares: whether a stage of training that only prepares for the next one is not over yet.
    asked_share: of the words, which it was asked to choose; None if any share will do.
    selects: how many numbers `select` draws with for each one that is observed; 0 where nothing is chosen before the
        first step.
    """

    steps: int
    selects = 0
    prepares = False
    asked_share: float | None = None
    samples = True
    foveal = False
    hurries = False
    shows = "the patches that the agent is given"

    @abstractmethod
    def begin(self, observation: dict[str, Tensor]) -> Memory:
        """The memory of B episodes that begin with this observation."""

    @abstractmethod
    def forward(self, observation: dict[str, Tensor], memory: Memory) -> tuple[Decision, Memory]:
        """See, remember, decide: one step of B episodes."""

    @abstractmethod
    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Turn a decision for B episodes into an action.

        Args:
            decision: what `forward` gave.
            noise: (B, 3) standard normal.
            greedy: whether the likeliest is done instead of a draw; a bool, or (B,) bool.
        """

    def select(self, observation: dict[str, Tensor], memory: Memory, noise: Tensor, greedy: Tensor | bool) -> Memory:
        """Choose, before the first step, what of an observation is read; by default nothing is left out.

        Args:
            observation: the first one, of B episodes.
            memory: what `begin` gave.
            noise: (B, selects * n) standard normal, n the numbers of an observation.
            greedy: whether the likeliest is chosen instead of a draw; a bool, or (B,) bool.
        """
        return memory

    def pixels(self, shown: int) -> int:
        """How many pixels it reads in an episode whose world shows it `shown`; fewer where it leaves some out."""
        return shown

    def sight(self, observation: dict[str, Tensor], memory: Memory) -> Sight | None:
        """What `forward` will read of a picture shown whole, for drawings; none where it reads all of its glimpse."""
        return None

    def set_progress(self, progress: float) -> None:
        """Tell the share of training done, in [0, 1], to what follows a schedule."""


class LearningAgent(Agent):
    """What our own training loop trains.

    plays: whether it learns from episodes that it has played. One that does not is given what an episode begins with
        and nothing more: `loss` then reads the first observation and the label alone.
    plays_one_in: of so many examples of an update it plays one.
    greedy_copy: whether the first copy of each training example must act greedily.
    """

    plays = True
    plays_one_in = 1
    greedy_copy = False

    @abstractmethod
    def loss(self, episode: Episode) -> Loss:
        """What to minimise, with its named terms."""

    def updates(self, episode: Episode) -> Iterator[Loss]:
        """The losses of the updates to make from an episode; each follows from the weights that the last one left."""
        yield self.loss(episode)

    def learning_rates(self) -> RateGroups:
        """All parameters at the optimiser's own rate, unless a subclass says otherwise."""
        return [(list(self.parameters()), 1.0)]


def own_rate(agent: nn.Module, part: nn.Module, rate: float) -> RateGroups:
    """An agent's parameters in two groups: those of a part of it, at its own rate, after all others."""
    return own_rates(agent, (part, rate))


def own_rates(agent: nn.Module, *parts: tuple[nn.Module, float]) -> RateGroups:
    """An agent's parameters in groups: those of parts of it, each at its own rate, after all others."""
    own = [(list(part.parameters()), rate) for part, rate in parts]
    known = {id(parameter) for parameters, _ in own for parameter in parameters}
    return [([other for other in agent.parameters() if id(other) not in known], 1.0), *own]
