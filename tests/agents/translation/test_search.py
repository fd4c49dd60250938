"""Greedy search and beam search: batched as alone, and equal for a beam of one."""

import math

import pytest
import torch
from torch import Tensor

from glimpse.agents.translation.decoding import DecoderStep, EncodedSource, Tensors
from glimpse.agents.translation.search import beam_search, greedy_search, length_limits
from glimpse.agents.translation.translator import Translator


def test_a_beam_of_one_is_greedy(agent: Translator, source: Tensor) -> None:
    """The translations are equal token by token."""
    assert torch.equal(greedy_search(agent, source), beam_search(agent, source, 1, 1.0).target)


@pytest.mark.parametrize("beam", [1, 3])
def test_a_sentence_does_not_depend_on_its_batch(agent: Translator, source: Tensor, beam: int) -> None:
    """This holds for sentences of all lengths, whichever ends first."""
    together = beam_search(agent, source, beam, 0.6)
    for number in range(len(source)):
        alone = beam_search(agent, source[number, None], beam, 0.6)
        assert torch.equal(alone.target[0], together.target[number])
        torch.testing.assert_close(alone.log_prob[0], together.log_prob[number])


def test_log_probabilities_are_those_of_the_translation(agent: Translator, source: Tensor) -> None:
    """They are those of teacher forcing, where the maximum length has not cut the translation."""
    found = beam_search(agent, source, 4, 1.0)
    encoded = agent.teacher_force(source, found.target)
    each = agent.output(encoded.features).log_softmax(-1).gather(-1, found.target.unsqueeze(-1)).squeeze(-1)
    whole = (found.target != 0).sum(1) < length_limits(source, agent.longest)
    torch.testing.assert_close(
        (each * (found.target != 0)).sum(1)[whole], found.log_prob.double()[whole], atol=1e-4, rtol=0
    )


def test_an_endless_translation_is_cut_at_the_maximum_length(unattended: Translator, source: Tensor) -> None:
    """END is then the last token; the maximum depends on the source."""
    agent = unattended
    with torch.no_grad():
        agent.output.bias[3] -= 1000
    for target in (greedy_search(agent, source[:, :2]), beam_search(agent, source[:, :2], 3, 1.0).target):
        assert ((target != 0).sum(1) == length_limits(source[:, :2], agent.longest)).all()
        assert (target.gather(1, (target != 0).sum(1, keepdim=True) - 1) == 3).all()


class _Nothing:
    """A decoder that ignores the source."""

    def prepare(self, encoded: EncodedSource) -> Tensors:
        return {"states": encoded.states}

    def initial_memory(self, encoded: EncodedSource) -> Tensors:
        return {"states": encoded.states}


class _Table:
    """A model with a table of probabilities of END (3) and tokens 4 and 5 after each token."""

    def __init__(self, table: dict[int, list[float]]) -> None:
        self.longest = 5
        self.decoder = _Nothing()
        self.table = torch.full((6, 6), 1e-30)
        for before, (end, four, five) in table.items():
            self.table[before, 3:] = torch.tensor([end, four, five]).clamp(min=1e-30)

    def encode(self, source: Tensor) -> EncodedSource:
        return EncodedSource(source, source != 0, {})

    def step(self, token: Tensor, state: Tensors, source: Tensors, index: int) -> tuple[Tensor, DecoderStep]:
        return self.table[token].log(), DecoderStep(token, None, state)


def test_a_beam_finds_what_greedy_search_misses() -> None:
    """Token 5 is less likely than 4, but then END is certain: .4 x 1 against .6 x .5."""
    model = _Table({2: [0, 0.6, 0.4], 4: [0.5, 0.25, 0.25], 5: [1, 0, 0]})
    source = torch.tensor([[4, 3]])
    assert greedy_search(model, source).tolist() == [[4, 3, 0, 0, 0]]
    found = beam_search(model, source, 2, 0.0)
    assert found.target.tolist() == [[5, 3, 0, 0, 0]] and math.isclose(
        float(found.log_prob), math.log(0.4), rel_tol=1e-5
    )


def test_the_length_penalty_favours_longer_translations() -> None:
    """END alone has .3; 4 and END have .7 x .4 = .28, and win when log p is divided by (7 / 6)^alpha."""
    model = _Table({2: [0.3, 0.7, 0], 4: [0.4, 0.6, 0]})
    source = torch.tensor([[4, 3]])
    assert beam_search(model, source, 2, 0.0).target[0].tolist() == [3, 0, 0, 0, 0]
    assert beam_search(model, source, 2, 1.0).target[0].tolist() == [4, 3, 0, 0, 0]
