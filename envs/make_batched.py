"""Make a batched environment by its name and options, for the Gymnasium and Stable-Baselines3 interfaces."""

import copy
from functools import lru_cache
from pkgutil import resolve_name
from typing import Any, cast

import torch
from pydantic import BaseModel, ValidationError

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import BatchedEnv


def make_batched_env(
    name: str,
    *,
    split: str = "train",
    data_root: str | None = None,
    download: bool = True,
    device: str = "cpu",
    **options: Any,
) -> BatchedEnv:
    """Make a batched environment. Environments of the same options share their data and nothing else.

    Args:
        name: name of the environment, a key of `ENVIRONMENTS`.
        split: "train", "validation" or "test".
        data_root: the data folder; `glimpse.envs.data.sources` lists the other sources of data.
        download: whether missing data may be downloaded.
        device: device of the environment's tensors, such as "cpu" or "cuda".
        **options: the environment's options, such as those of `ClassificationOptions`.

    Raises:
        TypeError: if there is no such option, as of any unexpected keyword argument.
        ValueError: if options are wrong (all in one message), or do not fit the data.
        DataError: if the data cannot be loaded.
    """
    where, checked = _check_device(device), _check_options(name, options)
    data = resolve_name(ENVIRONMENTS[name].environment).load_data(checked, split, root=data_root, download=download)
    env = copy.copy(_pristine_env(ENVIRONMENTS[name].environment, checked, data, where))
    # Spaces have random generators, which must not be shared.
    env.observation_space = copy.deepcopy(env.observation_space)
    env.action_space = copy.deepcopy(env.action_space)
    return env


@lru_cache(maxsize=4)
def _pristine_env(environment: str, options: BaseModel, data: Any, device: torch.device) -> BatchedEnv:
    """Make an environment that is never reset itself; its shallow copies share its data, not their episodes."""
    return cast(BatchedEnv, resolve_name(environment)(options, data, device=device))


def _check_options(name: str, options: dict[str, Any]) -> BaseModel:
    model = resolve_name(ENVIRONMENTS[name].options)
    try:
        return cast(BaseModel, model(name=name, **options))
    except ValidationError as problem:
        found = problem.errors(include_url=False)
        mistakes = [_describe(details) for details in found]
        known = ", ".join(key for key in model.model_fields if key != "name")
        unknown = [each["loc"][0] for each in found if each["type"] == "extra_forbidden" and len(each["loc"]) == 1]
        if unknown:  # Worded as Python does it, since callers such as TorchRL look for these words.
            raise TypeError(
                f"{ENVIRONMENTS[name].id} got an unexpected keyword argument {str(unknown[0])!r}; it has the options "
                f"{known}"
                + "".join(f"\n  {mistake}" for mistake in mistakes if not mistake.startswith(f"{unknown[0]}:"))
            ) from None
        raise ValueError("\n  ".join([f"{ENVIRONMENTS[name].id} has the options {known}", *mistakes])) from None


def _describe(details: Any) -> str:
    """Describe a mistake: the option, the expected values and the given one."""
    # pydantic also names the members of a union, such as "literal['random','centre']", which no user wrote.
    key = ".".join(str(part) for part in details["loc"] if "[" not in str(part))
    if details["type"] == "extra_forbidden":
        return f"{key}: there is no such option"
    if details["type"] == "value_error":
        return f"{key}: {details['ctx']['error']}"
    return f"{key}: {details['msg']} (got {details['input']!r})"


def _check_device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as problem:
        raise ValueError(f"device {name!r} cannot be used: {problem}") from None
    return device
