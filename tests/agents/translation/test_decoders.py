"""All encoders and decoders: teacher forcing equals single steps; padding and later tokens have no effect."""

from collections.abc import Callable, Iterator

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from glimpse.agents.episode import Batch
from glimpse.agents.translation.decoding import Tensors
from glimpse.agents.translation.options import TranslatingTransformerOptions
from glimpse.agents.translation.search import beam_search, greedy_search
from glimpse.agents.translation.translator import Translator
from glimpse.runs.build import has_bfloat16


def step_by_step(agent: Translator, source: Tensor, target: Tensor) -> Tensor:
    """Compute features (B, M, D) of known targets, token by token."""
    encoded = agent.encode(source)
    state, prepared = agent.decoder.initial_memory(encoded), agent.decoder.prepare(encoded)
    before, features = torch.full((len(source),), 2), []
    for index in range(target.shape[1]):
        step = agent.decoder.step(agent.target_vectors(before), state, prepared, index)
        features.append(step.features)
        state, before = step.state, target[:, index]
    return torch.stack(features, 1)


def test_teacher_forcing_equals_single_steps(agent: Translator, source: Tensor, target: Tensor) -> None:
    """Features agree to the precision of float64."""
    real = target != 0
    torch.testing.assert_close(
        agent.teacher_force(source, target).features[real], step_by_step(agent, source, target)[real]
    )


def test_padding_has_no_effect(agent: Translator, source: Tensor, target: Tensor) -> None:
    """Neither more padding nor the other sentences of the batch change the features."""
    wide = torch.nn.functional.pad(source, (0, 3)), torch.nn.functional.pad(target, (0, 3))
    together = agent.teacher_force(source, target).features
    torch.testing.assert_close(agent.teacher_force(*wide).features[:, :10][target != 0], together[target != 0])
    for number in range(len(source)):
        real = target[number] != 0
        alone = agent.teacher_force(source[number, None], target[number, None]).features[0]
        torch.testing.assert_close(alone[real], together[number][real])


def test_decoding_is_causal(agent: Translator, source: Tensor, target: Tensor) -> None:
    """Features at a target token depend on earlier tokens only."""
    other = target.clone()
    other[:, 1:] = torch.where(other[:, 1:] > 3, 15 - other[:, 1:], other[:, 1:])
    features, changed = agent.teacher_force(source, target).features, agent.teacher_force(source, other).features
    assert torch.equal(features[:, :2], changed[:, :2]) and not torch.equal(features[:, 2:], changed[:, 2:])


def test_attention_weights_ignore_padding(agent: Translator, source: Tensor, target: Tensor) -> None:
    """Each row sums to 1, or to less in a window, and is 0 at padding."""
    maps: Tensors = agent.align(source, target)
    for weights in maps.values():
        weights = weights if weights.dim() == 4 else weights.unsqueeze(1)
        real = (target != 0)[:, None, : weights.shape[2]].expand(weights.shape[:3])
        sums = weights.sum(-1)[real]
        assert (sums < 1 + 1e-9).all() and (weights >= 0).all()
        assert not weights.masked_fill((source != 0)[:, None, None, : weights.shape[3]], 0).any()
        if "LocalAttention" not in repr(agent):
            torch.testing.assert_close(sums, torch.ones_like(sums))


def test_every_parameter_has_a_gradient(agent: Translator, source: Tensor, target: Tensor) -> None:
    """Gradients are finite, and not zero; those of hard attention come from the draws."""
    torch.manual_seed(0)
    batch = Batch({"source": source}, target)
    agent.train().loss(batch).total.backward()
    # In training mode, since a baseline learns from draws alone.
    still = [name for name, weight in agent.named_parameters() if weight.grad is None or not weight.grad.any()]
    # Last position weights need sources of 20 tokens; a bias that all keys share cancels in the softmax.
    assert [name for name in still if "positions" not in name and "key.bias" not in name] == []
    assert all(weight.grad.isfinite().all() for weight in agent.parameters() if weight.grad is not None)


@pytest.fixture
def bfloat16_lstm() -> Iterator[None]:
    """Run LSTMs by torch's own kernels where oneDNN has none: on CPUs without bfloat16 instructions."""
    with torch.backends.mkldnn.flags(enabled=has_bfloat16(torch.device("cpu"))):
        yield


@pytest.mark.usefixtures("bfloat16_lstm")
@pytest.mark.filterwarnings("ignore:TF32 acceleration")
def test_bfloat16_is_close(agent: Translator, source: Tensor, target: Tensor) -> None:
    """Under autocast the loss is close, its gradient finite, and both searches work."""
    agent = agent.float()
    batch = Batch({"source": source}, target)
    losses = []
    for half in (False, True):
        agent.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            torch.manual_seed(0)
            loss = agent.eval().loss(batch).total
            loss.backward()
            losses.append(float(loss.detach()))
            assert greedy_search(agent, source).shape == beam_search(agent, source, 2, 1.0).target.shape
        assert all(weight.grad.isfinite().all() for weight in agent.parameters() if weight.grad is not None)
    assert abs(losses[1] - losses[0]) < 0.1 * losses[0]


@pytest.mark.usefixtures("bfloat16_lstm")
@pytest.mark.filterwarnings("ignore:TF32 acceleration")
@pytest.mark.parametrize("baseline", ["none", "learned", "moving_average"])
@pytest.mark.parametrize("monotone", [False, True])
def test_hard_attention_has_float32_rewards_under_autocast(
    baseline: str, monotone: bool, make_agent: Callable[..., Translator], source: Tensor, target: Tensor
) -> None:
    """This holds with each baseline."""
    attention = {"kind": "hard", "baseline": baseline, "monotone": monotone, "begins": 0.0}
    agent = make_agent("hard", attention=attention).float().train()
    batch = Batch({"source": source}, target)
    with torch.autocast("cpu", torch.bfloat16):
        loss = agent.loss(batch)
    assert loss.terms["value_loss"].dtype == torch.float32 and loss.total.isfinite()
    assert (float(loss.terms["value_loss"]) > 0) == (baseline == "learned")


def test_self_attention_has_the_agents_heads() -> None:
    """Heads or a normaliser of its own are refused."""
    options = TranslatingTransformerOptions.model_validate({"heads": 2, "normaliser": "sparsemax", "width": 8})
    assert (options.attention.heads, options.attention.normaliser.kind) == (2, "sparsemax")
    assert TranslatingTransformerOptions.model_validate(options.model_dump()) == options
    for own in ({"normaliser": "sparsemax"}, {"heads": 8}):
        with pytest.raises(ValidationError, match=r"set agent\.\w+ instead"):
            TranslatingTransformerOptions.model_validate({"attention": {"kind": "multi_head", **own}})
