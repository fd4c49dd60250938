"""`glimpse bench`: its FLOP count, and one quick run of each benchmark through the command."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.benchmarks.bench import BENCHES, bench_command
from glimpse.benchmarks.bench_settings import Setting
from glimpse.benchmarks.product_floor import ProductFloor
from glimpse.benchmarks.ram_update import Update, experiment_of, synthetic
from glimpse.benchmarks.stopwatch import training_flops
from glimpse.cli.bench_command import NAMES
from glimpse.config.experiment import Experiment
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.errors import UserError
from glimpse.runs.build import make_agent
from tests import forked


def test_flops_of_a_training_step_by_hand() -> None:
    """Layers 64-128, 2-128 -> 256, core 256, locator 256-128-2 cost 7.57 MFLOP per image over 6 glimpses."""
    experiment = experiment_of(Setting(8, 1, "float32"))
    env = Classification(cast(ClassificationOptions, experiment.task), synthetic(28, 16))
    what, where, both = 64 * 128, 2 * 128, 256 * 256
    core, memory, locator_hidden, mean = 256 * 256, 256 * 256, 256 * 128, 128 * 2
    products = 6 * (2 * what + 2 * where + 3 * both + 3 * core + 2 * 256) + 5 * (
        3 * memory + 2 * locator_hidden + 3 * mean
    )
    products += 3 * 256 * 10
    assert training_flops(cast(RecurrentAttention, make_agent(experiment, env))) == 2 * products
    assert 2 * products == pytest.approx(7.57e6, rel=0.001)


@pytest.mark.parametrize("core", ["rnn", "lstm"])
def test_the_floor_of_a_step_has_all_its_products(core: str) -> None:
    """They are those that are counted, more steps of acting than learning needs, and outputs computed again."""
    given = experiment_of(Setting(8, 1, "float32")).model_dump(exclude_unset=True)
    experiment = Experiment.model_validate({**given, "agent": {"name": "ram", "recurrent_core": core}})
    update = Update(experiment, 1, torch.device("cpu"), synthetic(28, 16))
    floor = ProductFloor(update)
    units = 256 * {"rnn": 1, "lstm": 4}[core]
    more = 5 * 256 * 10 + (256 * 128 + 128 * 2) + 256 * units  # answers, the last location, the empty memory
    more += 256 * 10 + 5 * 128 * 2  # the last answer and the mean locations, in the loss
    flops = training_flops(cast(RecurrentAttention, update.learner.agent)) + 2 * more
    assert floor.flops / 8 == pytest.approx(flops, rel=1e-6) and floor() == 8


def forked_ranks(work: Callable[..., None], given: tuple[Any, ...], nprocs: int) -> None:
    """Do the work of each rank in a child process, as `torch.multiprocessing.spawn` does in one that imports anew."""
    ranks = [forked.begin(partial(work, rank, *given)) for rank in range(nprocs)]
    assert [forked.join(rank) for rank in ranks] == [0] * nprocs


@pytest.mark.parametrize("name", [name for name in BENCHES if name != "time-to-error"])
def test_each_bench_writes_rows_and_markdown(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows have all fields; the shares of phases add up to 100 %."""
    threads = torch.get_num_threads()
    monkeypatch.setattr("torch.multiprocessing.spawn", forked_ranks)
    bench_command(quick=True, output=tmp_path, only=[name], device="cpu")
    torch.set_num_threads(threads)
    rows = json.loads((tmp_path / "bench.json").read_text())
    fields = {"name", "setting", "value", "unit", "device", "load", "gflops", "date", "commit", "command"}
    assert rows and all(set(row) == fields for row in rows)
    assert all(row["value"] >= 0 for row in rows)
    assert "| setting | value | unit | in products | load |" in (tmp_path / "bench.md").read_text()
    if name == "shares":
        parts = [row["value"] for row in rows if "mnist, " not in row["name"] and row["setting"].endswith("float32")]
        assert sum(parts[:7]) == pytest.approx(100, abs=5)


def test_unknown_benchmark_is_named(tmp_path: Path) -> None:
    """The error lists the choices."""
    with pytest.raises(UserError, match="unknown benchmark speed; choose from training"):
        bench_command(quick=True, output=tmp_path, only=["speed"], device="cpu")


def test_other_rows_are_kept(tmp_path: Path) -> None:
    """New rows replace old ones in place, other rows stay, and a file of another command is not overwritten."""
    threads = torch.get_num_threads()
    bench_command(quick=True, output=tmp_path, only=["relative"], device="cpu")
    path = tmp_path / "bench.json"
    rows = json.loads(path.read_text())
    others = [{**rows[0], "name": name, "value": -1.0} for name in ("before", "after")]
    path.write_text(json.dumps([others[0], *({**row, "value": -2.0} for row in rows), others[1]]))
    bench_command(quick=True, output=tmp_path, only=["relative"], device="cpu")
    torch.set_num_threads(threads)
    again = json.loads(path.read_text())
    assert [row["name"] for row in again] == ["before", *(row["name"] for row in rows), "after"]
    assert [again[0], again[-1]] == others and all(row["value"] > 0 for row in again[1:-1])
    path.write_text('{"a": 1}')
    with pytest.raises(UserError, match="not what glimpse bench writes"):
        bench_command(quick=True, output=tmp_path, only=["relative"], device="cpu")
    assert path.read_text() == '{"a": 1}'


def test_the_help_names_every_benchmark() -> None:
    """`--only` lists the names."""
    assert NAMES == list(BENCHES)
