"""Base class of agents that see the whole picture at each step: whole-image networks and soft attention."""

from typing import cast

import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.agent import BatchAgent
from glimpse.agents.answer_kinds import answer_kind
from glimpse.agents.episode import Batch, Decision, Loss


class FullViewAgent(BatchAgent):
    """Deterministic agent that sees the whole picture, trained by backpropagation through all its steps.

    Subclasses implement `initial_memory` and `forward`, which read the picture (B, 1, C, H, W) from the observation.
    """

    stochastic = False
    class_weights: Tensor | None = None

    def __init__(
        self,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        label_smoothing: float,
        every_step: bool = False,
    ) -> None:
        """Read the sizes from the spaces.

        Args:
            observation_space: has `glimpse` (1, C, H, W) and `time`.
            action_space: has `look`, the answer (`answer`, `score` or `labels`), and `stop` where the task has it.
            label_smoothing: of the cross-entropy.
            every_step: whether the cross-entropy is averaged over all answers instead of taken from the last one.
        """
        super().__init__()
        self.label_smoothing, self.every_step = label_smoothing, every_step
        glimpse, time = cast(spaces.Box, observation_space["glimpse"]), cast(spaces.Discrete, observation_space["time"])
        self.steps = int(time.n) - 1
        self.channels, self.height, self.width = glimpse.shape[-3:]
        self.kind = answer_kind(action_space)
        self.may_stop = "stop" in action_space.spaces

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return the next location, the likeliest answer, and never a stop; `noise` and `greedy` are ignored."""
        action = {"look": decision.mean_location.float(), **self.kind.act(decision.answer)}
        batch = decision.answer.shape[0]  # `len` is one number to the exporter, which would have to begin anew.
        never = torch.zeros(batch, dtype=torch.int64, device=decision.answer.device)
        return action | ({"stop": never} if self.may_stop else {})

    def loss(self, batch: Batch) -> Loss:
        """Compute the error of the last answer or of all answers, over T steps on the same picture.

        Args:
            batch: B examples.

        Returns:
            The error, and its terms: those of the kind of answers, for classes cross_entropy and accuracy.
        """
        first = batch.observation
        memory, answers = self.initial_memory(first), []
        for _ in range(self.steps):
            decision, memory = self(first, memory)
            answers.append(decision.answer.float())
        counted = answers if self.every_step else answers[-1:]
        smoothing, weights = self.label_smoothing, self.class_weights
        error = torch.stack([self.kind.mean_error(each, batch.label, smoothing, weights) for each in counted]).mean()
        terms = self.kind.terms(answers[-1], batch.label, error)
        return Loss(error, {name: term.detach() for name, term in terms.items()})
