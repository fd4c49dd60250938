"""Tests of the word-by-word comparison of two texts."""

import math

import pytest
import torch

from glimpse.agents.encoders.encoded import Encoded, TokenStates
from glimpse.agents.text.aligned_pair import AlignedPair


def states(*words: list[float], padding: int = 0) -> TokenStates:
    """Return a text of these states, with padding behind it."""
    width = len(words[0])
    mask = torch.tensor([[True] * len(words) + [False] * padding])
    return TokenStates(torch.tensor([[*words, *[[9.0] * width] * padding]]), mask)


def test_what_a_word_finds_by_hand() -> None:
    """The scores of [1, 0] and [2, 0], [0, 3] are 2 and 0."""
    pair = AlignedPair("lstm", 2, 1, 0.0)
    found = pair.aligned(states([1.0, 0.0]), states([2.0, 0.0], [0.0, 3.0], padding=2))
    share = 1 / (1 + math.exp(-2))
    assert found[0, 0].tolist() == pytest.approx([2 * share, 3 * (1 - share)])
    empty = TokenStates(torch.ones(1, 2, 2), torch.zeros(1, 2, dtype=torch.bool))
    assert not pair.aligned(states([1.0, 0.0]), empty).any()


def encoded(tokens: TokenStates) -> Encoded:
    """Return a text of these states, whose vector is not read."""
    return Encoded(torch.empty(0), {}, tokens=tokens)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_order_of_texts_and_padding(kind: str) -> None:
    """Texts in the other order have the two halves in the other order; padding changes nothing."""
    torch.manual_seed(0)
    pair = AlignedPair(kind, 4, 2, 0.5).eval()
    words = torch.randn(5, 4).tolist()
    one, other = encoded(states(*words[:2])), encoded(states(*words[2:]))
    found, swapped = pair(one, other), pair(other, one)
    assert found.shape == (1, pair.width) == (1, 16)
    assert torch.equal(swapped, torch.cat([found[:, 8:], found[:, :8]], -1)) and not torch.equal(swapped, found)
    padded = pair(encoded(states(*words[:2], padding=3)), encoded(states(*words[2:], padding=1)))
    torch.testing.assert_close(padded, found)


def test_a_copied_word_is_found() -> None:
    """Whether a text has the other's only word can be told by the comparison alone, of words never seen in training."""
    torch.manual_seed(1)
    pair = AlignedPair("gru", 8, 1, 0.0)
    head = torch.nn.Linear(pair.width, 2)
    optimiser = torch.optim.Adam([*pair.parameters(), *head.parameters()], 0.01)

    def batch(size: int) -> tuple[Encoded, Encoded, torch.Tensor]:
        text, word = torch.randn(size, 4, 8).sign() * 2, torch.randn(size, 1, 8).sign() * 2
        there = torch.arange(size) % 2
        text[:, 1] = torch.where(there.bool().unsqueeze(1), word[:, 0], text[:, 1])
        texts = (encoded(TokenStates(each, torch.ones(each.shape[:2]).bool())) for each in (text, word))
        return next(texts), next(texts), there

    for _ in range(150):
        text, word, there = batch(64)
        loss = torch.nn.functional.cross_entropy(head(pair(text, word)), there)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    text, word, there = batch(500)
    assert (head(pair(text, word)).argmax(1) == there).float().mean() > 0.9
