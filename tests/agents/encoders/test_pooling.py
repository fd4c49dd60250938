"""Poolings: values computed by hand, and options."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from glimpse.agents.attention import ATTENTION
from glimpse.agents.encoders.options import PoolingOptions, StateQueryOptions
from glimpse.agents.encoders.pooling import Pooling, max_pool, mean_pool

TOKENS = torch.tensor([[[1.0, -5.0], [3.0, -7.0], [9.0, 9.0]], [[-1.0, 2.0], [4.0, 4.0], [4.0, 4.0]]])
MASK = torch.tensor([[True, True, False], [False, False, False]])


def test_maximum_of_real_tokens() -> None:
    """The maximum and its token are found feature by feature; an empty text gives zeros."""
    vector, share = max_pool(TOKENS, MASK)
    assert vector.tolist() == [[3.0, -5.0], [0.0, 0.0]]
    assert share.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]


def test_the_mean_of_real_tokens() -> None:
    """Padding is left out; an empty text gives zeros."""
    vector, weights = mean_pool(TOKENS, MASK)
    assert vector.tolist() == [[2.0, -6.0], [0.0, 0.0]]
    assert weights.tolist() == [pytest.approx([0.5, 0.5, 0.0]), [0.0, 0.0, 0.0]]


SCORES: list[Any] = [
    *(kind for kind, entry in ATTENTION.items() if "query" in entry.roles),
    {"kind": "location", "length": 7},
    {"kind": "local", "centre": "monotone", "half_width": 1},
    {"kind": "local", "centre": "predicted", "score": "concat"},
    {"kind": "dot", "normaliser": "sparsemax"},
]


def test_the_last_state_can_be_the_query() -> None:
    """By dot, scores of [1, 2] and three tokens are 1, 2 and 3; padding is skipped; an empty text gives zeros."""
    options = TypeAdapter[StateQueryOptions](StateQueryOptions).validate_python({"kind": "attention", "score": "dot"})
    tokens = torch.tensor([[[1.0, 0], [0, 1], [1, 1], [9, 9]]]).expand(2, -1, -1)
    mask = torch.tensor([[True, True, True, False], [False] * 4])
    pooling = Pooling(options, 2)
    assert not list(pooling.parameters())
    pooled = pooling(tokens, mask, torch.tensor([[1.0, 2], [1, 2]]))
    weights = torch.tensor([[0.090031, 0.244728, 0.665241, 0], [0, 0, 0, 0]])
    torch.testing.assert_close(pooled.weights["tokens"], weights, atol=1e-6, rtol=0)
    torch.testing.assert_close(pooled.vector, torch.tensor([[0.755272, 0.909969], [0, 0]]), atol=1e-6, rtol=0)


def test_a_learned_query_is_a_parameter() -> None:
    """It has a gradient, and is equal for all texts."""
    options = TypeAdapter[PoolingOptions](PoolingOptions).validate_python({"kind": "attention", "score": "dot"})
    torch.manual_seed(0)
    pooling = Pooling(options, 2)
    assert [name for name, _ in pooling.named_parameters()] == ["question"]
    pooled = pooling(TOKENS, torch.ones(2, 3, dtype=torch.bool))
    expected = (TOKENS @ pooling.get_parameter("question")).softmax(-1)
    torch.testing.assert_close(pooled.weights["tokens"], expected)
    torch.testing.assert_close(pooled.vector, (expected.unsqueeze(1) @ TOKENS).squeeze(1))


@pytest.mark.parametrize("query", ["last", "learned"])
@pytest.mark.parametrize("score", SCORES, ids=str)
def test_every_score_can_be_chosen(score: Any, query: str) -> None:
    """Scores are chosen by name, with numbers, and with a normaliser; each has gradients."""
    written = {"kind": "attention", "score": score, "query": query}
    torch.manual_seed(0)
    pooling = Pooling(TypeAdapter[StateQueryOptions](StateQueryOptions).validate_python(written), 4)
    tokens, last = torch.randn(2, 5, 4, requires_grad=True), torch.randn(2, 4, requires_grad=True)
    pooled = pooling(tokens, torch.ones(2, 5, dtype=torch.bool), last)
    assert pooled.vector.shape == (2, 4) and pooled.weights["tokens"].shape == (2, 5)
    pooled.vector.square().sum().backward()
    assert tokens.grad is not None and tokens.grad.any()


def test_no_last_state_where_there_is_none() -> None:
    """Poolings of other encoders do not offer the last state, nor a mechanism that is no score."""
    for wrong in ({"kind": "attention", "query": "last"}, {"kind": "attention", "score": "source2token"}):
        with pytest.raises(ValidationError):
            TypeAdapter[PoolingOptions](PoolingOptions).validate_python(wrong)
