"""Whole-image networks: layers as in the papers, actions and loss."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents.episode import Batch
from glimpse.agents.vision.options import CnnOptions, ConvOptions, MlpOptions
from glimpse.agents.vision.whole_image import ResidualBlock, WholeImage, make_cnn, make_conv, make_mlp

MAKERS: dict[str, Any] = {
    "mlp": (make_mlp, MlpOptions),
    "conv": (make_conv, ConvOptions),
    "cnn": (make_cnn, CnnOptions),
}


def make(
    name: str, height: int = 60, width: int = 60, channels: int = 1, stop: bool = False, **given: Any
) -> WholeImage:
    """Make a network for four classes."""
    observation_space = spaces.Dict(
        {
            "glimpse": spaces.Box(0.0, 1.0, (1, channels, height, width), np.float32),
            "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
            "time": spaces.Discrete(2),
        }
    )
    actions: dict[str, spaces.Space[Any]] = {
        "look": spaces.Box(-1.0, 1.0, (2,), np.float32),
        "answer": spaces.Discrete(4),
    }
    if stop:
        actions["stop"] = spaces.Discrete(2)
    torch.manual_seed(1)
    maker, options = MAKERS[name]
    made: WholeImage = maker(options.model_validate(given), observation_space, spaces.Dict(actions))
    return made


def observe(agent: WholeImage, episodes: int) -> dict[str, Tensor]:
    """Return noise, and a location that is ignored."""
    noise = torch.Generator().manual_seed(2)
    shape = (episodes, 1, agent.channels, agent.height, agent.width)
    return {"glimpse": torch.rand(shape, generator=noise), "location": torch.ones(episodes, 2)}


def sizes(agent: WholeImage) -> list[tuple[int, ...]]:
    """Return the shapes of the weights, without biases."""
    return [tuple(p.shape) for p in agent.parameters() if p.dim() > 1]


def test_layers_are_those_of_the_paper() -> None:
    """60 x 60: 3600-256-256; 8 filters of 10 x 10 with stride 5 give 11 x 11 locations, then 256 units."""
    assert sizes(make("mlp")) == [(256, 3600), (256, 256), (4, 256)]
    assert sizes(make("mlp", widths=(64, 64))) == [(64, 3600), (64, 64), (4, 64)]
    assert sizes(make("conv")) == [(8, 1, 10, 10), (256, 8 * 11 * 11), (4, 256)]
    two = [{"filters": 3, "size": 5, "stride": 1}, {"filters": 6, "size": 4, "stride": 2}]
    assert sizes(make("conv", 28, 20, layers=two))[:3] == [(3, 1, 5, 5), (6, 3, 4, 4), (256, 6 * 11 * 7)]


def test_hidden_layers_have_a_relu_and_the_last_has_none() -> None:
    """The layers are Linear, ReLU, Linear, ReLU, Linear."""
    kinds = [type(layer) for layer in make("mlp").network.children()]
    assert kinds == [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    kinds = [type(layer) for layer in make("conv").network.children()]
    assert kinds == [nn.Conv2d, nn.ReLU, nn.Flatten, nn.Linear, nn.ReLU, nn.Linear]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("shape", [(28, 28, 1), (33, 20, 3)])
def test_an_answer_depends_only_on_its_picture(name: str, shape: tuple[int, int, int]) -> None:
    """It does not depend on the other pictures of the batch, or on the location."""
    agent = make(name, *shape)
    seen = observe(agent, 5)
    decision, memory = agent(seen, None)
    assert decision.answer.shape == (5, 4) and memory is None
    assert (decision.answer - decision.answer.mean(0)).abs().max() > 1e-3
    alone, _ = agent({"glimpse": seen["glimpse"][3:4], "location": torch.zeros(1, 2)}, None)
    torch.testing.assert_close(alone.answer[0], decision.answer[3])


def test_a_filter_that_does_not_fit_is_a_clear_error() -> None:
    """The message names the option and both sizes."""
    with pytest.raises(ValueError, match=r"agent.layers: a filter of 10 x 10 does not fit 8 x 8 pixels"):
        make("conv", 8, 8)


def test_a_residual_block_adds_to_its_input() -> None:
    """With a convolution of zeros it is the identity."""
    block = ResidualBlock(16)
    picture = torch.randn(2, 16, 5, 4)
    assert not torch.allclose(block(picture), picture)
    nn.init.zeros_(block.conv.weight)
    nn.init.zeros_(block.conv.bias)  # type: ignore[arg-type]  # torch says that it may be None
    assert torch.equal(block(picture), picture)


@pytest.mark.parametrize("stop", [False, True])
def test_the_action_is_the_likeliest_class(stop: bool) -> None:
    """It ignores the noise, looks at the centre, and never stops early."""
    agent = make("mlp", 6, 6, stop=stop)
    decision, _ = agent(observe(agent, 3), None)
    for greedy in (True, False):
        action = agent.act(decision, torch.randn(3, 3), greedy)
        assert action["look"].tolist() == [[0, 0]] * 3
        assert torch.equal(action["answer"], decision.answer.argmax(-1))
        assert ("stop" in action) == stop and not (stop and action["stop"].any())


def test_the_loss_is_the_cross_entropy_of_the_first_picture() -> None:
    """With label smoothing s it is -(1 - s) log p_label - s mean log p."""
    agent = make("mlp", 6, 6, label_smoothing=0.2)
    seen, label = observe(agent, 3), torch.tensor([2, 0, 3])
    log_prob = agent(seen, None)[0].answer.log_softmax(-1)
    expected = -(0.8 * log_prob[torch.arange(3), label] + 0.2 * log_prob.mean(-1)).mean()
    loss = agent.loss(Batch(seen, label))
    torch.testing.assert_close(loss.total, expected)
    assert set(loss.terms) == {"cross_entropy", "accuracy"}
    assert loss.terms["accuracy"] == (log_prob.argmax(-1) == label).float().mean()
