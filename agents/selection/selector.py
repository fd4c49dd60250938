"""What says how likely each token is kept: one or two numbers for each, from a reading of the whole text.

Axes: B texts, n tokens, E width of a token's vector.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.encoders.recurrent_encoder import BidirectionalStates
from glimpse.agents.selection.options import SelectorOptions
from glimpse.agents.selection.sampler import SequenceSampler


class Neighbours(nn.Module):
    """Each token with those around it: a rectified convolution. Padding is zeros, as is what lies beyond the ends."""

    def __init__(self, embedding_width: int, width: int, span: int) -> None:
        """Make `width` filters over `span` tokens, an odd number."""
        super().__init__()
        self.filters = nn.Conv1d(embedding_width, width, span, padding=span // 2)
        self.width = width

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(B, n, E) and real tokens (B, n) -> (B, n, width)."""
        silent = tokens.masked_fill(~mask.unsqueeze(-1), 0.0)
        return cast(Tensor, self.filters(silent.mT)).relu().mT


class Selector(nn.Module):
    """Tokens (B, n, E) and real ones (B, n) -> (B, n), or (B, n, `numbers`) where more than one is asked for.

    Tokens that share a coin have the same numbers: the mean of what is said of the real ones among them.
    """

    def __init__(self, options: SelectorOptions, width: int, numbers: int = 1) -> None:
        """Make it for tokens of `width`."""
        super().__init__()
        self.numbers, self.run = numbers, options.words_per_coin
        self.reads: nn.Module
        match options.kind:
            case "pooled":
                self.reads = SequenceSampler(width, options.width, "relu", options.dropout, numbers)
                last = cast(nn.Linear, self.reads.layers[-1])
            case "cnn":
                self.reads = Neighbours(width, options.width, options.span)
                last = nn.Linear(self.reads.width, numbers)
            case _:
                self.reads = BidirectionalStates(options.kind, width, options.width)
                last = nn.Linear(self.reads.width, numbers)
        if options.kind != "pooled":
            self.last = nn.Sequential(nn.Dropout(options.dropout), last)
        nn.init.constant_(last.bias, options.bias)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Read."""
        numbers = self.reads(tokens, mask)
        if not isinstance(self.reads, SequenceSampler):
            numbers = self.last(numbers[0] if isinstance(numbers, tuple) else numbers)
        if self.run > 1:
            numbers = mean_of_runs(numbers, mask, self.run)
        return cast(Tensor, numbers if self.numbers > 1 else torch.squeeze(numbers, -1))

    def shared(self, noise: Tensor) -> Tensor:
        """Noise (B, n), of which each token of a run gets what its first one has."""
        place = torch.arange(noise.shape[1], device=noise.device)
        return noise if self.run == 1 else noise[:, place - place % self.run]

    def tossed(self, mask: Tensor) -> Tensor:
        """Which of the real tokens (B, n) bool a coin is tossed for: the first of each run."""
        return mask & (torch.arange(mask.shape[1], device=mask.device) % self.run == 0)


def mean_of_runs(numbers: Tensor, mask: Tensor, run: int) -> Tensor:
    """(B, n, N) and real tokens (B, n): each token's numbers become the mean of the real ones of its run of `run`."""
    size = numbers.shape[1]
    beyond = -size % run
    real = F.pad(mask, (0, beyond)).unflatten(1, (-1, run)).unsqueeze(-1)  # (B, runs, run, 1)
    own = F.pad(numbers, (0, 0, 0, beyond)).unflatten(1, (-1, run))
    mean = torch.where(real, own, 0.0).sum(2, keepdim=True) / real.sum(2, keepdim=True).clamp(min=1)
    each: Tensor = mean.expand_as(own).flatten(1, 2)
    return each[:, :size]
