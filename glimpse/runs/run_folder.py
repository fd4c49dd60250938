"""The folder of a run: its config, its metrics, its checkpoints, and the lock for one process at a time."""

import difflib
import json
import math
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from glimpse.errors import UserError
from glimpse.runs.durable import TEMPORARY, replace_file, reporting_read_errors, reporting_write_errors

Value = float | int | str | None
CONFIG = "config.yaml"
LOCK = "lock"
SUBWORDS = "subwords.json"
STEPS = "steps.jsonl"
FORMAT = 2
HEADER = "# Run of glimpse, format "
"""First line of a run's config, before the format's number: a run of another format is refused."""
HOLDER = "lock.holder"  # Who holds the lock, in words. Not in the lock file, which filelock may truncate.


@dataclass(frozen=True)
class RunFolder:
    """Folder of a run. `create` makes a new one, `open` finds an existing one."""

    path: Path

    @classmethod
    def create(cls, path: Path, config_text: str) -> "RunFolder":
        """Make the folder of a new run and write its config, which also shows that the folder is writable.

        Raises:
            UserError: The folder is not empty, cannot be written, or another process is starting a run in it.
        """
        run = cls(path)
        with reporting_write_errors(path):
            run._refuse_if_taken()
            path.mkdir(parents=True, exist_ok=True)
            with run.lock():
                run._refuse_if_taken()  # Another process may have been quicker.
                replace_file(run.config_path, f"{HEADER}{FORMAT}\n{config_text}".encode())
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
            UserError: There is no run (the message names the runs nearby), or it has another format.
        """
        run = cls(path)
        # Unlike Path.is_file, this is False, and no error, where there is no permission to look.
        if not os.path.isfile(run.config_path):
            raise UserError(f"{path} holds no run (it has no {CONFIG}); {_runs_near(path)}")
        run._refuse_other_format()
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
        return self.path / "metrics.jsonl"

    @property
    def steps_path(self) -> Path:
        """Path of what the clock decided for each step; see `glimpse.training.step_record`."""
        return self.path / STEPS

    @property
    def subwords_path(self) -> Path:
        """Path of the subwords of a translation run, as JSON."""
        return self.path / SUBWORDS

    @property
    def checkpoints(self) -> Path:
        """Folder of the newest checkpoints."""
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """Folder of the checkpoint that was best on validation data."""
        return self.path / "best"

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
            try:
                lock.acquire()
            except Timeout:
                raise UserError(
                    f"{self.path} is in use by {_read_holder(holder)}. "
                    "Wait until it ends, stop it, or choose another folder with --run"
                ) from None
        try:
            with reporting_write_errors(holder):
                holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
            yield
        finally:
            lock.release()

    def discard(self) -> None:
        """Remove what `create` made, for a run that could not begin."""
        for name in (CONFIG, SUBWORDS, STEPS, HOLDER, LOCK):
            (self.path / name).unlink(missing_ok=True)
        with suppress(OSError):  # Somebody else's file may have come in.
            self.path.rmdir()

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
            data = self.config_path.read_bytes()
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise UserError(f"{self.config_path} is not a text file: {error}") from error
        first, _, rest = text.partition("\n")
        return (first.removeprefix(HEADER).strip(), rest) if first.startswith(HEADER) else ("1", text)

    def _refuse_if_taken(self) -> None:
        """Raise UserError unless a run can begin here."""
        if self.config_path.exists():
            raise UserError(f"{self.path} already holds a run. Continue it with --resume, or choose another with --run")
        # A start that was killed leaves these behind and may be tried again.
        ours = {LOCK, HOLDER, TEMPORARY + CONFIG}
        if self.path.exists() and not (
            self.path.is_dir() and ours.issuperset(child.name for child in self.path.iterdir())
        ):
            raise UserError(f"{self.path} is not an empty folder. Choose another one with --run")


class MetricsLog:
    """An append-only file of JSON lines, one for each row of metrics.

    A row has an integer ``step``. Write a step's rows before its checkpoint: then those that a resumed run
    drops are exactly those that it writes again. Only the holder of the run's lock may write.
    """

    def __init__(self, path: Path, durable: bool = True) -> None:
        """Remember where the rows go; nothing is opened before it is needed.

        Rows that are not `durable` survive the end of the process, but not always that of the machine.
        """
        self.path, self._durable = path, durable

    def write(self, row: Mapping[str, Value]) -> None:
        """Append a row and wait until it is on the disk. NaN and infinity, which JSON lacks, become null.

        Raises:
            UserError: It cannot be written; the rows before it are intact.
            ValueError: The row has no integer ``step``.
        """
        if not isinstance(row.get("step"), int):
            raise ValueError(f"a row of metrics needs an integer step, got {row.get('step')!r}")
        line = json.dumps({name: _json_value(value) for name, value in row.items()}, allow_nan=False) + "\n"
        with reporting_write_errors(self.path), self.path.open("ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                _write_all(file.fileno(), line.encode())
                if self._durable:
                    os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    file.truncate(end)  # Half a row must not be glued to the next one.
                raise

    def truncate_after(self, step: int) -> None:
        """Drop the rows after `step`, and the torn last one of a killed process; -1 drops all.

        Raises:
            UserError: The file cannot be read or written; then it is as it was.
        """
        kept = [line for line, row in _read_lines(self.path) if isinstance(s := row.get("step"), int) and s <= step]
        if self.path.exists():
            with reporting_write_errors(self.path):
                replace_file(self.path, b"".join(kept))


def read_metrics(path: Path) -> list[dict[str, Value]]:
    """Return the rows of a metrics file in order; none where it is missing. A torn last line is left out.

    Raises:
        UserError: The file cannot be read, or a line before the last is not a row.
    """
    return [row for _, row in _read_lines(path)]


def _read_lines(path: Path) -> list[tuple[bytes, dict[str, Value]]]:
    """Return each whole line with the row in it."""
    with reporting_read_errors(path):
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    return [(line, _parse_row(path, number, line)) for number, line in enumerate(lines, start=1)]


def _parse_row(path: Path, number: int, line: bytes) -> dict[str, Value]:
    """Return the row in a line."""
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise UserError(f"{path}, line {number}, is not a row of metrics (a JSON object). Remove that line")
    return row


def _json_value(value: Value) -> Value:
    """Return the value, or None for a number that JSON lacks."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; a disk that is nearly full first takes a part of it."""
    while data:
        data = data[os.write(descriptor, data) :]


def _read_holder(path: Path) -> str:
    """Describe the process that holds a lock."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return "another process"


def _runs_near(path: Path) -> str:
    """Return a sentence that names the runs most like `path`, beside it or one folder deeper."""
    runs = [str(config.parent) for pattern in (f"*/{CONFIG}", f"*/*/{CONFIG}") for config in path.parent.glob(pattern)]
    nearest = difflib.get_close_matches(str(path), runs, n=3, cutoff=0)
    return f"the nearest runs are {', '.join(nearest)}" if nearest else "there is no run nearby"
