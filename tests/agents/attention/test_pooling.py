"""Mechanisms that pool without a query: source2token, structured and hierarchical attention."""

import pytest
import torch
from torch import nn

from glimpse.agents.attention.context_vector import ContextVector, word_colour
from glimpse.agents.attention.source2token import Source2Token
from glimpse.agents.attention.structured import Structured, penalty


def test_source2token_by_its_definition() -> None:
    """Each feature has a softmax over the real tokens; the query is not used."""
    torch.manual_seed(0)
    pool, x = Source2Token(3), torch.randn(2, 4, 3)
    real = torch.tensor([[True] * 4, [True, True, False, False]])
    context, weights = pool(None, x, x, real[:, None])
    assert context.shape == (2, 1, 3) and weights.shape == (2, 1, 4, 3)
    first, second = pool.score[1], pool.score[4]
    logits = second(nn.functional.elu(first(x[1, :2])))
    expected = logits.softmax(0)
    torch.testing.assert_close(weights[1, 0, :2], expected)
    assert (weights[1, 0, 2:] == 0).all()
    torch.testing.assert_close(context[1, 0], (expected * x[1, :2]).sum(0))
    torch.testing.assert_close(pool(None, x, x, real[:, None], need_weights=False).context, context)


def test_source2token_parameters() -> None:
    """There are 2 (D^2 + D) parameters: 721,200 for DiSAN's two directions of 300."""
    assert sum(p.numel() for p in Source2Token(600).parameters()) == 721_200


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[0.25] * 4, [0.25] * 4], 1.25),
        ([[0.0, 1, 0]] * 3, 6),
        ([[1.0, 0, 0], [0, 0, 1]], 0),
        ([[0.5, 0.5, 0], [0, 0.5, 0.5]], 0.625),
    ],
)
def test_penalty_by_hand(rows: list[list[float]], expected: float) -> None:
    """Uniform hops, hops on one word, separate hops and overlapping hops; the mean is r^2 times smaller."""
    weights = torch.tensor([rows, rows])
    assert penalty(weights).item() == pytest.approx(expected)
    assert penalty(weights, "mean").item() == pytest.approx(expected / len(rows) ** 2)
    assert penalty(weights.flip(1)).item() == pytest.approx(expected)


def test_penalty_of_one_hop() -> None:
    """The penalty of one hop is (|a|^2 - 1)^2."""
    assert penalty(torch.tensor([[[0.5, 0.5]]])).item() == pytest.approx(0.25)


def test_structured_by_its_definition() -> None:
    """A = softmax(W_2 tanh(W_1 H^T)) and M = A H; permuted hops are permuted rows."""
    torch.manual_seed(0)
    attention, x = Structured(4, hidden=5, hops=3), torch.randn(2, 6, 4)
    real = torch.arange(6) < torch.tensor([6, 2])[:, None]
    context, weights = attention(x, x, x, real[:, None])
    first, last = attention.get_parameter("score.0.weight"), attention.get_parameter("score.2.weight")
    expected = (last @ (first @ x[1, :2].T).tanh()).softmax(-1)
    torch.testing.assert_close(weights[1, :, :2], expected)
    torch.testing.assert_close(context[1], expected @ x[1, :2])
    with torch.no_grad():
        last.copy_(last[[2, 0, 1]])
    torch.testing.assert_close(attention(x, x, x, real[:, None]).context, context[:, [2, 0, 1]])
    assert sum(p.numel() for p in attention.parameters()) == 5 * 4 + 3 * 5


def test_a_context_vector_of_zero_is_the_mean() -> None:
    """With u_w = 0 it is exactly HN-AVE; else scores are u_t . u_w; a single token has all the weight."""
    torch.manual_seed(0)
    attention, x = ContextVector(4, 3), torch.randn(2, 5, 4)
    expected = ((x @ attention.hidden.weight.T + attention.hidden.bias).tanh() @ attention.question).softmax(-1)
    torch.testing.assert_close(attention(None, x, x).weights[:, 0], expected)
    assert attention(None, x[:, :1], x[:, :1]).weights.tolist() == [[[1]], [[1]]]
    with torch.no_grad():
        attention.question.zero_()
    real = torch.tensor([[True] * 5, [True, True, True, False, False]])
    context = attention(None, x, x, real[:, None]).context
    torch.testing.assert_close(context[1, 0], x[1, :3].mean(0))


def test_word_colours_by_hand() -> None:
    """Colours are sqrt(p_s) p_w, for 2 sentences of 2 words."""
    found = word_colour(torch.tensor([0.25, 0.75]), torch.tensor([[0.5, 0.5], [0.9, 0.1]]))
    torch.testing.assert_close(found, torch.tensor([[0.25, 0.25], [0.779423, 0.086603]]), atol=1e-6, rtol=0)
