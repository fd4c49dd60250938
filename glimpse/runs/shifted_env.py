"""Environment of a trained run that shows other data, in the run's own meaning."""

from typing import Any

import torch

from glimpse.config.experiment import Experiment
from glimpse.envs.meaning import env_meaning
from glimpse.errors import UserError
from glimpse.runs.build import load_env, make_empty_env
from glimpse.runs.kept_data import read_kept_data, say_missing_classes
from glimpse.runs.run_folder import RunFolder


def env_of_other_data(
    experiment: Experiment, other: Experiment, folder: RunFolder, split: Any, device: torch.device, say: Any
) -> Any:
    """Make the environment of a trained run with other data, whose classes are matched by name.

    Args:
        experiment: config of the run.
        other: the same with another task, see `glimpse.config.other_data`.
        folder: the run's folder.
        split: split of the other data that is shown.
        device: device of the environment.
        say: prints a line for the user.

    Raises:
        UserError: if what the run kept cannot be read, or the data do not fit it.
        DataError: if the data cannot be had, or have a class that the run does not have.
    """
    kept = read_kept_data(folder, experiment).meaning
    meant = kept.for_other_data(other.task)
    loaded = load_env(other, split, device, meant)
    remedy = "Give data that fit, or train a new run"
    if problem := meant.contradiction(env_meaning(loaded.env)):
        raise UserError(f"the data do not fit {folder.path}: {problem}. {remedy}")
    own = make_empty_env(experiment, kept, device)
    shown = [", ".join(one.observation_space) for one in (loaded.env, own) if one is not None]
    if len(set(shown)) > 1:
        raise UserError(f"the data do not fit {folder.path}: they show {shown[0]}, and its own {shown[1]}. {remedy}")
    say_missing_classes(loaded.env, split, say)
    return loaded.env
