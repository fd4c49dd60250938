"""Differences between two configs, as keys, as values, and as overrides to type."""

import json
from typing import Any

from glimpse.config.experiment import Experiment
from glimpse.config.strict_yaml import parse_yaml


def differing_keys(ours: Experiment, theirs: Experiment) -> list[str]:
    """Return the sorted keys, such as `train.steps`, whose values differ."""
    left, right = leaves(ours.model_dump()), leaves(theirs.model_dump())
    return sorted(key for key in left | right if left.get(key) != right.get(key))


def overrides_from(base: Experiment, wanted: Experiment) -> list[str]:
    """Return the sorted overrides `a.b=c` that turn `base` into `wanted`."""
    values = leaves(wanted.model_dump(mode="json"))
    return [f"{key}={typed_value(values[key])}" for key in differing_keys(base, wanted) if key in values]


def leaves(data: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Return the values of nested sections by their keys, such as `train.steps`."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        found |= leaves(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return found


def typed_value(value: Any) -> str:
    """Write a value as YAML that is read back as the same value."""
    plain = isinstance(value, str) and parse_yaml(value) == (value, [])
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
