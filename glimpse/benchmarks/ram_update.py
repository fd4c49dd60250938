"""RAM's training step on synthetic images, the work that most benchmarks measure."""

from typing import cast

import torch

from glimpse.agents.agent import LearningAgent
from glimpse.benchmarks.bench_settings import Setting
from glimpse.config.experiment import Experiment
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.runs.build import make_agent
from glimpse.runs.threads import set_threads
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.example_order import TrainingOrder


def synthetic(side: int, examples: int) -> ImageData:
    """Return N = `examples` random images (N, 1, side, side) of ten classes; speed does not depend on their content."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (examples, 1, side, side), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (examples,), generator=generator)
    return ImageData(images, labels, tuple(str(number) for number in range(10)))


def experiment_of(setting: Setting, task: dict[str, object] | None = None) -> Experiment:
    """Return an experiment at a setting: RAM with the sizes of configs/images/mnist-ram.yaml (6 glimpses of 8 x 8)."""
    train = {"steps": 10**9, "batch": setting.batch, "precision": setting.precision, "compile": setting.compile}
    return Experiment.model_validate({"task": task or {"name": "mnist"}, "agent": {"name": "ram"}, "train": train})


class Update:
    """One training update of `glimpse train`, on synthetic images."""

    def __init__(self, experiment: Experiment, threads: int, device: torch.device, data: ImageData) -> None:
        """Build environment and learner, and set the number of threads from here on."""
        set_threads(threads)
        self.env = Classification(cast(ClassificationOptions, experiment.task), data, device=device)
        agent = cast(LearningAgent, make_agent(experiment, self.env))
        self.learner = EpisodeLearner(agent, experiment.train, device)
        self.order = TrainingOrder(self.env.examples, experiment.train.batch, 0, device)

    def __call__(self) -> int:
        """Collect a rollout and learn from it; return the number of images."""
        self.learner.advance(self.env, self.order)
        return self.order.batch
