"""Texts whose translations have unknown pieces, by attention that is made up."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.agents.translation.options import SearchOptions
from glimpse.agents.translation.search import Found
from glimpse.agents.translation.simultaneous_decoding import Interpreted
from glimpse.agents.translation.symbols import END, UNKNOWN
from glimpse.envs.translation.subwords import learn_pieces
from glimpse.envs.translation.translation_data import Languages
from glimpse.evaluation import generation as translating

TARGET = torch.tensor([[UNKNOWN, UNKNOWN, UNKNOWN, END]])
# Columns: Kamel, Lama, the end. The second row has nothing but the end, the third has most at the end.
WEIGHTS = torch.tensor([[[0.2, 0.7, 0.1], [0.0, 0.0, 1.0], [0.3, 0.1, 0.6], [0.0, 0.0, 1.0]]])


def made_up(weights: Tensor) -> tuple[Any, Any]:
    """An agent that attends so, and a world of words."""
    pieces = learn_pieces(["ein Hund"], "words", 20)
    world = SimpleNamespace(
        languages=Languages(pieces, pieces), options=SimpleNamespace(lower=False), longest=9, device="cpu"
    )
    agent = SimpleNamespace(
        align=lambda source, target: {"attention": weights}, options=SimpleNamespace(search=SearchOptions())
    )
    return agent, world


@pytest.mark.parametrize("weights", [WEIGHTS, WEIGHTS.unsqueeze(1).expand(-1, 2, -1, -1)])
def test_an_end_is_no_word(weights: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each unknown piece has the word of its own row; by one map or the mean of heads; or none is replaced."""
    monkeypatch.setattr(translating, "translate", lambda *_: Found(TARGET, torch.zeros(1)))
    agent, world = made_up(weights)
    (one,) = translating.translate_texts(agent, world, ["Kamel Lama"], SearchOptions(), 1)
    assert one.target == "Lama <unk> Kamel"
    (plain,) = translating.translate_texts(agent, world, ["Kamel Lama"], SearchOptions(replace_unknown=False), 1)
    assert plain.target == "<unk> <unk> <unk>"


def test_what_was_not_heard_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first piece was written when one word had been heard, so it cannot be the second word."""
    heard = torch.tensor([[1, 2, 2, 3]])
    monkeypatch.setattr(translating, "interpret", lambda *_: Interpreted(TARGET, heard))
    agent, world = made_up(WEIGHTS)
    (one,) = translating.interpret_texts(agent, world, ["Kamel Lama"], 1)
    assert one.target == "Kamel <unk> Kamel" and one.heard == (1, 2, 2, 3)
