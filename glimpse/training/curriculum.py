"""Curriculum: environments of easier tasks, with which training begins (Bengio et al., 2009)."""

from collections.abc import Sequence

import torch
from gymnasium import spaces

from glimpse.agents import AGENTS
from glimpse.config.experiment import Experiment, task_of_stage
from glimpse.envs.core import BatchedEnv
from glimpse.envs.meaning import env_meaning
from glimpse.errors import UserError
from glimpse.runs.build import load_env


class Curriculum:
    """Environments of training, each until a share of it is done.

    ends: share of training at which each stage but the last ends, increasing.
    envs: environments of the stages; the last is that of the task itself.
    """

    def __init__(self, ends: Sequence[float], envs: Sequence[BatchedEnv]) -> None:
        """Take the stages' ends, and their environments, one more."""
        self.ends, self.envs = tuple(ends), tuple(envs)

    def env(self, progress: float) -> BatchedEnv:
        """Return the environment at a share of training done."""
        return self.envs[sum(end <= progress for end in self.ends)]


def make_curriculum(experiment: Experiment, env: BatchedEnv, device: torch.device) -> Curriculum:
    """Make the environments of a config's stages.

    Args:
        experiment: the config.
        env: environment of the task itself, on training data.
        device: device of the environments.

    Raises:
        UserError: if a stage shows or asks for other things than the task, or the agent has a learner of its own.
    """
    stages = experiment.train.curriculum
    if stages and AGENTS[experiment.agent.name].learner == "sb3":
        raise UserError(
            f"train.curriculum: agents of Stable-Baselines3 train on one task: leave it out for {experiment.agent.name}"
        )
    envs = []
    for stage in stages:
        own = experiment.model_copy(update={"task": task_of_stage(experiment.task, stage)})
        easier: BatchedEnv = load_env(own, "train", device, env_meaning(env)).env
        _check_alike(easier, env, stage.until, AGENTS[experiment.agent.name].shorter)
        envs.append(easier)
    return Curriculum([stage.until for stage in stages], [*envs, env])


def _check_alike(easier: BatchedEnv, env: BatchedEnv, until: float, shorter: bool) -> None:
    """Raise UserError if an agent for `env` could not act in `easier`, whose episodes may be shorter with `shorter`."""
    problem = ""
    for what in ("observation_space", "action_space"):
        theirs, own = getattr(easier, what).spaces, getattr(env, what).spaces
        for name in sorted(theirs.keys() | own.keys()):
            found, expected = (known.get(name, "not there") for known in (theirs, own))
            if found != expected and not (shorter and _is_shorter(name, found, expected)):
                problem = problem or f"{name} is {found} instead of {expected}"
    if not problem and easier.examples != env.examples:
        problem = f"it has {easier.examples:,} examples instead of {env.examples:,}"
    if problem:
        raise UserError(f"train.curriculum: the stage until {until:g} does not fit the task: {problem}")


def _is_shorter(name: str, found: object, expected: object) -> bool:
    """Return whether a space is that of the time in shorter episodes."""
    if not (isinstance(found, spaces.Discrete) and isinstance(expected, spaces.Discrete)):
        return False
    return name == "time" and bool(found.n <= expected.n)
