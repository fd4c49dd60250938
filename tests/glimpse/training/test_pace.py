"""Tests of the pace: budgets by a clock, the record of its decisions, and the number of threads."""

from pathlib import Path

import pytest
import torch

from glimpse.config.experiment import Experiment
from glimpse.errors import UserError
from glimpse.training import pace as paces
from glimpse.training.pace import Pace
from glimpse.training.step_record import Decided, StepRecord

CPU = torch.device("cpu")


def experiment(threads: int | None = 1, **train: object) -> Experiment:
    """Return a config with a budget."""
    given = {"task": {"name": "digits"}, "agent": {"name": "ram"}, "train": {"batch": 16, **train}}
    return Experiment.model_validate({**given, "threads": threads})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time that a pace sees, in a list of one number."""
    now = [100.0]
    monkeypatch.setattr("glimpse.training.budget.time.perf_counter", lambda: now[0])
    monkeypatch.setattr(paces, "seconds_waited", lambda: None)
    return now


def make_pace(path: Path, said: list[str] | None = None, threads: int | None = 1, **given: object) -> Pace:
    """Make the pace of a config, which prints into a list."""
    lines: list[str] = [] if said is None else said
    return Pace(experiment(threads, **given), CPU, path / "steps.jsonl", lines.append, 4.0)


def run(pace: Pace, clock: list[float], step: int, took: list[float]) -> list[float]:
    """Make steps that take some seconds, and return the progress after each, until training ends."""
    progress = []
    for seconds in took:
        clock[0] += seconds
        step += 1
        pace.after_step(step, seconds)
        progress.append(pace.budget.progress(step))
        if progress[-1] == 1:
            break
    return progress


def test_progress_is_the_share_of_the_time(tmp_path: Path, clock: list[float]) -> None:
    """In a budget of a minute of which 6 s are kept for the last evaluation, 27 s are a half, whatever the speed."""
    pace = make_pace(tmp_path, minutes=1)
    pace.start(0, 0.0)
    pace.evaluated(6.0)
    assert run(pace, clock, 0, [5.4, 21.6, 0.0027, 20.0, 20.0, 1.0]) == [0.1, 0.5, 0.5, 0.8704, 1.0]


def test_time_for_the_first_evaluation_is_estimated(tmp_path: Path, clock: list[float]) -> None:
    """Before any evaluation, the time of four steps is kept for it."""
    pace = make_pace(tmp_path, minutes=1)
    pace.start(0, 0.0)
    assert run(pace, clock, 0, [2.0])[0] == pytest.approx(2 / 52, abs=1e-4)
    pace.evaluated(30.0)
    assert pace.left == pytest.approx(60 - 30 - 2)


def test_updates_do_not_depend_on_the_clock(tmp_path: Path, clock: list[float]) -> None:
    """Progress in a budget of updates is exact, and nothing is recorded with a fixed number of threads."""
    pace = make_pace(tmp_path, steps=4)
    pace.start(0, 0.0)
    assert run(pace, clock, 0, [1.0, 50.0, 3.0, 9.0, 1.0]) == [0.25, 0.5, 0.75, 1.0]
    pace.mark(4)
    assert list(tmp_path.iterdir()) == [] and pace.left is None


def test_a_resumed_pace_follows_the_record(tmp_path: Path, clock: list[float]) -> None:
    """Steps that are made again have the recorded progress, however long they take; then the clock decides."""
    first = make_pace(tmp_path, minutes=1)
    first.start(0, 0.0)
    first.evaluated(0.0)
    progress = run(first, clock, 0, [6.0, 6.0, 6.0, 6.0])
    assert progress == [0.1, 0.2, 0.3, 0.4]
    again = make_pace(tmp_path, minutes=1)
    again.resume(1, 1)
    again.start(1, 6.0)
    again.evaluated(0.0)
    assert again.budget.progress(1) == 0.1
    assert run(again, clock, 1, [0.1, 9.0, 0.1, 0.1, 30.0]) == pytest.approx([0.2, 0.3, 0.4, 0.4, 0.755], abs=2e-4)
    assert [Decided(progress=p) for p in (0.0, 0.1, 0.2, 0.3, 0.4)] == [again.record.at(step) for step in range(5)]


def test_another_budget_of_time_drops_the_record(tmp_path: Path, clock: list[float]) -> None:
    """With twice the minutes, progress halves and later decisions are no longer followed."""
    first = make_pace(tmp_path, minutes=1)
    first.start(0, 0.0)
    first.evaluated(0.0)
    assert run(first, clock, 0, [30.0, 30.0]) == [0.5, 1.0]
    more = make_pace(tmp_path, minutes=2)
    more.resume(2, 1)
    more.start(2, 60.0)
    more.evaluated(0.0)
    assert more.budget.progress(2) == 0.5
    assert run(more, clock, 2, [60.0]) == [1.0]


def test_recorded_threads_are_used_again(tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of threads of each step is recorded where the clock chooses it, and followed on resuming."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(paces, "most_threads", lambda: 2)
    monkeypatch.setattr(paces, "free_cores", lambda: 2.0)
    torch.set_num_threads(2)
    used: list[int] = []

    def go(pace: Pace, steps: range, took: dict[int, float]) -> list[int]:
        for step in steps:
            used.append(torch.get_num_threads())
            clock[0] += took[used[-1]]
            pace.after_step(step + 1, took[used[-1]])
        return used[-len(steps) :]

    first = make_pace(tmp_path, threads=None, steps=100)
    first.start(0, 0.0)
    shared = go(first, range(60), {1: 0.1, 2: 0.3})
    assert set(shared) == {1, 2} and shared[-1] == 1
    first.mark(60)
    torch.set_num_threads(2)
    again = make_pace(tmp_path, threads=None, steps=100)
    again.resume(3, None)
    again.start(3, 0.0)
    assert go(again, range(3, 60), {1: 0.1, 2: 0.05}) == shared[3:]
    assert go(again, range(60, 400), {1: 0.1, 2: 0.05})[-1] == 2  # Beyond the record the rates decide.


def test_a_shared_machine_is_named_once(tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that waits for cores says so in a line, and not again for five minutes."""
    waited, said = [0.0], list[str]()
    monkeypatch.setattr(paces, "seconds_waited", lambda: waited[0])
    pace = make_pace(tmp_path, said=said, steps=1000)
    pace.start(0, 0.0)
    for step in range(1, 20):
        waited[0] += 0.7
        clock[0] += 1.0  # An evaluation, which waits too.
        run(pace, clock, step - 1, [1.0])
    assert said == [
        "note: other processes use this machine's cores: training waited 35 % of the last seconds; it now has 1 thread"
    ]


@pytest.mark.parametrize(
    "line", ["{}", '{"step": "one"}', '{"step": 3, "progress": 7}', '{"step": 3, "threads": 0}', "[1]", "nonsense"]
)
def test_a_damaged_record_is_named(tmp_path: Path, line: str) -> None:
    """A row that training does not write is refused with its number, and a torn last row is dropped."""
    path = tmp_path / "steps.jsonl"
    path.write_text('{"step": 1, "progress": 0.5, "threads": null}\n' + line + "\n")
    with pytest.raises(UserError, match="line 2"):
        StepRecord(path)
    path.write_text('{"step": 1, "progress": 0.5, "threads": null}\n{"st')
    record = StepRecord(path)
    record.write(2, Decided(0.75))
    assert [StepRecord(path).at(step) for step in (1, 2, 3)] == [Decided(0.5), Decided(0.75), None]
