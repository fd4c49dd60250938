"""Sampling of a categorical choice."""

import torch

from glimpse.agents.choices import choose


def test_draws_follow_the_inverse_of_the_distribution_function() -> None:
    """Probabilities 0.2, 0.5 and 0.3 have bounds at 0.2 and 0.7; greedy takes the likeliest choice."""
    noise = torch.special.ndtri(torch.tensor([0.01, 0.19, 0.21, 0.69, 0.71, 1.0]))
    logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(6, 3)
    assert choose(logits, noise, False).tolist() == [0, 0, 1, 1, 2, 2]
    assert choose(logits, noise, torch.tensor([True, False] * 3)).tolist() == [1, 0, 1, 1, 1, 2]
    assert choose(logits, noise, True).tolist() == [1] * 6


def test_a_choice_with_probability_zero_is_never_drawn() -> None:
    """This holds at the most extreme noise that agents are given."""
    noise = torch.tensor([-5.3, 5.3])
    logits = torch.tensor([-torch.inf, 0.0, -torch.inf]).expand(2, 3)
    assert choose(logits, noise, False).tolist() == [1, 1]
