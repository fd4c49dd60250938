"""Environment, agent and device of a config: the one module where names become objects."""

from pkgutil import resolve_name
from typing import Any, Literal

import torch

from glimpse.agents import AGENTS
from glimpse.config.experiment import Experiment
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import BatchedEnv
from glimpse.errors import UserError

Split = Literal["train", "validation", "test"]


def choose_device(name: str) -> torch.device:
    """Return the device of a config or command line; `auto` takes a GPU where there is one.

    Raises:
        UserError: if a GPU is asked for and there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise UserError(
            f"device {name!r} was asked for, but torch sees {torch.cuda.device_count()} GPUs; use device=cpu"
        )
    return device


def use_bfloat16(precision: str, device: torch.device) -> bool:
    """Return True if networks run in bfloat16; `auto` takes it where the device has instructions for it."""
    return precision == "bfloat16" or (precision == "auto" and has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Return True if bfloat16 products are faster on the device: GPUs since 2020, CPUs with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def make_env(experiment: Experiment, split: Split, device: torch.device) -> Any:
    """Make the batched environment of one split of a config; `train.augment` warps its training images.

    The family of the environment knows more of its type than `BatchedEnv`; see `glimpse.families`.

    Raises:
        DataError: if the data cannot be had.
        UserError: if the task's options do not fit the data, or there are no images to be warped.
    """
    task = experiment.task
    environment = resolve_name(ENVIRONMENTS[task.name].environment)
    warps: dict[str, Any] = {}
    if split == "train" and experiment.train.augment.active:
        if not environment.augments:
            raise UserError(
                f"train.augment: {task.name} has no images of a data set that could be warped: leave it out"
            )
        warps = {"augment": experiment.train.augment}
    data = environment.load_data(task, split, root=experiment.data.root, download=experiment.data.download)
    try:
        return environment(task, data, device=device, **warps)
    except ValueError as problem:
        raise UserError(f"task: {problem}") from None


def make_agent(experiment: Experiment, env: BatchedEnv) -> Any:
    """Make the agent of a config for an environment, on the environment's device, with initial weights from `seed`.

    Raises:
        UserError: if a package that the agent needs is not installed.
    """
    torch.manual_seed(experiment.seed)
    factory = resolve_name(AGENTS[experiment.agent.name].factory)
    try:
        agent = factory(experiment.agent, env.observation_space, env.action_space, **env.agent_inputs())
    except ModuleNotFoundError as problem:
        raise UserError(str(problem)) from None
    return agent.to(env.device)
