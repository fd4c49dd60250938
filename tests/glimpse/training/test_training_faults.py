"""Tests of trainings that go wrong: one clear error, nothing lost, and the folder given back where no step was made."""

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.envs.core import StepResult
from glimpse.envs.images.classification import Classification
from glimpse.errors import UserError
from glimpse.evaluation.image_evaluator import ImageEvaluator
from glimpse.runs import memory
from glimpse.runs.checkpoint import load_newest, save_checkpoint
from glimpse.runs.memory import reporting_memory_errors
from glimpse.runs.metrics_log import MetricsLog
from glimpse.runs.precision_errors import reporting_precision_errors
from glimpse.runs.run_folder import RunFolder
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.follow import follow_command
from glimpse.training.process import ending_at_once
from glimpse.training.train import train_command
from glimpse.training.training import Training

QUICK = ["train.steps=5", "train.batch=8", "train.evaluate_every=1", "train.save_every=1", "threads=1"]
WIDE = ["train.learning_rate=1e8", "train.warmup=0", "train.schedule=constant", "train.final_learning_rate=0"]


def small(config: str, *overrides: str) -> Experiment:
    """Return a shipped config that trains in a moment."""
    return load_experiment(config, [*QUICK, "track.mode=disabled", "evaluate.copies=2", *overrides])


@pytest.mark.parametrize(
    "config", ["digits-ram", "catch-ram", "planted", "number-prediction", "copy-bahdanau", "copy-simultaneous"]
)
def test_weights_that_are_not_finite_are_named(config: str, tmp_path: Path) -> None:
    """Wherever they show first (loss, next step, evaluation, checkpoint) is one error, and what was saved is good."""
    experiment = small(config, *WIDE)
    with pytest.raises(UserError, match=r"not finite; training stopped.*train\.learning_rate"):
        train_command(_exploding(experiment), tmp_path / "run", resume=False)
    folder = RunFolder(tmp_path / "run")
    if folder.path.exists():
        for kept in (folder.checkpoints, folder.best):
            checkpoint = load_newest(kept, pytest.fail)
            assert checkpoint is None or all(value.isfinite().all() for value in checkpoint.weights.values())


