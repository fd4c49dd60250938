"""Fingerprints of examples, by which equal ones are found."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_CHUNK = 2**24
"""Numbers that are multiplied at a time."""


def fingerprints_of_rows(values: Tensor) -> Tensor:
    """Return a number for each row, equal for equal rows: (N, ...) integers -> (N,) int64."""
    rows = values.reshape(len(values), -1).cpu()
    weights = weights_of_values(rows.shape[1])
    chunk = max(1, _CHUNK // max(1, rows.shape[1]))
    parts = [(some.to(torch.int64) * weights).sum(1) for some in rows.split(chunk)]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.int64)


def fingerprints_of_sequences(tokens: Tensor, offsets: Tensor) -> Tensor:
    """Return a number for each sequence of tokens, equal for equal ones.

    Args:
        tokens: (M,) integers, all sequences concatenated.
        offsets: (N + 1,) int64; sequence n is tokens[offsets[n] : offsets[n + 1]].

    Returns:
        (N,) int64.
    """
    tokens, offsets = tokens.cpu().to(torch.int64), offsets.cpu()
    lengths = offsets.diff()
    position = torch.arange(len(tokens)) - offsets[:-1].repeat_interleave(lengths)
    longest = int(lengths.max()) if len(lengths) else 0
    # The tokens' sums wrap around at 2^64, which is as good as any other hash. An end counts as a token.
    weighted = (tokens + 1) * weights_of_values(longest + 1)[position]
    sums = torch.cat([torch.zeros(1, dtype=torch.int64), weighted.cumsum(0)])
    return sums[offsets[1:]] - sums[offsets[:-1]]


def weights_of_values(count: int) -> Tensor:
    """Return the fixed odd numbers by which the values of a row are multiplied, (count,) int64."""
    drawn: NDArray[np.int64] = np.random.RandomState(20140624).randint(-(2**62), 2**62, count, np.int64)
    return torch.from_numpy(2 * drawn + 1)
