"""Every encoder and decoder: a known target at once is as piece by piece; padding and what is behind have no part."""

from collections.abc import Callable

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from glimpse.agents.episode import Episode
from glimpse.agents.translation.decoding import Tensors
from glimpse.agents.translation.options import TranslatingTransformerOptions
from glimpse.agents.translation.search import greedy, translate
from glimpse.agents.translation.translator import Translator


def step_by_step(agent: Translator, source: Tensor, target: Tensor) -> Tensor:
    """Features (B, M, D) of the known targets, piece by piece."""
    encoded = agent.encode(source)
    state, prepared = agent.decoder.begin(encoded), agent.decoder.prepare(encoded)
    before, features = torch.full((len(source),), 2), []
    for number in range(target.shape[1]):
        written = agent.decoder.step(agent.target_vectors(before), state, prepared, number)
        features.append(written.features)
        state, before = written.state, target[:, number]
    return torch.stack(features, 1)


def test_all_at_once_is_piece_by_piece(agent: Translator, source: Tensor, target: Tensor) -> None:
    """To the precision of float64."""
    real = target != 0
    torch.testing.assert_close(agent.teach(source, target).features[real], step_by_step(agent, source, target)[real])


def test_padding_has_no_part(agent: Translator, source: Tensor, target: Tensor) -> None:
    """More of it, and other sentences beside one, change nothing."""
    wide = torch.nn.functional.pad(source, (0, 3)), torch.nn.functional.pad(target, (0, 3))
    together = agent.teach(source, target).features
    torch.testing.assert_close(agent.teach(*wide).features[:, :10][target != 0], together[target != 0])
    for number in range(len(source)):
        real = target[number] != 0
        alone = agent.teach(source[number, None], target[number, None]).features[0]
        torch.testing.assert_close(alone[real], together[number][real])


def test_later_pieces_have_no_part(agent: Translator, source: Tensor, target: Tensor) -> None:
    """What is put out at a piece knows those before it."""
    other = target.clone()
    other[:, 1:] = torch.where(other[:, 1:] > 3, 15 - other[:, 1:], other[:, 1:])
    features, changed = agent.teach(source, target).features, agent.teach(source, other).features
    assert torch.equal(features[:, :2], changed[:, :2]) and not torch.equal(features[:, 2:], changed[:, 2:])


def test_weights_are_of_real_pieces(agent: Translator, source: Tensor, target: Tensor) -> None:
    """Each row's sum is 1, or less in a window; none of it falls on padding."""
    maps: Tensors = agent.align(source, target)
    for weights in maps.values():
        weights = weights if weights.dim() == 4 else weights.unsqueeze(1)
        real = (target != 0)[:, None, : weights.shape[2]].expand(weights.shape[:3])
        sums = weights.sum(-1)[real]
        assert (sums < 1 + 1e-9).all() and (weights >= 0).all()
        assert not weights.masked_fill((source != 0)[:, None, None, : weights.shape[3]], 0).any()
        if "LocalAttention" not in repr(agent):
            torch.testing.assert_close(sums, torch.ones_like(sums))


def test_everything_learns(agent: Translator, source: Tensor, target: Tensor) -> None:
    """Each parameter has a finite gradient; that of places that are drawn comes from the draws."""
    torch.manual_seed(0)
    episode = Episode({"source": source[None]}, {}, *(torch.zeros(1, len(source)),) * 3, target, 1, {})
    agent.train().loss(episode).total.backward()
    # A baseline learns from what was drawn alone.
    still = [name for name, weight in agent.named_parameters() if weight.grad is None or not weight.grad.any()]
    # Only sources of 20 pieces reach the last places; sums of attention's rows do not feel what all keys share.
    assert [name for name in still if "places" not in name and "key.bias" not in name] == []
    assert all(weight.grad.isfinite().all() for weight in agent.parameters() if weight.grad is not None)


def test_half_precision_is_near(agent: Translator, source: Tensor, target: Tensor) -> None:
    """The loss, its gradient, and both searches, under autocast."""
    agent = agent.float()
    episode = Episode({"source": source[None]}, {}, *(torch.zeros(1, len(source)),) * 3, target, 1, {})
    losses = []
    for half in (False, True):
        agent.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            torch.manual_seed(0)
            loss = agent.eval().loss(episode).total
            loss.backward()
            losses.append(float(loss.detach()))
            assert greedy(agent, source).shape == translate(agent, source, 2, 1.0).target.shape
        assert all(weight.grad.isfinite().all() for weight in agent.parameters() if weight.grad is not None)
    assert abs(losses[1] - losses[0]) < 0.1 * losses[0]


@pytest.mark.parametrize("baseline", ["none", "learned", "moving_average"])
@pytest.mark.parametrize("monotone", [False, True])
def test_drawn_places_earn_as_exactly_in_half_precision(
    baseline: str, monotone: bool, make_agent: Callable[..., Translator], source: Tensor, target: Tensor
) -> None:
    """What is gained is of float32 there too, and every baseline can be taken off it."""
    attention = {"kind": "hard", "baseline": baseline, "monotone": monotone, "begins": 0.0}
    agent = make_agent("hard", attention=attention).float().train()
    episode = Episode({"source": source[None]}, {}, *(torch.zeros(1, len(source)),) * 3, target, 1, {})
    with torch.autocast("cpu", torch.bfloat16):
        loss = agent.loss(episode)
    assert loss.terms["baseline"].dtype == torch.float32 and loss.total.isfinite()
    assert (float(loss.terms["baseline"]) > 0) == (baseline == "learned")


def test_heads_and_normaliser_are_those_of_all() -> None:
    """Attention among pieces has the agent's; another one of its own is a mistake, not passed over."""
    options = TranslatingTransformerOptions.model_validate({"heads": 2, "normaliser": "sparsemax", "width": 8})
    assert (options.attention.heads, options.attention.normaliser.kind) == (2, "sparsemax")
    assert TranslatingTransformerOptions.model_validate(options.model_dump()) == options
    for own in ({"normaliser": "sparsemax"}, {"heads": 8}):
        with pytest.raises(ValidationError, match=r"set agent\.\w+ instead"):
            TranslatingTransformerOptions.model_validate({"attention": {"kind": "multi_head", **own}})
