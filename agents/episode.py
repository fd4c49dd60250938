"""Data that agents produce and learn from: decisions, labelled batches, recorded episodes and losses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from glimpse.agents.answer_kinds import belief_of


class Decision(NamedTuple):
    """Outputs of an agent's networks for one step, before any action is sampled.

    answer: (B, N), logits of the classes, of the levels of a score, or of labels; N is 0 where none is asked for.
    activations: intermediate outputs of the networks by name, each (B, ...); see `recall.py`.
    location: (B, 2), mean of the next location, in [-1, 1]; None for agents that do not look.
    stop: (B,), logit of stopping; None where the agent does not decide to stop.
    move: (B, moves), logits of the moves; None where the environment has no moves.
    parts: further outputs by name, each (B, ...), such as logits of zooms; None where there are none.
    """

    answer: Tensor
    activations: dict[str, Tensor]
    location: Tensor | None = None
    stop: Tensor | None = None
    move: Tensor | None = None
    parts: dict[str, Tensor] | None = None

    @property
    def mean_location(self) -> Tensor:
        """The mean location (B, 2) of an agent that looks; `location` without its None."""
        assert self.location is not None
        return self.location

    @property
    def move_logits(self) -> Tensor:
        """The logits (B, moves) of an agent that moves; `move` without its None."""
        assert self.move is not None
        return self.move


@dataclass(frozen=True)
class Batch:
    """Batch of B labelled examples.

    observation: the environment's dict, each (B, ...).
    label: (B,), the true classes or scores; or (B, M) where the answer consists of several numbers, such as labels.
    draw: draws (B, count) standard normal numbers, given a stream's number and `count`, from the examples' random keys:
        those of an example depend on no other one, nor on `count`. Without it they come from torch's generator.
    """

    observation: dict[str, Tensor]
    label: Tensor
    draw: Callable[[int, int], Tensor] | None = None

    def normal(self, stream: int, count: int) -> Tensor:
        """Draw standard normal numbers, (B, count); another stream has others."""
        if self.draw is not None:
            return self.draw(stream, count)
        return torch.randn(len(self.label), count, device=self.label.device)

    def metrics(self) -> dict[str, Tensor]:
        """Return metrics of a training step that follow from the data alone: none."""
        return {}


@dataclass(frozen=True)
class Episode:
    """Recorded rollout of B episodes of T steps.

    observation: the environment's dict, each (T, B, ...); that of step t was seen before action t.
    action: the agent's dict, each (T, B, ...); `look` is the location as sampled, before the environment clamped it.
    answer: (T, B, N), logits of the classes, levels or labels at each step.
    reward: (T, B).
    step_mask: (T, B) bool, False after an episode's end.
    label: (B,), the true classes or scores; or (B, M) where the answer consists of several numbers, such as labels.
    copies: rollouts M of each example; episode e * M + m is rollout m of example e.
    activations: each (T, B, ...), empty if not recorded; valid only while the weights are those that played.
    ended: (B,) bool, whether each episode was over after the last step; None if that is not known.
    teaching: each (T, B, ...), what a teacher would do at each step, for agents that imitate; empty for others.
    """

    observation: dict[str, Tensor]
    action: dict[str, Tensor]
    answer: Tensor
    reward: Tensor
    step_mask: Tensor
    label: Tensor
    copies: int
    activations: dict[str, Tensor]
    ended: Tensor | None = None
    teaching: dict[str, Tensor] = field(default_factory=dict)

    def metrics(self) -> dict[str, Tensor]:
        """Return metrics of a training step that follow from the data alone: `reward`, the mean return."""
        return {"reward": self.reward.sum(0).mean()}

    def carry_forward(self, values: Tensor) -> Tensor:
        """Replace values (T, B, ...) after an episode's end by the last value before it."""
        step = torch.arange(len(values), device=values.device)[:, None].minimum(self.step_mask.sum(0) - 1)
        return values.take_along_dim(step.view(*step.shape, *(1,) * (values.dim() - 2)), 0)

    @property
    def belief(self) -> Tensor:
        """Probabilities of classes, levels or labels after each step, (T, B, N); after an episode's end its last."""
        return self.carry_forward(belief_of(self.action, self.answer))


class Loss(NamedTuple):
    """Loss of an update.

    total: the scalar to minimise.
    terms: its named parts and other metrics, detached scalars.
    """

    total: Tensor
    terms: dict[str, Tensor]
