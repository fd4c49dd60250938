"""Additive and multiplicative scores under global attention: the papers' numbers and definitions."""

import pytest
import torch

from glimpse.agents.attention.additive import AdditiveScore
from glimpse.agents.attention.global_attention import GlobalAttention
from glimpse.agents.attention.multiplicative import DotScore, GeneralScore, LinearConcatScore, LocationScore

ANNOTATIONS = torch.tensor([[[1.0, 0], [0, 1], [1, 1]]])


def test_bahdanau_by_hand() -> None:
    """Compute W = U = I, v = 1, s = [.5, -.5] by hand."""
    score = AdditiveScore(2, 2, 2)
    with torch.no_grad():
        score.query.weight.copy_(torch.eye(2))
        score.key.weight.copy_(torch.eye(2))
        score.out.weight.fill_(1)
    query = torch.tensor([[[0.5, -0.5]]])
    torch.testing.assert_close(score(query, ANNOTATIONS), torch.tensor([[[0.443031, 0.924234, 1.367265]]]))
    context, weights = GlobalAttention(score)(query, ANNOTATIONS, ANNOTATIONS)
    torch.testing.assert_close(weights, torch.tensor([[[0.194630, 0.314915, 0.490455]]]), atol=1e-6, rtol=0)
    torch.testing.assert_close(context, torch.tensor([[[0.685085, 0.805370]]]), atol=1e-6, rtol=0)


def test_keys_computed_once() -> None:
    """A decoder's step from prepared keys equals the call from raw ones; W and U are halves of concat's matrix."""
    torch.manual_seed(0)
    score = AdditiveScore(3, 4, 5)
    query, key = torch.randn(2, 6, 3), torch.randn(2, 7, 4)
    keys = score.keys(key)
    stepwise = torch.cat([score.of_keys(query[:, i : i + 1], keys) for i in range(6)], 1)
    torch.testing.assert_close(stepwise, score(query, key))
    joined = torch.cat([query[:, :, None].expand(-1, -1, 7, -1), key[:, None].expand(-1, 6, -1, -1)], -1)
    matrix = torch.cat([score.query.weight, score.key.weight], 1)
    torch.testing.assert_close((joined @ matrix.T).tanh() @ score.out.weight[0], score(query, key))
    assert sum(p.numel() for p in score.parameters()) == 3 * 5 + 4 * 5 + 5


def test_luong_dot_by_hand() -> None:
    """The scores of H = [1, 2] and the annotations are 1, 2, 3."""
    context, weights = GlobalAttention(DotScore())(torch.tensor([[[1.0, 2]]]), ANNOTATIONS, ANNOTATIONS)
    torch.testing.assert_close(weights, torch.tensor([[[0.090031, 0.244728, 0.665241]]]), atol=1e-6, rtol=0)
    torch.testing.assert_close(context, torch.tensor([[[0.755272, 0.909969]]]), atol=1e-6, rtol=0)


def test_general_with_the_identity_is_dot() -> None:
    """And scaled dot is dot divided by the root of the width."""
    torch.manual_seed(0)
    query, key, general = torch.randn(2, 3, 4), torch.randn(2, 5, 4), GeneralScore(4, 4)
    with torch.no_grad():
        general.weight.weight.copy_(torch.eye(4))
    torch.testing.assert_close(general(query, key), DotScore()(query, key))
    torch.testing.assert_close(DotScore(0.5)(query, key), DotScore()(query, key) / 2)


def test_general_is_a_bilinear_form() -> None:
    """It is q^T W k with widths 3 and 4, which W^T would not fit."""
    torch.manual_seed(0)
    query, key, general = torch.randn(1, 1, 3), torch.randn(1, 1, 4), GeneralScore(3, 4)
    expected = key[0, 0] @ general.weight.weight @ query[0, 0]
    torch.testing.assert_close(general(query, key)[0, 0, 0], expected)


def test_location_uses_no_key() -> None:
    """Only the number of keys matters, and it has a limit."""
    torch.manual_seed(0)
    score, query = LocationScore(4, 6), torch.randn(2, 3, 4)
    torch.testing.assert_close(score(query, torch.randn(2, 5, 4)), query @ score.positions.weight[:5].T)
    with pytest.raises(ValueError, match="6 positions, which are too few for a text of 7 tokens"):
        score(query, torch.randn(2, 7, 4))


def test_linear_concat() -> None:
    """The score is w^T [q; k]."""
    torch.manual_seed(0)
    score, query, key = LinearConcatScore(2, 3), torch.randn(1, 2, 2), torch.randn(1, 4, 3)
    w = torch.cat([score.query.weight, score.key.weight], 1)[0]
    torch.testing.assert_close(score(query, key)[0, 1, 2], w @ torch.cat([query[0, 1], key[0, 2]]))
