"""Memory: a limit that turns what does not fit into an error, and that error in words."""

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from glimpse.envs.data.free_memory import free_memory
from glimpse.errors import UserError

if sys.platform == "linux":
    import resource

_SHARE = 0.95
"""Share of the free memory that may be used."""
_UNITS = {"bytes": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40, "PiB": 2.0**50, "EiB": 2.0**60}
_ASKED = re.compile(r"(?:allocate|allocation of)\s+([\d.]+)\s*(bytes|[KMGTPE]iB)", re.IGNORECASE)


@contextmanager
def reporting_memory_errors(remedy: str) -> Iterator[None]:
    """Limit the memory of this process to what is free, and turn a lack of it into one UserError.

    Linux promises more memory than there is and ends the process when it is used; with the limit, the allocation
    itself fails. Elsewhere only the error is turned.

    Args:
        remedy: what the user can lower.

    Raises:
        UserError: if the memory of the CPU or of a GPU does not suffice.
    """
    with _LIMIT:
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise UserError(f"out of memory: {_describe(error)}. {remedy}") from None


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory does not suffice."""
    text = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError)
        and any(sign in text for sign in ("can't allocate memory", "out of memory", "not enough memory", "bad_alloc"))
    )


def _describe(error: BaseException) -> str:
    """Say how much was asked for, and how much is in use and free, as far as is known."""
    asked = _ASKED.search(str(error))
    wanted = f"{float(asked[1]) * _UNITS[asked[2].replace('Bytes', 'bytes')] / 1e9:,.1f} GB" if asked else "more"
    if isinstance(error, torch.OutOfMemoryError):
        return f"{wanted} of the GPU's memory were asked for at once"
    used, free = _used(), free_memory()
    if sys.platform == "linux" and used is not None:
        limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
        free = max(0, limit - used) if limit != resource.RLIM_INFINITY else free
    in_use = "" if used is None else f" beside {used / 1e9:,.1f} GB in use"
    left = "" if free is None else f", and {free / 1e9:,.1f} GB are free"
    return f"{wanted} of memory were asked for at once{in_use}{left}"


class _Limit:
    """Limit of the process's data to what it has and what is free, while anyone in any thread has asked for it."""

    def __init__(self) -> None:
        self._lock, self._holders, self._before = threading.Lock(), 0, (-1, -1)

    def __enter__(self) -> None:
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                self._before = _set_limit()

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0 and sys.platform == "linux":
                resource.setrlimit(resource.RLIMIT_DATA, self._before)


_LIMIT = _Limit()


def _set_limit() -> tuple[int, int]:
    """Limit the process's data, and return the limits before; nothing changes where the system does not tell enough."""
    if sys.platform != "linux":
        return -1, -1
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    free, used = free_memory(), _used()
    if free is not None and used is not None:
        limit = used + int(_SHARE * free)
        lowest = min(one for one in (limit, soft, hard) if one != resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_DATA, (lowest, hard))
    return soft, hard


def _used() -> int | None:
    """Return the bytes that count towards the limit; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmData:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None
