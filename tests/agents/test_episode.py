"""Episodes: values after an episode's end, and the belief."""

import torch

from glimpse.agents.episode import Episode


def _episode(answer: torch.Tensor, step_mask: torch.Tensor) -> Episode:
    steps, episodes = step_mask.shape
    label = torch.zeros(episodes, dtype=torch.int64)
    return Episode({}, {}, answer, torch.zeros(steps, episodes), step_mask, label, 1, {})


def test_the_last_value_is_carried_forward_after_an_episode_s_end() -> None:
    """A worked example: the first episode ends after one step, the second after three."""
    step_mask = torch.tensor([[True, True], [False, True], [False, True]])
    episode = _episode(torch.zeros(3, 2, 2), step_mask)
    values = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    assert episode.carry_forward(values).tolist() == [[1, 10], [1, 20], [1, 30]]
    assert episode.carry_forward(values[..., None].expand(3, 2, 4))[:, 0].tolist() == [[1.0] * 4] * 3


def test_belief_is_the_probability_of_each_class() -> None:
    """Logits log 1 and log 3 are 1/4 and 3/4; answers after the stop do not count."""
    logits = torch.tensor([[1.0, 3.0], [1.0, 1.0]]).log()[:, None]
    stopped = _episode(logits, torch.tensor([[True], [False]]))
    running = _episode(logits, torch.tensor([[True], [True]]))
    torch.testing.assert_close(stopped.belief[:, 0], torch.tensor([[0.25, 0.75], [0.25, 0.75]]))
    torch.testing.assert_close(running.belief[:, 0], torch.tensor([[0.25, 0.75], [0.5, 0.5]]))
