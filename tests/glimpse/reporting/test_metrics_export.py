"""Tests of a run's metrics as a table and as TensorBoard's scalars."""

import csv
import sys
from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.config.files import dump_experiment, load_experiment
from glimpse.runs.metrics_log import MetricsLog
from glimpse.runs.run_folder import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of a run with three rows of metrics."""
    folder = tmp_path / "run"
    log = MetricsLog(RunFolder.create(folder, dump_experiment(load_experiment("digits-ram"))).metrics_path)
    log.write({"step": 10, "loss": 1.5, "seconds": 2.0})
    log.write({"step": 20, "loss": float("nan"), "seconds": 4.0, "validation_error": 12.5})
    log.write({"step": 30, "loss": 0.5, "seconds": 7.0, "stage": "both"})
    return folder


def test_a_table_has_a_column_for_each_metric(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows are in order, columns by first appearance; what a row lacks, or was not finite, is empty."""
    file = tmp_path / "new" / "metrics.csv"
    assert main(["report", str(run), "--csv", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}\n" and not (run / "report").exists()
    assert list(csv.reader(file.read_text().splitlines())) == [
        ["step", "loss", "seconds", "validation_error", "stage"],
        ["10", "1.5", "2.0", "", ""],
        ["20", "", "4.0", "12.5", ""],
        ["30", "0.5", "7.0", "", "both"],
    ]


def test_what_cannot_be_written_is_said(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run without metrics and a missing package are named in a line."""
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert main(["report", str(run), "--tensorboard", str(tmp_path / "board")]) == 2
    assert (
        capsys.readouterr().err.endswith("pip install 'glimpse-rl[tensorboard]'\n")
        and not (tmp_path / "board").exists()
    )
    RunFolder.open(run).metrics_path.unlink()
    assert main(["report", str(run), "--csv", str(tmp_path / "metrics.csv")]) == 2
    assert "has no metrics yet" in capsys.readouterr().err and not (tmp_path / "metrics.csv").exists()


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_the_scalars(run: Path, tmp_path: Path) -> None:
    """Each number is a scalar at its step and its time, once however often they are written."""
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for _ in range(2):
        assert main(["report", str(run), "--tensorboard", str(tmp_path / "board")]) == 0
    found = accumulators.EventAccumulator(str(tmp_path / "board"))
    found.Reload()
    assert sorted(found.Tags()["scalars"]) == ["loss", "seconds", "validation_error"]
    losses = found.Scalars("loss")
    assert [(event.step, event.value) for event in losses] == [(10, 1.5), (30, 0.5)]
    assert losses[1].wall_time - losses[0].wall_time == pytest.approx(5, abs=1e-3)
