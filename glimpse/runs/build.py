"""From a config to its world, agent and device: the one place where names become objects."""

import ctypes
import os
from pkgutil import resolve_name
from typing import Any, Literal, cast

import torch

from glimpse.agents import AGENTS
from glimpse.agents.agent import Agent
from glimpse.config.experiment import Experiment
from glimpse.envs import WORLDS
from glimpse.envs.lanes import JudgedCore, VisualCore
from glimpse.errors import UserError

Split = Literal["train", "validation", "test"]


def choose_device(name: str) -> torch.device:
    """The device of a config or command line; `auto` takes a GPU where there is one.

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


def set_threads(threads: int | None) -> int:
    """Prepare the CPU: use this many threads, and say how many.

    By default they are the cores that this process may use, at most 8: more do not help products of this size.
    """
    if threads is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        threads = min(8, cores or 1)
    torch.set_num_threads(threads)
    keep_freed_memory()
    return threads


def keep_freed_memory() -> None:
    """Ask the C library to keep freed memory for the next step instead of giving it back to the system.

    Each update allocates the same few megabytes again; fetching them anew, page by page, takes time.
    Only glibc is asked; elsewhere nothing happens.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # from malloc.h
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 2**28)
    mallopt(mmap_threshold, 2**25)  # the largest that glibc takes


def use_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether networks run in bfloat16: `auto` where the device has instructions for it."""
    return precision == "bfloat16" or (precision == "auto" and has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies matrices faster in bfloat16: GPUs since 2020, CPUs with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def make_world(experiment: Experiment, split: Split, device: torch.device) -> VisualCore:
    """The world of a config, showing one split; training images are augmented as `train.augment` says.

    Whether it really has what reports of pictures ask for is known by `shows_pictures`.

    Raises:
        DataError: if the data cannot be had.
        UserError: if the task's options do not fit the data.
    """
    task = experiment.task
    core = resolve_name(WORLDS[task.name].core)
    data = core.load_data(task, split, root=experiment.data.root, download=experiment.data.download)
    augment = experiment.train.augment if split == "train" else None
    try:
        return cast(VisualCore, core(task, data, device=device, augment=augment))
    except ValueError as problem:
        raise UserError(f"task: {problem}") from None


def _given_to_agents(world: JudgedCore) -> dict[str, Any]:
    """What a world gives its agents besides its spaces: the vectors of its words."""
    vectors = getattr(world, "vectors", None)
    return {} if vectors is None else {"vectors": vectors}


def make_agent(experiment: Experiment, world: JudgedCore) -> Agent:
    """The agent of a config for a world, on the world's device. Its weights follow from `seed`.

    Raises:
        UserError: if a package that the agent needs is not installed.
    """
    torch.manual_seed(experiment.seed)
    factory = resolve_name(AGENTS[experiment.agent.name].factory)
    try:
        agent = factory(experiment.agent, world.observation_space, world.action_space, **_given_to_agents(world))
    except ModuleNotFoundError as problem:
        raise UserError(str(problem)) from None
    return cast(Agent, agent.to(world.device))
