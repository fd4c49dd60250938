"""Training on a rank that follows: it makes the leader's steps on its own share of the examples, and writes nothing."""

from pathlib import Path

import torch

from glimpse.agents.data_parallel import LostRankError
from glimpse.config.files import load_experiment
from glimpse.envs.core import BatchedEnv
from glimpse.runs.build import choose_device
from glimpse.runs.kept_data import training_envs
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.threads import set_threads
from glimpse.training.example_order import TrainingOrder, make_order
from glimpse.training.learner import Learner
from glimpse.training.make_learner import make_learner
from glimpse.training.process import ending_at_once, noting_signals
from glimpse.training.ranks import Ranks, joined_ranks
from glimpse.training.start_together import start_together
from glimpse.training.torchrun import device_of_rank


def follow_command() -> int:
    """Train as one of several processes, until the leader ends the training; return the exit code.

    Once all have begun, signals are left to the leader, which gets them from `torchrun`, too.
    """
    with joined_ranks() as ranks, noting_signals() as stop:
        try:
            with ending_at_once(stop):
                learner, env, order = _prepare(ranks)
            while ranks.go_on():
                learner.advance(env, order)
        except LostRankError:  # The leader says what happened.
            return 1
        except KeyboardInterrupt:
            if not stop:
                raise
            return 128 + stop[0]
    return 0


def _prepare(ranks: Ranks) -> tuple[Learner, BatchedEnv, TrainingOrder]:
    """Read the leader's run, and take its state."""
    folder = RunFolder.open(Path(ranks.text()))
    experiment = load_experiment(folder.config_path)
    set_threads(experiment.threads)
    device = choose_device(device_of_rank(experiment.device, torch.cuda.device_count()))
    env, _ = training_envs(experiment, folder, device)
    learner = make_learner(experiment, env, None, lambda _: None)
    order = make_order(env, experiment)
    start_together(learner, ranks, experiment.train.minutes)
    return learner, env, order
