"""Record of what the clock decided for each step, so that a resumed run decides the same."""

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from glimpse.errors import UserError
from glimpse.runs.metrics_log import MetricsLog, read_metrics


@dataclass(frozen=True)
class Decided:
    """Decisions of the clock, which hold from one step on.

    progress: fraction of training done, in [0, 1]; None where it follows from the number of steps.
    threads: number of CPU threads; None where it is fixed.
    """

    progress: float | None = None
    threads: int | None = None


class StepRecord:
    """Decisions for the steps of a run, appended to a file of JSON lines when they change.

    The steps up to the last row are decided: a resumed run, which makes some of them again, follows the record.
    Nothing is written where nothing depends on the clock.
    """

    def __init__(self, path: Path) -> None:
        """Read what an earlier process recorded.

        Raises:
            UserError: if the file cannot be read, or is not what training writes.
        """
        self._log = MetricsLog(path, durable=False)
        rows = read_metrics(path)
        self._steps: list[int] = []
        self._decided: list[Decided] = []
        for number, row in enumerate(rows, start=1):
            self._append(path, number, row.get("step"), row.get("progress"), row.get("threads"))
        self._torn = path.exists()

    def _append(self, path: Path, number: int, step: object, progress: object, threads: object) -> None:
        """Add a row that was read, if it is one that `write` makes."""
        good = (
            type(step) is int
            and step >= (self._steps[-1] if self._steps else 0)
            and (progress is None or (isinstance(progress, int | float) and 0 <= progress <= 1))
            and (threads is None or (type(threads) is int and 1 <= threads <= 1024))
        )
        if not good:
            raise UserError(f"{path}, line {number}, is not what training writes. Restore it, or train anew")
        self._steps.append(int(str(step)))
        self._decided.append(
            Decided(None if progress is None else float(str(progress)), None if threads is None else int(str(threads)))
        )

    def at(self, step: int) -> Decided | None:
        """Return what was decided for a step; None if nothing was yet."""
        if not self._steps or step > self._steps[-1]:
            return None
        after = bisect_right(self._steps, step)
        return self._decided[after - 1] if after else None

    def write(self, step: int, decided: Decided) -> None:
        """Append what is decided from `step` on; nothing for a decision that does not depend on the clock.

        Raises:
            UserError: if it cannot be written.
        """
        if decided == Decided() or self.at(step) is not None:
            return
        if self._torn:  # A killed process may have left half a row.
            self._log.truncate_after(self._steps[-1] if self._steps else -1)
            self._torn = False
        self._log.write({"step": step, "progress": decided.progress, "threads": decided.threads})
        self._steps.append(step)
        self._decided.append(decided)

    def forget_after(self, step: int) -> None:
        """Drop the decisions after a step: they were made for another budget."""
        kept = bisect_right(self._steps, step)
        if kept < len(self._steps):
            self._log.truncate_after(step)
        del self._steps[kept:], self._decided[kept:]
