"""The most memory that a piece of work holds at a time."""

from collections.abc import Callable
from pathlib import Path

import torch

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory(work: Callable[[], object], device: torch.device) -> float | None:
    """MiB that the work held at most, above what was held before.

    On a GPU torch's own count. On a CPU the process's resident memory, as Linux keeps account of it, so that the work
    is best done in a process that has done little before; None where that is not known.
    """
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    try:
        _FORGET.write_text("5")  # The highest mark falls to what is resident now.
        before = _resident("VmRSS")
        work()
        return max(0, _resident("VmHWM") - before) / 2**10
    except OSError:
        return None


def _resident(name: str) -> int:
    """A line of the process's status, in KiB."""
    return next(int(line.split()[1]) for line in _STATUS.read_text().splitlines() if line.startswith(name))
