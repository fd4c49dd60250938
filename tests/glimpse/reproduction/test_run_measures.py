"""Numbers that a table shows for a run."""

from typing import Any

import pytest

from glimpse.config.files import load_experiment
from glimpse.reproduction.run_measures import Result, measure_run
from glimpse.reproduction.tables import TABLES


def record(**scores: Any) -> dict[str, Any]:
    """Return a test set evaluation with an error of 10 % that took half a second."""
    answer = {"error": 10.0, "low": 9.0, "high": 11.0, "episodes": 100, "after_glimpse": [10.0], "figures": {}}
    ways = {way: answer for way in ("sampled", "greedy", "averaged")}
    own = {**ways, "copies": 1, "glimpses": 1.0, "scanpath": None, "keep_rates": {}, "seconds": 0.5, **scores}
    return {"agent": "reader", "answers": 1, "scores": {"reader": own}}


@pytest.mark.parametrize(
    ("table", "config", "shown"),
    [
        ("selection", "sst2-entmax-2", {"test_attended": 25.0}),
        ("selection", "sst2-gru", {}),  # Maxima compare all words.
        ("skimming", "imdb-gru", {"texts_per_second": 200.0}),  # This table has no column for it.
    ],
)
def test_attended_share_is_shown_for_sparse_attention(table: str, config: str, shown: dict[str, float]) -> None:
    """Sparse attention has a share of words with a weight; readers of all words do not."""
    experiment = load_experiment(config, [])
    found = measure_run(Result(experiment, record(attended=0.25), 10, 1.0), TABLES[table])
    assert {name: value for name, value in found.items() if not name.startswith("test_acc")} == shown
