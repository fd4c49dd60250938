"""Poolings by hand."""

import pytest
import torch

from glimpse.agents.encoders.pooling import max_pool, mean_pool

TOKENS = torch.tensor([[[1.0, -5.0], [3.0, -7.0], [9.0, 9.0]], [[-1.0, 2.0], [4.0, 4.0], [4.0, 4.0]]])
MASK = torch.tensor([[True, True, False], [False, False, False]])


def test_the_maximum_of_real_tokens_and_who_holds_it() -> None:
    """Feature by feature; an empty text gives zeros."""
    vector, share = max_pool(TOKENS, MASK)
    assert vector.tolist() == [[3.0, -5.0], [0.0, 0.0]]
    assert share.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]


def test_the_mean_of_real_tokens() -> None:
    """Padding has no part in it; an empty text gives zeros."""
    vector, weights = mean_pool(TOKENS, MASK)
    assert vector.tolist() == [[2.0, -6.0], [0.0, 0.0]]
    assert weights.tolist() == [pytest.approx([0.5, 0.5, 0.0]), [0.0, 0.0, 0.0]]
