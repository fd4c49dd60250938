"""Tests of costs, against parameters, pixels and multiply-adds counted by hand."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from glimpse.config.experiment import Experiment
from glimpse.evaluation.cost import Cost, measure_cost, shown_pixels
from glimpse.runs.build import make_agent, make_split_env

WIDTHS: dict[str, Any] = {"glimpse_width": 5, "location_width": 3, "feature_width": 7, "memory_width": 6}
SEE = 2 * 9 * 5 + 2 * 3 + (5 + 3) * 7
"""Multiply-adds of RAM's glimpse network, for two scales of 3 x 3."""
DECIDE = 6 * 4 + 4 * 2 + 6 * 10
"""Multiply-adds of a locator with 4 hidden units, and of the classifier."""


def cost(agent: dict[str, Any], **task: Any) -> Cost:
    """Return the cost of an agent on digits (8 x 8), in three glimpses of two scales of 3 x 3."""
    given = {"name": "digits", "glimpses": 3, "retina": {"patch": 3, "scales": 2}, **task}
    experiment = Experiment.model_validate({"task": given, "agent": agent, "train": {"steps": 1}})
    env = make_split_env(experiment, "test", torch.device("cpu"))
    made = make_agent(experiment, env)
    return measure_cost(made, env, shown_pixels(env, made.steps))


@pytest.mark.parametrize(("recurrent_core", "remember"), [("rnn", 7 * 6 + 6 * 6), ("lstm", 4 * (7 * 6 + 6 * 6))])
def test_ram_by_hand(recurrent_core: str, remember: int) -> None:
    """Each product is made three times, and each glimpse has 2 x 9 pixels."""
    found = cost({"name": "ram", "recurrent_core": recurrent_core, "locator_width": 4, **WIDTHS})
    assert found.multiply_adds == 3 * (SEE + remember + DECIDE)
    assert found.pixels == 3 * 2 * 9


def test_counting_does_not_import_the_compiler() -> None:
    """The wrapper is gone that would: it takes as long as to import torch, in each evaluation."""
    assert cost({"name": "mlp", "widths": [5]}, view="whole", glimpses=1).multiply_adds == 64 * 5 + 5 * 10
    with FlopCounterMode(display=False) as counter:
        assert not hasattr(type(counter.mode).__torch_dispatch__, "__wrapped__")


def test_parameters_by_hand() -> None:
    """The parameters are the weights and biases of the fully connected network."""
    found = cost({"name": "mlp", "widths": [5, 3]}, view="whole", glimpses=1)
    assert found == Cost(64 * 5 + 5 + 5 * 3 + 3 + 3 * 10 + 10, 64, 64 * 5 + 5 * 3 + 3 * 10)


def test_a_convolution_by_hand() -> None:
    """A convolution of 2 filters of 3 x 3 is computed at 3 x 3 positions."""
    agent = {"name": "conv", "layers": [{"filters": 2, "size": 3, "stride": 2}], "width": 4}
    assert cost(agent, view="whole", glimpses=1).multiply_adds == 9 * 2 * 9 + 18 * 4 + 4 * 10


def test_pixels_of_a_whole_picture_count_once() -> None:
    """A picture that is shown whole counts once, however many steps there are."""
    agent = {"name": "draw", "patch": 4, **WIDTHS}
    assert [cost(agent, view="whole", glimpses=steps).pixels for steps in (1, 5)] == [64, 64]


def test_hard_attention_by_location_is_cheaper_than_soft() -> None:
    """Hard attention encodes and reads only the chosen 3 of 16 cells of 2 x 2 pixels; soft attention encodes all."""
    agent = {"name": "grid", "patch": 2, "stride": 2, "scores": "memory", **WIDTHS}
    soft, hard = (cost({**agent, "attention": each}, view="whole") for each in ("soft", "hard"))
    assert (soft.pixels, hard.pixels) == (64, 3 * 4)
    step = 7 * 6 + 6 * 6 + 6 * 10 + 6 * 16
    cell, location = 4 * 5 + 5 * 7, 2 * 3 + 3 * 7
    # The mean location of the hard agent's scores, 16 x 2, is for drawings; the soft one weights features, 16 x 7.
    assert hard.multiply_adds == 3 * (cell + location + step + 16 * 2)
    assert soft.multiply_adds == 16 * (cell + location) + 3 * (step + 16 * 7) + 6 * 16


def test_description_of_a_cost() -> None:
    """The line has separators of thousands."""
    text = Cost(1234567, 3600, 89).describe()
    assert text == "1,234,567 parameters; an episode: 3,600 pixels, 89 multiply-adds"
