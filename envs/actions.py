"""Checks of actions that users pass to an environment: a clear error instead of a wrong episode."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray


def check_action(space: spaces.Dict, action: Any, batch: tuple[int, ...] = ()) -> dict[str, NDArray[Any]]:
    """Check an action and convert its parts to the types of their spaces.

    Args:
        space: a Dict of Box, Discrete, MultiDiscrete and MultiBinary spaces.
        action: a mapping with the same keys; or, where the space has one part, that part alone, since TorchRL leaves
            out the key of a lone part. A number beyond the limits of a Box is accepted, since the environment
            clamps it; a choice that a Discrete does not have is refused.
        batch: leading axes of each part.

    Returns:
        One array for each part, with the leading axes `batch`.

    Raises:
        ValueError: if a part is missing, unknown, of the wrong shape or kind, not finite or out of range.
    """
    parts = space.spaces
    if len(parts) == 1 and isinstance(action, np.ndarray | np.generic | int | float | list | tuple):
        action = dict.fromkeys(parts, action)
    if not isinstance(action, Mapping) or action.keys() != parts.keys():
        got = sorted(map(repr, action)) if isinstance(action, Mapping) else [repr(action)]
        wanted = ", ".join(map(repr, sorted(parts)))
        raise ValueError(f"an action should be a dict with the keys {wanted}, got {', '.join(got) or 'none'}")
    return {name: _check_part(name, part, action[name], batch) for name, part in parts.items()}


def _check_part(name: str, space: spaces.Space[Any], given: Any, batch: tuple[int, ...]) -> NDArray[Any]:
    array, shape = np.asarray(given), (*batch, *(space.shape or ()))
    if array.shape != shape:
        raise ValueError(f"action[{name!r}] should have shape {shape}, got {array.shape}")
    if isinstance(space, spaces.Discrete):
        first, last = int(space.start), int(space.start + space.n - 1)
        if array.dtype.kind not in "biu" or not _is_between(array, first, last):
            raise ValueError(f"action[{name!r}] should be a whole number from {first} to {last}, got {given!r}")
    elif isinstance(space, spaces.MultiDiscrete):
        if array.dtype.kind not in "biu" or np.any((array < 0) | (array >= space.nvec)):
            raise ValueError(f"action[{name!r}] should be whole numbers below {space.nvec}, got {given!r}")
    elif isinstance(space, spaces.MultiBinary):
        if array.dtype.kind not in "biu" or np.any((array < 0) | (array > 1)):
            raise ValueError(f"action[{name!r}] should be zeros and ones, got {given!r}")
    elif array.dtype.kind not in "biuf" or not _is_finite(array):
        raise ValueError(f"action[{name!r}] should be finite numbers, got {given!r}")
    return array.astype(space.dtype)


def _is_between(array: NDArray[Any], first: int, last: int) -> bool:
    """Return whether all numbers are in [first, last]; of one number without a temporary array, which costs more."""
    if not array.ndim:
        return bool(first <= array.item() <= last)
    return not np.any((array < first) | (array > last))


def _is_finite(array: NDArray[Any]) -> bool:
    """Return whether all numbers are finite; a few are added up in Python, whose sum is finite only if they are."""
    if array.ndim == 1 and array.size < 8 and math.isfinite(sum(array.tolist())):
        return True
    return bool(np.all(np.isfinite(array)))
