"""Properties of every attention mechanism of the registry."""

import copy
from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from glimpse.agents.attention import ATTENTION
from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.unions import AttentionOptions

OPTIONS = TypeAdapter[AttentionOptions](AttentionOptions)
SMALL: dict[str, Any] = {"hidden": 5, "length": 9, "half_width": 2, "clip": 2, "hops": 3}
"""Values smaller than the defaults; each mechanism takes those of its options. Widths of 6 are divided into heads."""
VARIANTS: dict[str, dict[str, Any]] = {
    "local": {"local-m": {"centre": "monotone"}, "local-p": {"score": "concat"}},
    "sparse": {"sparse": {"pattern": {"kind": "window", "width": 1}}},
    "distance": {"distance": {"heads": 3}},
    "token2token": {"token2token": {"direction": "backward"}},
}
"""Mechanisms that are tested with other options than their defaults."""


def _small(kind: str) -> dict[str, Any]:
    """Return small options of a kind."""
    known = resolve_name(ATTENTION[kind].options).model_fields
    return {"kind": kind, **{key: value for key, value in {**SMALL, "heads": 2}.items() if key in known}}


KINDS: dict[str, Any] = {
    name: {**_small(kind), **options} for kind in ATTENTION for name, options in VARIANTS.get(kind, {kind: {}}).items()
}
ORDERED = {name for name, options in KINDS.items() if ATTENTION[options["kind"]].reads_order}
NORMALISERS: list[Any] = [
    "softmax",
    "sparsemax",
    "entmax15",
    {"kind": "entmax", "alpha": 1.3},
    {"kind": "topk", "k": 2},
]
WIDTH = 6


def make(kind: str, normaliser: Any = "softmax") -> nn.Module:
    """Make a seeded mechanism of width 6 in float64."""
    torch.manual_seed(0)
    return make_attention(OPTIONS.validate_python({**KINDS[kind], "normaliser": normaliser}), WIDTH).double()


def tokens(sentences: int = 2, n: int = 5) -> Tensor:
    """Draw seeded float64 tokens."""
    generator = torch.Generator().manual_seed(7)
    return torch.randn(sentences, n, WIDTH, generator=generator, dtype=torch.float64)


def read(attention: nn.Module, x: Tensor, mask: Tensor | None = None, need_weights: bool = True) -> Attended:
    """Apply self-attention."""
    attended: Attended = attention(x, x, x, mask, need_weights=need_weights)
    return attended


def cases() -> Iterator[Any]:
    """List each kind with each normaliser."""
    for kind in KINDS:
        for normaliser in NORMALISERS:
            yield pytest.param(
                kind, normaliser, id=f"{kind}-{normaliser if isinstance(normaliser, str) else normaliser['kind']}"
            )


