"""Settings of `glimpse bench`: batch sizes, threads, precisions, compilation and image sizes."""

import os
from dataclasses import dataclass
from typing import Literal

import torch

Precision = Literal["float32", "bfloat16"]
IMAGE_SIDES = (28, 60, 100, 256, 1024)
_QUICK_BATCH = 32


@dataclass(frozen=True)
class Setting:
    """Batch size, number of threads, precision, and whether the agent is compiled."""

    batch: int
    threads: int
    precision: Precision
    compile: bool = False

    def __str__(self) -> str:
        """Return the setting in words, as in the results' `setting`."""
        threads = f"{self.threads} thread" + "s" * (self.threads > 1)
        return f"batch {self.batch}, {threads}, {self.precision}" + ", compile" * self.compile


def _threads(device: torch.device, quick: bool) -> tuple[int, ...]:
    """Return the numbers of threads: one, and all cores; a quick run has one, which other processes disturb least."""
    every = os.cpu_count() or 1
    if device.type == "cuda":
        return (every,)
    return (1,) if quick or every == 1 else (1, every)


def fastest(device: torch.device, quick: bool) -> Setting:
    """Return the setting that was fastest on the machines tried: a large batch, all cores, bfloat16."""
    if quick:
        return Setting(_QUICK_BATCH, 1, "bfloat16")
    return Setting(4096 if device.type == "cuda" else 1024, _threads(device, quick)[-1], "bfloat16")


def compared_settings(device: torch.device, quick: bool) -> list[Setting]:
    """Return the usual setting of public implementations, a small batch in float32, and the fastest setting."""
    batch = _QUICK_BATCH if quick else 128
    return [Setting(batch, _threads(device, quick)[-1], "float32"), fastest(device, quick)]


def training_settings(device: torch.device, quick: bool) -> list[Setting]:
    """Return all combinations of batch size, threads and precision, and one compiled setting."""
    if quick:
        return compared_settings(device, quick)
    batches = (128, 512, 1024, 4096) if device.type == "cuda" else (128, 512, 1024)
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    plain = [
        Setting(batch, threads, precision)
        for precision in precisions
        for threads in _threads(device, quick)
        for batch in batches
    ]
    return [*plain, Setting(batches[-1], _threads(device, quick)[-1], "float32", compile=True)]


def evaluation_settings(device: torch.device, quick: bool) -> list[tuple[Setting, int]]:
    """Return settings with M, the rollouts per example; the batch counts examples, not rollouts."""
    precisions: tuple[Precision, ...] = ("bfloat16",) if quick else ("float32", "bfloat16")
    return [
        (Setting(batch, threads, precision), copies)
        for copies in (1, 10)
        for precision in precisions
        for threads in _threads(device, quick)
        for batch in ((50,) if quick else (128, 500, 1000))
    ]
