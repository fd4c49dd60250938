"""What a mind gives at each step, and what it learns from."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Decision(NamedTuple):
    """What the agent makes of an observation; nothing is sampled yet.

    place: (B, 2), mean of the next place, in [-1, 1].
    answer: (B, N), logits of the classes; N is 0 where nothing is to be answered.
    stop: (B,), logit of stopping, where the task has it.
    activations: what the networks computed on the way, each (B, ...), by name; see `recall.py`.
    move: (B, moves), logits of the moves, where the task has them.
    """

    place: Tensor
    answer: Tensor
    stop: Tensor | None
    activations: dict[str, Tensor]
    move: Tensor | None = None


@dataclass(frozen=True)
class Episode:
    """B episodes of T steps, as a rollout recorded them.

    observation: the world's dict, each (T, B, ...); step t's is what was seen before action t.
    action: the agent's dict, each (T, B, ...); `look` is the place as sampled, before the world clamped it.
    answer: (T, B, N) logits behind each action.
    reward: (T, B).
    taken: (T, B) bool, False after an episode's end.
    label: (B,) the true classes; or (B, M), where the answer is made of several numbers.
    copies: episodes M played on each example; episode e * M + m is copy m of example e.
    activations: each (T, B, ...), if recorded: only for an update by the very weights that played.
    """

    observation: dict[str, Tensor]
    action: dict[str, Tensor]
    answer: Tensor
    reward: Tensor
    taken: Tensor
    label: Tensor
    copies: int
    activations: dict[str, Tensor]

    def held(self, values: Tensor) -> Tensor:
        """Values (T, B, ...) of each step, with an episode's last one standing where it is over."""
        step = torch.arange(len(values), device=values.device)[:, None].minimum(self.taken.sum(0) - 1)
        return values.take_along_dim(step.view(*step.shape, *(1,) * (values.dim() - 2)), 0)

    @property
    def belief(self) -> Tensor:
        """Probabilities of the classes after each glimpse, (T, B, N); an episode that has stopped keeps its last."""
        return self.held(self.answer.float().softmax(-1))


class Loss(NamedTuple):
    """total: the scalar to minimise; terms: its named parts and other numbers worth watching, detached scalars."""

    total: Tensor
    terms: dict[str, Tensor]
