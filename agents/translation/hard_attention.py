"""Hard attention of a decoder: it reads one source position per target token, and learns by policy gradient.

The position is drawn from the weights of soft attention; its reward is the log-probability of the target token that is
generated from it (Xu et al., 2015, section 4.1). A share of the sentences reads the expected context instead, as soft
attention does (section 4.1 too); at the beginning of training all do.

Monotone attention moves forward only, by a limited number of positions per step. Its reward includes the
log-probabilities of later tokens, since a position restricts all that follow.

Axes: B sentences, M tokens of the target, L of the source, D width.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.mechanisms import make_score
from glimpse.agents.attention.normalisers import softmax
from glimpse.agents.known_numbers import number, set_number
from glimpse.agents.translation.decoding import DrawnPositions
from glimpse.agents.translation.options import HardOptions


class HardAttended(NamedTuple):
    """Result of hard attention.

    context: (B, M, D).
    weights: (B, M, L), what was drawn from or read; one-hot outside training.
    position: (B,) int64, the position of the last step.
    drawn: the draws of training; None outside it.
    """

    context: Tensor
    weights: Tensor
    position: Tensor
    drawn: DrawnPositions | None


class PositionChoice(NamedTuple):
    """Positions of all steps, and their distributions.

    weights: (B, M, L), the distribution of each position, given the one before where attention is monotone.
    positions: (B, M) int64.
    expected: (B, M, L), the marginal distribution of each position, for the expected context.
    """

    weights: Tensor
    positions: Tensor
    expected: Tensor


class HardAttention(nn.Module):
    """Attention that reads one source state per step: sampled in training, else the likeliest."""

    draws: Tensor

    def __init__(self, options: HardOptions, width: int) -> None:
        """Make the score of queries and keys of width D."""
        super().__init__()
        self.options = options
        self.score = make_score(options.score, width, width)
        # A buffer, so that a resumed run continues where it was.
        self.register_buffer("draws", torch.tensor(options.begins == 0))
        set_number(self.draws, options.begins == 0)

    def set_progress(self, progress: float) -> None:
        """Begin to draw positions after the share `begins` of training.

        Draws from untrained weights would teach the decoder to read the same position always.
        """
        set_number(self.draws, progress >= self.options.begins)

    def forward(self, query: Tensor, states: Tensor, real: Tensor, position: Tensor) -> HardAttended:
        """Attend to one position per query.

        Args:
            query: (B, M, D).
            states: (B, L, D).
            real: (B, L) bool, False at padding.
            position: (B,) int64, the position of the step before the first query.
        """
        weights, positions, expected = self._choose(self.score(query, states), real, position)
        context = states.take_along_dim(positions.unsqueeze(-1), 1)
        if not self.training:
            one_hot = torch.zeros_like(weights).scatter(-1, positions.unsqueeze(-1), 1.0)
            return HardAttended(context, one_hot, positions[:, -1], None)
        # A share of the sentences, at first all of them, reads the expected context.
        hard = torch.rand(len(states), device=states.device) >= (self.options.soft if number(self.draws) else 1)
        context = torch.where(hard[:, None, None], context, expected @ states)
        # Log-probabilities and entropies of the draws, for REINFORCE.
        logarithm = weights.clamp(min=1e-10).log()
        log_prob = logarithm.gather(-1, positions.unsqueeze(-1)).squeeze(-1)
        drawn = DrawnPositions(log_prob, -(weights * logarithm).sum(-1), hard, query)
        return HardAttended(context, torch.where(hard[:, None, None], weights, expected), positions[:, -1], drawn)

    def _choose(self, scores: Tensor, real: Tensor, position: Tensor) -> PositionChoice:
        """Choose each position independently, from scores (B, M, L)."""
        weights = softmax(scores, real.unsqueeze(1))
        return PositionChoice(weights, self._draw(weights), weights)

    def _draw(self, weights: Tensor) -> Tensor:
        """Draw positions (...) from weights (..., L) in training; else take the likeliest."""
        if not self.training:
            return weights.argmax(-1)
        return torch.multinomial(weights.detach().float().flatten(0, -2).clamp(min=1e-20), 1).view(weights.shape[:-1])


class MonotoneAttention(HardAttention):
    """Hard attention that moves forward by 0 to `reach` positions per step.

    A learned bias for each step size is added to the scores. Initially each further position is half as likely, so that
    an untrained decoder does not run to the end of the source. The expected context is the expectation over all paths
    (as Raffel et al., 2017, equation 9, for steps of any length).
    """

    def __init__(self, options: HardOptions, width: int) -> None:
        """Make the score, and the biases of the step sizes."""
        super().__init__(options, width)
        self.ahead = nn.Parameter(-math.log(2) * torch.arange(1.0 + options.reach))

    def _choose(self, scores: Tensor, real: Tensor, position: Tensor) -> PositionChoice:
        """Choose one position after the other, since each restricts the next."""
        last, number = real.sum(1) - 1, torch.arange(scores.shape[2], device=scores.device)
        chance = F.one_hot(position, scores.shape[2]).to(scores.dtype)
        weights, positions, expected = [], [], []
        # `chance` (B, L) is the marginal distribution of the position, propagated by the transition matrices.
        for step in scores.split(1, 1):
            moves = self._transitions(step, real, number[None] if self.training else position[:, None])
            if self.training:
                chance = (chance.unsqueeze(1) @ moves).squeeze(1)
                moves = moves.take_along_dim(position[:, None, None], 1)
            weights.append(moves.squeeze(1))
            position = torch.minimum(self._draw(weights[-1]), last)
            positions.append(position)
            expected.append(chance)
        return PositionChoice(*(torch.stack(column, 1) for column in (weights, positions, expected)))

    def _transitions(self, scores: Tensor, real: Tensor, position: Tensor) -> Tensor:
        """Return probabilities of the next position, (B, K, L).

        Args:
            scores: (B, 1, L).
            real: (B, L) bool.
            position: K last positions, (B, K) or (1, K).
        """
        steps = torch.arange(scores.shape[2], device=scores.device) - position.unsqueeze(-1)
        near = (steps >= 0) & (steps <= self.options.reach)
        return softmax(scores + self.ahead[steps.clamp(0, self.options.reach)], near & real.unsqueeze(1))


def make_hard_attention(options: HardOptions, width: int) -> HardAttention:
    """Make hard attention, monotone if the options say so."""
    return (MonotoneAttention if options.monotone else HardAttention)(options, width)


def position_rewards(log_prob: Tensor, discount: float) -> Tensor:
    """Compute the reward of each position: the discounted sum of the log-probabilities from its own token on.

    Args:
        log_prob: (B, M), of the target tokens, 0 at padding.
        discount: factor for each further token; with 0 a position's own token alone counts.

    Returns:
        (B, M) float32.
    """
    index = torch.arange(log_prob.shape[1], device=log_prob.device)
    distance = index[:, None] - index  # From token i to token j, at (j, i).
    with torch.autocast(log_prob.device.type, enabled=False):  # Rewards need full precision.
        return log_prob @ torch.where(distance >= 0, torch.pow(discount, distance).to(log_prob.dtype), 0)
