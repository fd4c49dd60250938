"""The folder of a run: its config, its metrics, its checkpoints, and the lock for one process at a time."""

import difflib
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from glimpse.config.shown_values import shortened
from glimpse.errors import UserError
from glimpse.runs.durable import (
    TEMPORARY,
    read_file,
    replace_file,
    reporting_read_errors,
    reporting_write_errors,
)
from glimpse.runs.links import refuse_link, refuse_links
from glimpse.runs.received_run import refuse_odd_name, refuse_ways_out

CONFIG = "config.yaml"
LOCK = "lock"
MEANING = "meaning.json"
STEPS = "steps.jsonl"
METRICS = "metrics.jsonl"
TRACKING = "wandb"
PLAIN_STATE = "state.json"
"""State of the weights of a published run, from which nothing is resumed."""
FORMAT = 3
HEADER = "# Run of glimpse, format "
"""First line of a run's config, before the format's number: a run of another format is refused."""
HOLDER = "lock.holder"  # Who holds the lock, in words. Not in the lock file, which filelock may truncate.
_OF_A_START = (CONFIG, MEANING, STEPS, METRICS, HOLDER, LOCK)


@dataclass(frozen=True)
class RunFolder:
    """Folder of a run. `create` makes a new one, `open` finds an existing one.

    made: whether the folder was not there before, so that it goes with a run that ends before its first step.
    """

    path: Path
    made: bool = field(default=False, compare=False)

    @classmethod
    def create(cls, path: Path, config_text: str) -> "RunFolder":
        """Make the folder of a new run and write its config, which also shows that the folder is writable.

        Raises:
            UserError: The folder is not empty, cannot be written, or another process is starting a run in it.
        """
        refuse_odd_name(path)
        with reporting_write_errors(path):
            run = cls(path, made=not os.path.lexists(path))
            run._refuse_if_taken()
            path.mkdir(parents=True, exist_ok=True)
            try:
                with run.lock():
                    run._refuse_if_taken()  # Another process may have been quicker.
                    for name in (MEANING, STEPS, METRICS):  # Of a start that was killed before its first step.
                        (path / name).unlink(missing_ok=True)
                    replace_file(run.config_path, f"{HEADER}{FORMAT}\n{config_text}".encode())
            except BaseException:
                if run.made:
                    run.give_back()
                raise
        return run

    def replace_config(self, config_text: str) -> None:
        """Write another config, durably.

        Raises:
            UserError: It cannot be written; then it is as it was.
        """
        with reporting_write_errors(self.path):
            replace_file(self.config_path, f"{HEADER}{FORMAT}\n{config_text}".encode())

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Open an existing run, to read it or to resume it.

        Raises:
            UserError: There is no run (the message names the runs nearby), it has another format, or it holds links.
        """
        run = cls(path)
        refuse_odd_name(path)
        # Unlike Path.is_file, this is False, and no error, where there is no permission to look.
        if not os.path.isfile(run.config_path):
            refuse_link(run.config_path)
            raise UserError(f"{path} holds no run (it has no {CONFIG}); {_runs_near(path)}")
        refuse_links(path)
        for folder in (run.checkpoints, run.best, run.report):
            if folder.exists() and not folder.is_dir():
                raise UserError(f"{folder} is damaged: it should be a folder. Put it back from a copy, or remove it")
        run._refuse_other_format()
        refuse_ways_out(run.config_path, run.config_text)
        return run

    @property
    def config_path(self) -> Path:
        """Path of the resolved config."""
        return self.path / CONFIG

    @property
    def config_text(self) -> str:
        """Resolved config of the run, as YAML. Raises UserError if it cannot be read."""
        return self._format_and_config()[1]

    @property
    def metrics_path(self) -> Path:
        """Path of the metrics, for `MetricsLog` and `read_metrics`."""
        return self.path / METRICS

    @property
    def steps_path(self) -> Path:
        """Path of what the clock decided for each step; see `glimpse.training.step_record`."""
        return self.path / STEPS

    @property
    def meaning_path(self) -> Path:
        """Path of what the run keeps of its data, as JSON; see `glimpse.runs.kept_data`."""
        return self.path / MEANING

    @property
    def checkpoints(self) -> Path:
        """Folder of the newest checkpoints."""
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """Folder of the checkpoint that was best on validation data."""
        return self.path / "best"

    @property
    def has_begun(self) -> bool:
        """Whether a step was made of which something is kept: a row of metrics, or a checkpoint."""
        return self.has_checkpoints or (os.path.lexists(self.metrics_path) and self.metrics_path.stat().st_size > 0)

    @property
    def has_checkpoints(self) -> bool:
        """Whether anything was saved after a step."""
        return any(self.checkpoints.glob("step-*")) or any(self.best.glob("step-*"))

    @property
    def is_published(self) -> bool:
        """Whether it is a published run: weights to use, without the state of a training that could go on."""
        return any(self.best.glob(f"step-*/{PLAIN_STATE}"))

    @property
    def evaluation_path(self) -> Path:
        """Path of the last evaluation, as JSON."""
        return self.path / "evaluation.json"

    @property
    def report(self) -> Path:
        """Folder of the report and its pictures."""
        return self.path / "report"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder for this process while the context lasts; the system unlocks it if the process dies.

        Raises:
            UserError: Another process holds it (the message says which), or the folder cannot be written.
        """
        lock, holder = FileLock(self.path / LOCK, blocking=False), self.path / HOLDER
        with reporting_write_errors(self.path):
            _free_of_other_names(self.path / LOCK)
            try:
                lock.acquire()
            except Timeout:
                raise UserError(
                    f"{self.path} is in use by {_read_holder(holder)}. "
                    "Wait until it ends, stop it, or choose another folder with --folder"
                ) from None
        try:
            with reporting_write_errors(holder):
                replace_file(holder, f"process {os.getpid()} on {socket.gethostname()}".encode())
            yield
        finally:
            lock.release()

    def discard(self) -> None:
        """Remove what a run has written that made no step."""
        for path in (*self.path.glob(f"{TEMPORARY}*"), *(self.path / name for name in _OF_A_START)):
            path.unlink(missing_ok=True)
        for folder in (self.checkpoints, self.best):
            with suppress(OSError):
                folder.rmdir()
        shutil.rmtree(self.path / TRACKING, ignore_errors=True)
        if self.made:
            with suppress(OSError):  # Somebody else's file may have come in.
                self.path.rmdir()

    def give_back(self) -> None:
        """Remove what a start that failed has written, and the folder if it is new.

        Nothing is removed if it has made a step, or another process uses the folder.
        """
        with suppress(Timeout, OSError), FileLock(self.path / LOCK, blocking=False):
            if not self.has_begun:
                self.discard()

    def _refuse_other_format(self) -> None:
        """Raise UserError unless the run has the format of this version."""
        found, _ = self._format_and_config()
        if found != str(FORMAT):
            raise UserError(
                f"{self.path} is a run of format {found}; this version of glimpse reads format {FORMAT}. "
                "Train anew, or use the version that wrote it"
            )

    def _format_and_config(self) -> tuple[str, str]:
        """Read the config's file: the run's format, and the config as YAML. A file without the header has format 1."""
        with reporting_read_errors(self.config_path):
            data = read_file(self.config_path)
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise UserError(f"{self.config_path} is not a text file: {error}") from error
        first, _, rest = text.partition("\n")
        return (first.removeprefix(HEADER).strip(), rest) if first.startswith(HEADER) else ("1", text)

    def _refuse_if_taken(self) -> None:
        """Raise UserError unless a run can begin here."""
        if self.config_path.exists() and (self.has_begun or self._format_and_config()[0] == "1"):
            raise UserError(
                f"{self.path} already holds a run. Continue it with --resume, or choose another with --folder"
            )
        # A start that was killed leaves these behind and may be tried again.
        names = "|".join(map(re.escape, (*_OF_A_START, TRACKING)))
        ours = re.compile(f"{names}|{re.escape(TEMPORARY)}({names}).*")
        if self.path.exists() and not (
            self.path.is_dir() and all(ours.fullmatch(child.name) for child in self.path.iterdir())
        ):
            raise UserError(f"{self.path} is not an empty folder. Choose another one with --folder")
        if self.path.exists():
            refuse_links(self.path)


def _read_holder(path: Path) -> str:
    """Describe the process that holds a lock."""
    try:
        return shortened(" ".join(read_file(path).decode(errors="replace").split()))
    except (OSError, UserError):
        return "another process"


def _free_of_other_names(path: Path) -> None:
    """Make a lock's file one of its own if it is another file's name (a hard link): locks may cut their files to 0."""
    refuse_link(path)
    if path.exists() and (found := path.stat()).st_nlink > 1 and found.st_size:
        replace_file(path, b"")


def _runs_near(path: Path) -> str:
    """Return a sentence that names the runs most like `path`, beside it or one folder deeper."""
    runs = [str(config.parent) for pattern in (f"*/{CONFIG}", f"*/*/{CONFIG}") for config in path.parent.glob(pattern)]
    nearest = difflib.get_close_matches(str(path), sorted(runs), n=3, cutoff=0)
    return f"the nearest runs are {', '.join(nearest)}" if nearest else "there is no run nearby"
