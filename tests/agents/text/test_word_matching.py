"""Features of candidates by how well words match: hand-worked cosines."""

import torch

from glimpse.agents.embedding import PADDING, UNKNOWN, Embedding
from glimpse.agents.text.word_matching import WordMatching

RED, BLUE, PURPLE = 2, 3, 4


def matching() -> WordMatching:
    """Return a matching of one head with equal weights, for words at right angles and one between them."""
    embedding = Embedding(5, 2)
    embedding.load_vectors(
        torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 3.0], [1.0, 1.0]]),
        torch.ones(5, dtype=torch.bool),
        True,
    )
    made = WordMatching(embedding, 1)
    for head in (made.asked, made.offered):
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    return made


def test_each_word_is_matched_with_the_most_similar_one() -> None:
    """The question's words, what was opened, and a candidate's own words, by hand."""
    question = torch.tensor([[RED, BLUE, PADDING]])
    opened = torch.tensor([[BLUE, PADDING]])
    candidates = torch.tensor([[[RED, PURPLE], [BLUE, PADDING], [PADDING, PADDING]]])
    found = matching()(question, opened, candidates, torch.tensor([[0, 1, 0]]))
    half = 0.5**0.5
    # Red and purple match red fully and blue by half a right angle; only blue was opened.
    mixed = [(1 + half) / 2, 1 / 2, (1 + half) / 2, half / 2]
    alike = [1 / 2, 0, 1, 1]
    # The first candidate has no title; the second one's is blue, which both matched.
    expected = [[*mixed, 0, 0, 0], [*alike, 1, 1, 1], [0.0] * 7]
    torch.testing.assert_close(found, torch.tensor([expected]))


def test_a_title_is_as_good_as_its_worst_word() -> None:
    """Of the title red blue, a question about red matches a half on average, and nothing at worst."""
    question, nothing = torch.tensor([[RED]]), torch.tensor([[PADDING]])
    found = matching()(question, nothing, torch.tensor([[[RED, BLUE, PURPLE]]]), torch.tensor([[2]]))
    torch.testing.assert_close(found[0, 0, 4:], torch.tensor([0.5, 0.0, 0.0]))


def test_unknown_words_match_nothing() -> None:
    """Two unknown words may be different ones, though they have one vector."""
    unknown = torch.tensor([[UNKNOWN]])
    assert not matching()(unknown, unknown, unknown[None], torch.tensor([[1]])).any()


def test_heads_learn_which_words_count() -> None:
    """A candidate with the name that a head weighs more is matched better; and the head has a gradient."""
    made = matching()
    torch.nn.init.constant_(made.asked.weight[0, 0], 5.0)  # Red counts, and blue does not.
    question, nothing = torch.tensor([[RED, BLUE]]), torch.tensor([[PADDING]])
    found = made(question, nothing, torch.tensor([[[RED], [BLUE]]]), torch.zeros(1, 2, dtype=torch.int64))[0, :, 0]
    assert found[0] > 0.6 > 0.4 > found[1]
    found[0].backward()
    assert made.asked.weight.grad is not None and made.asked.weight.grad.any()
