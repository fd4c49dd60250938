"""Tests of the values that a sweep tries."""

import re

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.sweeps.search_space import is_searched, overrides_of, parse_space


def test_each_form_is_a_distribution() -> None:
    """Ranges, logarithmic ranges, whole numbers and choices are read as they are written."""
    words = ["a.b=log(1e-4,1e-2)", "c=uniform(-1, 2.5)", "d=integer(2,8)", "e=choice(0.03, adam, true, null, 1e-3)"]
    assert parse_space(words) == {
        "a.b": FloatDistribution(1e-4, 1e-2, log=True),
        "c": FloatDistribution(-1, 2.5),
        "d": IntDistribution(2, 8),
        "e": CategoricalDistribution((0.03, "adam", True, None, 0.001)),
    }


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("a=log(0,1)", "above 0"),
        ("a=log(1)", "two numbers"),
        ("a=uniform(2,1)", "less than"),
        ("a=uniform(nan,1)", "less than"),
        ("a=integer(1.5,3)", "whole numbers"),
        ("a=choice(1)", "two values"),
        ("a=choice([1,2)", "cannot be read"),
        ("a=grid(1,2)", "grid: should be KEY="),
        ("a=lg(1,2)", "lg: did you mean log?"),
        ("a=Uniform(1,2)", "Uniform: did you mean uniform?"),
        ("a=log(1,2", "should end with a parenthesis"),
    ],
)
def test_a_bad_word_is_named(word: str, problem: str) -> None:
    """A word that cannot be tried is refused with what was expected."""
    assert is_searched(word)
    with pytest.raises(UserError, match=re.escape(problem)):
        parse_space([word])


def test_nothing_and_twice_are_refused() -> None:
    """A sweep tries at least one key, and each once."""
    with pytest.raises(UserError, match="nothing to try"):
        parse_space([])
    with pytest.raises(UserError, match="given twice"):
        parse_space(["a=log(1,2)", "a=choice(1,2)"])


def test_values_reach_the_config_to_the_bit() -> None:
    """A float, a boolean and nothing come back from an override as they were."""
    rate = 0.1 + 0.2
    experiment = load_experiment("digits-ram", overrides_of({"train.learning_rate": rate, "train.patience": None}))
    assert experiment.train.learning_rate == rate and experiment.train.patience is None
    assert is_searched("a=choice(1,2)") and not is_searched("a=1") and not is_searched("track.group=log")
    assert not is_searched("track.group='log(1)'") and not is_searched("task.data=file:a(1).csv")
