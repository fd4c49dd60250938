"""Words that reach the answer through gates: hand-worked sums."""

import torch

from glimpse.agents.text.copied_words import CopiedWords, ReadSentence


def test_gates_let_words_through_by_their_states() -> None:
    """With a query of (2, 0) in two dimensions, states (1, 0), (-1, 0) and (0, 0) have gates by hand; padding none."""
    copied = CopiedWords(1, 1, 2)
    with torch.no_grad():
        copied.query.weight.zero_()
        copied.query.bias.copy_(torch.tensor([2.0, 0.0]))
    states = torch.tensor([[[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0], [9.0, 0.0]]])
    vectors = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [10.0, 10.0], [99.0, 99.0]]])
    read = ReadSentence(torch.zeros(1, 3), states, vectors, torch.tensor([[1.0, 1.0, 0.5, 0.0]]))
    found = copied(read, torch.zeros(1, 1), torch.zeros(1, 1))
    gate = torch.sigmoid(torch.tensor(2 / 2**0.5))
    torch.testing.assert_close(found, torch.stack([gate + 2.5, 1 - gate + 2.5])[None])


def test_the_query_is_made_of_question_and_memory() -> None:
    """Both reach the gates; several steps at once are the steps one by one."""
    torch.manual_seed(0)
    copied = CopiedWords(3, 4, 2)
    read = ReadSentence(torch.zeros(2, 5, 1), torch.randn(10, 6, 2), torch.randn(10, 6, 7), torch.ones(10, 6))
    question, hidden = torch.randn(2, 5, 3), torch.randn(2, 5, 4)
    found = copied(read, question, hidden)
    one = ReadSentence(torch.zeros(5, 1), read.states[5:], read.vectors[5:], read.weights[5:])
    torch.testing.assert_close(found[1], copied(one, question[1], hidden[1]))
    assert not torch.allclose(found, copied(read, question + 1, hidden))
    assert not torch.allclose(found, copied(read, question, hidden + 1))
