"""Trainings that workers make: each is one `glimpse train`, which a worker that is killed leaves to be resumed."""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from glimpse.runs.run_folder import RunFolder

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl
_PAUSE = 0.2


@dataclass(frozen=True)
class Job:
    """A training to be made.

    folder: of the run.
    words: what begins it: a config and its overrides, as `glimpse train` takes them.
    """

    folder: Path
    words: tuple[str, ...]

    @property
    def log(self) -> Path:
        """File of what the training prints, beside the run's folder."""
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def stop(self) -> Path:
        """File that asks the worker to stop the training, wherever it runs."""
        return self.folder.with_name(f"{self.folder.name}.stop")

    def command(self) -> list[str]:
        """Return the command that begins the training, or resumes it if it has made a step."""
        begun = RunFolder(self.folder).has_begun
        words = ["--resume", str(self.folder)] if begun else [*self.words, "--folder", str(self.folder)]
        return [sys.executable, "-m", "glimpse", "train", *words]

    def last_line(self) -> str:
        """Return the last line that the training printed."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((line for line in reversed(lines) if line.strip()), "")


class Workers(Protocol):
    """Processes that make jobs, a job each at a time."""

    size: int
    """How many jobs run at once."""

    def start(self, job: Job) -> None:
        """Begin or resume a job."""

    def ended(self) -> dict[Job, int]:
        """Return the jobs that have ended since the last call, with their exit codes; negative if one was killed."""

    def stop(self, job: Job) -> None:
        """Ask a job to stop after its step, with everything saved."""

    def close(self) -> None:
        """Stop all jobs, with everything saved."""


class LocalWorkers:
    """Processes on this machine."""

    def __init__(self, size: int) -> None:
        """Run `size` jobs at once."""
        self.size = size
        self._running: dict[Job, subprocess.Popen[bytes]] = {}

    def start(self, job: Job) -> None:
        """Begin or resume a job, as a process that dies with this one."""
        self._running[job] = start_training(job)

    def ended(self) -> dict[Job, int]:
        """Return the jobs that have ended since the last call, with their exit codes."""
        codes = {job: process.poll() for job, process in self._running.items()}
        over = {job: code for job, code in codes.items() if code is not None}
        for job in over:
            del self._running[job]
        return over

    def stop(self, job: Job) -> None:
        """Ask a job to stop after its step."""
        if job in self._running:
            self._running[job].terminate()

    def close(self) -> None:
        """Stop all jobs, and wait until they have saved."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait()
        self._running.clear()


def start_training(job: Job) -> "subprocess.Popen[bytes]":
    """Start the process of a job, which the system kills if this process dies (on Linux; else its lock protects it)."""
    with job.log.open("ab") as log:
        return subprocess.Popen(job.command(), stdout=log, stderr=log, preexec_fn=_die_with_parent)


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)


def make_jobs(jobs: Sequence[Job], workers: Workers, say: Callable[[str], None]) -> dict[Job, int]:
    """Make jobs until all have ended; one whose worker is killed is resumed.

    Args:
        jobs: what is to be trained.
        workers: who trains.
        say: prints a line for the user.

    Returns:
        The exit code of each.
    """
    waiting, codes, running = list(jobs), dict[Job, int](), 0
    try:
        while waiting or running:
            while waiting and running < workers.size:
                job = waiting.pop(0)
                say(f"{job.folder}: started")
                workers.start(job)
                running += 1
            for job, code in workers.ended().items():
                running -= 1
                if code < 0:
                    say(f"{job.folder}: its worker was killed; resuming")
                    waiting.insert(0, job)
                else:
                    codes[job] = code
                    say(f"{job.folder}: {'trained' if code == 0 else job.last_line()}")
            time.sleep(_PAUSE)
    finally:
        workers.close()
    return codes
