"""Base class of agents that see the whole picture at each step: whole-image networks and soft attention."""

from typing import cast

import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.agent import BatchAgent
from glimpse.agents.classification_loss import mean_cross_entropy
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
            action_space: has `look`, `answer`, and `stop` where the task has it.
            label_smoothing: of the cross-entropy.
            every_step: whether the cross-entropy is averaged over all answers instead of taken from the last one.
        """
        super().__init__()
        self.label_smoothing, self.every_step = label_smoothing, every_step
        glimpse, time = cast(spaces.Box, observation_space["glimpse"]), cast(spaces.Discrete, observation_space["time"])
        self.steps = int(time.n) - 1
        self.channels, self.height, self.width = glimpse.shape[-3:]
        self.classes = int(cast(spaces.Discrete, action_space["answer"]).n)
        self.may_stop = "stop" in action_space.spaces

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return the next location, the likeliest class, and never a stop; `noise` and `greedy` are ignored."""
        action = {"look": decision.mean_location.float(), "answer": decision.answer.argmax(-1)}
        return action | ({"stop": torch.zeros_like(action["answer"])} if self.may_stop else {})

    def loss(self, batch: Batch) -> Loss:
        """Compute the cross-entropy of the last answer or of all answers, over T steps on the same picture.

        Args:
            batch: B examples.

        Returns:
            The cross-entropy, and its terms: cross_entropy, accuracy.
        """
        first = batch.observation
        memory, answers = self.initial_memory(first), []
        for _ in range(self.steps):
            decision, memory = self(first, memory)
            answers.append(decision.answer.float())
        counted = answers if self.every_step else answers[-1:]
        smoothing, weights = self.label_smoothing, self.class_weights
        losses = [mean_cross_entropy(each, batch.label, smoothing, weights) for each in counted]
        cross_entropy = torch.stack(losses).mean()
        accuracy = (answers[-1].argmax(-1) == batch.label).float().mean()
        return Loss(cross_entropy, {"cross_entropy": cross_entropy.detach(), "accuracy": accuracy})
