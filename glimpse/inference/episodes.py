"""Environments and episodes in Python, for research: what the commands do, step by step."""

from typing import Any, Literal, cast

import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import BatchedEnv, EvaluatedEnv
from glimpse.envs.make_batched import make_batched_env
from glimpse.errors import UserError
from glimpse.evaluation.scores import evaluation_keys
from glimpse.inference.loaded_agent import LoadedAgent
from glimpse.runs.rollout import play

Split = Literal["train", "validation", "test"]


def make_env(source: str | LoadedAgent, split: Split = "test", **options: Any) -> BatchedEnv:
    """Make a batched environment.

    Args:
        source: name of an environment (`glimpse list environments`), or an agent from `glimpse.load`, whose
            environment with its data is made.
        split: "train", "validation" or "test"; a run's training data are not shown.
        **options: the environment's options, and those of `make_batched_env`; none for a loaded agent.

    Raises:
        UserError: if there is no such environment, or a loaded agent is given options.
        TypeError, ValueError: if an option is unknown or wrong.
        DataError: if the data cannot be had, or contradict what the run was trained on.
    """
    if not isinstance(source, str):
        if options or split == "train":
            given = ", ".join(options) or "split='train'"
            raise UserError(f"a loaded agent's environment is that of its run, for validation or test (got {given})")
        env: BatchedEnv = source.env_of_split(split)
        return env
    if source not in ENVIRONMENTS:
        raise UserError(f"there is no environment {source!r}; there are {', '.join(ENVIRONMENTS)}")
    return make_batched_env(source, split=split, **options)


@torch.no_grad()
def rollout(
    agent: LoadedAgent | Agent,
    env: BatchedEnv,
    examples: int | list[int] | Tensor | None = None,
    *,
    copies: int = 1,
    greedy: bool = False,
    seed: int = 0,
) -> Episode:
    """Play one episode, or `copies`, on examples of an environment, side by side.

    Episodes with the seed of a run's config (`evaluate.seed`) are those that `glimpse evaluate` measures.

    Args:
        agent: a loaded agent, or any agent for the environment's spaces.
        env: a batched environment, such as one of `make_env`.
        examples: numbers of the examples, (E,), in [0, env.examples); one number for one; None for all.
        copies: episodes M of each example; episode e * M + m is copy m of example e.
        greedy: the likeliest actions instead of sampled ones.
        seed: seed of pictures, initial locations and sampled actions.

    Returns:
        The episodes: observations (T, E * M, ...), actions, answers, rewards and labels.

    Raises:
        ValueError: if an example is not there.
    """
    shown = cast(EvaluatedEnv, env)
    chosen = torch.arange(shown.examples) if examples is None else torch.as_tensor(examples).reshape(-1).long()
    if not len(chosen) or chosen.min() < 0 or chosen.max() >= shown.examples:
        raise ValueError(f"examples should be numbers from 0 to {shown.examples - 1}, got {examples!r}")
    module = cast(Agent, getattr(cast(Any, agent), "module", agent))
    chosen = chosen.to(env.device)
    return play(
        env, module, chosen, evaluation_keys(shown, EvaluateOptions(seed=seed))[chosen], copies=copies, greedy=greedy
    )
