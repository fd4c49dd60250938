"""What an episode tells of itself."""

import torch

from glimpse.agents.episode import Episode


def _episode(answer: torch.Tensor, taken: torch.Tensor) -> Episode:
    steps, episodes = taken.shape
    label = torch.zeros(episodes, dtype=torch.int64)
    return Episode({}, {}, answer, torch.zeros(steps, episodes), taken, label, 1, {})


def test_an_episode_that_is_over_holds_its_last_value() -> None:
    """By hand: the first episode ends after one step, the second after three."""
    taken = torch.tensor([[True, True], [False, True], [False, True]])
    episode = _episode(torch.zeros(3, 2, 2), taken)
    values = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    assert episode.held(values).tolist() == [[1, 10], [1, 20], [1, 30]]
    assert episode.held(values[..., None].expand(3, 2, 4))[:, 0].tolist() == [[1.0] * 4] * 3


def test_belief_is_the_probability_of_each_class() -> None:
    """Log 1 and log 3 are a quarter and three quarters; what comes after the stop does not count."""
    logits = torch.tensor([[1.0, 3.0], [1.0, 1.0]]).log()[:, None]
    stopped = _episode(logits, torch.tensor([[True], [False]]))
    going_on = _episode(logits, torch.tensor([[True], [True]]))
    torch.testing.assert_close(stopped.belief[:, 0], torch.tensor([[0.25, 0.75], [0.25, 0.75]]))
    torch.testing.assert_close(going_on.belief[:, 0], torch.tensor([[0.25, 0.75], [0.5, 0.5]]))
