"""Tests of the number of CPU threads and of the cores that are free."""

from pathlib import Path

import pytest
import torch

from glimpse.runs import threads
from glimpse.runs.threads import fixed_threads, free_cores, set_threads, usable_cores


@pytest.mark.parametrize(
    ("asked", "variable", "expected"),
    [(3, "5", 3), (None, "5", 5), (None, "4,2", 4), (None, "", None), (None, "many", None), (None, "0", None)],
)
def test_the_users_number_comes_first(
    asked: int | None, variable: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config's number comes before OMP_NUM_THREADS, which comes before a choice by the machine."""
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert fixed_threads(asked) == expected


@pytest.mark.parametrize(("free", "expected"), [(3.9, 4), (2.2, 2), (0.3, 1), (0.0, 1), (64.0, 8)])
def test_threads_are_as_many_as_free_cores(free: float, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a number there is a thread for each free core, at least one and at most eight."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "usable_cores", lambda: 64)
    monkeypatch.setattr(threads, "free_cores", lambda: free)
    assert set_threads(None) == torch.get_num_threads() == expected


def test_idle_ticks_become_free_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """One core idle for 9 of 10 ticks and one busy make 0.9; without a reading all cores are free."""
    readings = iter([{0: (100, 200), 1: (50, 200)}, {0: (109, 210), 1: (50, 210)}, {}, {}])
    monkeypatch.setattr(threads, "_idle_ticks", lambda: next(readings))
    monkeypatch.setattr(threads, "usable_cores", lambda: 2)
    assert free_cores(0.0) == pytest.approx(0.9)
    assert free_cores(0.0) == 2.0


@pytest.mark.parametrize(
    ("quota", "expected"), [("150000 100000", 2), ("100000 100000", 1), ("max 100000", None), ("x", None)]
)
def test_a_containers_quota_limits_the_cores(quota: str, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota of 1.5 processors makes two cores of eight; no quota leaves all."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(Path, "read_text", lambda _: quota)
    assert usable_cores() == (expected or 8)