@pytest.mark.parametrize(("kind", "normaliser"), list(cases()))
def test_weights_add_up_to_one_and_fast_paths_agree(kind: str, normaliser: Any) -> None:
    """Weights are at least 0 and rows add up to 1; 0 if empty, less for local-p; contexts agree without weights."""
    attention, x = make(kind, normaliser), tokens()
    for mask in (None, torch.tensor([[True] * 5, [True, True, True, False, False]])[:, None]):
        context, weights = read(attention, x, mask)
        assert weights is not None and (weights >= 0).all()
        total = weights.sum(2 if kind in ("token2token", "source2token") else -1)
        if kind == "local-p":
            assert (total < 1).all()
        else:
            assert ((total - 1).abs().minimum(total.abs()) < 1e-9).all()
        quick = read(attention, x, mask, need_weights=False)
        assert quick.weights is None
        torch.testing.assert_close(quick.context, context, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind: str, need_weights: bool) -> None:
    """Padding and longer texts in the batch change neither outputs nor gradients."""
    attention, x = make(kind), tokens(1, 4)
    padded = torch.cat([torch.cat([x, torch.full((1, 3, WIDTH), 50.0, dtype=torch.float64)], 1), tokens(1, 7)])
    real = torch.tensor([[True] * 4 + [False] * 3, [True] * 7])
    x.requires_grad_()
    padded.requires_grad_()
    alone, among = (
        read(attention, y, m, need_weights).context[:1] for y, m in ((x, real[:1, None, :4]), (padded, real[:, None]))
    )
    among = among[:, : alone.shape[1]]
    torch.testing.assert_close(among, alone, atol=1e-9, rtol=1e-9)
    parameters = [p for p in attention.parameters() if p.requires_grad]
    expected = torch.autograd.grad(alone.square().sum(), [x, *parameters], allow_unused=True)
    found = torch.autograd.grad(among.square().sum(), [padded, *parameters], allow_unused=True)
    torch.testing.assert_close(found[0][:1, :4], expected[0], atol=1e-9, rtol=1e-9)
    assert (found[0][0, 4:] == 0).all() and (found[0][1] == 0).all()
    for mine, theirs in zip(found[1:], expected[1:], strict=True):
        if theirs is not None:
            torch.testing.assert_close(mine, theirs, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_empty_sentences_and_single_tokens(kind: str, need_weights: bool) -> None:
    """An empty sentence gives zeros and no gradients; n = 1 and lower precisions give finite results."""
    attention, x = make(kind), tokens().requires_grad_()
    mask = torch.tensor([[True] * 5, [False] * 5])[:, None]
    attended = read(attention, x, mask, need_weights)
    assert (attended.context[1] == 0).all()
    assert attended.weights is None or (attended.weights[1] == 0).all()
    moved = [x, *attention.parameters()]
    found = torch.autograd.grad(attended.context.sum(), moved, allow_unused=True, retain_graph=True)
    assert all(gradient is None or gradient.isfinite().all() for gradient in found)
    nothing = torch.autograd.grad(attended.context[1].sum(), moved, allow_unused=True)
    assert all(gradient is None or (gradient == 0).all() for gradient in nothing)
    assert read(attention, x[:, :1], None, need_weights).context.isfinite().all()
    for dtype in (torch.float16, torch.bfloat16):
        lower = read(copy.deepcopy(attention).to(dtype), x.detach().to(dtype), mask, need_weights).context
        assert lower.dtype == dtype
        assert lower.isfinite().all()


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_masks_broadcast(kind: str, need_weights: bool) -> None:
    """Masks of one, two or three dimensions, or four with heads, give the same context."""
    attention, x = make(kind), tokens()
    keys = torch.tensor([True, False, True, True, False])
    expected = read(attention, x, keys.expand(2, 1, 5), need_weights).context
    heads = [keys.view(1, 1, 1, 5)] if hasattr(attention, "heads") else []
    for mask in (keys, keys[None], keys[None, None], *heads):
        torch.testing.assert_close(read(attention, x, mask, need_weights).context, expected)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision(kind: str, need_weights: bool) -> None:
    """Under autocast the context is close to that in float32, and gradients are finite."""
    attention, x = make(kind).float(), tokens().float().requires_grad_()
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])[:, None]
    expected = read(attention, x, mask, need_weights).context
    with torch.autocast("cpu", torch.bfloat16):
        found = read(attention, x, mask, need_weights).context
    torch.testing.assert_close(found.float(), expected, atol=0.1, rtol=0.1)
    found.float().square().sum().backward()
    for parameter in (x, *attention.parameters()):
        assert parameter.grad is None or (parameter.grad.dtype == torch.float32 and parameter.grad.isfinite().all())


@pytest.mark.parametrize("kind", sorted(set(KINDS) - ORDERED))
def test_permuted_tokens_permute_the_outputs(kind: str) -> None:
    """Kinds that do not use positions permute their outputs with the tokens, or keep the pooled ones."""
    attention, x, order = make(kind), tokens(), torch.tensor([3, 0, 4, 1, 2])
    expected = read(attention, x).context
    expected = expected[:, order] if expected.shape[1] == 5 else expected
    if kind == "structured":
        expected = read(attention, x).context
    torch.testing.assert_close(read(attention, x[:, order]).context, expected)


