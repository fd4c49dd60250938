"""Greedy search and beam search: batched as alone, and equal for a beam of one."""

import math

import pytest
import torch
from torch import Tensor

from glimpse.agents.translation.decoding import DecoderStep, EncodedSource, Tensors
from glimpse.agents.translation.search import beam_search, beam_search_all, greedy_search, length_limits
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


def test_all_translations_are_ranked() -> None:
    """END has .3, and 4 and END .7 x .4; the scores divide the logarithms by (5 + tokens) / 6."""
    model = _Table({2: [0.3, 0.7, 0], 4: [0.4, 0.6, 0]})
    found = beam_search_all(model, torch.tensor([[4, 3]]), 2, 1.0)
    assert found.target[0].tolist() == [[4, 3, 0, 0, 0], [3, 0, 0, 0, 0]]
    torch.testing.assert_close(found.log_prob[0], torch.tensor([0.28, 0.3]).log())
    torch.testing.assert_close(found.score[0], torch.tensor([0.28, 0.3]).log() / torch.tensor([7 / 6, 1]))


def test_no_tokens_in_a_row_come_twice() -> None:
    """Where 4 is likeliest after everything, no_repeat=1 leaves 4, 5 and END, and no_repeat=2 allows 4 4 once."""
    table = {2: [0.0, 0.9, 0.1], 4: [0.05, 0.9, 0.05], 5: [0.1, 0.8, 0.1]}
    source = torch.tensor([[4, 3]])
    free = beam_search_all(_Table(table), source, 1, 0.0)
    assert free.target[0, 0].tolist() == [4, 4, 4, 4, 3]
    once = beam_search_all(_Table(table), source, 1, 0.0, no_repeat=1)
    assert once.target[0, 0].tolist() in ([4, 5, 3, 0, 0], [4, 3, 0, 0, 0])
    twice = beam_search_all(_Table(table), source, 1, 0.0, no_repeat=2).target[0, 0].tolist()
    pairs = list(zip(twice, twice[1:], strict=False))
    assert twice[:2] == [4, 4] and all(pairs.count(pair) == 1 for pair in pairs if 0 not in pair)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_translations_have_no_repeated_n_grams(agent: Translator, source: Tensor, n: int) -> None:
    """This holds for each of the K translations of every sentence."""
    found = beam_search_all(agent, source, 3, 1.0, no_repeat=n)
    for row in found.target.flatten(0, 1).tolist():
        tokens = row[: row.index(3)] if 3 in row else []
        grams = [tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1)]
        assert len(grams) == len(set(grams))


def test_translations_begin_with_the_prefix(agent: Translator, source: Tensor) -> None:
    """Each sentence has its own prefix; without one it has the translations of a free search."""
    prefix = torch.zeros(len(source), 3, dtype=torch.int64)
    prefix[0] = torch.tensor([7, 7, 5])
    prefix[1, 0] = 6
    found = beam_search_all(agent, source, 3, 1.0, prefix=prefix, no_repeat=1 if len(source) < 2 else 0)
    assert (found.target[0, :, :3] == prefix[0]).all() and (found.target[1, :, 0] == 6).all()
    free = beam_search_all(agent, source, 3, 1.0)
    assert torch.equal(found.target[2:], free.target[2:])
    forced = beam_search_all(agent, source[:1], 2, 1.0, prefix=prefix[:1], no_repeat=1)
    assert (forced.target[0, :, :3] == prefix[0]).all()  # The prefix itself may repeat tokens.
