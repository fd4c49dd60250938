"""What `glimpse bench` measures at: batch sizes, threads, precisions, compilation and image sizes."""

import os
from dataclasses import dataclass
from typing import Literal

import torch

Precision = Literal["float32", "bfloat16"]
IMAGE_SIDES = (28, 60, 100, 256, 1024)


@dataclass(frozen=True)
class Setting:
    """One way to run."""

    batch: int
    threads: int
    precision: Precision
    compile: bool = False

    def __str__(self) -> str:
        """As in the rows' `setting`."""
        threads = f"{self.threads} thread" + "s" * (self.threads > 1)
        return f"batch {self.batch}, {threads}, {self.precision}" + ", compile" * self.compile


def _threads(device: torch.device) -> tuple[int, ...]:
    """All cores, and one."""
    every = os.cpu_count() or 1
    return (every,) if device.type == "cuda" or every == 1 else (1, every)


def fastest(device: torch.device) -> Setting:
    """The setting that was fastest on the machines tried: large batch, all cores, bfloat16."""
    return Setting(4096 if device.type == "cuda" else 1024, _threads(device)[-1], "bfloat16")


def training_settings(device: torch.device, quick: bool) -> list[Setting]:
    """Batches by threads by precisions, and the fastest one compiled."""
    if quick:
        return [Setting(128, _threads(device)[-1], "float32"), fastest(device)]
    batches = (128, 512, 1024, 4096) if device.type == "cuda" else (128, 512, 1024)
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    plain = [
        Setting(batch, threads, precision)
        for precision in precisions
        for threads in _threads(device)
        for batch in batches
    ]
    return [*plain, Setting(fastest(device).batch, _threads(device)[-1], "float32", compile=True)]


def evaluation_settings(device: torch.device, quick: bool) -> list[tuple[Setting, int]]:
    """Settings and copies M; the batch counts examples, so M = 10 plays ten times as many episodes."""
    batches = (1000,) if quick else (128, 500, 1000)
    precisions: tuple[Precision, ...] = ("bfloat16",) if quick else ("float32", "bfloat16")
    threads = _threads(device)[-1:] if quick else _threads(device)
    return [
        (Setting(batch, number, precision), copies)
        for copies in (1, 10)
        for precision in precisions
        for number in threads
        for batch in batches
    ]
