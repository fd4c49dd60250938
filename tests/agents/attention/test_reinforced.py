"""Reinforced self-attention: DiSAN where everything is selected, and the contexts of tokens that are not."""

import pytest
import torch
from torch import Tensor

from glimpse.agents.attention.directional import DirectionalBlock
from glimpse.agents.attention.reinforced import Compact, ReinforcedBlock, Selected
from glimpse.agents.encoders.disan import DisanEncoder
from glimpse.agents.encoders.options import DisanEncoderOptions, ResanEncoderOptions
from glimpse.agents.encoders.resan_encoder import ResanEncoder

REAL = torch.arange(6) < torch.tensor([6, 4, 1, 0])[:, None]


def texts(width: int = 5) -> Tensor:
    """Draw four texts, of 6, 4, 1 and 0 tokens."""
    return torch.randn(4, 6, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def block(direction: str = "forward", **options: object) -> ReinforcedBlock:
    """Make a small block in float64."""
    torch.manual_seed(0)
    return ReinforcedBlock(5, 8, direction, **options).double()  # type: ignore[arg-type]


def random_selection(seed: int, share: float = 0.5) -> Selected:
    """Draw random heads and dependents among real tokens."""
    generator = torch.Generator().manual_seed(seed)
    return Selected(*((torch.rand(4, 6, generator=generator) < share) & REAL for _ in range(2)))


@pytest.mark.parametrize("compact", ["auto", "always", "never"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_everything_selected_is_disan(direction: str, compact: Compact) -> None:
    """With all tokens selected, blocks and encoder equal those of DiSAN with the same weights."""
    reinforced = block(direction, compact=compact)
    torch.manual_seed(0)
    plain = DirectionalBlock(5, 8, direction).double()
    plain.load_state_dict(reinforced.state_dict())
    found = reinforced.select(texts(), REAL, Selected(REAL, REAL)).context
    torch.testing.assert_close(found, plain(texts(), REAL).context)
    encoder = ResanEncoder(ResanEncoderOptions(width=8, dropout=0, compact=compact), 5).double()
    whole = DisanEncoder(DisanEncoderOptions(width=8, dropout=0), 5).double()
    whole.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(encoder(texts(), REAL).vector, whole(texts(), REAL).vector)


@pytest.mark.parametrize("unselected", ["mean", "mean_of_all", "left_out"])
@pytest.mark.parametrize("seed", range(4))
def test_selected_pairs_alone_give_the_same_result(unselected: str, seed: int) -> None:
    """Values and gradients of both forms agree, for texts of any length and any selection."""
    found = []
    compacts: tuple[Compact, Compact] = ("always", "never")
    for compact in compacts:
        for direction in ("forward", "backward"):
            made, tokens = block(direction, unselected=unselected, compact=compact), texts().requires_grad_()
            context = made.select(tokens, REAL, random_selection(seed)).context
            (context * torch.arange(8)).sum().backward()
            found.append([context, tokens.grad, *(weight.grad for weight in made.parameters())])
    for one, other in zip(found[:2], found[2:], strict=True):
        for mine, yours in zip(one, other, strict=True):
            torch.testing.assert_close(mine, yours)


@pytest.mark.parametrize(("share", "step_mask"), [(0.2, True), (1.0, False)])
def test_the_compact_form_is_used_for_few_pairs(share: float, step_mask: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nearly all pairs selected, the scores of all pairs are computed."""
    made, calls = block(), list[object]()

    def counted(*given: object) -> Tensor:
        calls.append(given)
        return torch.zeros(4, 6, 8, dtype=torch.float64)

    monkeypatch.setattr(made, "_of_chosen", counted)
    made.select(texts(), REAL, random_selection(0, share))
    assert bool(calls) is step_mask


def test_without_heads_tokens_read_the_mean_of_the_others() -> None:
    """No gradient reaches the scores; the single token of a text reads zeros."""
    made, nothing = block(), torch.zeros_like(REAL)
    context = made.select(texts(), REAL, Selected(nothing, REAL)).context
    h = made.activation(made.token(texts()))
    for text, length in enumerate([6, 4, 1]):
        for i in range(length):
            others = [h[text, j] for j in range(length) if j != i]
            s = torch.stack(others).mean(0) if others else torch.zeros(8, dtype=torch.float64)
            torch.testing.assert_close(context[text, i], made.gate(h[text, i], s))
    assert not context[~REAL].any()
    context.sum().backward()
    for layer in (made.attention.query, made.attention.key):
        assert layer.weight.grad is None or not layer.weight.grad.any()


def test_heads_without_dependents_read_nothing() -> None:
    """Their s is 0, so that the gate returns F h."""
    made, nothing = block(), torch.zeros_like(REAL)
    context = made.select(texts(), REAL, Selected(REAL, nothing)).context
    h = made.activation(made.token(texts()))
    expected = made.gate(h, torch.zeros_like(h))
    torch.testing.assert_close(context[REAL], expected[REAL])


def test_what_is_not_a_dependent_is_not_read_by_heads() -> None:
    """A changed vector changes the context of no other head."""
    made, tokens = block("backward"), texts()
    selected = Selected(REAL, REAL & (torch.arange(6) != 3))
    changed = tokens.clone()
    changed[:, 3] += 1
    before, after = (made.select(each, REAL, selected).context for each in (tokens, changed))
    apart = (before != after).any(-1)
    assert apart[0].nonzero().flatten().tolist() == [3]


@pytest.mark.parametrize("need_weights", [True, False])
def test_left_out_tokens_are_zeros_and_not_pooled(need_weights: bool) -> None:
    """A text without heads is a vector of zeros, and so is an empty one."""
    encoder = ResanEncoder(ResanEncoderOptions(width=8, dropout=0, unselected="left_out"), 5).double()
    heads = REAL & torch.tensor([[True], [False], [True], [True]])
    encoded = encoder(texts(), REAL, need_weights, Selected(heads, REAL))
    assert not encoded.vector[1].any() and not encoded.vector[3].any() and encoded.vector[0].any()
    assert not encoded.weights["tokens"][1].any()
    assert ("forward" in encoded.weights) == need_weights
    assert torch.isfinite(encoded.vector).all()


def test_weights_are_of_selected_pairs() -> None:
    """Weights are zero where the query is no head or the key no dependent."""
    selected = random_selection(0)
    made = block("forward").select(texts(), REAL, selected, need_weights=True)
    assert made.weights is not None
    pairs = selected.head.unsqueeze(2) & selected.dependent.unsqueeze(1)
    assert not made.weights[~pairs].any() and made.weights[pairs].any()
