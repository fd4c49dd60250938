"""Multi-head attention against torch's own, and the Transformer's numbers."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.masks import Causal
from glimpse.agents.attention.multi_head import MultiHead, scaled_dot_product
from glimpse.agents.attention.positions import sinusoids


def test_by_hand() -> None:
    """Compute two queries and three keys of width 2 by hand."""
    key, value = torch.tensor([[1.0, 0], [0, 1], [1, 1]]), torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    context, weights = scaled_dot_product(torch.eye(2), key, value, None)
    expected = torch.tensor([[0.401112, 0.197776, 0.401112], [0.197776, 0.401112, 0.401112]])
    torch.testing.assert_close(weights, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(context, torch.tensor([[3, 4], [3.406673, 4.406673]]), atol=1e-6, rtol=0)


def masks() -> dict[str, Tensor | None]:
    """Make masks of two sentences of five tokens."""
    real = torch.tensor([[True] * 5, [True, True, True, False, False]])
    return {"none": None, "causal": Causal()(5, 5), "padding": real[:, None], "both": Causal().over(real)}


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("name", ["none", "causal", "padding", "both"])
def test_equals_torchs_module(name: str, need_weights: bool) -> None:
    """Outputs and gradients equal those of nn.MultiheadAttention with copied parameters, with and without weights."""
    torch.manual_seed(0)
    ours, theirs, x = MultiHead(12, 3), nn.MultiheadAttention(12, 3, batch_first=True), torch.randn(2, 5, 12)
    maps = ours.heads
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([maps.query.weight, maps.key.weight, maps.value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([maps.query.bias, maps.key.bias, maps.value.bias]))
        theirs.out_proj.load_state_dict(maps.out.state_dict())
    mask = masks()[name]
    # Its bools mean the contrary: True is not read; and heads are folded into the batch.
    hidden = None if mask is None else ~mask.expand(2, 5, 5).repeat_interleave(3, 0)
    context, weights = ours(x, x, x, mask, need_weights=need_weights)
    expected, their_weights = theirs(x, x, x, attn_mask=hidden, average_attn_weights=False)
    torch.testing.assert_close(context, expected)
    if need_weights:
        torch.testing.assert_close(weights, their_weights)
    else:
        assert weights is None
    context.square().sum().backward()
    expected.square().sum().backward()
    assert theirs.in_proj_weight.grad is not None and maps.key.weight.grad is not None
    torch.testing.assert_close(maps.key.weight.grad, theirs.in_proj_weight.grad[12:24])


def test_equals_torchs_function_for_float_and_bool_masks() -> None:
    """A bias equals torch's float mask; in both libraries True means that a token may be read."""
    torch.manual_seed(0)
    q, k, v, bias = torch.randn(2, 3, 4, 8), torch.randn(2, 3, 6, 8), torch.randn(2, 3, 6, 8), torch.randn(4, 6)
    allowed = torch.rand(2, 1, 4, 6) < 0.6
    for mask, added in ((None, None), (allowed, None), (None, bias), (allowed, bias)):
        float_mask = (torch.zeros(4, 6) if added is None else added) + (
            0 if mask is None else torch.zeros(2, 1, 4, 6).masked_fill(~mask, float("-inf"))
        )
        expected = F.scaled_dot_product_attention(q, k, v, float_mask).nan_to_num()
        for need_weights in (True, False):
            found = scaled_dot_product(q, k, v, mask, added, need_weights=need_weights).context
            torch.testing.assert_close(found, expected)


def test_later_tokens_are_not_read() -> None:
    """A changed later token leaves earlier outputs identical to the bit."""
    torch.manual_seed(0)
    attention, x = MultiHead(8, 2), torch.randn(1, 6, 8)
    changed = x.clone()
    changed[:, 4:] += 1
    for need_weights in (True, False):
        before, after = (attention(y, y, y, Causal()(6, 6), need_weights=need_weights).context for y in (x, changed))
        assert torch.equal(before[:, :4], after[:, :4])
        assert not torch.equal(before[:, 4:], after[:, 4:])


def test_heads_must_divide_the_width() -> None:
    """Other numbers of heads are refused."""
    with pytest.raises(ValueError, match="5 heads do not divide a width of 12"):
        MultiHead(12, 5)


def test_sinusoids_by_hand() -> None:
    """Sinusoids of width 4 are as by hand; an odd width ends with a sine."""
    expected = torch.tensor(
        [[0, 1, 0, 1], [0.841471, 0.540302, 0.010000, 0.999950], [0.909297, -0.416147, 0.019999, 0.999800]]
    )
    torch.testing.assert_close(sinusoids(3, 4), expected, atol=1e-6, rtol=0)
    assert sinusoids(7, 5).shape == (7, 5)
