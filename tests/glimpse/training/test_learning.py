"""Tests that RAM learns where to look on a small task: seconds on one core, and deterministic."""

from pkgutil import resolve_name
from typing import Any

import pytest
import torch

from glimpse.agents import AGENTS
from glimpse.config.experiment import TrainOptions
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.runs.rollout import play
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.example_order import TrainingOrder

CPU = torch.device("cpu")
WIDTHS = {"glimpse_width": 32, "location_width": 32, "feature_width": 64, "memory_width": 64}
SIGMA = {"sigma": {"start": 0.3, "end": 0.1}}
POLICY = {**SIGMA, "locator_width": 32, "policy_gradient_into": "core", "baseline": "leave_one_out"}


def textured_spots() -> ImageData:
    """Return images of one spot at one of four locations on black.

    The class is the spot's texture: columns, rows, checks or plain grey. All textures are equally bright, so only their
    pixels tell them apart.
    """
    row, column = torch.meshgrid(torch.arange(6), torch.arange(6), indexing="ij")
    images, labels = [], []
    for phase in (0, 1):
        striped = [255 * ((stripes + phase) % 2) for stripes in (column, row, row + column)]
        for label, texture in enumerate([*striped, torch.full((6, 6), 128)]):
            for top, left in ((8, 8), (8, 18), (18, 8), (18, 18)):
                image = torch.zeros(1, 32, 32, dtype=torch.uint8)
                image[0, top : top + 6, left : left + 6] = texture
                images.append(image)
                labels.append(label)
    return ImageData(torch.stack(images), torch.tensor(labels), ("columns", "rows", "checks", "grey"))


def make_env() -> Classification:
    """Make a task of two glimpses: the centre, where the coarse scale shows the spot, then a patch of 4 x 4 pixels."""
    task = {
        "name": "images",
        "retina": {"patch": 4, "scales": 2, "zoom": 8},
        "glimpses": 2,
        "initial_location": "centre",
    }
    return Classification(ClassificationOptions.model_validate(task), textured_spots())


def accuracy(name: str, greedy: bool, **options: Any) -> float:
    """Return the accuracy of an agent after 400 updates, over all pictures and ten rollouts of each."""
    env, row = make_env(), AGENTS[name]
    torch.manual_seed(0)
    agent_options = resolve_name(row.options).model_validate({**WIDTHS, **options})
    agent = resolve_name(row.factory)(agent_options, env.observation_space, env.action_space)
    train = {"steps": 400, "batch": 64, "copies": 4, "learning_rate": 3e-3, "warmup": 20, "ema_decay": 0.9}
    learner = EpisodeLearner(agent, TrainOptions.model_validate({**train, "precision": "float32"}), CPU)
    order = TrainingOrder(env.examples, 64, seed=0, device=CPU)
    while not learner.done:
        learner.learn(learner.collect(env, order))
    example = torch.arange(env.examples)
    episode = play(env, learner.averaged, example, example + 10**6, copies=10, greedy=greedy)
    return (episode.action["answer"][-1] == episode.label).float().mean().item()


def test_ram_learns_to_look_at_the_spot() -> None:
    """RAM reaches an accuracy of 0.95; chance is 1/4, and with 50 other seeds all reached 1.0."""
    assert accuracy("ram", greedy=True, **POLICY) > 0.95


@pytest.mark.parametrize(("name", "options"), [("random", {}), ("path", SIGMA)])
def test_other_locators_do_not_find_the_spot(name: str, options: dict[str, Any]) -> None:
    """Random locations and the best fixed path, which meets one spot in four, reach at most 7/16."""
    assert accuracy(name, greedy=False, **options) < 0.5
