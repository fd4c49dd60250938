"""Replays and surveys: they show what the evaluation measured."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch

from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.images.render import boxes
from glimpse.envs.lanes import VisualCore
from glimpse.evaluation.replay import Replay, evenly, mean_picture, replay, shown_classes, survey
from glimpse.evaluation.scores import measure
from glimpse.runs.build import make_agent, make_world

OPTIONS = EvaluateOptions(copies=1, precision="float32")


def untrained(**task: object) -> tuple[RecurrentAttention, VisualCore]:
    """An agent with random weights, which looks and (if it may) stops here and there, on digits."""
    experiment = Experiment.model_validate(
        {"task": {"name": "digits", "glimpses": 4, **task}, "agent": {"name": "ram"}, "train": {"steps": 1}}
    )
    world = make_world(experiment, "validation", torch.device("cpu"))
    agent = cast(RecurrentAttention, make_agent(experiment, world).requires_grad_(False))
    if agent.stopper is not None:
        agent.stopper.decide.weight.mul_(40)
    return agent, world


def test_evenly_spread_numbers() -> None:
    """From the first to the last, or all where there are few."""
    assert evenly(10, 4) == [0, 3, 6, 9]
    assert evenly(3, 10) == [0, 1, 2]
    assert evenly(5, 1) == [0]


@pytest.mark.parametrize("stop", [False, True])
def test_a_survey_of_a_split_is_its_greedy_evaluation(stop: bool) -> None:
    """The same pictures, the same answers: the report never contradicts the table."""
    agent, world = untrained(stop=stop)
    found = survey(agent, world, list(range(world.examples)), OPTIONS)
    assert found.error_after_glimpse() == pytest.approx(measure(agent, world, OPTIONS).greedy.after_glimpse)
    assert found.wrong.sum() == pytest.approx(world.examples * found.error_after_glimpse()[-1] / 100)


def test_a_replay_is_an_episode_of_the_survey() -> None:
    """Whatever is played beside it; an episode that stops early is shorter, and the survey repeats its end."""
    agent, world = untrained(stop=True)
    found = survey(agent, world, list(range(world.examples)), OPTIONS)
    for episode in replay(agent, world, list(range(0, world.examples, 7)), OPTIONS):
        length = found.glimpses[episode.example]
        place = found.place[:, episode.example]
        assert len(episode.place) == len(episode.patch) == len(episode.belief) == length
        np.testing.assert_allclose(episode.place, place[:length], atol=1e-5)
        np.testing.assert_array_equal(place[length:], np.broadcast_to(place[length - 1], place[length:].shape))
        assert episode.said == (found.answer[-1, episode.example],)
        assert episode.true == (episode.label,) == (found.label[episode.example],)
        assert episode.belief[-1].max() == pytest.approx(found.confidence[episode.example], abs=1e-5)
    assert len(set(found.glimpses.tolist())) > 1


def test_patches_lie_in_the_picture_where_the_boxes_say() -> None:
    """What is drawn as a box is what the agent was given."""
    agent, world = untrained()
    for episode in replay(agent, world, [0, 50, 100], OPTIONS):
        padded = np.pad(episode.picture[0], 8) / 255
        for place, patch in zip(episode.place, episode.patch, strict=True):
            left, top, right, bottom = boxes(world.retina.options, place, 8, 8)[0]
            np.testing.assert_allclose(padded[top + 8 : bottom + 8, left + 8 : right + 8], patch[0, 0], atol=1e-6)


def test_mean_picture_by_hand() -> None:
    """Over examples and channels, in [0, 1]."""
    agent, world = untrained()
    first, second = replay(agent, world, [3, 4], OPTIONS)
    expected = (first.picture[0] / 255 + second.picture[0] / 255) / 2
    np.testing.assert_allclose(mean_picture(world, np.array([3, 4]), OPTIONS), expected, atol=1e-6)


def test_shown_classes() -> None:
    """All of ten; of twelve the five likeliest, and the true one where it is not among them."""

    def episode(belief: list[float], label: int) -> Replay:
        nothing = np.zeros((1, 1, 1, 1, 1), np.float32)
        return Replay(
            0, nothing[0, 0].astype(np.uint8), nothing[0, 0, 0], nothing, np.array([belief], np.float32), label
        )

    many = [0.0, 0.3, 0.01, 0.2, 0.02, 0.1, 0.03, 0.15, 0.04, 0.05, 0.06, 0.04]
    assert shown_classes(episode([0.1] * 10, 3)) == list(range(10))
    assert shown_classes(episode(many, 3)) == [1, 3, 7, 5, 10]
    assert shown_classes(episode(many, 2)) == [1, 3, 7, 5, 10, 2]


def test_two_answers_count_one_after_the_other() -> None:
    """Of four glimpses the second belief is the first answer and the fourth the second; 27 is class 2, then 7 of 10."""
    belief = np.full((4, 10), 0.05, np.float32)
    for step, (said, chance) in enumerate([(9, 0.5), (2, 0.8), (9, 0.5), (7, 0.5)]):
        belief[step, said] = chance
    nothing = np.zeros((4, 1, 1, 1, 1), np.float32)
    episode = Replay(0, np.zeros((1, 8, 8), np.uint8), nothing[:, 0, 0, 0], nothing, belief, 27, answers=2)
    assert (episode.true, episode.said, episode.right) == ((2, 7), (2, 7), True)
    assert episode.confidence == pytest.approx(0.8 * 0.5)
    assert not replace(episode, label=72).right
