"""What says how likely each token is kept: one or two numbers for each, from a reading of the whole text.

Axes: B texts, n tokens, E width of a token's vector.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.encoders.recurrent import BidirectionalStates
from glimpse.agents.selection.options import SelectorOptions
from glimpse.agents.selection.sampler import SequenceSampler


class Selector(nn.Module):
    """Tokens (B, n, E) and real ones (B, n) -> (B, n), or (B, n, `numbers`) where more than one is asked for."""

    def __init__(self, options: SelectorOptions, width: int, numbers: int = 1) -> None:
        """Make it for tokens of `width`."""
        super().__init__()
        self.numbers = numbers
        self.reads: nn.Module
        if options.kind == "pooled":
            self.reads = SequenceSampler(width, options.width, "relu", options.dropout, numbers)
            last = cast(nn.Linear, self.reads.layers[-1])
        else:
            self.reads = BidirectionalStates(options.kind, width, options.width)
            last = nn.Linear(self.reads.width, numbers)
            self.last = nn.Sequential(nn.Dropout(options.dropout), last)
        nn.init.constant_(last.bias, options.bias)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Read."""
        if isinstance(self.reads, SequenceSampler):
            numbers = self.reads(tokens, mask)
        else:
            numbers = self.last(self.reads(tokens, mask)[0])
        return cast(Tensor, numbers if self.numbers > 1 else torch.squeeze(numbers, -1))
