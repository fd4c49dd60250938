"""Local attention: windows, the Gaussian that is not renormalised, and gradients of the predicted position."""

import torch
from torch import Tensor, nn

from glimpse.agents.attention.global_attention import GlobalAttention
from glimpse.agents.attention.local import LocalAttention
from glimpse.agents.attention.masks import Causal, Window
from glimpse.agents.attention.multiplicative import DotScore, GeneralScore


class Given(nn.Module):
    """Scores that are the keys themselves, (B, n_k, 1)."""

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """The same for each query."""
        return key.transpose(1, 2).expand(-1, query.shape[1], -1)


def test_monotone_by_hand() -> None:
    """Compute t = 2, D = 1, scores .1 to .5 by hand; a decoder that attends at step 2 alone gets the same."""
    attention = LocalAttention(Given(), 1, half_width=1, centre="monotone")
    key = torch.tensor([[[0.1], [0.2], [0.3], [0.4], [0.5]]])
    weights = attention(torch.zeros(1, 5, 1), key, key).weights
    torch.testing.assert_close(weights[0, 2], torch.tensor([0, 0.300610, 0.332225, 0.367165, 0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(attention(torch.zeros(1, 1, 1), key, key, first=2).weights[0, 0], weights[0, 2])
    assert not list(attention.parameters())


def predicted(half_width: int, gaussian: bool = True) -> LocalAttention:
    """Make a local-p whose v_p is 0, so that p = S / 2."""
    attention = LocalAttention(Given(), 3, half_width, gaussian=gaussian)
    with torch.no_grad():
        attention.get_parameter("predict.2.weight").zero_()
    return attention


def test_gaussian_by_hand() -> None:
    """With S = 10, D = 4 and equal scores: p = 5, nine keys, weights 1/9 times the Gaussian with sigma 2."""
    key = torch.zeros(1, 10, 1)
    weights = predicted(4)(torch.randn(1, 1, 3), key, key).weights[0, 0]
    bell = torch.tensor([1, 0.882497, 0.606531, 0.324652, 0.135335])
    expected = torch.cat([torch.zeros(1), bell.flip(0), bell[1:]]) / 9
    torch.testing.assert_close(weights, expected, atol=1e-6, rtol=0)
    assert weights.sum() < 1


def test_a_position_between_two_tokens() -> None:
    """With S = 11 real tokens of 14, p = 5.5 and the weights are symmetric about it."""
    key = torch.zeros(1, 14, 1)
    real = torch.arange(14)[None, None] < 11
    weights = predicted(4)(torch.randn(1, 1, 3), key, key, real).weights[0, 0]
    assert weights.nonzero()[:, 0].tolist() == [2, 3, 4, 5, 6, 7, 8, 9]
    torch.testing.assert_close(weights[:12], weights[:12].flip(0))


def test_a_wide_window_without_gaussian_is_global() -> None:
    """Both centres agree with global attention."""
    torch.manual_seed(0)
    query, key = torch.randn(2, 4, 3), torch.randn(2, 6, 3)
    mask = torch.rand(2, 4, 6) < 0.7
    expected = GlobalAttention(DotScore())(query, key, key, mask)
    for centre in ("monotone", "predicted"):
        found = LocalAttention(DotScore(), 3, 6, centre, gaussian=False)(query, key, key, mask)
        torch.testing.assert_close(found, expected)


def test_only_the_gaussian_moves_the_position() -> None:
    """The predictor's gradients agree with finite differences; without the Gaussian there are none."""
    torch.manual_seed(3)
    query, key = torch.randn(1, 2, 3, dtype=torch.float64), torch.randn(1, 7, 3, dtype=torch.float64)
    attention = LocalAttention(GeneralScore(3, 3), 3, half_width=2).double()
    assert isinstance(attention.predict, nn.Sequential)
    assert torch.autograd.gradcheck(
        lambda q, k, *_: attention(q, k, k).context,
        (query.requires_grad_(), key.requires_grad_(), *attention.parameters()),
    )
    attention.gaussian = False
    found = torch.autograd.grad(
        attention(query, key, key).context.sum(), list(attention.predict.parameters()), allow_unused=True
    )
    assert list(found) == [None, None]


def test_windows_end_with_the_sentence() -> None:
    """Windows are cut at both borders; a window may be the position alone."""
    key = torch.zeros(1, 4, 1)
    wide = LocalAttention(Given(), 1, half_width=1, centre="monotone")(torch.zeros(1, 4, 1), key, key).weights
    assert (wide[0] > 0).int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
    narrow = LocalAttention(Given(), 1, half_width=0, centre="monotone")(torch.zeros(1, 4, 1), key, key).weights
    torch.testing.assert_close(narrow[0], torch.eye(4))
    # p = 4 sigmoid(-50) = 0 and p = 4 sigmoid(50) = 4, which is behind the last token.
    attention = LocalAttention(Given(), 1, half_width=2)
    with torch.no_grad():
        attention.get_parameter("predict.0.weight").fill_(1)
        attention.get_parameter("predict.2.weight").fill_(50)
    weights = attention(torch.tensor([[[-9.0], [9.0]]]), key, key).weights[0]
    assert (weights > 0).int().tolist() == [[1, 1, 1, 0], [0, 0, 1, 1]]
    torch.testing.assert_close(weights[0], torch.tensor([1, 0.606531, 0.135335, 0]) / 3, atol=1e-6, rtol=0)


def test_a_pattern_of_pairs_does_not_shorten_the_sentence() -> None:
    """S is the number of real tokens, even where each query may read few of them."""
    query = torch.zeros(1, 6, 3)
    real = torch.arange(6)[None, None] < 4
    for mask in (real, real & Causal()(6, 6), real & Window(width=1)(6, 6)):
        position = predicted(4).centre(query, mask.expand(1, 6, 6))
        torch.testing.assert_close(position, torch.full((1, 6, 1), 2.0))
