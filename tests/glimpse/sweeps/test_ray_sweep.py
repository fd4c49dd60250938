"""A sweep on a Ray cluster of two nodes, one of which is killed."""

import csv
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glimpse.cli.command_line import main
from glimpse.runs.checkpoint import load_newest
from tests import forked

pytest.importorskip("ray", reason="Ray has no wheel for this version of Python")

TINY = """\
task: {name: digits, glimpses: 2, retina: {patch: 3}}
agent: {name: ram, memory_width: 16}
train: {steps: 200, batch: 8, evaluate_every: 200, save_every: 20, log_every: 200}
track: {mode: disabled}
threads: 1
"""
WORDS = ["tiny.yaml", "train.learning_rate=log(1e-4,1e-2)", "--trials", "2"]


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Return a cluster of a head that trains nothing and a node of one CPU."""
    from ray.cluster_utils import Cluster

    # The head asks whether a node lives, and takes half a minute to find that it does not; here it asks more often.
    often = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": often}
    made: Any = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(200)
def test_a_killed_node_loses_no_step(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep ends with the trials of one that nobody disturbed: values, errors, and weights to the bit."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    command = [sys.executable, "-m", "glimpse", "sweep", *WORDS, "--folder", "killed", "--ray", cluster.address]
    with Path("printed").open("wb") as printed:
        sweep = subprocess.Popen(command, stdout=printed, stderr=printed)
    while sweep.poll() is None and not any(Path("killed/trial-000").glob("checkpoints/step-*")):
        time.sleep(0.005)
    (node,) = cluster.worker_nodes
    cluster.remove_node(node, allow_graceful=False)
    cluster.add_node(num_cpus=1)
    assert sweep.wait(120) == 0, Path("printed").read_text()
    assert "resuming" in Path("killed/trial-000.log").read_text()
    monkeypatch.setattr("glimpse.sweeps.jobs.start_training", forked.Training)
    assert main(["sweep", *WORDS, "--folder", "whole"]) == 0
    tables = [list(csv.DictReader(Path(name, "trials.csv").read_text().splitlines())) for name in ("killed", "whole")]
    assert tables[0] == tables[1] and [row["outcome"] for row in tables[0]] == ["trained"] * 2
    for trial in ("trial-000", "trial-001"):
        one, other = (load_newest(Path(name, trial, "checkpoints"), print) for name in ("killed", "whole"))
        assert one is not None and other is not None and one.step == other.step == 200
        assert all(one.weights[name].equal(other.weights[name]) for name in other.weights)


def test_a_folder_that_is_not_shared_is_named(tmp_path: Path) -> None:
    """A task that does not find the folder of the runs ends the sweep with one clear error."""
    from glimpse.errors import UserError
    from glimpse.sweeps.ray_workers import RayWorkers

    class Elsewhere:
        """A cluster whose machine has other folders."""

        def wait(self, tasks: list[Any], **options: Any) -> tuple[list[Any], list[Any]]:
            """All have ended."""
            return tasks, []

        def get(self, task: Any) -> int:
            """Fail as a task does."""
            raise FileNotFoundError(2, "No such file", "/shared/runs")

    workers = RayWorkers.__new__(RayWorkers)
    workers._ray, workers._running = Elsewhere(), {"task": Any}  # type: ignore[dict-item]
    with pytest.raises(UserError, match="has no folder /shared/runs; all of them must share"):
        workers.ended()
