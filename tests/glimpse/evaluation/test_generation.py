"""Tests of the replacement of unknown tokens, with given attention weights."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.agents.translation.options import SearchOptions
from glimpse.agents.translation.search import SearchResults
from glimpse.agents.translation.simultaneous_decoding import SimultaneousDecoding
from glimpse.agents.translation.symbols import END, UNKNOWN
from glimpse.envs.translation.subwords import learn_subwords
from glimpse.envs.translation.translation_data import Languages
from glimpse.evaluation import generation

TARGET = torch.tensor([[UNKNOWN, UNKNOWN, UNKNOWN, END]])
# Columns: Kamel, Lama, END. The second row attends to END alone, the third most to END.
WEIGHTS = torch.tensor([[[0.2, 0.7, 0.1], [0.0, 0.0, 1.0], [0.3, 0.1, 0.6], [0.0, 0.0, 1.0]]])


def agent_and_env(weights: Tensor) -> tuple[Any, Any]:
    """Return an agent with these attention weights, and an environment whose tokens are words."""
    tokens = learn_subwords(["ein Hund"], "words", 20)
    env = SimpleNamespace(
        languages=Languages(tokens, tokens), options=SimpleNamespace(lower=False), longest=9, device="cpu"
    )
    agent = SimpleNamespace(
        align=lambda source, target: {"attention": weights}, options=SimpleNamespace(search=SearchOptions())
    )
    return agent, env


@pytest.mark.parametrize("weights", [WEIGHTS, WEIGHTS.unsqueeze(1).expand(-1, 2, -1, -1)])
def test_unknown_tokens_are_replaced_by_words_and_not_by_the_end(
    weights: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word with the most attention replaces an unknown token, with one head or with the mean of several."""
    found = SearchResults(TARGET[:, None], torch.zeros(1, 1), torch.zeros(1, 1))
    monkeypatch.setattr(generation, "beam_search_all", lambda *_, **__: found)
    agent, env = agent_and_env(weights)
    (one,) = generation.translate_texts(agent, env, ["Kamel Lama"], SearchOptions(), 1)
    assert one.target == "Lama <unk> Kamel"
    (plain,) = generation.translate_texts(agent, env, ["Kamel Lama"], SearchOptions(replace_unknown=False), 1)
    assert plain.target == "<unk> <unk> <unk>"


def test_unknown_tokens_are_not_replaced_by_words_that_were_not_read_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first token was written when one word had been read, so it cannot be replaced by the second word."""
    delays = torch.tensor([[1, 2, 2, 3]])
    monkeypatch.setattr(generation, "decode_simultaneously", lambda *_: SimultaneousDecoding(TARGET, delays))
    agent, env = agent_and_env(WEIGHTS)
    (one,) = generation.translate_simultaneously(agent, env, ["Kamel Lama"], 1)
    assert one.target == "Kamel <unk> Kamel" and one.delays == (1, 2, 2, 3)
