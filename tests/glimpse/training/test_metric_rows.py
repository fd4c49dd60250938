"""Tests of the rows of a run's log."""

import time

import pytest
import torch

from glimpse.training.metric_rows import MetricRows, headline


def test_the_speed_leaves_evaluations_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 steps in 9 seconds, 4 of which were an evaluation, are 4 steps per second; a row anew has none."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    rows = MetricRows()
    rows.start_from(50)
    now[0] += 9
    rows.evaluated(4.0)
    assert rows.training_row(70, {"loss": torch.tensor(0.5)}, 0.25, 12.0) == {
        "train/loss": 0.5,
        "train/learning_rate": 0.25,
        "speed/seconds": 12.0,
        "speed/steps_per_second": 4.0,
    }
    now[0] += 5
    assert rows.training_row(80, {}, 0.25, 17.0)["speed/steps_per_second"] == 2.0
    assert "speed/steps_per_second" not in rows.training_row(80, {}, 0.25, 17.0)


def test_the_headline_has_the_first_validation_metric_that_is_known() -> None:
    """The first of the evaluator's names that was measured, then loss and accuracy."""
    row = {"train/loss": 1.0, "train/reward": 2.0, "val/micro_f1": 0.5, "val/error_m10": 3.0, "train/accuracy": 0.25}
    assert list(headline(row, ("pearson", "micro_f1", "error_m10"))) == ["val/micro_f1", "train/loss", "train/accuracy"]
    assert headline({}, ("pearson",)) == {}
