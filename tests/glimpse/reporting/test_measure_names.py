"""Names of measures in words: for all keys of results, and for what is logged."""

import json
import re
from pathlib import Path

import pytest

from glimpse.reporting.measure_names import known_logged, log_name, result_name

_RESULTS = Path(__file__).parents[3] / "results"
_WORDS = re.compile(r"[A-Z]\w*[^_]*")


@pytest.mark.parametrize(
    ("key", "mode", "name"),
    [
        ("test_error_m10", "", "Error, %, M = 10"),
        ("error_m1", "", "Error, %, M = 1"),
        ("error_greedy", "M = 10", "Error, %, greedy"),
        ("accuracy", "M = 5", "Accuracy, %, M = 5"),
        ("pearson", "", "Pearson's r"),
        ("bleu_greedy", "M = 10", "BLEU, greedy, M = 10"),
        ("test_opened_greedy_100k", "", "Sentences opened, greedy, texts of 100,000 words"),
        ("accuracy_1m", "M = 5", "Accuracy, %, M = 5, texts of 1,000,000 words"),
        ("f1_at_2", "M = 5", "F1 of the opened sentences, %, 2 sentences opened on average"),
        ("f1_first_2", "M = 5", "F1 of the opened sentences, %, exactly 2 sentences opened"),
        ("odd_measure", "", "Odd measure"),
    ],
)
def test_names_of_results(key: str, mode: str, name: str) -> None:
    """A key has its words, its unit, and how the agent acted, which the key itself may say."""
    assert result_name(key, mode) == name


def test_all_published_results_have_names() -> None:
    """No metric of the result files keeps its key."""
    if not _RESULTS.is_dir():
        pytest.skip("tests of the wheel have no results")
    rows = [row for file in _RESULTS.glob("*.json") for row in json.loads(file.read_text())]
    metrics = {row["metric"] for row in rows if str(row.get("metric", "")).startswith("test_")}
    assert len(metrics) > 20
    for metric in metrics:
        assert _WORDS.fullmatch(result_name(metric)), metric
        assert result_name(metric).lower() != metric.removeprefix("test_").replace("_", " "), metric


def test_names_of_logged_metrics() -> None:
    """Validation says how many episodes are averaged; statistics of locations and words are of single ones."""
    assert log_name("val/error_m10", 10) == "Validation error, %, M = 10"
    assert log_name("val/error_m10") == "Validation error, %"
    assert log_name("val/error_m10", 1, rewarded=True) == "Validation failures, %, M = 1"
    assert log_name("val/locations_entropy", 10) == "Validation entropy of locations, bits, M = 1"
    assert log_name("val/keep_rate", 10) == "Validation words kept, share, M = 1"
    assert log_name("val/bleu", 10) == "Validation BLEU, greedy"
    assert log_name("train/loss", 10) == "Training loss" and log_name("train/learning_rate", 10) == "Learning rate"
    assert log_name("train/entropy_of_stop") == "Training entropy of stop"
    assert log_name("val/odd_measure", 10) == "Validation odd measure, M = 10"
    assert log_name("speed/steps_per_second", 10) == "Steps per second"


def test_known_names_differ() -> None:
    """No two logged metrics have one name, and all are words."""
    names = [log_name(key, 10) for key in known_logged()]
    assert len(set(names)) == len(names) and all(_WORDS.fullmatch(name) for name in names)
