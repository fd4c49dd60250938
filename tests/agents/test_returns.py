"""What an answer is worth."""

import pytest
import torch

from glimpse.agents.returns import answer_worth


def test_the_worth_of_an_answer_by_hand() -> None:
    """Odds of 3 to 1 for class 0 at two steps, of 1 to 4 at a third, for labels 0 and 1."""
    logits = torch.tensor([[3.0, 1.0], [3.0, 1.0], [1.0, 4.0]]).log().unsqueeze(1).expand(3, 2, 2)
    label = torch.tensor([0, 1])
    assert answer_worth("reward", logits, label).tolist() == [[1, 0], [1, 0], [0, 1]]
    chance = answer_worth("probability", logits.requires_grad_(), label)
    assert chance.tolist() == [pytest.approx([0.75, 0.25])] * 2 + [pytest.approx([0.2, 0.8])]
    assert not chance.requires_grad
