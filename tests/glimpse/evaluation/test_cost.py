"""Costs by hand: parameters, pixels and multiply-adds."""

from typing import Any

import pytest
import torch

from glimpse.config.experiment import Experiment
from glimpse.evaluation.cost import Cost, measure_cost
from glimpse.runs.build import make_agent, make_world

WIDTHS: dict[str, Any] = {"glimpse_width": 5, "place_width": 3, "feature_width": 7, "memory_width": 6}
SEE = 2 * 9 * 5 + 2 * 3 + (5 + 3) * 7
"""Of RAM's glimpse network, for two scales of 3 x 3."""
DECIDE = 6 * 4 + 4 * 2 + 6 * 10
"""Locator of 4 units, classifier."""


def cost(agent: dict[str, Any], **task: Any) -> Cost:
    """On digits (8 x 8) in three glimpses of two scales of 3 x 3."""
    given = {"name": "digits", "glimpses": 3, "retina": {"patch": 3, "scales": 2}, **task}
    experiment = Experiment.model_validate({"task": given, "agent": agent, "train": {"steps": 1}})
    world = make_world(experiment, "test", torch.device("cpu"))
    return measure_cost(make_agent(experiment, world), world)


@pytest.mark.parametrize(("core", "remember"), [("rnn", 7 * 6 + 6 * 6), ("lstm", 4 * (7 * 6 + 6 * 6))])
def test_ram_by_hand(core: str, remember: int) -> None:
    """Three times each product; each glimpse has 2 x 9 pixels."""
    found = cost({"name": "ram", "core": core, "locator_width": 4, **WIDTHS})
    assert found.multiply_adds == 3 * (SEE + remember + DECIDE)
    assert found.pixels == 3 * 2 * 9


def test_parameters_by_hand() -> None:
    """Weights and biases of the fully connected network."""
    found = cost({"name": "mlp", "widths": [5, 3]}, view="whole", glimpses=1)
    assert found == Cost(64 * 5 + 5 + 5 * 3 + 3 + 3 * 10 + 10, 64, 64 * 5 + 5 * 3 + 3 * 10)


def test_a_convolution_by_hand() -> None:
    """2 filters of 3 x 3 at 3 x 3 places."""
    agent = {"name": "conv", "layers": [{"filters": 2, "size": 3, "stride": 2}], "width": 4}
    assert cost(agent, view="whole", glimpses=1).multiply_adds == 9 * 2 * 9 + 18 * 4 + 4 * 10


def test_a_whole_picture_counts_once() -> None:
    """However often it is looked at; and with three channels three times."""
    agent = {"name": "draw", "patch": 4, **WIDTHS}
    assert [cost(agent, view="whole", glimpses=steps).pixels for steps in (1, 5)] == [64, 64]


def test_hard_attention_by_place_is_cheaper_than_soft() -> None:
    """It encodes and reads the chosen cells only: 3 of 16 cells of 2 x 2 pixels; soft attention encodes all."""
    agent = {"name": "grid", "patch": 2, "stride": 2, "scores": "memory", **WIDTHS}
    soft, hard = (cost({**agent, "attention": each}, view="whole") for each in ("soft", "hard"))
    assert (soft.pixels, hard.pixels) == (64, 3 * 4)
    step = 7 * 6 + 6 * 6 + 6 * 10 + 6 * 16
    cell, place = 4 * 5 + 5 * 7, 2 * 3 + 3 * 7
    # The mean place of the hard agent's scores, 16 x 2, is for pictures; the soft one weighs features, 16 x 7.
    assert hard.multiply_adds == 3 * (cell + place + step + 16 * 2)
    assert soft.multiply_adds == 16 * (cell + place) + 3 * (step + 16 * 7) + 6 * 16


def test_the_cost_is_told_in_a_line() -> None:
    """With thousands apart."""
    text = Cost(1234567, 3600, 89).describe()
    assert text == "1,234,567 parameters; an episode: 3,600 pixels, 89 multiply-adds"
