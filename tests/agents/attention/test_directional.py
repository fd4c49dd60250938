"""DiSAN's token2token attention: its numbers, its directions, and the fused form."""

import math

import pytest
import torch
from torch import Tensor, nn

from glimpse.agents.attention import token2token_fast
from glimpse.agents.attention.directional import DirectionalBlock, Token2Token, token2token
from glimpse.agents.attention.gates import FusionGate, ProjectedGate
from glimpse.agents.attention.token2token_fast import bounded_softmax

SCALAR = torch.tensor([[[1.0], [2], [3]]])


def drawn(*shape: int) -> Tensor:
    """Draw a seeded float64 tensor with a gradient."""
    generator = torch.Generator().manual_seed(len(shape))
    return (3 * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()


def test_scalar_case_by_hand() -> None:
    """With H = [1, 2, 3], W_1 = W_2 = 1, b = 0, c = 5: the ratios of the weights of heads 0 and 2, and the contexts."""
    f = torch.tensor([[1.899745, 2.685248, 3.320184], [2.685248, 3.320184, 3.807971], [3.320184, 3.807971, 4.168273]])
    weights = token2token(SCALAR, SCALAR, SCALAR, None, "full", 5.0).weights
    assert weights is not None
    torch.testing.assert_close(weights[0, :, :, 0], f.softmax(-1), atol=1e-6, rtol=0)
    for form in (lambda *x: token2token(*x).context, bounded_softmax):
        forward = form(SCALAR, SCALAR, SCALAR, None, "forward", 5.0)[0, :, 0]
        backward = form(SCALAR, SCALAR, SCALAR, None, "backward", 5.0)[0, :, 0]
        torch.testing.assert_close(forward[[0, 2]], torch.tensor([0, 1.619585]), atol=1e-6, rtol=0)
        torch.testing.assert_close(backward[[0, 2]], torch.tensor([2.653608, 0]), atol=1e-6, rtol=0)
    plain = token2token(SCALAR, SCALAR, SCALAR, None, "forward", 5.0).weights
    assert plain is not None
    torch.testing.assert_close(plain[0, 2, :, 0], torch.tensor([0.380415, 0.619585, 0]), atol=1e-6, rtol=0)


def test_a_large_bound_is_the_linear_score() -> None:
    """With c -> infinity it is softmax of a + k, in which a does not matter; such a bound is not fused."""
    torch.manual_seed(0)
    attention, x = Token2Token(4, "full", bound=1e4), torch.randn(2, 5, 4)
    expected = (attention.key(x).softmax(1) * x).sum(1, keepdim=True).expand(-1, 5, -1)
    for need_weights in (True, False):
        found = attention(x, x, x, need_weights=need_weights).context
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


MASKS = ["none", "padding", "pairs", "shared"]


def mask_of(name: str, n_q: int, n_k: int) -> Tensor | None:
    """Make a mask of three sentences, the last of which is empty."""
    torch.manual_seed(0)
    real = torch.arange(n_k) < torch.tensor([n_k, 3, 0])[:, None]
    masks = {"none": None, "padding": real[:, None], "pairs": torch.rand(3, n_q, n_k) < 0.4}
    return masks.get(name, torch.rand(n_q, n_k) < 0.5)


@pytest.mark.parametrize("block", [8, 60, 1 << 20])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("direction", ["forward", "backward", "diagonal_disabled", "full"])
def test_fused_equals_plain(direction: str, mask: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs and gradients agree to 1e-10 in float64, for a row, a few rows, or all rows at a time, and rectangles."""
    monkeypatch.setattr(token2token_fast, "_CPU_BLOCK", block)
    for n_q, n_k in ((6, 6), (4, 7), (7, 4), (1, 1)):
        inputs = drawn(3, n_q, 5), drawn(3, n_k, 5), (drawn(3, n_k, 5) + 1).detach().requires_grad_()
        hidden = mask_of(mask, n_q, n_k)
        plain = token2token(*inputs, hidden, direction, 5.0).context
        fused = bounded_softmax(*inputs, hidden, direction, 5.0)
        torch.testing.assert_close(fused, plain, atol=1e-10, rtol=0)
        upstream = drawn(3, n_q, 5).detach()
        expected = torch.autograd.grad((plain * upstream).sum(), inputs)
        found = torch.autograd.grad((fused * upstream).sum(), inputs)
        torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("direction", ["forward", "backward", "diagonal_disabled", "full"])
def test_fused_gradients_by_finite_differences(direction: str, masked: bool) -> None:
    """Gradients agree with finite differences; the second sentence has two tokens of three."""
    inputs = drawn(2, 3, 2), drawn(2, 3, 2), drawn(2, 3, 2)
    mask = torch.tensor([[[True, True, True]], [[True, True, False]]]) if masked else None
    assert torch.autograd.gradcheck(lambda a, k, v: bounded_softmax(a, k, v, mask, direction, 5.0), inputs)


def test_the_fused_form_saves_memory_linear_in_n() -> None:
    """Tensors that are saved for the backward pass grow with n, not with n^2."""
    saved: dict[int, int] = {}
    for n in (8, 64):
        inputs = drawn(2, n, 3), drawn(2, n, 3), drawn(2, n, 3)
        kept: list[Tensor] = []

        def keep(x: Tensor, kept: list[Tensor] = kept) -> int:
            kept.append(x)
            return len(kept) - 1

        with torch.autograd.graph.saved_tensors_hooks(keep, kept.__getitem__):
            bounded_softmax(*inputs, None, "forward", 5.0)
        saved[n] = sum(x.numel() for x in kept)
    assert 0 < saved[64] <= 8 * saved[8]


def test_extreme_scores_stay_finite() -> None:
    """Pre-activations up to where float32's exponentials are cut, where tanh is 1, give finite results."""
    a = torch.tensor([[[90.0], [-90], [0]]]).requires_grad_()
    for value in (a, a.half(), a.bfloat16()):
        fused = bounded_softmax(value, value, value, None, "full", 5.0)
        assert fused.dtype == value.dtype
        plain = token2token(a, a, a, None, "full", 5.0).context
        torch.testing.assert_close(fused.float(), plain, atol=0.4 if value is not a else 1e-4, rtol=0)
    fused.float().sum().backward()
    assert a.grad is not None and a.grad.isfinite().all()


@pytest.mark.parametrize("need_weights", [True, False])
def test_forward_on_a_sentence_is_backward_on_the_reversed(need_weights: bool) -> None:
    """Both directions agree with the same weights."""
    torch.manual_seed(0)
    there, back, x = Token2Token(4, "forward"), Token2Token(4, "backward"), torch.randn(2, 5, 4)
    back.load_state_dict(there.state_dict())
    expected = there(x, x, x, need_weights=need_weights).context
    turned = x.flip(1)
    torch.testing.assert_close(back(turned, turned, turned, need_weights=need_weights).context.flip(1), expected)


def test_features_have_separate_weights() -> None:
    """Each feature's weights are a softmax of its own scores."""
    a, k, v = drawn(2, 4, 3), drawn(2, 4, 3), drawn(2, 4, 3)
    whole = token2token(a, k, v, None, "forward", 5.0)
    part = token2token(a[..., 1:2], k[..., 1:2], v[..., 1:2], None, "forward", 5.0)
    torch.testing.assert_close(whole.context[..., 1:2], part.context)


def test_parameters_of_one_direction() -> None:
    """One direction of d = 300 has 451,500 parameters, as in the paper."""
    assert sum(p.numel() for p in DirectionalBlock(300, 300, "forward").parameters()) == 451_500


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_single_token_reads_nothing(need_weights: bool) -> None:
    """With n = 1 there is nothing to read and u = F h; padded positions are zero."""
    torch.manual_seed(0)
    block, x = DirectionalBlock(3, 4, "backward"), torch.randn(2, 1, 3)
    h = block.activation(block.token(x))
    gate = (block.gate.token(h) + block.gate.read.bias + block.gate.bias).sigmoid()
    found = block(x, torch.tensor([[True], [False]]), need_weights=need_weights)
    torch.testing.assert_close(found.context[0], (gate * h)[0])
    assert (found.context[1] == 0).all()


def test_dropout_spares_the_values() -> None:
    """Dropout changes the scores and the gate, but the context is a mean of whole features."""
    torch.manual_seed(0)
    block = DirectionalBlock(3, 4, "full", nn.Identity, dropout=0.5)
    seen: list[tuple[Tensor, ...]] = []
    block.attention.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    block(torch.ones(1, 6, 3))
    query, key, value, _ = seen[0]
    assert query is key
    assert (query == 0).any() and not (value == 0).any()


def test_gates_by_hand() -> None:
    """DiSAN's gate mixes its inputs, Im and Cho's mixes projections: F = sigmoid(0) = 1/2, with maps of 0 or of 1."""
    fusion, projected = FusionGate(1), ProjectedGate(1)
    with torch.no_grad():
        fusion.token.weight.zero_()
        fusion.read.weight.zero_()
        projected.token.weight.fill_(2)
        projected.read.weight.fill_(-1)
    token, read = torch.tensor([[3.0]]), torch.tensor([[1.0]])
    assert fusion(token, read).item() == 2
    gate = 1 / (1 + math.exp(-5))
    assert projected(token, read).item() == pytest.approx(gate * 6 - (1 - gate))