@pytest.mark.parametrize("kind", sorted(ORDERED))
def test_ordered_kinds_depend_on_the_order(kind: str) -> None:
    """Kinds that use positions do more than permute their outputs."""
    attention, x, order = make(kind), tokens(), torch.tensor([3, 0, 4, 1, 2])
    assert not torch.allclose(read(attention, x[:, order]).context, read(attention, x).context[:, order])


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind: str, need_weights: bool) -> None:
    """Gradients agree with finite differences on three tokens, one of them hidden in the first sentence."""
    attention, x = make(kind), tokens(2, 3).requires_grad_()
    mask = torch.tensor([[True, True, False], [True, True, True]])[:, None]
    assert torch.autograd.gradcheck(lambda y: read(attention, y, mask, need_weights).context, (x,))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_reproduce_the_context(kind: str) -> None:
    """Weights times values give the context: mapped values of heads, and with the table of relative positions."""
    attention, x = make(kind), tokens()
    context, weights = read(attention, x)
    assert weights is not None
    if weights.dim() == 4 and weights.shape[1:3] == (2 if kind != "distance" else 3, 5):
        heads: Any = attention.heads
        value = heads.value(x).unflatten(-1, (heads.count, -1)).transpose(1, 2).unsqueeze(2)
        if kind == "relative":
            row = (torch.arange(5) - torch.arange(5)[:, None]).clamp(-2, 2) + 2
            value = value + attention.get_parameter("value_table")[row]
        expected = heads.out((weights.unsqueeze(-1) * value).sum(3).transpose(1, 2).flatten(2))
    elif weights.dim() == 4:
        expected = (weights * x[:, None]).sum(2)
    else:
        expected = weights @ x
    torch.testing.assert_close(context, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded(kind: str) -> None:
    """A state dict makes another module equal."""
    attention, x = make(kind), tokens()
    another = make(kind)
    with torch.no_grad():
        for parameter in another.parameters():
            parameter.add_(1)
    another.load_state_dict(attention.state_dict())
    assert torch.equal(read(another, x).context, read(attention, x).context)


@pytest.mark.parametrize("kind", ["additive", "multi_head", "structured", "token2token", "source2token"])
def test_wrong_masks_are_refused(kind: str) -> None:
    """A mask that is not bool or has the wrong shape is refused, with a hint."""
    attention, x = make(kind), tokens()
    with pytest.raises(ValueError, match="a mask is bool, True where a token may be read, not torch.float32"):
        read(attention, x, torch.ones(2, 1, 5))
    with pytest.raises(ValueError, match="must broadcast to"):
        read(attention, x, torch.ones(2, 1, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"real\[:, None\]"):
        read(attention, x, torch.ones(2, 5, dtype=torch.bool))


def test_wrong_shapes_are_refused() -> None:
    """Two dimensions, differing batches and keys without values are refused."""
    attention, x = make("dot"), tokens()
    for wrong in ((x[0], x, x), (x[:1], x, x), (x, x, x[:, :3])):
        with pytest.raises(ValueError, match="attention expects"):
            attention(*wrong)


def test_options_by_name() -> None:
    """A bare name stands for its kind; unknown kinds, keys, numbers and keys of another width are refused."""
    assert OPTIONS.validate_python("dot").kind == "dot"
    for wrong in ("dots", {"kind": "dot", "heads": 2}, {"kind": "dot", "normaliser": "hardmax"}, {"kind": "sparse"}):
        with pytest.raises(ValidationError):
            OPTIONS.validate_python(wrong)
    additive = make_attention(OPTIONS.validate_python("additive"), 6, key_width=4)
    assert additive(torch.randn(1, 2, 6), torch.randn(1, 3, 4), torch.randn(1, 3, 4)).context.shape == (1, 2, 4)
    with pytest.raises(ValueError, match="dot attention needs keys as wide as queries"):
        make_attention(OPTIONS.validate_python("dot"), 6, key_width=4)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_no_sentences_or_no_tokens(kind: str, need_weights: bool) -> None:
    """Batches without sentences and sentences without tokens have contexts and gradients."""
    attention, asks = make(kind), {"source2token": 1, "context_vector": 1, "structured": 3}
    for shape in ((0, 5, WIDTH), (2, 0, WIDTH), (0, 0, WIDTH)):
        for mask in (None, torch.ones(shape[0], 1, shape[1], dtype=torch.bool)):
            x = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
            context = read(attention, x, mask, need_weights).context
            assert context.shape == (shape[0], asks.get(kind, shape[1]), WIDTH)
            assert (context == 0).all()
            context.sum().backward()


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_memory_layout_does_not_matter(kind: str, need_weights: bool) -> None:
    """Tensors with tokens first, features first or every second token give the results of a contiguous copy."""
    attention, x = make(kind), tokens(5, 6)
    for strided in (x.transpose(0, 1), x.transpose(1, 2), x[:, ::2]):
        strided.requires_grad_()
        whole = strided.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
        found, expected = (read(attention, y, None, need_weights).context for y in (strided, whole))
        torch.testing.assert_close(found, expected)
        (mine,), (theirs,) = (
            torch.autograd.grad(context.square().sum(), y) for context, y in ((found, strided), (expected, whole))
        )
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize(("kind", "normaliser"), list(cases()))
def test_fast_paths_equal_dense_ones_under_any_mask(kind: str, normaliser: Any) -> None:
    """Results and gradients agree under random masks with empty rows."""
    attention, x = make(kind, normaliser), tokens(3, 7)
    rows = {"source2token": 1, "context_vector": 1, "structured": 3}.get(kind, 7)
    mask = torch.rand(3, rows, 7, generator=torch.Generator().manual_seed(1)) < 0.4
    mask[0, 0] = False
    x.requires_grad_()
    dense, fast = (read(attention, x, mask, need_weights).context for need_weights in (True, False))
    torch.testing.assert_close(fast, dense, atol=1e-9, rtol=1e-9)
    assert (dense[0, 0] == 0).all()
    (expected,), (found,) = (torch.autograd.grad(context.square().sum(), x) for context in (dense, fast))
    torch.testing.assert_close(found, expected, atol=1e-8, rtol=1e-8)
