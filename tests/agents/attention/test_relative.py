"""Relative positions: the triple loop, special cases, and the fast form."""

import pytest
import torch
from torch import Tensor

from glimpse.agents.attention import relative_fast
from glimpse.agents.attention.masks import Forward, Window
from glimpse.agents.attention.multi_head import MultiHead
from glimpse.agents.attention.relative import Relative, offsets, relative_attention
from glimpse.agents.attention.relative_fast import relative_softmax


def drawn(*shape: int) -> Tensor:
    """Draw a seeded float64 tensor with a gradient."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def test_by_hand() -> None:
    """Compute identity projections of width 2 and clip 1 by hand."""
    x = torch.tensor([[[[1.0, 0], [0, 1], [1, 1]]]])
    w_k, w_v = torch.tensor([[0.1, 0.2], [0, 0], [0.3, -0.1]]), torch.tensor([[1.0, 0], [0, 0], [0, 1]])
    context, weights = relative_attention(x * 2**-0.5, x, x, w_k, w_v, None)
    expected = [[0.351383, 0.214198, 0.434419], [0.227215, 0.400048, 0.372737], [0.274691, 0.274691, 0.450618]]
    read = torch.tensor([[0.785802, 1.297234], [0.827168, 1.145522], [1.274691, 0.725309]])
    assert weights is not None
    torch.testing.assert_close(weights[0, 0], torch.tensor(expected), atol=1e-6, rtol=0)
    torch.testing.assert_close(context[0, 0], read, atol=1e-6, rtol=0)
    torch.testing.assert_close(relative_softmax(x * 2**-0.5, x, x, w_k, w_v, None)[0, 0], read, atol=1e-6, rtol=0)


def triple_loop(q: Tensor, k: Tensor, v: Tensor, w_k: Tensor, w_v: Tensor, mask: Tensor) -> Tensor:
    """Compute the definition, one sentence and head at a time, on (B, h, n, d) and a mask (B, h, n, n)."""
    clip, context = len(w_k) // 2, torch.zeros_like(q)
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            for i in range(q.shape[2]):
                row = [min(max(j - i, -clip), clip) + clip for j in range(q.shape[2])]
                scores = torch.stack([q[b, h, i] @ (k[b, h, j] + w_k[row[j]]) for j in range(q.shape[2])])
                if mask[b, h, i].any():
                    weights = scores.masked_fill(~mask[b, h, i], float("-inf")).softmax(-1)
                    context[b, h, i] = sum(weights[j] * (v[b, h, j] + w_v[row[j]]) for j in range(q.shape[2]))
    return context


def some_masks(n: int) -> dict[str, Tensor | None]:
    """Make masks of each shape that a mask may have, with rows that read nothing."""
    real = torch.arange(n) < torch.tensor([n, 2])[:, None]
    torch.manual_seed(0)
    every = torch.rand(2, 3, n, n) < 0.4
    every[0, 1, 0] = False
    return {"none": None, "padding": real[:, None, None], "forward": Forward()(n, n)[None, None], "heads": every}


@pytest.mark.parametrize("name", ["none", "padding", "forward", "heads"])
@pytest.mark.parametrize(("n", "clip"), [(1, 2), (6, 0), (6, 1), (5, 9)])
def test_equals_the_triple_loop(n: int, clip: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both forms agree with it, gradients too; the fast one also where a chunk holds some of the heads."""
    q, k, v = drawn(2, 3, n, 4), drawn(2, 3, n, 4), drawn(2, 3, n, 4)
    w_k, w_v, upstream = drawn(2 * clip + 1, 4), drawn(2 * clip + 1, 4), drawn(2, 3, n, 4).detach()
    mask = some_masks(n)[name]
    whole = torch.ones(2, 3, n, n, dtype=torch.bool) if mask is None else mask.expand(2, 3, n, n)
    slow = triple_loop(q, k, v, w_k, w_v, whole)
    inputs = q, k, v, w_k, w_v
    # A lone token that may not read itself moves nothing.
    expected = torch.autograd.grad((slow + 0 * q).mul(upstream).sum(), inputs, materialize_grads=True)
    gathered = relative_attention(q, k, v, w_k, w_v, mask).context
    fast = relative_softmax(q, k, v, w_k, w_v, mask)
    monkeypatch.setattr(relative_fast, "_CELLS", 2 * n * n)
    chunked = relative_softmax(q, k, v, w_k, w_v, mask)
    for found in (gathered, fast, chunked):
        torch.testing.assert_close(found, slow)
        gradients = torch.autograd.grad((found * upstream).sum(), inputs)
        torch.testing.assert_close(gradients, expected, atol=1e-10, rtol=1e-10)


