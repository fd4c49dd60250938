"""Hard attention of a decoder: one piece of the source for each that is written, learned by policy gradient.

The place is drawn from the weights of soft attention (Xu et al., 2015, section 4.1), and what it is worth is the
log-probability of the piece that is written there. A share of the sentences reads the expected context instead, as
soft attention does (section 4.1 too), and so do all of them at first. Monotone: a place is never before the last one,
nor far behind it, and is worth something for the pieces behind its own as well, since it says where these may be read.
Axes: B sentences, M pieces of the target, L of the source, D width.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.mechanisms import make_score
from glimpse.agents.attention.normalisers import softmax
from glimpse.agents.translation.decoding import Chosen
from glimpse.agents.translation.options import HardOptions


class Looked(NamedTuple):
    """context (B, M, D), weights (B, M, L), the last place (B,), and what was drawn, where places are drawn."""

    context: Tensor
    weights: Tensor
    place: Tensor
    chosen: Chosen | None


class Choice(NamedTuple):
    """weights: what each place was drawn from, (B, M, L); places: (B, M) int64; expected: without a draw, (B, M, L)."""

    weights: Tensor
    places: Tensor
    expected: Tensor


class HardAttention(nn.Module):
    """Reads one state of the source at each step; without training the likeliest."""

    draws: Tensor

    def __init__(self, options: HardOptions, width: int) -> None:
        """Make the score of queries and keys (B, ., D)."""
        super().__init__()
        self.options = options
        self.score = make_score(options.score, width, width)
        # A run that is resumed goes on where it was.
        self.register_buffer("draws", torch.tensor(options.begins == 0))

    def set_progress(self, progress: float) -> None:
        """Draw places once their time has come: draws of weights that mean nothing would teach to look at one place."""
        self.draws.fill_(progress >= self.options.begins)

    def forward(self, query: Tensor, states: Tensor, real: Tensor, place: Tensor) -> Looked:
        """Look.

        Args:
            query: (B, M, D).
            states: (B, L, D).
            real: (B, L) bool.
            place: (B,) int64, the place of the step before the first query.
        """
        weights, places, expected = self._choose(self.score(query, states), real, place)
        context = states.take_along_dim(places.unsqueeze(-1), 1)
        if not self.training:
            shown = torch.zeros_like(weights).scatter(-1, places.unsqueeze(-1), 1.0)
            return Looked(context, shown, places[:, -1], None)
        hard = torch.rand(len(states), device=states.device) >= (self.options.soft if self.draws else 1)
        context = torch.where(hard[:, None, None], context, expected @ states)
        logarithm = weights.clamp(min=1e-10).log()
        drawn = logarithm.gather(-1, places.unsqueeze(-1)).squeeze(-1)
        chosen = Chosen(drawn, -(weights * logarithm).sum(-1), hard, query)
        return Looked(context, torch.where(hard[:, None, None], weights, expected), places[:, -1], chosen)

    def _choose(self, scores: Tensor, real: Tensor, place: Tensor) -> Choice:
        """From scores (B, M, L): each place by itself."""
        weights = softmax(scores, real.unsqueeze(1))
        return Choice(weights, self._draw(weights), weights)

    def _draw(self, weights: Tensor) -> Tensor:
        """Places (...) of weights (..., L): drawn in training, else the likeliest."""
        if not self.training:
            return weights.argmax(-1)
        return torch.multinomial(weights.detach().float().flatten(0, -2).clamp(min=1e-20), 1).view(weights.shape[:-1])


class MonotoneAttention(HardAttention):
    """A place is from the last one on, as far as it may reach; how far also has a weight of its own, which is learned.

    At first each further place is half as likely, so that a decoder does not run to the end of what it has not
    learned to read. The expected context is that of all paths, each as likely as it would be drawn (as Raffel et al.,
    2017, equation 9, for steps of any length).
    """

    def __init__(self, options: HardOptions, width: int) -> None:
        """Make the score, and the weights of steps."""
        super().__init__(options, width)
        self.ahead = nn.Parameter(-math.log(2) * torch.arange(1.0 + options.reach))

    def _choose(self, scores: Tensor, real: Tensor, place: Tensor) -> Choice:
        """One step after the other, since where one looks says where the next one may."""
        last, number = real.sum(1) - 1, torch.arange(scores.shape[2], device=scores.device)
        chance = F.one_hot(place, scores.shape[2]).to(scores.dtype)
        weights, places, expected = [], [], []
        for step in scores.split(1, 1):
            moves = self._moves(step, real, number[None] if self.training else place[:, None])
            if self.training:
                chance = (chance.unsqueeze(1) @ moves).squeeze(1)
                moves = moves.take_along_dim(place[:, None, None], 1)
            weights.append(moves.squeeze(1))
            place = torch.minimum(self._draw(weights[-1]), last)
            places.append(place)
            expected.append(chance)
        return Choice(*(torch.stack(column, 1) for column in (weights, places, expected)))

    def _moves(self, scores: Tensor, real: Tensor, place: Tensor) -> Tensor:
        """Chances of the next place, (B, K, L), from scores (B, 1, L) and K last places, (B, K) or (1, K)."""
        steps = torch.arange(scores.shape[2], device=scores.device) - place.unsqueeze(-1)
        near = (steps >= 0) & (steps <= self.options.reach)
        return softmax(scores + self.ahead[steps.clamp(0, self.options.reach)], near & real.unsqueeze(1))


def make_hard(options: HardOptions, width: int) -> HardAttention:
    """Monotone or not."""
    return (MonotoneAttention if options.monotone else HardAttention)(options, width)


def worth(log_prob: Tensor, discount: float) -> Tensor:
    """What places are worth: the log-probabilities of their own pieces and those behind, (B, M), 0 at padding.

    Each further piece counts less by the factor `discount`; with 0 their own piece alone counts.
    """
    number = torch.arange(log_prob.shape[1], device=log_prob.device)
    behind = number[:, None] - number  # Of piece j behind piece i, at (j, i).
    with torch.autocast(log_prob.device.type, enabled=False):  # Rewards are of full precision.
        return log_prob @ torch.where(behind >= 0, log_prob.new_tensor(discount) ** behind, 0)
