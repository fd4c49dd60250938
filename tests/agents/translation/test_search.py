"""Greedy search and the beam: side by side as alone, one as the other, and better where they look further."""

import math

import pytest
import torch
from torch import Tensor

from glimpse.agents.translation.decoding import Encoded, Tensors, Written
from glimpse.agents.translation.search import greedy, limits, translate
from glimpse.agents.translation.translator import Translator


def test_a_beam_of_one_is_greedy(agent: Translator, source: Tensor) -> None:
    """Piece for piece."""
    assert torch.equal(greedy(agent, source), translate(agent, source, 1, 1.0).target)


@pytest.mark.parametrize("beam", [1, 3])
def test_a_sentence_does_not_know_those_beside_it(agent: Translator, source: Tensor, beam: int) -> None:
    """Whatever their lengths, and whoever ends first."""
    together = translate(agent, source, beam, 0.6)
    for number in range(len(source)):
        alone = translate(agent, source[number, None], beam, 0.6)
        assert torch.equal(alone.target[0], together.target[number])
        torch.testing.assert_close(alone.log_prob[0], together.log_prob[number])


def test_log_probabilities_are_those_of_the_translation(agent: Translator, source: Tensor) -> None:
    """As of a target that is known, where no limit has cut it off."""
    found = translate(agent, source, 4, 1.0)
    encoded = agent.teach(source, found.target)
    each = agent.output(encoded.features).log_softmax(-1).gather(-1, found.target.unsqueeze(-1)).squeeze(-1)
    whole = (found.target != 0).sum(1) < limits(source, agent.longest)
    torch.testing.assert_close(
        (each * (found.target != 0)).sum(1)[whole], found.log_prob.double()[whole], atol=1e-4, rtol=0
    )


def test_an_endless_translation_is_cut_at_its_limit(unattended: Translator, source: Tensor) -> None:
    """END is then the last piece; the limit is the sentence's own."""
    agent = unattended
    with torch.no_grad():
        agent.output.bias[3] -= 1000
    for target in (greedy(agent, source[:, :2]), translate(agent, source[:, :2], 3, 1.0).target):
        assert ((target != 0).sum(1) == limits(source[:, :2], agent.longest)).all()
        assert (target.gather(1, (target != 0).sum(1, keepdim=True) - 1) == 3).all()


class _Nothing:
    """A decoder that knows nothing of the source."""

    def prepare(self, encoded: Encoded) -> Tensors:
        return {"states": encoded.states}

    def begin(self, encoded: Encoded) -> Tensors:
        return {"states": encoded.states}


class _Table:
    """Writes by a table of probabilities of each piece after the last one; pieces 4 and 5, and END, 3."""

    def __init__(self, table: dict[int, list[float]]) -> None:
        self.longest = 5
        self.decoder = _Nothing()
        self.table = torch.full((6, 6), 1e-30)
        for before, (end, four, five) in table.items():
            self.table[before, 3:] = torch.tensor([end, four, five]).clamp(min=1e-30)

    def encode(self, source: Tensor) -> Encoded:
        return Encoded(source, source != 0, {})

    def step(self, piece: Tensor, state: Tensors, source: Tensors, number: int) -> tuple[Tensor, Written]:
        return self.table[piece].log(), Written(piece, None, state)


def test_a_beam_finds_what_greedy_search_misses() -> None:
    """5 is less likely at first than 4, but ends surely: .4 x 1 against .6 x .5 x ..."""
    writer = _Table({2: [0, 0.6, 0.4], 4: [0.5, 0.25, 0.25], 5: [1, 0, 0]})
    source = torch.tensor([[4, 3]])
    assert greedy(writer, source).tolist() == [[4, 3, 0, 0, 0]]
    found = translate(writer, source, 2, 0.0)
    assert found.target.tolist() == [[5, 3, 0, 0, 0]] and math.isclose(
        float(found.log_prob), math.log(0.4), rel_tol=1e-5
    )


def test_the_length_penalty_favours_longer_ones() -> None:
    """END at once has .3; 4 and END .7 x .4 = .28, which wins where the logarithm is divided by (7 / 6)^alpha."""
    writer = _Table({2: [0.3, 0.7, 0], 4: [0.4, 0.6, 0]})
    source = torch.tensor([[4, 3]])
    assert translate(writer, source, 2, 0.0).target[0].tolist() == [3, 0, 0, 0, 0]
    assert translate(writer, source, 2, 1.0).target[0].tolist() == [4, 3, 0, 0, 0]
