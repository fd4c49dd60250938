"""Tests of replays and surveys, which must show what the evaluation measures."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch

from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.envs.images.render import boxes
from glimpse.evaluation.replay import Replay, evenly, mean_picture, replay, shown_classes, survey
from glimpse.evaluation.scores import measure_scores
from glimpse.runs.build import make_agent, make_split_env

OPTIONS = EvaluateOptions(copies=1, precision="float32")


def untrained(**task: object) -> tuple[RecurrentAttention, VisualEnv]:
    """Return an agent with random weights on digits, which stops at various steps if it may, and its environment."""
    experiment = Experiment.model_validate(
        {"task": {"name": "digits", "glimpses": 4, **task}, "agent": {"name": "ram"}, "train": {"steps": 1}}
    )
    env = make_split_env(experiment, "validation", torch.device("cpu"))
    agent = cast(RecurrentAttention, make_agent(experiment, env).requires_grad_(False))
    if agent.stop_policy is not None:
        agent.stop_policy.decide.weight.mul_(40)
    return agent, env


def test_evenly_spaced_numbers() -> None:
    """Numbers run from the first to the last; all are returned if there are few."""
    assert evenly(10, 4) == [0, 3, 6, 9]
    assert evenly(3, 10) == [0, 1, 2]
    assert evenly(5, 1) == [0]


@pytest.mark.parametrize("stop", [False, True])
def test_a_survey_of_a_split_equals_its_greedy_evaluation(stop: bool) -> None:
    """A survey has the errors of the evaluation, so that the report never contradicts the table."""
    agent, env = untrained(stop=stop)
    found = survey(agent, env, list(range(env.examples)), OPTIONS)
    assert found.error_after_glimpse() == pytest.approx(measure_scores(agent, env, OPTIONS).greedy.after_glimpse)
    assert found.wrong.sum() == pytest.approx(env.examples * found.error_after_glimpse()[-1] / 100)


def test_a_replay_is_an_episode_of_the_survey() -> None:
    """A replay does not depend on its batch; after an early stop the survey repeats the last location."""
    agent, env = untrained(stop=True)
    found = survey(agent, env, list(range(env.examples)), OPTIONS)
    for episode in replay(agent, env, list(range(0, env.examples, 7)), OPTIONS):
        length = found.glimpses[episode.example]
        location = found.location[:, episode.example]
        assert len(episode.location) == len(episode.patch) == len(episode.belief) == length
        np.testing.assert_allclose(episode.location, location[:length], atol=1e-5)
        np.testing.assert_array_equal(location[length:], np.broadcast_to(location[length - 1], location[length:].shape))
        assert episode.answered == (found.answer[-1, episode.example],)
        assert episode.true == (episode.label,) == (found.label[episode.example],)
        assert episode.belief[-1].max() == pytest.approx(found.confidence[episode.example], abs=1e-5)
    assert len(set(found.glimpses.tolist())) > 1


def test_patches_are_the_pixels_inside_the_boxes() -> None:
    """The pixels inside a drawn box are what the agent saw."""
    agent, env = untrained()
    for episode in replay(agent, env, [0, 50, 100], OPTIONS):
        padded = np.pad(episode.picture[0], 8) / 255
        for location, patch in zip(episode.location, episode.patch, strict=True):
            left, top, right, bottom = boxes(env.retina.options, location, 8, 8)[0]
            np.testing.assert_allclose(padded[top + 8 : bottom + 8, left + 8 : right + 8], patch[0, 0], atol=1e-6)


def test_mean_picture_by_hand() -> None:
    """The mean is over examples and channels, in [0, 1]."""
    agent, env = untrained()
    first, second = replay(agent, env, [3, 4], OPTIONS)
    expected = (first.picture[0] / 255 + second.picture[0] / 255) / 2
    np.testing.assert_allclose(mean_picture(env, np.array([3, 4]), OPTIONS), expected, atol=1e-6)


def test_shown_classes() -> None:
    """All of ten classes are shown; of twelve, the five likeliest and the true one."""

    def episode(belief: list[float], label: int) -> Replay:
        nothing = np.zeros((1, 1, 1, 1, 1), np.float32)
        return Replay(
            0, nothing[0, 0].astype(np.uint8), nothing[0, 0, 0], nothing, np.array([belief], np.float32), label
        )

    many = [0.0, 0.3, 0.01, 0.2, 0.02, 0.1, 0.03, 0.15, 0.04, 0.05, 0.06, 0.04]
    assert shown_classes(episode([0.1] * 10, 3)) == list(range(10))
    assert shown_classes(episode(many, 3)) == [1, 3, 7, 5, 10]
    assert shown_classes(episode(many, 2)) == [1, 3, 7, 5, 10, 2]


def test_two_answers_in_an_episode() -> None:
    """The second of four beliefs is the first answer, the fourth is the second; label 27 is class 2, then class 7."""
    belief = np.full((4, 10), 0.05, np.float32)
    for step, (answered, chance) in enumerate([(9, 0.5), (2, 0.8), (9, 0.5), (7, 0.5)]):
        belief[step, answered] = chance
    nothing = np.zeros((4, 1, 1, 1, 1), np.float32)
    episode = Replay(0, np.zeros((1, 8, 8), np.uint8), nothing[:, 0, 0, 0], nothing, belief, 27, answers=2)
    assert (episode.true, episode.answered, episode.right) == ((2, 7), (2, 7), True)
    assert episode.confidence == pytest.approx(0.8 * 0.5)
    assert not replace(episode, label=72).right
