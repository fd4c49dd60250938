"""Sparse patterns: fewer cells are computed than by dense attention, with equal results."""

from collections.abc import Iterator

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from glimpse.agents.attention import sparse as sparse_attention
from glimpse.agents.attention.attended import by_head
from glimpse.agents.attention.masks import (
    Block,
    Causal,
    CausalWindow,
    Dilated,
    Fixed,
    Forward,
    Full,
    GlobalTokens,
    Local,
    Padding,
    Pattern,
    Strided,
    Window,
    per_head,
)
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.multi_head import MultiHead
from glimpse.agents.attention.sparse import Sparse, make_plan
from glimpse.agents.attention.unions import AttentionOptions

N = 100  # Not a multiple of any stride or block.
PATTERNS: dict[str, Pattern] = {
    "window": Window(width=4),
    "causal window": CausalWindow(width=7),
    "local": Local(stride=10),
    "strided": Strided(stride=10),
    "local and strided": Local(stride=6) | Strided(stride=12),
    "fixed": Fixed(stride=10, columns=1),
    "block": Block(length=10),
    "dilated": Dilated(width=2, dilation=3),
    "dilated, causal": Dilated(width=2, dilation=3) & Causal(),
    "global": Window(width=2) | GlobalTokens(tokens=2),
}
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def short_texts_too(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use groups wherever they compute less than half of all cells, though dense is faster for short texts."""
    make_plan.cache_clear()
    monkeypatch.setattr(sparse_attention, "_ALONE", (0.5, 0))
    monkeypatch.setattr(sparse_attention, "_TOGETHER", (0.5, 0))
    yield
    make_plan.cache_clear()


@pytest.mark.parametrize("name", PATTERNS)
def test_a_plan_computes_each_cell_once(name: str) -> None:
    """The cells of its parts and whole rows are disjoint and are the pattern's; less than half of n x n is computed."""
    plan = make_plan(PATTERNS[name], N, CPU)
    assert plan is not None
    cells, computed = torch.zeros(N, N), len(plan.whole) * N
    for queries, keys, allowed, position in plan.parts:
        group, q, m = allowed.nonzero().T
        cells.index_put_((queries[group, q], keys[group, m]), torch.ones(len(group)), accumulate=True)
        assert torch.equal(queries.flatten()[position], torch.arange(N))
        computed += allowed.numel()
    cells[plan.whole] += plan.cells.float()
    assert torch.equal(cells, PATTERNS[name](N, N).float())
    assert computed < N * N / 2


def mask_of(kind: str) -> Tensor | None:
    """Make masks for two sentences and two heads."""
    torch.manual_seed(1)
    real = torch.arange(N) < torch.tensor([N, 37])[:, None]
    return {"none": None, "padding": real[:, None], "pairs": torch.rand(2, N, N) < 0.7}.get(
        kind, torch.rand(2, 2, N, N) < 0.7
    )


@pytest.mark.parametrize("normaliser", ["softmax", "sparsemax"])
@pytest.mark.parametrize("mask", ["none", "padding", "pairs", "heads"])
@pytest.mark.parametrize("name", PATTERNS)
def test_equals_dense_attention_under_the_mask(name: str, mask: str, normaliser: str) -> None:
    """Contexts and gradients agree with dense attention."""
    torch.manual_seed(0)
    sparse = Sparse(4, 2, PATTERNS[name], normaliser).double()
    dense = MultiHead(4, 2, normaliser).double()
    dense.heads.load_state_dict(sparse.heads.state_dict())
    x = torch.randn(2, N, 4, dtype=torch.float64, requires_grad=True)
    hidden, pattern = mask_of(mask), PATTERNS[name](N, N)
    expected = dense(x, x, x, pattern if hidden is None else pattern & hidden).context
    found = sparse(x, x, x, hidden, need_weights=False).context
    torch.testing.assert_close(found, expected)
    for mine, theirs in zip(
        torch.autograd.grad(found.square().sum(), [x, *sparse.parameters()]),
        torch.autograd.grad(expected.square().sum(), [x, *dense.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


def test_dense_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short texts and patterns of many keys are dense; several parts and whole rows cost more than one part."""
    monkeypatch.undo()
    window, both = Window(width=16), Local(stride=16) | Strided(stride=16)
    planned = {
        (name, n)
        for name, pattern in (("window", window), ("both", both), ("fixed", Fixed(stride=32)))
        for n in (64, 256, 1024)
        if make_plan(pattern, n, CPU) is not None
    }
    assert planned == {("window", 256), ("fixed", 256), ("window", 1024), ("both", 1024), ("fixed", 1024)}


def test_a_full_pattern_is_dense_attention() -> None:
    """A plan would save nothing, as for a window as wide as the sentence."""
    assert make_plan(Full(), N, CPU) is None
    assert make_plan(Window(width=N), N, CPU) is None
    torch.manual_seed(0)
    sparse, dense, x = Sparse(4, 2, Full()), MultiHead(4, 2), torch.randn(1, 9, 4)
    dense.heads.load_state_dict(sparse.heads.state_dict())
    for need_weights in (True, False):
        found, expected = (module(x, x, x, need_weights=need_weights) for module in (sparse, dense))
        torch.testing.assert_close(found, expected)


def test_short_and_rectangular_calls() -> None:
    """A single token, and fewer queries than keys, are dense."""
    sparse, x = Sparse(4, 2, Strided(stride=3)), torch.randn(1, 5, 4)
    assert sparse(x[:, :1], x[:, :1], x[:, :1], need_weights=False).context.isfinite().all()
    dense = sparse(x[:, :2], x, x).context
    torch.testing.assert_close(sparse(x[:, :2], x, x, need_weights=False).context, dense)


def test_padding_is_not_a_sparse_pattern() -> None:
    """Padding differs between sentences, and is refused."""
    x = torch.randn(1, 5, 4)
    with pytest.raises(ValueError, match="give padding as the mask"):
        Sparse(4, 2, Padding(lengths=(3,)))(x, x, x, need_weights=False)


@pytest.mark.parametrize("mask", ["none", "padding", "pairs", "heads"])
@pytest.mark.parametrize("need_weights", [True, False])
def test_heads_may_divide_the_patterns(mask: str, need_weights: bool) -> None:
    """The first heads have the first pattern: the result is that of a dense mask for each head."""
    torch.manual_seed(0)
    pair = Local(stride=6), Strided(stride=12)
    sparse, dense = Sparse(4, 2, pair).double(), MultiHead(4, 2).double()
    dense.heads.load_state_dict(sparse.heads.state_dict())
    x, hidden = torch.randn(2, N, 4, dtype=torch.float64), mask_of(mask)
    allowed = per_head(pair, N, N, CPU)
    if (cells := by_head(hidden)) is not None:
        allowed = allowed & cells
    expected = dense(x, x, x, allowed)
    found = sparse(x, x, x, hidden, need_weights=need_weights)
    torch.testing.assert_close(found.context, expected.context)
    assert (found.weights is None) != need_weights
    if need_weights:
        torch.testing.assert_close(found.weights, expected.weights)


def test_layers_may_take_turns() -> None:
    """Layers take the patterns in order, and again from the first."""
    written = {"kind": "sparse", "pattern": {"kind": "window", "width": 1}, "more": ["causal"]}
    options = TypeAdapter[AttentionOptions](AttentionOptions).validate_python(written)
    layers = [make_attention(options, 8, layer=number) for number in range(3)]
    assert [layer.patterns for layer in layers] == [[Window(width=1)], [Causal()], [Window(width=1)]]


def test_patterns_must_divide_the_heads() -> None:
    """Other numbers are refused in a config and in code."""
    with pytest.raises(ValueError, match="2 patterns do not divide 3 heads"):
        Sparse(6, 3, [Causal(), Full()])
    written = {"kind": "sparse", "heads": 3, "pattern": "causal", "more": ["full"], "shared_by": "heads"}
    with pytest.raises(ValidationError, match="patterns should divide the heads, which are 3"):
        TypeAdapter[AttentionOptions](AttentionOptions).validate_python(written)


@pytest.mark.parametrize("need_weights", [True, False])
def test_rows_that_may_read_nothing(need_weights: bool) -> None:
    """Their context is zero in spite of the output's bias: a first token with none before it, and tokens of padding."""
    torch.manual_seed(0)
    sparse, x = Sparse(4, 2, CausalWindow(width=3) & Forward()), torch.randn(2, N, 4)
    real = torch.arange(N) < torch.tensor([N, 37])[:, None]
    assert make_plan(sparse.patterns[0], N, CPU) is not None
    context = sparse(x, x, x, real[:, None], need_weights=need_weights).context
    empty = (context == 0).all(-1)
    assert empty[0].nonzero().tolist() == [[0]]
    assert empty[1].nonzero()[:, 0].tolist() == [0, *range(40, N)]
