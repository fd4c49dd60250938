"""Learning where to look, on a task that only a bug can fail: seconds on one core, the same each time."""

from pkgutil import resolve_name
from typing import Any

import pytest
import torch

from glimpse.agents import AGENTS
from glimpse.config.experiment import TrainOptions
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.options import ClassificationOptions
from glimpse.runs.rollout import play
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.example_order import TrainingOrder

CPU = torch.device("cpu")
WIDTHS = {"glimpse_width": 32, "place_width": 32, "feature_width": 64, "memory_width": 64}
SIGMA = {"sigma": {"start": 0.3, "end": 0.1}}
POLICY = {**SIGMA, "locator_width": 32, "policy_gradient": "core", "baseline": "leave_one_out"}


def textured_spots() -> ImageData:
    """A spot in one of four places on black; the class is its texture: columns, rows, checks or plain grey.

    All textures are equally bright, so only the pixels themselves tell them apart.
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


def make_world() -> Classification:
    """Two glimpses: the centre, where the coarse scale tells which spot it is, then one of 4 pixels across."""
    task = {
        "name": "images",
        "retina": {"patch": 4, "scales": 2, "zoom": 8},
        "glimpses": 2,
        "first_place": "centre",
    }
    return Classification(ClassificationOptions.model_validate(task), textured_spots())


def accuracy(name: str, greedy: bool, **options: Any) -> float:
    """Of an agent after 400 updates, over all pictures and ten rollouts of each."""
    world, row = make_world(), AGENTS[name]
    torch.manual_seed(0)
    agent_options = resolve_name(row.options).model_validate({**WIDTHS, **options})
    agent = resolve_name(row.factory)(agent_options, world.observation_space, world.action_space)
    train = {"steps": 400, "batch": 64, "copies": 4, "learning_rate": 3e-3, "warmup": 20, "average": 0.9}
    learner = EpisodeLearner(agent, TrainOptions.model_validate({**train, "precision": "float32"}), CPU)
    order = TrainingOrder(world.examples, 64, seed=0, device=CPU)
    while not learner.done:
        learner.learn(learner.collect(world, order))
    example = torch.arange(world.examples)
    episode = play(world, learner.averaged, example, example + 10**6, copies=10, greedy=greedy)
    return (episode.action["answer"][-1] == episode.label).float().mean().item()


def test_ram_learns_to_look_where_the_coarse_scale_tells_it_to() -> None:
    """Chance is 1/4. Of 50 other seeds all reached 1.0."""
    assert accuracy("ram", greedy=True, **POLICY) > 0.95


@pytest.mark.parametrize(("name", "options"), [("random", {}), ("path", SIGMA)])
def test_other_eyes_do_not_reach_it(name: str, options: dict[str, Any]) -> None:
    """A random place seldom meets the spot, and the best of paths meets one in four: at most 7/16."""
    assert accuracy(name, greedy=False, **options) < 0.5
