"""Peak memory of a function."""

from collections.abc import Callable
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory(work: Callable[[], object], device: torch.device) -> float | None:
    """Return the peak memory of a function in MiB, above what was held before.

    On a GPU this is torch's count of allocated memory. On a CPU it is the process's resident memory as Linux reports
    it, so the function is best called in a fresh process.

    Returns:
        The peak, or None where the system does not report it.
    """
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    try:
        _CLEAR.write_text("5")  # Resets the peak, VmHWM, to what is resident now.
        before = _resident("VmRSS")
        work()
        return max(0, _resident("VmHWM") - before) / 2**10
    except OSError:
        return None


def _resident(name: str) -> int:
    """Read a line of the process's status, in KiB."""
    return next(int(line.split()[1]) for line in _STATUS.read_text().splitlines() if line.startswith(name))
