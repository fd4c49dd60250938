"""Hard attention of a decoder: one piece of the source for each that is written, learned by policy gradient.

The place is drawn from the weights of soft attention (Xu et al., 2015, section 4.1), and what it is worth is the
log-probability of the piece that is written there. A share of the sentences reads the expected context instead, as
soft attention does (section 4.1 too). Monotone: a place is never before the last one, nor far behind it.
Axes: B sentences, M pieces of the target, L of the source, D width.
"""

from typing import NamedTuple

import torch
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


class HardAttention(nn.Module):
    """Reads one state of the source at each step; without training the likeliest."""

    def __init__(self, options: HardOptions, width: int) -> None:
        """Make the score of queries and keys (B, ., D)."""
        super().__init__()
        self.options = options
        self.score = make_score(options.score, width, width)

    def forward(self, query: Tensor, states: Tensor, real: Tensor, place: Tensor) -> Looked:
        """Look.

        Args:
            query: (B, M, D).
            states: (B, L, D).
            real: (B, L) bool.
            place: (B,) int64, the place of the step before the first query.
        """
        scores = self.score(query, states)
        if self.options.monotone:
            return self._onwards(query, scores, states, real, place)
        weights = softmax(scores, real.unsqueeze(1))
        places = self._draw(weights)
        return self._look(query, weights, places, states)

    def _onwards(self, query: Tensor, scores: Tensor, states: Tensor, real: Tensor, place: Tensor) -> Looked:
        """One step after the other, since where one looks says where the next one may."""
        number, last = torch.arange(states.shape[1], device=states.device), real.sum(1) - 1
        all_weights, places = [], []
        for step in scores.unbind(1):
            ahead = number - place[:, None]
            weights = softmax(step, real & (ahead >= 0) & (ahead <= self.options.reach))
            place = torch.minimum(self._draw(weights), last)
            all_weights.append(weights)
            places.append(place)
        return self._look(query, torch.stack(all_weights, 1), torch.stack(places, 1), states)

    def _draw(self, weights: Tensor) -> Tensor:
        """Places (...) of weights (..., L): drawn in training, else the likeliest."""
        if not self.training:
            return weights.argmax(-1)
        return torch.multinomial(weights.detach().float().flatten(0, -2).clamp(min=1e-20), 1).view(weights.shape[:-1])

    def _look(self, query: Tensor, weights: Tensor, places: Tensor, states: Tensor) -> Looked:
        """The states at the places; for a share of the sentences in training the expected ones."""
        context = states.take_along_dim(places.unsqueeze(-1), 1)
        if not self.training:
            shown = torch.zeros_like(weights).scatter(-1, places.unsqueeze(-1), 1.0)
            return Looked(context, shown, places[:, -1], None)
        hard = torch.rand(len(states), device=states.device) >= self.options.soft
        context = torch.where(hard[:, None, None], context, weights @ states)
        logarithm = weights.clamp(min=1e-10).log()
        drawn = logarithm.gather(-1, places.unsqueeze(-1)).squeeze(-1)
        return Looked(context, weights, places[:, -1], Chosen(drawn, -(weights * logarithm).sum(-1), hard, query))
