"""Tests of the `glimpse` command: its arguments, its exit codes, and which modules it must not import."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import glimpse
from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.envs.errors import DataError
from glimpse.errors import UserError
from glimpse.runs.metrics_log import MetricsLog
from glimpse.runs.run_folder import RunFolder

_SUBCOMMANDS = "train evaluate translate report masks data list config bench reproduce".split()
CONFIG = "task: {name: digits}\nagent: {name: ram, sigma: {start: 0.2}}\ntrain: {minutes: 3}\nseed: 7\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a config, written to the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(CONFIG)
    return Path("small.yaml")


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Any, ...]]]:
    """Return a function that replaces functions of a heavy module by stand-ins and returns the list of their calls."""

    def put(module: str, *names: str, result: object = None) -> list[tuple[Any, ...]]:
        calls: list[tuple[Any, ...]] = []

        def note(name: str) -> Callable[..., object]:
            def call(*given: object) -> object:
                calls.append((name, *given))
                if isinstance(result, BaseException):
                    raise result
                return result

            return call

        stand_in = SimpleNamespace(**{name: note(name) for name in names})
        monkeypatch.setitem(sys.modules, f"glimpse.{module}", stand_in)
        return calls

    return put


StandIn = Callable[..., list[tuple[Any, ...]]]


def test_train_passes_on_the_experiment_and_a_folder(config: Path, stand_in: StandIn) -> None:
    """`train` passes on the experiment and the run's folder (by default CONFIG-seedN), and returns the exit code."""
    calls = stand_in("training.train", "train_command", result=143)
    assert main(["train", "small.yaml", "train.batch=8"]) == 143
    assert main(["train", "small.yaml", "--run", "elsewhere", "train.batch=8", "seed=3"]) == 143
    experiment = load_experiment(config, ["train.batch=8"])
    assert calls == [
        ("train_command", experiment, Path("runs/small-seed7"), False),
        ("train_command", load_experiment(config, ["train.batch=8", "seed=3"]), Path("elsewhere"), False),
    ]


