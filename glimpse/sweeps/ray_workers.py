"""Workers on a Ray cluster, whose machines share the folder of the runs."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from glimpse.errors import UserError
from glimpse.sweeps.jobs import Job, start_training

_PAUSE = 0.2
_LOCKED = 60.0
"""Seconds that a job waits for a folder whose former process is about to die with its machine."""


class RayWorkers:
    """Tasks of a Ray cluster, one CPU each; a task whose node or worker dies is made again, and resumes its run."""

    def __init__(self, address: str, size: int | None) -> None:
        """Connect to a cluster.

        Args:
            address: of its head, `auto` for the one that this machine belongs to, or `local` for a new one here.
            size: jobs at once; None for as many as the cluster has CPUs.

        Raises:
            UserError: if Ray is not installed, or there is no such cluster.
        """
        try:
            import ray
        except ImportError:
            raise UserError("--ray needs Ray, which is not installed: pip install 'glimpse-rl[ray]'") from None
        self._ray: Any = ray
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False, configure_logging=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise UserError(f"--ray {address}: no cluster answers there ({str(error).splitlines()[0]})") from None
        self.size = size or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._train = ray.remote(num_cpus=1, max_retries=-1)(_train_here)
        self._running: dict[Any, Job] = {}

    def start(self, job: Job) -> None:
        """Begin or resume a job on a machine that has a CPU free."""
        job.stop.unlink(missing_ok=True)
        self._running[self._train.remote(job, str(Path.cwd()))] = job

    def ended(self) -> dict[Job, int]:
        """Return the jobs that have ended since the last call, with their exit codes.

        Raises:
            UserError: if a machine of the cluster does not have the folder of the runs.
        """
        if not self._running:
            return {}
        done, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        try:
            return {self._running.pop(task): self._ray.get(task) for task in done}
        except FileNotFoundError as error:
            problem = f"a machine of the cluster has no folder {error.filename}"
            raise UserError(f"--ray: {problem}; all of them must share the folder of the runs") from None

    def stop(self, job: Job) -> None:
        """Ask a job to stop after its step."""
        job.stop.touch()

    def close(self) -> None:
        """Stop all jobs, and wait until they have saved."""
        for job in self._running.values():
            job.stop.touch()
        if self._running:
            self._ray.wait(list(self._running), num_returns=len(self._running))
        self._running.clear()


def _train_here(job: Job, folder: str) -> int:
    """Make a job on the machine that this task was sent to, and return its exit code.

    Args:
        job: what is to be trained; its paths may be relative.
        folder: where they are relative to.
    """
    os.chdir(folder)
    return wait_for(job, lambda: None)


def wait_for(job: Job, each: Callable[[], None]) -> int:
    """Train in a process of its own until it ends or the job's stop file appears.

    Args:
        job: what is to be trained.
        each: called now and then.

    Returns:
        The exit code.
    """
    until = time.monotonic() + _LOCKED
    while True:
        process, asked = start_training(job), False
        while process.poll() is None:
            each()
            if job.stop.exists() and not asked:
                process.terminate()
                asked = True
            time.sleep(_PAUSE)
        code = process.returncode
        if code == 2 and "is in use by" in job.last_line() and time.monotonic() < until:
            time.sleep(1)
            continue
        return code
