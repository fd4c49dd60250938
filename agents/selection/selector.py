"""Selector networks: one or two numbers for each token, such as its keep logit, from the whole text.

Axes: B texts, n tokens, E width of a token's vector.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.encoders.recurrent_encoder import BidirectionalStates
from glimpse.agents.selection.options import SelectorOptions
from glimpse.agents.selection.sampler import SequenceSampler


class ConvolutionalReader(nn.Module):
    """Reads each token with its neighbours, by a convolution with ReLU; padding is read as zeros."""

    def __init__(self, embedding_width: int, width: int, span: int) -> None:
        """Make `width` filters over `span` tokens, an odd number."""
        super().__init__()
        self.filters = nn.Conv1d(embedding_width, width, span, padding=span // 2)
        self.width = width

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Compute the features: (B, n, E) and real tokens (B, n) -> (B, n, width)."""
        zeroed = tokens.masked_fill(~mask.unsqueeze(-1), 0.0)
        return cast(Tensor, self.filters(zeroed.mT)).relu().mT


class Selector(nn.Module):
    """Computes one or more numbers for each token, from which it is sampled whether the token is kept.

    With `words_per_coin` above 1, so many tokens in a row form a group that is kept or left out together. They have the
    same numbers: the mean over the group's real tokens.
    """

    def __init__(self, options: SelectorOptions, width: int, numbers: int = 1) -> None:
        """Make the networks.

        Args:
            options: kind and sizes.
            width: E.
            numbers: outputs for each token.
        """
        super().__init__()
        self.numbers, self.group_size = numbers, options.words_per_coin
        self.reads: nn.Module
        match options.kind:
            case "pooled":
                self.reads = SequenceSampler(width, options.width, "relu", options.dropout, numbers)
                last = cast(nn.Linear, self.reads.layers[-1])
            case "cnn":
                self.reads = ConvolutionalReader(width, options.width, options.span)
                last = nn.Linear(self.reads.width, numbers)
            case _:
                self.reads = BidirectionalStates(options.kind, width, options.width)
                last = nn.Linear(self.reads.width, numbers)
        if options.kind != "pooled":
            self.last = nn.Sequential(nn.Dropout(options.dropout), last)
        nn.init.constant_(last.bias, options.bias)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Compute the numbers of each token.

        Args:
            tokens: (B, n, E).
            mask: (B, n) bool, True = a real token.

        Returns:
            (B, n), or (B, n, `numbers`) where there is more than one.
        """
        numbers = self.reads(tokens, mask)
        if not isinstance(self.reads, SequenceSampler):
            numbers = self.last(numbers[0] if isinstance(numbers, tuple) else numbers)
        if self.group_size > 1:
            numbers = mean_over_groups(numbers, mask, self.group_size)
        return cast(Tensor, numbers if self.numbers > 1 else torch.squeeze(numbers, -1))

    def share_noise(self, noise: Tensor) -> Tensor:
        """Give all tokens of a group the noise of its first one: (B, n) -> (B, n)."""
        position = torch.arange(noise.shape[1], device=noise.device)
        return noise if self.group_size == 1 else noise[:, position - position % self.group_size]

    def first_of_groups(self, mask: Tensor) -> Tensor:
        """Mark the real tokens that are the first of their group, one for each draw: (B, n) bool -> (B, n) bool."""
        return mask & (torch.arange(mask.shape[1], device=mask.device) % self.group_size == 0)


def mean_over_groups(numbers: Tensor, mask: Tensor, size: int) -> Tensor:
    """Replace each token's numbers by their mean over the real tokens of its group.

    Args:
        numbers: (B, n, N).
        mask: (B, n) bool, True = a real token.
        size: tokens of a group; the last group may be shorter.

    Returns:
        (B, n, N).
    """
    length = numbers.shape[1]
    missing = -length % size
    real = F.pad(mask, (0, missing)).unflatten(1, (-1, size)).unsqueeze(-1)  # (B, groups, size, 1)
    own = F.pad(numbers, (0, 0, 0, missing)).unflatten(1, (-1, size))
    mean = torch.where(real, own, 0.0).sum(2, keepdim=True) / real.sum(2, keepdim=True).clamp(min=1)
    each: Tensor = mean.expand_as(own).flatten(1, 2)
    return each[:, :length]