@pytest.mark.parametrize("config", ["digits-ram", "copy-simultaneous"])
def test_weights_that_are_finite_but_too_large_are_one_line(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A first evaluation that nothing can be measured with is an error that names the step; no folder stays behind."""
    run = tmp_path / "run"
    large = ["train.learning_rate=1e8", "train.warmup=0", "track.mode=disabled", "evaluate.copies=2"]
    assert main(["train", config, *QUICK, *large, "--run", str(run)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: step 1: ") and error.count("\n") == 1
    assert "not finite; training stopped" in error and not run.exists()


@pytest.mark.parametrize(
    ("value", "message"), [(float("nan"), "are not finite, such as"), (1e30, "not finite: nothing")]
)
@pytest.mark.parametrize("command", ["evaluate", "report"])
def test_a_run_with_bad_weights_is_not_measured(
    value: float, message: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights that are not finite, or that lead to such numbers, are one line, and nothing is written."""
    run = tmp_path / "run"
    assert train_command(small("digits-ram", "train.steps=1"), run, resume=False) == 0
    folder = RunFolder(run)
    best = load_newest(folder.best, pytest.fail)
    assert best is not None
    weights = {name: part * value if part.is_floating_point() else part for name, part in best.weights.items()}
    save_checkpoint(folder.best, replace(best, weights=weights), keep=1)
    capsys.readouterr()
    assert main([command, str(run)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not folder.evaluation_path.exists() and not folder.report.exists()


def _exploding(experiment: Experiment) -> Experiment:
    """Return the experiment with a learning rate that no weights survive."""
    return experiment.model_copy(update={"train": experiment.train.model_copy(update={"learning_rate": 1e38})})


def _raise(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (RuntimeError("boom"), RuntimeError, "boom"),
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
        (
            MemoryError("Unable to allocate 7.45 GiB for an array"),
            UserError,
            "8.0 GB.*Lower train.batch",
        ),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to "
                "allocate 2000000000 bytes. Error code 12 (Cannot allocate memory)"
            ),
            UserError,
            "out of memory: 2.0 GB",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has"), UserError, "21.5 GB"),
    ],
)
def test_a_run_without_a_step_gives_its_folder_back(
    error: BaseException,
    expected: type[BaseException],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever stops it, the same folder can be used again at once."""
    with monkeypatch.context() as patched:
        patched.setattr(EpisodeLearner, "advance", _raise(error))
        with pytest.raises(expected, match=message):
            train_command(small("digits-ram"), tmp_path / "run", resume=False)
    assert not (tmp_path / "run").exists()
    assert train_command(small("digits-ram", "train.steps=1"), tmp_path / "run", resume=False) == 0


def test_a_run_that_has_begun_keeps_what_it_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error after a checkpoint leaves a run that can be resumed."""
    advance, made = EpisodeLearner.advance, []

    def fail_at_the_third(self: EpisodeLearner, *given: Any) -> Any:
        made.append(self.step)
        if len(made) == 3:
            raise RuntimeError("boom")
        return advance(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(EpisodeLearner, "advance", fail_at_the_third)
        with pytest.raises(RuntimeError, match="boom"):
            train_command(small("digits-ram"), tmp_path / "run", resume=False)
    assert train_command(small("digits-ram"), tmp_path / "run", resume=True) == 0


def _then(act: Callable[[], object], call: Callable[..., Any], at: int) -> Callable[..., Any]:
    """Return a function that acts before the call of this number."""
    calls: list[None] = []

    def called(*given: Any, **options: Any) -> Any:
        calls.append(None)
        if len(calls) == at:
            act()
        return call(*given, **options)

    return called


def _send(*numbers: signal.Signals) -> Callable[[], None]:
    def send() -> None:
        for number in numbers:
            os.kill(os.getpid(), number)

    return send


def _fill_the_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _final_weights(run: Path) -> dict[str, torch.Tensor]:
    checkpoint = load_newest(RunFolder(run).checkpoints, pytest.fail)
    assert checkpoint is not None and checkpoint.step == 5
    return checkpoint.weights


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """Final weights of the run that nothing stopped."""
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    assert train_command(small("digits-ram"), run, resume=False) == 0
    return _final_weights(run)


@pytest.mark.parametrize(
    ("owner", "name", "act", "at", "code"),
    [
        (ImageEvaluator, "validate", _send(signal.SIGTERM), 3, 143),
        (ImageEvaluator, "validate", _send(signal.SIGINT), 1, 130),
        (EpisodeLearner, "advance", _send(signal.SIGINT, signal.SIGINT), 4, 130),
        (os, "fsync", _fill_the_disk, 25, 2),
        (Path, "rename", _fill_the_disk, 3, 2),
        (MetricsLog, "write", _fill_the_disk, 3, 2),
        (MetricsLog, "write", _fill_the_disk, 1, 2),
        (Training, "save", _fill_the_disk, 1, 2),
    ],
    ids=[
        "SIGTERM in an evaluation",
        "Ctrl-C in the first",
        "Ctrl-C twice",
        "disk full",
        "at a rename",
        "at a row",
        "at the first",
        "at a checkpoint",
    ],
)
def test_a_run_that_was_stopped_resumes_exactly(
    owner: Any,
    name: str,
    act: Callable[[], object],
    at: int,
    code: int,
    undisturbed: dict[str, torch.Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever stopped it and where, the exit code says so in a line, and the resumed run has the same weights."""
    run = tmp_path / "run"
    given = ["train", "digits-ram", *QUICK, "track.mode=disabled", "evaluate.copies=2", "--run", str(run)]
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, _then(act, getattr(owner, name), at))
        assert main(given) == code
    error = capsys.readouterr().err
    assert error.count("\n") <= 1 and "Traceback" not in error
    assert RunFolder(run).has_checkpoints
    assert main(["train", "--resume", str(run)]) == 0
    assert all(torch.equal(value, undisturbed[name]) for name, value in _final_weights(run).items())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("where", ["training_envs", "make_learner", "describe_examples"])
def test_a_signal_ends_the_loading_of_data_at_once(
    where: str,
    number: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is computed after it; a new run gives its folder back, and its handlers are those of before."""
    run, before = tmp_path / "run", [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]

    def interrupted(*_: object, **__: object) -> None:
        os.kill(os.getpid(), number)
        pytest.fail("the signal was only noted")

    monkeypatch.setattr(f"glimpse.training.training.{where}", interrupted)
    assert main(["train", "digits-ram", *QUICK, "track.mode=disabled", "--run", str(run)]) == 128 + number
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "stopped before the first step; nothing was kept" and not printed.err
    assert not run.exists()
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_signal_while_a_run_is_resumed_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All files stay as they were, though more steps were asked for, and the line says how to go on."""
    run = tmp_path / "run"
    assert train_command(small("digits-ram", "train.steps=1"), run, resume=False) == 0
    files = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    monkeypatch.setattr("glimpse.training.training.make_learner", lambda *_: _send(signal.SIGTERM)())
    assert main(["train", "--resume", str(run), "train.steps=2"]) == 143
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"stopped before another step; resume with: glimpse train --resume {run}"
    )
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == files


def test_a_signal_ends_a_rank_that_loads_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rank that follows does not wait for the leader; what came before data are loaded counts, too."""
    monkeypatch.setattr("glimpse.training.follow._prepare", lambda _: _send(signal.SIGTERM)())
    assert follow_command() == 143
    with pytest.raises(KeyboardInterrupt), ending_at_once([signal.SIGTERM]):
        pytest.fail("the signal was not looked at")


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_disk_that_is_full_at_the_start_leaves_nothing(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where not even the first files can be written, the folder is given back."""
    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", _then(_fill_the_disk, os.fsync, at))
        assert main(["train", "digits-ram", *QUICK, "track.mode=disabled", "--run", str(run)]) == 2
    error = capsys.readouterr().err
    assert "No space left on device" in error and error.count("\n") == 1
    assert not run.exists()


def test_an_environment_that_never_ends_is_cut_off_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training and evaluation have the agent's steps as a limit, and say that episodes were not over by then."""
    step = Classification.step

    def endless(self: Classification, action: dict[str, torch.Tensor]) -> StepResult:
        result = step(self, action)
        return result._replace(terminated=torch.zeros_like(result.terminated))

    monkeypatch.setattr(Classification, "step", endless)
    with pytest.warns(UserWarning, match="Classification: 286 of 286 episodes were not over after the agent's 4 steps"):
        assert train_command(small("digits-ram", "train.steps=1"), tmp_path / "run", resume=False) == 0
    with pytest.warns(UserWarning, match="an environment should end each of its episodes by then"):
        assert main(["evaluate", str(tmp_path / "run"), "--split", "validation"]) == 0


@pytest.mark.parametrize(
    "message",
    [
        "could not create a primitive descriptor for the LSTM forward propagation primitive. Run workload with",
        "\"lstm_cell\" not implemented for 'BFloat16'",
    ],
)
@pytest.mark.parametrize("where", ["train", "evaluate"])
def test_a_machine_without_bfloat16_is_told_the_option(
    where: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What torch says of an operation that the CPU lacks names the option of the precision."""
    owner, name = (EpisodeLearner, "advance") if where == "train" else (ImageEvaluator, "validate")
    monkeypatch.setattr(owner, name, _raise(RuntimeError(message)))
    with pytest.raises(UserError, match=f"^{where}\\.precision: .*Give {where}.precision=float32$"):
        train_command(small("digits-ram", f"{where}.precision=bfloat16"), tmp_path / "run", resume=False)
    assert not (tmp_path / "run").exists()


def test_the_precision_is_not_blamed_where_it_is_not_used() -> None:
    """The same error in float32 passes as it is, and so does another one in bfloat16."""
    with pytest.raises(RuntimeError, match="^mkldnn"), reporting_precision_errors("train.precision", "x", False):
        raise RuntimeError("mkldnn failed")
    with pytest.raises(RuntimeError, match="^shapes"), reporting_precision_errors("train.precision", "x"):
        raise RuntimeError("shapes do not fit")


def test_training_works_in_any_thread(tmp_path: Path) -> None:
    """Two threads train beside each other, without signal handlers, and leave their folders unlocked."""
    before, threads, codes = signal.getsignal(signal.SIGINT), torch.get_num_threads(), dict[str, int]()

    def train(name: str) -> None:
        codes[name] = train_command(small("digits-ram"), tmp_path / name, resume=False)

    workers = [threading.Thread(target=train, args=(name,)) for name in ("one", "other")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert codes == {"one": 0, "other": 0}
    assert signal.getsignal(signal.SIGINT) is before and torch.get_num_threads() == threads
    assert train_command(small("digits-ram"), tmp_path / "one", resume=True) == 0


def _numpy_state() -> Any:
    return np.random.get_state(legacy=False)["state"]["key"]


def test_what_is_global_is_given_back(tmp_path: Path) -> None:
    """A training called from Python leaves torch's number of threads, and the generators, as they were."""
    torch.set_num_threads(2)
    before = torch.get_rng_state(), _numpy_state()
    assert train_command(small("digits-sb3-ppo", "train.steps=1"), tmp_path / "run", resume=False) == 0
    assert torch.get_num_threads() == 2
    assert torch.equal(torch.get_rng_state(), before[0]) and np.array_equal(_numpy_state(), before[1])


def test_what_does_not_fit_is_refused_before_the_system_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """An allocation beyond the free memory fails as such, and afterwards the limit is lifted."""
    monkeypatch.setattr(memory, "free_memory", lambda: 300_000_000)
    with pytest.raises(UserError, match=r"out of memory: 2\.0 GB.*0\.3 GB are free\. Lower x"):
        with reporting_memory_errors("Lower x"):
            torch.empty(500_000_000)
    assert torch.empty(100_000_000).numel() == 100_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_the_limit_is_lifted_by_the_last_who_asked_for_it() -> None:
    """Of two that overlap, as in two threads, the one that ends first leaves the limit to the other."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    one, other = reporting_memory_errors("Lower x"), reporting_memory_errors("Lower x")
    one.__enter__()
    limited = resource.getrlimit(resource.RLIMIT_DATA)
    other.__enter__()
    one.__exit__(None, None, None)
    assert limited[0] != resource.RLIM_INFINITY and resource.getrlimit(resource.RLIMIT_DATA) == limited
    other.__exit__(None, None, None)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_other_errors_pass(tmp_path: Path) -> None:
    """An error of another kind is not taken for a lack of memory."""
    with pytest.raises(RuntimeError, match="shapes"), reporting_memory_errors("Lower x"):
        raise RuntimeError("shapes do not fit")
