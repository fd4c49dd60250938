"""Checks of arguments that the interfaces share: seeds and time limits."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from gymnasium.error import Error


class SeedError(Error, ValueError):
    """Seed that Gymnasium does not accept either."""


def is_seed(given: Any) -> bool:
    """Return whether this is a natural number, Python's or NumPy's."""
    return isinstance(given, int | np.integer) and bool(given >= 0)


def read_seeds(given: Any, count: int) -> list[int | None]:
    """Return a seed for each environment, None where its stream continues.

    Args:
        given: s for the seeds s, s + 1, ...; or one for each environment; or None.
        count: number of environments.

    Raises:
        SeedError: if a seed is not a natural number, or their number is wrong.
    """
    if given is None:
        return [None] * count
    if is_seed(given):
        return [int(given) + number for number in range(count)]
    seeds = list(given) if isinstance(given, Iterable) and not isinstance(given, str | bytes) else []
    if len(seeds) != count or not all(seed is None or is_seed(seed) for seed in seeds):
        raise SeedError(f"seed should be a natural number or a list of {count} of them, got {given!r}")
    return [None if seed is None else int(seed) for seed in seeds]


def read_limit(given: int | None) -> int | None:
    """Return the number of steps after which episodes are truncated; None for none, which Gymnasium also calls -1.

    Raises:
        ValueError: if it is something else than a whole number of at least 1.
    """
    if given is None or (given == -1 and type(given) is int):
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise ValueError(f"max_episode_steps should be a whole number of at least 1, or -1 for none, got {given!r}")
    return given
