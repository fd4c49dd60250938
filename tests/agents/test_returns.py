"""Policy reward of answers."""

import pytest
import torch

from glimpse.agents.answer_kinds import ClassAnswers


def test_the_policy_reward_of_answers_by_hand() -> None:
    """Class 0 has odds of 3 to 1 at two steps and of 1 to 4 at a third; the labels are 0 and 1."""
    logits = torch.tensor([[3.0, 1.0], [3.0, 1.0], [1.0, 4.0]]).log().unsqueeze(1).expand(3, 2, 2)
    label = torch.tensor([0, 1])
    assert ClassAnswers(2).reward("correct", logits, label).tolist() == [[1, 0], [1, 0], [0, 1]]
    chance = ClassAnswers(2).reward("probability", logits.requires_grad_(), label)
    assert chance.tolist() == [pytest.approx([0.75, 0.25])] * 2 + [pytest.approx([0.2, 0.8])]
    assert not chance.requires_grad
