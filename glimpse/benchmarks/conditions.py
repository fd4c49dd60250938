"""What else a result depends on: the load of other processes while it was measured, and the machine's speed then."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

_SHORTEST = 0.2
"""Seconds below which processor times, which are counted in hundredths of a second, say too little."""


@dataclass(frozen=True)
class Conditions:
    """How a result was measured.

    Attributes:
        load: cores that other processes used on average; None where the system does not tell (other than Linux).
        gflops: GFLOP/s of a float32 matrix product right after it: on one thread of the CPU, or on the GPU.
    """

    load: float | None
    gflops: float


class ConditionsMeter:
    """Tells the conditions since it was last asked."""

    def __init__(self, device: torch.device) -> None:
        """Begin now."""
        self.device = device
        self._seconds, self._busy = time.perf_counter(), _busy_seconds()
        self._known: Conditions | None = None

    def since_last(self) -> Conditions:
        """Return the conditions since the last call; what is asked in quick succession was measured together."""
        seconds, busy = time.perf_counter(), _busy_seconds()
        passed = seconds - self._seconds
        if self._known is not None and passed < _SHORTEST:
            return self._known
        load = None
        if busy is not None and self._busy is not None:
            load = round(max(0.0, (busy - self._busy) / max(passed, _SHORTEST)), 2)
        self._known = Conditions(load, float(f"{product_gflops(self.device):.4g}"))
        self._seconds, self._busy = time.perf_counter(), _busy_seconds()
        return self._known


def product_gflops(device: torch.device) -> float:
    """Return GFLOP/s of a float32 matrix product, the best of six: 512 x 512 on one thread; 4096 x 4096 on a GPU."""
    threads = torch.get_num_threads()
    side = 512 if device.type == "cpu" else 4096
    try:
        torch.set_num_threads(1)
        matrix = torch.ones(side, side, device=device)
        seconds = min(_product_seconds(matrix) for _ in range(6))
    finally:
        torch.set_num_threads(threads)
    return 2 * side**3 / seconds / 1e9


def _product_seconds(matrix: torch.Tensor) -> float:
    started = time.perf_counter()
    matrix @ matrix
    if matrix.is_cuda:
        torch.cuda.synchronize(matrix.device)
    return time.perf_counter() - started


def _busy_seconds() -> float | None:
    """Return the processor seconds that other processes have used since the machine started; None if unknown."""
    try:
        user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    except (OSError, ValueError):
        return None
    # A process that was waited for counts as this process's own.
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])
