"""CPU threads: how many cores a process may use, how many of them are free, and how many threads torch gets."""

import ctypes
import os
import time
from pathlib import Path

import torch

MOST_THREADS = 8
"""Largest number of threads chosen by default: more do not speed up small products."""


def usable_cores() -> int:
    """Return the number of cores that this process may use: those of its affinity, within its container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, round(float(quota) / float(period)))
    except (OSError, ValueError):  # No such file, or no limit ("max").
        pass
    return max(1, cores)


def free_cores(seconds: float = 0.1) -> float:
    """Measure how many of the usable cores no process used during some seconds, in which this thread sleeps.

    Where the system does not tell (other than Linux), all are taken to be free.
    """
    before = _idle_ticks()
    time.sleep(seconds if before else 0.0)
    after = _idle_ticks()
    cores = usable_cores()
    if not before or before.keys() != after.keys():
        return float(cores)
    shares = (_share(before[core], after[core]) for core in before)
    return min(float(cores), sum(shares))


def most_threads() -> int:
    """Return the largest number of threads that is chosen by default on this machine."""
    return min(MOST_THREADS, usable_cores())


def fixed_threads(threads: int | None) -> int | None:
    """Return the number of threads that the user asked for: a config's, else OMP_NUM_THREADS; None without either."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return threads or (int(asked) if asked.isdecimal() and 0 < int(asked) <= 1024 else None)


def set_threads(threads: int | None) -> int:
    """Set torch's number of CPU threads and return it.

    Without a number (see `fixed_threads`) it is that of the cores that are free now, at least 1 and at most
    `MOST_THREADS`: threads that wait for a core which another process uses are slower than fewer threads.
    """
    number = fixed_threads(threads)
    if number is None:
        most = most_threads()
        number = most if most == 1 else max(1, min(most, round(free_cores())))
    torch.set_num_threads(number)
    keep_freed_memory()
    return number


def seconds_waited() -> float | None:
    """Return how long this thread has waited for a core in all; None where the system does not tell."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return None


def keep_freed_memory() -> None:
    """Ask the C library to keep freed memory for the next step instead of giving it back to the system.

    Each update allocates the same few megabytes again; fetching them anew, page by page, takes time.
    Only glibc is asked; elsewhere nothing happens.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # from malloc.h
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 2**28)
    mallopt(mmap_threshold, 2**25)  # the largest that glibc takes


def _idle_ticks() -> dict[int, tuple[int, int]]:
    """Return the idle and the total clock ticks of each core that this process may use; empty where unknown."""
    if not hasattr(os, "sched_getaffinity"):
        return {}
    try:
        lines = Path("/proc/stat").read_text().splitlines()
        rows = {int(name[3:]): list(map(int, ticks)) for name, *ticks in map(str.split, lines) if name[3:].isdecimal()}
    except (OSError, ValueError):
        return {}
    # user, nice, system, idle, iowait, irq, softirq, steal; the guests' ticks after them are counted in user.
    usable = os.sched_getaffinity(0)
    return {core: (sum(ticks[3:5]), sum(ticks[:8])) for core, ticks in rows.items() if core in usable}


def _share(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Return the share of idle ticks between two readings of a core; 1 where no tick has passed."""
    passed = after[1] - before[1]
    return (after[0] - before[0]) / passed if passed > 0 else 1.0
