"""Tests of how numbers that are not finite are found in what an agent computes."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from glimpse.agents.episode import Decision
from glimpse.runs.finite_numbers import NotFiniteError, naming_bad_numbers, refusing_bad_decisions


class Chooser(nn.Module):
    """Network of two layers that chooses a row of a table; `offset` is added between the layers."""

    def __init__(self, offset: float = 0.0) -> None:
        """Make the layers."""
        super().__init__()
        self.first, self.second, self.offset = nn.Linear(2, 3), nn.Linear(3, 4), offset

    def forward(self, given: Tensor) -> Tensor:
        """Return the chosen row's number; one outside the table if the choice is not a number."""
        logits: Tensor = self.second(self.first(given) + self.offset)
        if logits.isnan().any():
            raise IndexError("index -1 is out of bounds")
        return logits.argmax(-1)


class Deciding(nn.Module):
    """Agent whose decision is given."""

    def forward(self, decision: Decision) -> tuple[Decision, None]:
        """Return the decision."""
        return decision, None


def test_the_layer_is_named() -> None:
    """The first layer whose result is not finite is named, whatever error came of it."""
    agent = Chooser(math.nan)
    with pytest.raises(NotFiniteError, match="output of the agent's second not finite"):
        naming_bad_numbers(agent, lambda: agent(torch.ones(1, 2)))
    with pytest.raises(NotFiniteError, match="agent's first not finite"):
        naming_bad_numbers(agent, lambda: agent(torch.full((1, 2), math.inf)))


def test_other_errors_and_results_pass() -> None:
    """An error beside finite numbers is not explained by them, nor is what works."""
    agent = Chooser()
    assert naming_bad_numbers(agent, lambda: agent(torch.ones(1, 2))).shape == (1,)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        naming_bad_numbers(agent, lambda: agent(torch.ones(1, 5)))


@pytest.mark.parametrize(
    ("part", "values", "good"),
    [
        ("answer", [0.0, 1.0], True),
        ("answer", [0.0, -math.inf], True),  # A class that is ruled out.
        ("answer", [0.0, math.nan], False),
        ("location", [math.inf, 0.0], False),
        ("move", [math.nan, 0.0], False),
        ("stop", [math.nan], False),
    ],
)
def test_decisions_are_watched(part: str, values: list[float], good: bool) -> None:
    """NaN or infinity in any part of any decision is an error at the end; minus infinity rules out."""
    agent = Deciding()
    fine = Decision(torch.zeros(1, 2), {})
    changed: dict[str, Any] = {part: torch.tensor([values])}
    odd = fine._replace(**changed)

    def decide() -> None:
        with refusing_bad_decisions(agent):
            for decision in (odd, fine):
                agent(decision)

    if good:
        decide()
    else:
        with pytest.raises(NotFiniteError, match=f"the agent's {part} not finite"):
            decide()
    assert not agent._forward_hooks
