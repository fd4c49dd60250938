"""From a world's name and options to its core: what the Gymnasium and Stable-Baselines3 faces build on."""

import copy
from functools import lru_cache
from pkgutil import resolve_name
from typing import Any, cast

import torch
from pydantic import BaseModel, ValidationError

from glimpse.envs import WORLDS
from glimpse.envs.lanes import Core


def make_core(
    name: str,
    *,
    split: str = "train",
    data_root: str | None = None,
    download: bool = True,
    device: str = "cpu",
    **options: Any,
) -> Core:
    """Make the batched core of a world. Cores of the same options share their data and nothing else.

    Args:
        name: which world, a key of `WORLDS`.
        split: "train", "validation" or "test".
        data_root: the data folder; see `glimpse.envs.data.sources` for where else data come from.
        download: whether missing data may be fetched.
        device: where the core's tensors live, such as "cpu" or "cuda".
        **options: the world's options, such as those of `ClassificationOptions`.

    Raises:
        ValueError: if options are unknown or wrong (all in one message), or do not fit the data.
        DataError: if the data cannot be had.
    """
    place, checked = _check_device(device), _check_options(name, options)
    data = resolve_name(WORLDS[name].core).load_data(checked, split, root=data_root, download=download)
    core = copy.copy(_resting_core(WORLDS[name].core, checked, data, place))
    # Spaces hold generators, which must not be shared.
    core.observation_space = copy.deepcopy(core.observation_space)
    core.action_space = copy.deepcopy(core.action_space)
    return core


@lru_cache(maxsize=4)
def _resting_core(core: str, options: BaseModel, data: Any, device: torch.device) -> Core:
    """A core that never begins. A shallow copy of it shares its data and has episodes of its own."""
    return cast(Core, resolve_name(core)(options, data, device=device))


def _check_options(name: str, options: dict[str, Any]) -> BaseModel:
    model = resolve_name(WORLDS[name].options)
    try:
        return cast(BaseModel, model(name=name, **options))
    except ValidationError as problem:
        mistakes = [_describe(details) for details in problem.errors(include_url=False)]
        known = ", ".join(key for key in model.model_fields if key != "name")
        raise ValueError("\n  ".join([f"{WORLDS[name].id} has the options {known}", *mistakes])) from None


def _describe(details: Any) -> str:
    """One mistake: which option, what was expected, what came."""
    # pydantic also names the members of a union, such as "literal['random','centre']", which no user wrote.
    place = ".".join(str(part) for part in details["loc"] if "[" not in str(part))
    if details["type"] == "extra_forbidden":
        return f"{place}: there is no such option"
    if details["type"] == "value_error":
        return f"{place}: {details['ctx']['error']}"
    return f"{place}: {details['msg']} (got {details['input']!r})"


def _check_device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as problem:
        raise ValueError(f"device {name!r} cannot be used: {problem}") from None
    return device
