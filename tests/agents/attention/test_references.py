"""Agreement with published packages, where these are installed: `entmax` and `x-transformers`."""

import warnings
from functools import partial
from typing import Any

import pytest
import torch

from glimpse.agents.attention.distance import distances
from glimpse.agents.attention.masks import Causal, Forward
from glimpse.agents.attention.multi_head import scaled_dot_product
from glimpse.agents.attention.normalisers import entmax, entmax15, sparsemax, topk


def imported(name: str) -> Any:
    """Import a package without its warnings, or skip the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, exc_type=ImportError)


@pytest.mark.parametrize("scale", [0.1, 1, 30])
def test_normalisers_are_those_of_entmax(scale: float) -> None:
    """Weights and gradients equal those of `entmax`, with hidden scores, for 6 rows of 9."""
    package = imported("entmax")
    torch.manual_seed(0)
    z = (scale * torch.randn(6, 9, dtype=torch.float64)).requires_grad_()
    mask = torch.rand(6, 9) < 0.7
    mask[:, 0] = True
    hidden, upstream = z.masked_fill(~mask, -1e9), torch.randn(6, 9, dtype=torch.float64)
    pairs = [(sparsemax, package.sparsemax), (entmax15, package.entmax15)]
    for alpha in (1.1, 1.33, 1.9, 2.5, 3.5):
        pairs.append((partial(entmax, alpha=alpha), partial(package.entmax_bisect, alpha=alpha, n_iter=100)))
    for ours, theirs in pairs:
        found, expected = ours(z, mask), theirs(hidden)
        torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)
        mine, other = (torch.autograd.grad((each * upstream).sum(), z, retain_graph=True) for each in (found, expected))
        torch.testing.assert_close(mine, other, atol=1e-7, rtol=0)


def test_distance_is_the_alibi_of_x_transformers() -> None:
    """Attention equals ALiBi with slope alpha, under a causal mask without the diagonal."""
    modules, attend = imported("x_transformers.x_transformers"), imported("x_transformers.attend")
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 1, 6, 4) for _ in range(3))
    bias = modules.AlibiPositionalBias(1, slopes=[1.5])(6, 6)
    torch.testing.assert_close(-1.5 * distances(6, 6), bias[0])
    forward = Forward()(6, 6)[None, None]
    theirs, _ = attend.Attend(heads=1)(q, k, v, mask=forward, attn_bias=bias)
    ours = scaled_dot_product(q, k, v, forward, -1.5 * distances(6, 6)).context
    torch.testing.assert_close(ours[:, :, 1:], theirs[:, :, 1:])


def test_topk_is_that_of_x_transformers() -> None:
    """Each token reads three of the tokens before it."""
    attend = imported("x_transformers.attend")
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, 8, 4) for _ in range(3))
    theirs, _ = attend.Attend(heads=3, causal=True, sparse_topk=3)(q, k, v)
    ours = scaled_dot_product(q, k, v, Causal()(8, 8), normalise=partial(topk, k=3)).context
    torch.testing.assert_close(ours, theirs)