def test_a_second_run_goes_to_a_folder_of_its_own(
    config: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """A default folder that holds a run is left alone, and a line says where the new one goes, and why."""
    calls = stand_in("training.train", "train_command", result=0)
    first = RunFolder.create(Path("runs/small-seed7"), CONFIG)
    assert main(["train", "small.yaml"]) == 0  # It never made a step.
    MetricsLog(first.metrics_path).write({"step": 1})
    assert main(["train", "small.yaml", "train.learning_rate=0.1"]) == 0
    noted = capsys.readouterr().err
    assert (
        "runs/small-seed7 holds a run with other train.learning_rate, so this one goes to runs/small-seed7-2" in noted
    )
    second = RunFolder.create(Path("runs/small-seed7-2"), CONFIG)
    MetricsLog(second.metrics_path).write({"step": 1})
    assert main(["train", "small.yaml"]) == 0
    noted = capsys.readouterr().err
    assert "a run of this very config" in noted and "glimpse train --resume runs/small-seed7\n" in noted
    assert [call[2].name for call in calls] == ["small-seed7", "small-seed7-2", "small-seed7-3"]


def test_the_default_folder_says_which_data(config: Path, stand_in: StandIn) -> None:
    """Other data than the config's are part of the folder's name, without their path; the config's own are not."""
    calls = stand_in("training.train", "train_command", result=0)
    for data in ("task.data=fashion-mnist", "task.data=folder:/home/me/my pets/", "task.data=digits", "seed=1"):
        assert main(["train", "small.yaml", data]) == 0
    names = [call[2].name for call in calls]
    assert names == ["small-fashion-mnist-seed7", "small-my-pets-seed7", "small-seed7", "small-seed1"]


def test_dropped_options_are_noted(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dropped options are noted on standard error, so that the config on standard output stays readable."""
    assert main(["config", "show", "small.yaml", "agent.name=random", "train.steps=5"]) == 0
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [
        "note: command line: agent.name=random instead of ram drops agent.sigma",
        "note: command line: train.steps=5 drops train.minutes=3",
    ]
    Path("shown.yaml").write_text(shown.out)
    assert load_experiment("shown.yaml") == load_experiment(config, ["agent.name=random", "train.steps=5"])


def test_a_run_is_resumed_by_its_folder(config: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """`train --resume RUN` uses the run's own config; overrides may raise its budget, but change no other value."""
    calls = stand_in("training.train", "train_command", result=0)
    RunFolder.create(Path("kept"), CONFIG)
    config.unlink()
    assert main(["train", "--resume", "kept"]) == 0
    assert main(["train", "kept", "--resume"]) == 0
    assert calls == [("train_command", load_experiment("kept/config.yaml"), Path("kept"), True)] * 2
    assert main(["train", "--resume", "kept", "train.minutes=9"]) == 0
    assert calls[2:] == [
        ("train_command", load_experiment("kept/config.yaml", ["train.minutes=9"]), Path("kept"), True)
    ]
    assert main(["train", "--resume", "kept", "train.batch=8"]) == 2
    assert "kept was begun with other values of train.batch." in capsys.readouterr().err
    assert main(["train", "--resume", "kpet"]) == 2
    assert "kpet holds no run" in capsys.readouterr().err
    assert main(["train", "kept"]) == 2
    assert "glimpse train --resume kept" in capsys.readouterr().err


def test_a_run_is_resumed_by_the_command_that_began_it(
    config: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run's first command with `--resume` resumes it, if the config still means the same experiment."""
    calls = stand_in("training.train", "train_command", result=0)
    command = ["train", "small.yaml", "train.batch=8", "--run", "kept", "--resume"]
    assert main(command) == 2
    assert "kept holds no run" in capsys.readouterr().err
    RunFolder.create(Path("kept"), CONFIG.replace("minutes: 3", "minutes: 3, batch: 8"))
    assert main(command) == 0
    assert calls == [("train_command", load_experiment(config, ["train.batch=8"]), Path("kept"), True)]
    assert main([*command, "train.batch=9", "task.retina.patch=4"]) == 2
    assert "begun with other values of task.retina.patch, train.batch." in capsys.readouterr().err


def test_evaluate_and_report_pass_on_their_options(config: Path, stand_in: StandIn) -> None:
    """`evaluate` and `report` pass on their options; None leaves a value to the run's config."""
    evaluated = stand_in("evaluation.evaluate", "evaluate_command")
    shown = stand_in("reporting.report", "report_command")
    assert main(["evaluate", "a"]) == 0
    given = "evaluate --split validation a --copies=3 --batch 9 --device cuda:1 --keep-rate .3 --average-checkpoints 5"
    given += " task.data=b"
    assert main(given.split()) == 0
    assert main(["report", "a", "--output", "b", "--episodes", "5"]) == 0
    assert evaluated == [
        ("evaluate_command", Path("a"), None, None, None, None, None, None, []),
        ("evaluate_command", Path("a"), "validation", 3, 9, "cuda:1", 0.3, 5, ["task.data=b"]),
    ]
    assert shown == [("report_command", Path("a"), Path("b"), 5)]


def test_data_and_bench_pass_on_their_options(config: Path, stand_in: StandIn) -> None:
    """`data` and `bench` pass on their options; names may stand before and after the options."""
    data = stand_in("cli.data_sets", "list_data", "fetch", "verify")
    kept = stand_in("cli.decoded_data", "list_cache", "clear_cache")
    bench = stand_in("benchmarks.bench", "bench_command")
    assert main(["data", "list", "--root", "d"]) == 0
    assert main(["data", "cache"]) == main(["data", "cache", "--clear"]) == 0
    assert kept == [("list_cache",), ("clear_cache", [])]
    assert main(["data", "fetch", "mnist", "--force", "digits"]) == 0
    assert main(["data", "verify"]) == 0
    assert main(["bench"]) == 0
    assert main(["bench", "--quick", "--only", "training", "environment", "--output", "o", "--device", "cpu"]) == 0
    assert data == [("list_data", "d"), ("fetch", ["mnist", "digits"], None, True), ("verify", [], None)]
    assert bench == [
        ("bench_command", False, Path("results"), [], "auto"),
        ("bench_command", True, Path("o"), ["training", "environment"], "cpu"),
    ]


def test_list_names_environments_agents_and_configs(capsys: pytest.CaptureFixture[str]) -> None:
    """`list` prints all tables, or the one that is named."""
    assert main(["list"]) == 0
    everything = capsys.readouterr().out
    for text in (
        "glimpse/ClutteredMNIST100-v0",
        "cluttered 100x100",
        "4 scales of 12x12",
        "raster",
        "mnist-ram",
    ):
        assert text in everything
    assert main(["list", "agents"]) == 0
    agents = capsys.readouterr().out
    assert "recurrent attention model" in agents
    assert "glimpse/MNIST-v0" not in agents


def test_validate_and_schema(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`config validate` prints ok or every mistake, and `config schema` prints a JSON schema."""
    assert main(["config", "validate", "small.yaml"]) == 0
    assert capsys.readouterr().out == "ok\n"
    assert main(["config", "validate", "small.yaml", "train.bach=1", "seed=-1"]) == 2
    error = capsys.readouterr().err
    assert "command line: train.bach: unknown key (did you mean 'train.batch'?)" in error
    assert "command line: seed: should be at least 0 (got -1)" in error
    assert main(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Experiment"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["trian", "x"], "did you mean 'train'?"),
        (["list", "agnets"], "error: invalid choice: 'agnets' (choose from"),
        (["list", "agnets"], "did you mean 'agents'?"),
        (["data", "fetsh"], "did you mean 'fetch'?"),
        (["config", "validat", "x"], "did you mean 'validate'?"),
        (["train"], "required: CONFIG"),
        (["train", "small.yaml", "--bogus"], "unrecognized arguments: --bogus"),
        (["report", "a", "b"], "unrecognized arguments: b"),
        (["evaluate", "a", "--copies", "0"], "expected a whole number of at least 1, got '0'"),
        (["bench", "--device", "gpu"], "expected auto, cpu, cuda or cuda:N, got 'gpu'"),
        (["config", "show"], "show needs a CONFIG"),
        (["bench", "--only", "trainig"], "did you mean 'training'?"),
        (["reproduce", "mnis"], "did you mean 'mnist'?"),
        (["train", "trec-structured", "task.data=file:small.yml.csv"], "/small.yaml?"),
        (["train", "trec-structured", "task.data=file:no/a.csv"], "/no: give the path of a file that is there."),
        (["train", "smal.yaml"], "did you mean 'small.yaml'?"),
    ],
)
def test_a_wrong_argument_gives_exit_code_2(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], problem: str
) -> None:
    """A wrong argument gives exit code 2 and an explanation on standard error only."""
    assert main(words) == 2
    shown = capsys.readouterr()
    assert problem in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (UserError("the folder is taken"), 2, "error: the folder is taken\n"),
        (DataError("bad.gz is damaged"), 2, "error: bad.gz is damaged\n"),
        (PermissionError(errno.EACCES, "Permission denied", "runs"), 2, "error: runs: Permission denied\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "error: writing: No space left on device\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_user_errors_are_one_line(
    stand_in: StandIn, capsys: pytest.CaptureFixture[str], fault: BaseException, code: int, message: str
) -> None:
    """An error that the user can correct is printed as one line, without a traceback."""
    stand_in("evaluation.evaluate", "evaluate_command", result=fault)
    assert main(["evaluate", "a"]) == code
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("fault", [ValueError("a bug"), OSError(errno.EINVAL, "Invalid argument")])
def test_unexpected_exceptions_are_raised(stand_in: StandIn, fault: Exception) -> None:
    """An unexpected exception is raised, so that its traceback is seen."""
    stand_in("evaluation.evaluate", "evaluate_command", result=fault)
    with pytest.raises(type(fault)):
        main(["evaluate", "a"])


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the help is shown, with examples; `--version` says the version."""
    assert main([]) == 0
    assert "examples:\n  glimpse list\n  glimpse train digits-ram\n" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"glimpse {glimpse.__version__}\n"


def _python(*words: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run Python in a new process that finds the tested glimpse."""
    home = str(Path(glimpse.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": home}
    return subprocess.run(
        [sys.executable, *words],
        env=environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )


LIGHT = """
import sys
import glimpse.agents.attention.options, glimpse.agents.recurrent_core_names, glimpse.envs.data.registry
from glimpse.cli.command_line import main
from glimpse.cli.data_sets import list_data
from glimpse.envs.text.options import WholeTextOptions

list_data(None)
try:
    WholeTextOptions(name="text", data="sst3")  # An unknown data set, for which the registry is imported.
except ValueError:
    print("a mistake")
codes = [main(words.split()) for words in (
    "--help", "list", "config schema", "config validate small.yaml", "train small.yaml seed=x", "evaluate",
    "config validate digits-sb3-recurrent-ppo", "train digits-sb3-ppo agent.n_epoch=3",
)]
assert codes == [0, 0, 0, 0, 2, 2, 0, 2], codes
heavy = {"torch", "torchvision", "wandb", "stable_baselines3", "sb3_contrib", "matplotlib", "sklearn", "PIL", "pandas"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
"""What answers at once, in one process."""


def test_help_lists_options_and_mistakes_import_nothing_heavy(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Help, lists, options, registries and config errors import no heavy library, which would take seconds."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path))
    done = _python("-c", LIGHT)
    assert done.returncode == 0, done.stderr
    assert "fashion-mnist" in done.stdout and "a mistake" in done.stdout


@pytest.mark.parametrize(
    ("words", "unneeded", "most"),
    [
        ("list", {"gymnasium", "numpy", "glimpse.config.experiment", "glimpse.reproduction"}, 480),
        ("list agents", {"gymnasium", "numpy", "pydantic", "glimpse.config.experiment"}, 340),
        ("--version", {"gymnasium", "numpy", "pydantic", "rich"}, 280),
    ],
)
def test_lists_import_few_modules(words: str, unneeded: set[str], most: int) -> None:
    """Neither Gymnasium nor NumPy is imported for a list, nor the config's schema; what is, is counted."""
    done = _python("-X", "importtime", "-m", "glimpse", *words.split())
    found = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert done.returncode == 0 and "argparse" in found
    assert not unneeded & found and len(found) < most, len(found)


def test_a_closed_pipe_is_no_error() -> None:
    """Output into a closed pipe, as in `glimpse config schema | head -1`, ends with exit code 141 and no message."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = _python("-m", "glimpse", "config", "schema", stdout=write_end)
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (141, "")
