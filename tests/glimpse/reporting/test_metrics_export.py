"""Tests of a run's metrics as a table and as TensorBoard's scalars."""

import csv
import json
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
    log.write({"step": 10, "train/loss": 1.5, "speed/seconds": 2.0})
    log.write({"step": 20, "train/loss": float("nan"), "speed/seconds": 4.0, "val/error_m10": 12.5})
    log.write({"step": 30, "train/loss": 0.5, "speed/seconds": 7.0, "train/stage": "both"})
    return folder


def record_of(step: int) -> str:
    """Return the evaluation.json of the weights of a step: 10 % of errors, 12 % of single and 11 % of greedy ones."""
    ways = {"averaged": 10.0, "sampled": 12.0, "greedy": 11.0}
    scores = {"copies": 10, **{way: {"error": error, "figures": {}} for way, error in ways.items()}}
    return json.dumps({"test": {"step": step, "agent": "ram", "scores": {"ram": scores}}})


def test_a_table_has_a_column_for_each_metric(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows are in order, columns by first appearance; what a row lacks, or was not finite, is empty."""
    file = tmp_path / "new" / "metrics.csv"
    assert main(["report", str(run), "--csv", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}\n" and not (run / "report").exists()
    assert list(csv.reader(file.read_text().splitlines())) == [
        ["step", "train/loss", "speed/seconds", "val/error_m10", "train/stage"],
        ["10", "1.5", "2.0", "", ""],
        ["20", "", "4.0", "12.5", ""],
        ["30", "0.5", "7.0", "", "both"],
    ]


@pytest.mark.parametrize(("step", "at", "logged"), [(20, 2, "4.0"), (25, 4, "")])
def test_the_test_set_has_its_columns(run: Path, tmp_path: Path, step: int, at: int, logged: str) -> None:
    """What `glimpse evaluate` measured stands in the row of the weights' step, or in one of its own."""
    (run / "evaluation.json").write_text(record_of(step))
    assert main(["report", str(run), "--csv", str(tmp_path / "metrics.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    found = {name: value for name, value in rows[at - 1].items() if name.startswith("test/")}
    assert found == {"test/error_m10": "10.0", "test/error_m1": "12.0", "test/error_greedy": "11.0"}
    assert (rows[at - 1]["step"], rows[at - 1]["speed/seconds"]) == (str(step), logged)
    assert [bool(row["test/error_m10"]) for row in rows].count(True) == 1


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
    assert sorted(found.Tags()["scalars"]) == ["speed/seconds", "train/loss", "val/error_m10"]
    losses = found.Scalars("train/loss")
    assert [(event.step, event.value) for event in losses] == [(10, 1.5), (30, 0.5)]
    assert losses[1].wall_time - losses[0].wall_time == pytest.approx(5, abs=1e-3)
