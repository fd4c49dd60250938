"""What agents have in common that see the whole picture at every step: whole-image networks and soft attention."""

from typing import cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.agent import LearningAgent
from glimpse.agents.episode import Decision, Episode, Loss


class Onlooker(LearningAgent):
    """Sees everything and leaves nothing to chance, so that it learns by plain backpropagation through its own steps.

    A subclass fills in `begin` and `forward`, which read the picture (B, 1, C, H, W) from the observation.
    """

    plays = False
    samples = False

    def __init__(
        self,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        label_smoothing: float,
        every_step: bool = False,
    ) -> None:
        """Read the spaces.

        Args:
            observation_space: has `glimpse` (1, C, H, W) and `time`.
            action_space: has `look`, `answer`, and `stop` where the task has it.
            label_smoothing: of the cross-entropy.
            every_step: whether the cross-entropy is averaged over all answers, or of the last one.
        """
        super().__init__()
        self.label_smoothing, self.every_step = label_smoothing, every_step
        glimpse, time = cast(spaces.Box, observation_space["glimpse"]), cast(spaces.Discrete, observation_space["time"])
        self.steps = int(time.n) - 1
        self.channels, self.height, self.width = glimpse.shape[-3:]
        self.classes = int(cast(spaces.Discrete, action_space["answer"]).n)
        self.may_stop = "stop" in action_space.spaces

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Look where it reads next, name the likeliest class, and never stop early; the noise has no part in it."""
        action = {"look": decision.place.float(), "answer": decision.answer.argmax(-1)}
        return action | ({"stop": torch.zeros_like(action["answer"])} if self.may_stop else {})

    def loss(self, episode: Episode) -> Loss:
        """Cross-entropy of the last answer or of all, of T steps before the first picture, played here with gradients.

        Args:
            episode: B episodes, of which the first observation and the labels are read.

        Returns:
            The cross-entropy, and its terms: cross_entropy, accuracy.
        """
        first = {name: seen[0] for name, seen in episode.observation.items()}
        memory, answers = self.begin(first), []
        for _ in range(self.steps):
            decision, memory = self(first, memory)
            answers.append(decision.answer.float())
        counted = answers if self.every_step else answers[-1:]
        losses = [F.cross_entropy(each, episode.label, label_smoothing=self.label_smoothing) for each in counted]
        cross_entropy = torch.stack(losses).mean()
        accuracy = (answers[-1].argmax(-1) == episode.label).float().mean()
        return Loss(cross_entropy, {"cross_entropy": cross_entropy.detach(), "accuracy": accuracy})
