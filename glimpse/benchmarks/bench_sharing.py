"""Benchmark of training on a shared machine: rates by the number of threads, alone and beside a busy process."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from glimpse.benchmarks.bench_settings import Setting
from glimpse.benchmarks.ram_update import Update, experiment_of, synthetic
from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.runs.threads import free_cores, most_threads, set_threads
from glimpse.training.thread_choice import ThreadChoice

_BATCH, _SECONDS = 512, 12.0


@contextmanager
def busy_process() -> Iterator[None]:
    """Let another process keep one core busy while the context lasts."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as neighbour:
        try:
            yield
        finally:
            neighbour.kill()


def bench_sharing(watch: Stopwatch) -> None:
    """Measure images per second of RAM by threads, and the share of the best that the default reaches."""
    numbers = sorted({1, most_threads()})
    for title, beside in (("alone", False), ("beside a busy process", True)):
        rates: dict[int | None, float] = {}
        for threads in (*numbers, None):
            rates[threads] = _rate_in_company(watch, threads, beside)
            label = "default" if threads is None else f"{threads} thread{'s' * (threads > 1)}"
            watch.add(f"sharing, {title}", f"batch {_BATCH}, {label}", rates[threads], "images/s")
        best = max(rates[number] for number in numbers)
        watch.add(f"sharing, {title}", f"batch {_BATCH}, default, share of the best", 100 * rates[None] / best, "%")


def _rate_in_company(watch: Stopwatch, threads: int | None, beside: bool) -> float:
    """Return images per second, with or without a busy process beside."""
    if not beside:
        return watch.apart(_rate, threads)
    with busy_process():
        return watch.apart(_rate, threads)


def _rate(watch: Stopwatch, threads: int | None) -> float:
    """Return images per second over some seconds, the choice of threads included."""
    start = set_threads(threads)
    choice = ThreadChoice(start, most_threads() if threads is None else 1, free_cores)
    setting = Setting(_BATCH, start, "float32")
    update = Update(experiment_of(setting), start, watch.device, synthetic(28, watch.size(54_000)))
    update()
    begun, images = time.perf_counter(), 0
    while (now := time.perf_counter()) - begun < (0.05 if watch.quick else _SECONDS):
        images += update()
        choice.took(time.perf_counter() - now)
        if choice.threads != torch.get_num_threads() and choice.most > 1:
            torch.set_num_threads(choice.threads)
    return images / (time.perf_counter() - begun)
