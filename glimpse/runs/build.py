"""Environment, agent and device of a config: the one module where names become objects."""

from inspect import signature
from pkgutil import resolve_name
from typing import Any, Literal, NamedTuple

import torch

from glimpse.agents import AGENTS
from glimpse.agents.ability_questions import load_pretrained
from glimpse.config.experiment import Experiment
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import BatchedEnv
from glimpse.envs.data.file_digests import FileDigest, noting_files
from glimpse.envs.meaning import Meaning, empty_data
from glimpse.errors import UserError
from glimpse.runs.weights_memory import TRAINED_COPIES, WeightsLimit

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


def set_product_precision(precision: str, device: torch.device) -> None:
    """Let a GPU round the factors of float32 products to TF32, unless the networks are to run in float32.

    GPUs since 2020 multiply such numbers, of 10 bits of mantissa, several times as fast; bfloat16 has 7.
    """
    if device.type == "cuda":
        torch.backends.cuda.matmul.fp32_precision = "ieee" if precision == "float32" else "tf32"


class LoadedEnv(NamedTuple):
    """Batched environment, with the data that it was made of, and digests of the files that they were read from."""

    env: Any
    data: Any
    files: tuple[FileDigest, ...]


def load_env(experiment: Experiment, split: Split, device: torch.device, meaning: Meaning | None = None) -> LoadedEnv:
    """Load one split of a config's data, and make its environment; `train.augment` warps its training images.

    Args:
        experiment: the config.
        split: the split.
        device: device of the environment.
        meaning: what the numbers mean in the run that is used; by default they are given by the data.

    Raises:
        DataError: if the data cannot be had, or contradict the meaning.
        UserError: if the task's options do not fit the data, or there are no images to be warped.
    """
    environment = resolve_name(ENVIRONMENTS[experiment.task.name].environment)
    warps: dict[str, Any] = {}
    if split == "train" and experiment.train.augment.active:
        if not environment.augments:
            raise UserError(
                f"train.augment: {experiment.task.name} has no images of a data set that could be warped: leave it out"
            )
        warps = {"augment": experiment.train.augment}
    # An environment of another package may not know of meanings; its data are compared with the meaning afterwards.
    options, taken = experiment.data, signature(environment.load_data).parameters
    further = {"meaning": meaning, "resident_mb": options.resident_mb}
    known = {name: value for name, value in further.items() if name in taken}
    with noting_files() as noted:
        data = environment.load_data(experiment.task, split, root=options.root, download=options.download, **known)
    return LoadedEnv(_make(environment, experiment, data, device, warps), data, tuple(noted.digests))


def make_split_env(experiment: Experiment, split: Split, device: torch.device) -> Any:
    """Make the batched environment of one split of a config; see `load_env`.

    The family of the environment knows more of its type than `BatchedEnv`; see `glimpse.families`.
    """
    return load_env(experiment, split, device).env


def make_empty_env(experiment: Experiment, meaning: Meaning, device: torch.device) -> Any:
    """Make a run's environment without data or examples; None if its class needs data.

    Raises:
        DataError: if a library is missing.
        UserError: if the meaning is none of this environment.
    """
    environment = resolve_name(ENVIRONMENTS[experiment.task.name].environment)
    data = empty_data(environment, experiment.task, meaning)
    return None if data is None else _make(environment, experiment, data, device, {})


def _make(environment: Any, experiment: Experiment, data: Any, device: torch.device, warps: dict[str, Any]) -> Any:
    """Make an environment of its data; raises UserError if they do not fit the options."""
    try:
        return environment(experiment.task, data, device=device, **warps)
    except ValueError as problem:
        raise UserError(f"task: {problem}") from None


def make_agent(experiment: Experiment, env: BatchedEnv, *, trained: bool = False) -> Any:
    """Make the agent of a config for an environment, on the environment's device, with initial weights from `seed`.

    Args:
        experiment: the config.
        env: the environment.
        trained: whether it will be trained, for which its weights are held several times.

    Raises:
        UserError: if a package that the agent needs is not installed, its parts do not fit each other, or its weights
            do not fit into memory.
    """
    torch.manual_seed(experiment.seed)
    factory = resolve_name(AGENTS[experiment.agent.name].factory)
    try:
        with WeightsLimit(experiment, TRAINED_COPIES if trained and env.device.type == "cpu" else 1):
            agent = factory(experiment.agent, env.observation_space, env.action_space, **env.agent_inputs())
        if trained:
            load_pretrained(agent)
    except ModuleNotFoundError as problem:
        raise UserError(str(problem)) from None
    except ValueError as problem:  # Such as an attention that needs keys as wide as queries.
        raise UserError(f"agent: {problem}") from None
    return agent.to(env.device)
