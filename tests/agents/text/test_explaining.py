"""Tests of word salience, and of answers from some words alone."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.text.explaining import Explaining, remove_words
from glimpse.agents.text.options import RationaleOptions, ReaderOptions, ResanOptions
from glimpse.agents.text.rationale import Rationale
from glimpse.agents.text.reader import Reader
from glimpse.agents.text.resan import Resan

TEXT = torch.tensor([[5, 6, 7, 9, 0, 0], [8, 4, 0, 0, 0, 0]])
KEPT = torch.tensor([[True, False, False, True, False, False], [False, True, False, False, False, True]])
LEFT = torch.tensor([[5, 9, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0]])
ATTENTION = {"kind": "lstm", "width": 4, "pooling": "context_vector"}


def make(kind: str, shape: tuple[int, ...] = (6,), **options: Any) -> Reader:
    """Make a small agent with a vocabulary of ten words."""
    torch.manual_seed(0)
    seen = spaces.Dict({"text": spaces.Box(0, 9, shape, np.int64)})
    answer = spaces.Dict({"answer": spaces.Discrete(3)})
    given = {"embedding_width": 3, **options}
    agent: Reader
    match kind:
        case "rationale":
            agent = Rationale(RationaleOptions.model_validate(given), seen, answer)
        case "resan":
            agent = Resan(ResanOptions.model_validate(given), seen, answer)
            agent.set_progress(1.0)
        case _:
            agent = Reader(ReaderOptions.model_validate({"encoder": ATTENTION, **given}), seen, answer)
    return agent.eval()


def only(agent: Explaining, text: Tensor, kept: Tensor) -> Tensor:
    """Compute logits from the kept words."""
    return agent.read_only({"text": text}, {"text": kept})


def test_removed_words_leave_no_gap() -> None:
    """The other words move together; empty sentences come last; padding is never kept."""
    assert torch.equal(remove_words(TEXT, KEPT), LEFT)
    document = torch.tensor([[[5, 6, 0], [7, 8, 9], [4, 0, 0]]])
    kept = torch.tensor([[[False, False, True], [True, False, True], [True, True, True]]])
    assert torch.equal(remove_words(document, kept), torch.tensor([[[7, 9, 0], [4, 0, 0], [0, 0, 0]]]))


@pytest.mark.parametrize("kind", ["reader", "rationale", "resan"])
def test_only_kept_words_are_read(kind: str) -> None:
    """Replacing a removed word changes nothing, replacing a kept one does; no word at all can be read too."""
    agent = make(kind)
    found, other = only(agent, TEXT, KEPT), TEXT.clone()
    other[0, 1], other[1, 0] = 3, 2
    torch.testing.assert_close(only(agent, other, KEPT), found)
    torch.testing.assert_close(only(agent, LEFT, LEFT != 0), found)
    other[0, 0] = 1
    assert not torch.allclose(only(agent, other, KEPT)[0], found[0])
    assert only(agent, TEXT, torch.zeros_like(KEPT)).isfinite().all()


@pytest.mark.parametrize("kind", ["reader", "rationale", "resan"])
def test_salience_has_the_shape_of_the_text_and_is_zero_at_padding(kind: str) -> None:
    """Reader, rationale and ReSAN all have a salience."""
    agent = make(kind)
    assert isinstance(agent, Explaining)
    found = agent.salience({"text": TEXT})
    assert found is not None and found["text"].shape == TEXT.shape
    assert not found["text"][TEXT == 0].any() and (found["text"][TEXT != 0] > 0).all()


def test_a_readers_salience_is_its_attention() -> None:
    """It is the mean over hops; in documents the sentence's weight times the word's, which sum to 1; a CNN has none."""
    agent = make("reader")
    found = agent.salience({"text": TEXT})
    assert found is not None
    torch.testing.assert_close(found["text"][:, :4], agent.encode(TEXT).weights["tokens"])
    hops = make("reader", encoder={"kind": "lstm", "width": 4, "pooling": {"kind": "structured", "hops": 3}})
    found = hops.salience({"text": TEXT})
    assert found is not None
    torch.testing.assert_close(found["text"][:, :4], hops.encode(TEXT).weights["hops"].mean(1))
    document = torch.tensor([[[5, 6, 0, 0], [7, 8, 9, 0], [0, 0, 0, 0]]])
    found = make("reader", (3, 4), encoder="hierarchical").salience({"text": document})
    assert found is not None and found["text"].shape == document.shape
    assert found["text"].sum().item() == pytest.approx(1) and not found["text"][document == 0].any()
    assert make("reader", encoder="cnn").salience({"text": TEXT}) is None


def test_a_rationales_salience_is_its_keep_probability() -> None:
    """The greedy selection keeps the words of probability 1/2 or more."""
    agent = make("rationale")
    assert isinstance(agent, Rationale)
    probability = agent.salience({"text": TEXT})["text"]
    assert torch.equal(agent.words_read({"text": TEXT})["text"], probability >= 0.5)
