"""Memory that is free, so that data which do not fit are refused before the system ends the process."""

from pathlib import Path

from glimpse.envs.errors import DataError

_CGROUP = Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """Return the bytes of memory that this process can still use; None where the system does not tell.

    The system's free memory and the limit of the process's container both count.
    """
    limits = [limit for limit in (_available(), _left_in_container()) if limit is not None]
    return min(limits) if limits else None


def refuse_if_too_large(needed: float, what: str, remedy: str) -> None:
    """Refuse data that do not fit into the memory that is free.

    Args:
        needed: Bytes that are needed.
        what: Names the data, as the subject of "need".
        remedy: What the user can do.

    Raises:
        DataError: They do not fit.
    """
    free = free_memory()
    if free is not None and needed > 0.9 * free:
        raise DataError(f"{what} need {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free. {remedy}")


def _available() -> int | None:
    """Return what Linux counts as available."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _left_in_container() -> int | None:
    """Return what is left of the limit of this process's control group."""
    try:
        limit = int((_CGROUP / "memory.max").read_text())  # "max" where there is none.
        return max(0, limit - int((_CGROUP / "memory.current").read_text()))
    except (OSError, ValueError):
        return None
