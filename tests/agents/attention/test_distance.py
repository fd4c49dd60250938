"""The distance mask: its numbers, and directional attention without it."""

import pytest
import torch

from glimpse.agents.attention.distance import Distance
from glimpse.agents.attention.masks import Forward
from glimpse.agents.attention.multi_head import MultiHead


def zero_logits(alpha: float, direction: str = "forward", width: int = 4) -> Distance:
    """Make a module with logits of zero, whose values are not mapped."""
    attention = Distance(width, 2, alpha, direction)
    with torch.no_grad():
        attention.heads.query.weight.zero_()
        attention.heads.value.weight.copy_(torch.eye(width))
        attention.heads.out.weight.copy_(torch.eye(width))
    return attention


@pytest.mark.parametrize(
    ("alpha", "row"),
    [(1.5, [0.039113, 0.175290, 0.785597, 0]), (1, [0.090031, 0.244728, 0.665241, 0]), (0, [1 / 3, 1 / 3, 1 / 3, 0])],
)
def test_by_hand(alpha: float, row: list[float]) -> None:
    """Four tokens, zero logits, forward: the last row, with and without weights, is that computed by hand."""
    x, attention = torch.eye(4)[None], zero_logits(alpha)
    context, weights = attention(x, x, x)
    for head in weights[0, :, 3]:
        torch.testing.assert_close(head, torch.tensor(row), atol=1e-6, rtol=0)
    assert (weights[0, :, 0] == 0).all() and (context[0, 0] == 0).all()
    torch.testing.assert_close(attention(x, x, x, need_weights=False).context, context)
    torch.testing.assert_close(context[0, 3], torch.tensor(row), atol=1e-6, rtol=0)


def test_neighbours_differ_by_e_to_the_alpha() -> None:
    """Weights at distances k and k + 1 differ by e^alpha, in both directions."""
    x = torch.randn(1, 6, 4)
    weights = zero_logits(0.7, "diagonal_disabled")(x, x, x).weights[0, 0]
    torch.testing.assert_close(weights[5, 1:5] / weights[5, :4], torch.full((4,), 0.7).exp())
    torch.testing.assert_close(weights[0, 1:5] / weights[0, 2:], torch.full((4,), 0.7).exp())


@pytest.mark.parametrize("need_weights", [True, False])
def test_alpha_zero_is_directional_multi_head(need_weights: bool) -> None:
    """With alpha = 0 it equals multi-head attention under the direction's mask: padding, gradients, empty rows."""
    torch.manual_seed(0)
    ours, plain, x = Distance(6, 2, alpha=0), MultiHead(6, 2, bias=False), torch.randn(2, 5, 6)
    plain.heads.load_state_dict(ours.heads.state_dict())
    real = torch.tensor([[True] * 5, [True, True, False, False, False]])
    found = ours(x, x, x, real[:, None], need_weights=need_weights)
    expected = plain(x, x, x, Forward().over(real), need_weights=need_weights)
    torch.testing.assert_close(found, expected)
    found.context.square().sum().backward()
    expected.context.square().sum().backward()
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)
    assert (found.context[:, 0] == 0).all()


def test_it_is_an_alibi_of_slope_alpha() -> None:
    """It equals torch's function with the bias as a float mask, causal without the diagonal."""
    torch.manual_seed(0)
    attention, x = Distance(4, 1, alpha=1.5), torch.randn(1, 5, 4)
    slope = -1.5 * (torch.arange(5)[:, None] - torch.arange(5)).float()
    bias = slope.masked_fill(~Forward()(5, 5), float("-inf"))
    maps = attention.heads
    expected = torch.nn.functional.scaled_dot_product_attention(maps.query(x), maps.key(x), maps.value(x), bias)
    torch.testing.assert_close(attention(x, x, x).context, maps.out(expected.nan_to_num()))


@pytest.mark.parametrize("need_weights", [True, False])
def test_layer_norm_of_the_projections(need_weights: bool) -> None:
    """Layer norm applies to q, k and v head by head, and to the output; a row that reads nothing stays zero."""
    torch.manual_seed(0)
    attention, x = Distance(6, 2, alpha=0.5, layer_norm=True), torch.randn(1, 5, 6)
    with torch.no_grad():
        attention.norms[3].get_parameter("bias").fill_(7)
    first = list(attention.norms)[:3]
    q, k, v = (norm(each) for norm, each in zip(first, attention.heads.split(x, x, x), strict=True))
    torch.testing.assert_close(q.mean(-1), torch.zeros(1, 2, 5), atol=1e-5, rtol=0)
    scores = q @ k.transpose(2, 3) / 3**0.5 - 0.5 * (torch.arange(5)[:, None] - torch.arange(5)).abs()
    weights = scores.masked_fill(~Forward()(5, 5), float("-inf")).softmax(-1)[:, :, 1:]
    expected = attention.norms[3](attention.heads.out((weights @ v).transpose(1, 2).flatten(2)))
    found = attention(x, x, x, need_weights=need_weights).context
    torch.testing.assert_close(found[:, 1:], expected)
    assert (found[:, 0] == 0).all()
