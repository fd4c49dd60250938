"""Benchmark of what more processes and machines would give: measured costs, and predictions from them."""

import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing

from glimpse.benchmarks.bench_settings import Setting
from glimpse.benchmarks.ram_update import Update, experiment_of, synthetic
from glimpse.benchmarks.scaling_model import Cluster, UpdateCosts, line_through, simulate_runs
from glimpse.benchmarks.stopwatch import Stopwatch

_BATCHES = (256, 1024)
_SIZES = (4_000, 4_000_000)
"""Bytes that two ranks sum, to tell the cost of a message from that of a byte."""
_RANKS = (1, 2, 4, 8, 16, 64)
_HOUR = 3600.0
_FLEET = Cluster(nodes=100, between_failures=100 * _HOUR, restart=60, save_every=60)
_RUNS, _RUN_SECONDS = 1000, 1800.0


def bench_scaling(watch: Stopwatch) -> None:
    """Measure an update's costs, and predict updates of N ranks, and 1,000 runs on 100 nodes."""
    costs, size = _measured(watch)
    for batch in (1024, 16_384):
        alone = costs.update(batch, 1, size)
        for ranks in _RANKS:
            seconds, setting = costs.update(batch, ranks, size), f"batch {batch}, {ranks} rank{'s' * (ranks > 1)}"
            watch.add("scaling, predicted update", setting, 1000 * seconds, "ms")
            watch.add("scaling, predicted speed-up", setting, alone / seconds, "times as fast")
    for hours in (math.inf, 100, 10, 1):
        cluster = Cluster(_FLEET.nodes, hours * _HOUR, _FLEET.restart, _FLEET.save_every)
        outcome = simulate_runs(cluster, _RUNS, _RUN_SECONDS)
        failures = "no node fails" if hours == math.inf else f"a node fails every {hours} h"
        setting = f"{_RUNS} runs of {_RUN_SECONDS / 60:.0f} min on {cluster.nodes} nodes, {failures}"
        watch.add("scaling, simulated runs", setting, outcome.seconds / _HOUR, "h")
        watch.add("scaling, training lost with nodes", setting, 100 * outcome.lost, "%")


def _measured(watch: Stopwatch) -> tuple[UpdateCosts, int]:
    """Measure the costs of RAM's update, and the bytes of its gradient."""
    seconds = {}
    for batch in _BATCHES:
        seconds[batch] = watch.apart(_update_seconds, batch)
        watch.add("scaling, measured update", f"batch {batch}, 1 thread, float32", 1000 * seconds[batch], "ms")
    fixed, per_example = line_through(*((float(batch), seconds[batch]) for batch in _BATCHES))
    sums = exchange_seconds(20 if watch.quick else 200)
    for size, took in zip(_SIZES, sums, strict=True):
        watch.add("scaling, measured sum of two ranks", f"{size / 1e6:g} MB over gloo", 1000 * took, "ms")
    # Two ranks send two messages of half the bytes each.
    at_zero, per_byte = line_through(*((float(size), took) for size, took in zip(_SIZES, sums, strict=True)))
    return UpdateCosts(fixed, per_example, at_zero / 2, per_byte), _gradient_bytes(watch)


def _update_of(watch: Stopwatch, batch: int) -> Update:
    return Update(experiment_of(Setting(batch, 1, "float32")), 1, watch.device, synthetic(28, watch.size(8_000)))


def _update_seconds(watch: Stopwatch, batch: int) -> float:
    """Return the seconds of an update."""
    return batch / watch.rate(_update_of(watch, batch))


def _gradient_bytes(watch: Stopwatch) -> int:
    agent = _update_of(watch, 8).learner.agent
    return sum(weight.numel() * weight.element_size() for weight in agent.parameters())


def exchange_seconds(repetitions: int) -> list[float]:
    """Return the seconds in which two processes of this machine sum each of the sizes over gloo, the median."""
    with tempfile.TemporaryDirectory() as folder:
        start: Any = vars(multiprocessing)["spawn"]  # It has no types.
        start(_exchange, (folder, repetitions), nprocs=2)
        return [float(line) for line in Path(folder, "seconds").read_text().split()]


def _exchange(rank: int, folder: str, repetitions: int) -> None:
    """Sum with the other process; rank 0 writes how long it took."""
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    medians = []
    for size in _SIZES:
        values, took = torch.zeros(size // 4), []
        for _ in range(repetitions):
            distributed.barrier()
            begun = time.perf_counter()
            distributed.all_reduce(values)
            took.append(time.perf_counter() - begun)
        medians.append(sorted(took)[len(took) // 2])
    if rank == 0:
        Path(folder, "seconds").write_text(" ".join(map(str, medians)))
    distributed.destroy_process_group()
