"""What a table shows of a run's record."""

from typing import Any

import pytest

from glimpse.config.files import load_experiment
from glimpse.reproduction.run_measures import Result, measure_run
from glimpse.reproduction.tables import TABLES


def record(**scores: Any) -> dict[str, Any]:
    """Of a test set of which nine in ten texts are answered well, in half a second."""
    answer = {"error": 10.0, "low": 9.0, "high": 11.0, "episodes": 100, "after_glimpse": [10.0], "figures": {}}
    ways = {way: answer for way in ("sampled", "greedy", "averaged")}
    own = {**ways, "copies": 1, "glimpses": 1.0, "gaze": None, "kept": {}, "seconds": 0.5, **scores}
    return {"agent": "reader", "scores": {"reader": own}}


@pytest.mark.parametrize(
    ("table", "config", "shown"),
    [
        ("selection", "sst2-entmax-2", {"test_attended": 25.0}),
        ("selection", "sst2-gru", {}),  # Maxima are of all words.
        ("skimming", "imdb-gru", {"texts_per_second": 200.0}),  # So are the states that attention weighs.
    ],
)
def test_shares_of_words_are_of_those_that_are_left_out(table: str, config: str, shown: dict[str, float]) -> None:
    """Sparse attention gives some words no weight; who reads everything has no share."""
    experiment = load_experiment(config, [])
    found = measure_run(Result(experiment, record(attended=0.25), 10, 1.0), TABLES[table])
    assert {name: value for name, value in found.items() if not name.startswith("test_acc")} == shown