def same_maps(width: int, heads: int, clip: int) -> tuple[Relative, MultiHead]:
    """Make a relative and a plain module with the same maps."""
    torch.manual_seed(0)
    relative, plain = Relative(width, heads, clip), MultiHead(width, heads)
    plain.heads.load_state_dict(relative.heads.state_dict())
    return relative, plain


@pytest.mark.parametrize("need_weights", [True, False])
def test_zero_tables_are_plain_attention(need_weights: bool) -> None:
    """It is exactly multi-head attention; and tables add 2 (2 k + 1) d_z parameters a layer."""
    relative, plain = same_maps(8, 2, 3)
    extra = sum(p.numel() for p in relative.parameters()) - sum(p.numel() for p in plain.parameters())
    assert extra == 2 * 7 * 4
    with torch.no_grad():
        relative.key_table.zero_()
        relative.value_table.zero_()
    x, mask = torch.randn(2, 6, 8), Window(width=2)(6, 6)
    found, expected = (module(x, x, x, mask, need_weights=need_weights) for module in (relative, plain))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("need_weights", [True, False])
def test_clip_zero_only_shifts_the_output(need_weights: bool) -> None:
    """Weights are those of plain attention, and w^V[0] is added to each context."""
    relative, plain = same_maps(8, 2, 0)
    x = torch.randn(2, 6, 8)
    found, expected = (module(x, x, x, need_weights=need_weights) for module in (relative, plain))
    shift = relative.heads.out.weight @ relative.value_table[0].repeat(2)
    torch.testing.assert_close(found.context, expected.context + shift)
    torch.testing.assert_close(found.weights, expected.weights)


def test_only_distances_matter() -> None:
    """A sentence moved to the right, with the tokens before it hidden, has the same context."""
    relative, _ = same_maps(8, 2, 2)
    x, real = torch.randn(1, 9, 8), torch.arange(9)[None] >= 4
    for need_weights in (True, False):
        later = relative(x, x, x, real[:, None], need_weights=need_weights).context[:, 4:]
        torch.testing.assert_close(relative(*[x[:, 4:]] * 3, need_weights=need_weights).context, later)


def test_offsets() -> None:
    """Offsets are clipped j - i + k, also for a rectangle."""
    assert offsets(2, 4, 1).tolist() == [[1, 2, 2, 2], [0, 1, 2, 2]]


@pytest.mark.parametrize("name", ["none", "padding", "forward", "heads"])
def test_fused_gradients_by_finite_differences(name: str) -> None:
    """Gradients of the fast form agree with finite differences."""
    inputs = drawn(2, 3, 4, 2), drawn(2, 3, 4, 2), drawn(2, 3, 4, 2), drawn(3, 2), drawn(3, 2)
    mask = some_masks(4)[name]

    def fused(q: Tensor, k: Tensor, v: Tensor, key_table: Tensor, value_table: Tensor) -> Tensor:
        return relative_softmax(q, k, v, key_table, value_table, mask)

    assert torch.autograd.gradcheck(fused, inputs)


@pytest.mark.parametrize("need_weights", [True, False])
def test_extreme_scores(need_weights: bool) -> None:
    """With queries a thousand times as large, one key has all the weight, and gradients are finite."""
    relative, _ = same_maps(8, 2, 2)
    x = (1e3 * torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0))).requires_grad_()
    found = relative(x, x, x, Window(width=1)(6, 6), need_weights=need_weights).context
    found.sum().backward()
    assert found.isfinite().all() and x.grad is not None and x.grad.isfinite().all()
    torch.testing.assert_close(found, relative(x, x, x, Window(width=1)(6, 6)).context, rtol=1e-4, atol=1e-2)
