"""Values that a sweep tries: `KEY=log(LOW,HIGH)`, `uniform(LOW,HIGH)`, `integer(LOW,HIGH)` or `choice(A,B)`."""

import difflib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from glimpse.errors import UserError

_NAMES = ("log", "uniform", "integer", "choice")
_FORMS = "log(LOW,HIGH), uniform(LOW,HIGH), integer(LOW,HIGH) or choice(A,B,...)"
_WORD = re.compile(r"(?P<key>[\w.]+)=(?P<form>\w+) ?\((?P<values>.*)", re.DOTALL)
"""Also what is meant to be one of the forms; a value of this look is put into quotes."""


def is_searched(word: str) -> bool:
    """Return whether a word of the command line names values to try, not one value."""
    return _WORD.fullmatch(word) is not None


def parse_space(words: Sequence[str]) -> dict[str, BaseDistribution]:
    """Return the distribution of each key of the words `KEY=FORM(...)`.

    Raises:
        UserError: if a word is not of a known form, or names values that cannot be tried, or a key twice.
    """
    space: dict[str, BaseDistribution] = {}
    for word in words:
        found = _WORD.fullmatch(word)
        if found is None:
            raise UserError(f"{word}: should be KEY={_FORMS}")
        form, values = found["form"], found["values"].rstrip()
        if form not in _NAMES:
            meant = difflib.get_close_matches(form.lower(), _NAMES, n=1)
            raise UserError(f"{word}: {form}: " + (f"did you mean {meant[0]}?" if meant else f"should be KEY={_FORMS}"))
        if not values.endswith(")"):
            raise UserError(f"{word}: should end with a parenthesis, as in KEY={_FORMS}")
        if found["key"] in space:
            raise UserError(f"{found['key']} is given twice")
        space[found["key"]] = _distribution(word, form, values[:-1])
    if not space:
        raise UserError(f"nothing to try: give at least one key as KEY={_FORMS}")
    return space


def overrides_of(values: Mapping[str, Any]) -> list[str]:
    """Return a trial's values as overrides of a config: `{"train.batch": 32}` is `["train.batch=32"]`."""
    return [f"{key}={_written(value)}" for key, value in values.items()]


def _distribution(word: str, form: str, values: str) -> BaseDistribution:
    """Return the distribution of one word."""
    if form == "choice":
        return CategoricalDistribution(_choices(word, values))
    try:
        low, high = (float(value) for value in values.split(","))
    except ValueError:
        raise UserError(f"{word}: should be two numbers, {form}(LOW,HIGH)") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"{word}: LOW should be less than HIGH")
    if form == "log" and low <= 0:
        raise UserError(f"{word}: LOW should be above 0, since values are drawn evenly in the logarithm")
    if form != "integer":
        return FloatDistribution(low, high, log=form == "log")
    if low != int(low) or high != int(high):
        raise UserError(f"{word}: should be whole numbers")
    return IntDistribution(int(low), int(high))


def _choices(word: str, values: str) -> list[str | int | float | bool | None]:
    """Return the values of a choice, as YAML reads them in a config; a list or an object stays its text."""
    try:
        read = yaml.safe_load(f"[{values}]")
    except yaml.YAMLError:
        raise UserError(f"{word}: cannot be read; write choice(A,B,...) with values as in a config") from None
    if len(read) < 2:
        raise UserError(f"{word}: should be at least two values")
    # YAML takes 1e-3 for a text, which a config does not.
    return [_number(value) if isinstance(value, int | float | str | None) else json.dumps(value) for value in read]


def _number(value: str | int | float | bool | None) -> str | int | float | bool | None:
    """Return a text that is a number as one, anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _written(value: Any) -> str:
    """Return a value as it is written in an override; a float so that it is read back to the bit."""
    return value if isinstance(value, str) else json.dumps(value)
