"""State of an optimiser from a checkpoint, compared with the optimiser that is to continue from it."""

from typing import Any

import torch
from torch import Tensor

from glimpse.training.optimisers import Optimiser


def check_optimiser_state(optimiser: Optimiser, state: dict[str, Any]) -> None:
    """Check what `load_state_dict` does not, so that no later step fails: shapes of moments and types of options.

    Raises:
        ValueError: if the state is not one of this optimiser.
    """
    own, found = optimiser.state_dict()["param_groups"], state["param_groups"]
    if len(own) != len(found):
        raise ValueError(f"the optimiser has {len(own)} groups of parameters, its state {len(found)}")
    for mine, given in zip(own, found, strict=True):
        wrong = [name for name, value in mine.items() if name not in given or not _alike(value, given[name])]
        if wrong or len(mine["params"]) != len(given["params"]):
            raise ValueError(f"a group of the optimiser has other {', '.join(wrong) or 'params'}")
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for number, moments in state["state"].items():
        shape = parameters[number].shape
        for name, value in moments.items():
            if isinstance(value, Tensor) and value.shape not in (shape, torch.Size()):
                raise ValueError(f"{name} of a parameter {tuple(shape)} has the shape {tuple(value.shape)}")


def _alike(mine: object, given: object) -> bool:
    """Return whether an option of a state has the type of the optimiser's own."""
    if isinstance(mine, int | float) and not isinstance(mine, bool):
        return isinstance(given, int | float) and not isinstance(given, bool)
    if isinstance(mine, tuple | list) and isinstance(given, tuple | list):
        return len(mine) == len(given) and all(map(_alike, mine, given))
    return isinstance(given, Tensor if isinstance(mine, Tensor) else type(mine))
