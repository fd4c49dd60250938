"""Measurements for `glimpse bench`: rates, speed of matrix products, and shares of a training step's time."""

import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import date
from functools import cache
from multiprocessing import get_context
from typing import Any, TypeVar, TypeVarTuple

import torch
from torch import nn

from glimpse.agents.recurrent_core import RecurrentCore
from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.benchmarks.conditions import ConditionsMeter
from glimpse.envs.images.classification import Classification
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.runs.commit import code_commit
from glimpse.runs.results import Row, describe_device
from glimpse.training.episode_learner import EpisodeLearner

COMMAND = "glimpse bench"
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class Stopwatch:
    """Measures on one device and collects result rows; if `quick`, with one short repetition of each measurement."""

    def __init__(self, device: torch.device, quick: bool) -> None:
        """Start without rows."""
        self.device, self.quick = device, quick
        self.repetitions, self.seconds = (1, 0.05) if quick else (8, 0.5)
        self.rows: list[Row] = []
        self.meter = ConditionsMeter(device)

    def size(self, images: int) -> int:
        """Return how many images to measure on: few in a quick run."""
        return min(images, 100) if self.quick else images

    def rate(self, work: Callable[[], int], repetitions: int | None = None) -> float:
        """Return units per second, the best of several repetitions.

        The best is taken since other processes can only slow a repetition down, as Python's timeit argues.

        Args:
            work: the function to measure; returns the number of units that it processed.
            repetitions: at most this many, in place of the usual number.
        """
        work()  # The first call allocates and compiles.
        return max(self._once(work) for _ in range(min(repetitions or self.repetitions, self.repetitions)))

    def rates(self, *works: Callable[[], int]) -> list[float]:
        """Return units per second of several functions, measured in turn; of each the best, as `rate` has it."""
        for work in works:
            work()
        rounds = [[self._once(work) for work in works] for _ in range(self.repetitions)]
        return [max(each) for each in zip(*rounds, strict=True)]

    def _once(self, work: Callable[[], int]) -> float:
        """Return units per second of one repetition."""
        started = self.now()
        done = work()
        while time.perf_counter() - started < self.seconds:
            done += work()
        return done / (self.now() - started)

    def now(self) -> float:
        """Return the time in seconds, after the device has finished its queue."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def apart(self, measure: Callable[["Stopwatch", *Arguments], Result], *arguments: *Arguments) -> Result:
        """Return `measure(stopwatch, *arguments)`, called in a process of its own.

        So memory left behind by one setting does not affect the next. A quick run stays in this process.
        """
        if self.quick:
            return measure(self, *arguments)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(measure, Stopwatch(self.device, self.quick), *arguments).result()

    @cache  # noqa: B019  (a stopwatch lives as long as the bench)
    def gemm(self, precision: str, threads: int) -> float:
        """Measure FLOP/s of a large matrix product."""
        torch.set_num_threads(threads)
        side = 256 if self.quick else 1024 if self.device.type == "cpu" else 8192
        a = torch.randn(side, side, device=self.device, dtype=getattr(torch, precision))
        value = self.rate(lambda: a.matmul(a).shape[0] * 2 * side * side)
        self.add(
            "matrix product",
            f"{side} x {side}, {threads} thread{'s' * (threads > 1)}, {precision}",
            value / 1e9,
            "GFLOP/s",
        )
        return value

    def add(self, name: str, setting: str, value: float, unit: str) -> None:
        """Add a result row with the conditions since the row before, and print it."""
        conditions = self.meter.since_last()
        device = describe_device(self.device)
        row = {"name": name, "setting": setting, "value": float(f"{value:.4g}"), "unit": unit, "device": device}
        made = {"date": date.today().isoformat(), "commit": code_commit(), "command": COMMAND}
        self.rows.append({**row, **asdict(conditions), **made})
        print(result_line(name, setting, f"{value:,.4g}", unit), flush=True)


def result_line(name: str, setting: str, value: str, unit: str) -> str:
    """Return a result as a line of a table; where that is wider than the terminal, as a few lines."""
    line, width = f"{name:34s} {setting:48s} {value:>12s} {unit}", TableConsole().width
    if len(line) <= width:
        return line
    measured = textwrap.fill(
        f"{name}, {setting}", width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return f"{measured}\n  {value} {unit}"


def training_flops(agent: RecurrentAttention) -> int:
    """Return the floating-point operations of matrix products in the training step of one image, acting included.

    A product of (1, in) by (in, out) has 2 in out operations, as have the gradient of its weight, and the gradient of
    its input where an earlier layer is trained. There is one forward pass: training reuses the activations of acting.
    """
    steps, glimpse, locator = agent.steps, agent.glimpse_network, agent.locator
    thrice = [(steps, glimpse.both), (steps, agent.core), (1, agent.classifier)]
    twice = [(steps, glimpse.what), (steps, glimpse.where), (steps, agent.baseline)]
    products = 3 * sum(times * _weights(module) for times, module in thrice)
    products += 2 * sum(times * _weights(module) for times, module in twice)
    # The locator passes no gradient to the core unless `into_core`; the last location is not trained.
    first = getattr(locator, "hidden", None) or getattr(locator, "mean", None)
    if first is not None:
        products += (steps - 1) * (3 * _weights(locator) - (0 if agent.into_core else _weights(first)))
    # The initial memory is zero, so its product is skipped.
    return 2 * (products - 3 * _recurrent_weights(agent.core))


def _weights(module: nn.Module) -> int:
    """Return the number of entries of a module's weight matrices."""
    return sum(parameter.numel() for name, parameter in module.named_parameters() if "weight" in name)


def _recurrent_weights(core: RecurrentCore) -> int:
    """Return the number of entries of the matrix that multiplies the recurrent core's memory."""
    named = ((name, parameter.numel()) for name, parameter in core.named_parameters())
    return sum(count for name, count in named if name.endswith(("linears.1.weight", "weight_hh_l0")))


def phase_shares(
    watch: Stopwatch, learner: EpisodeLearner, env: Classification, update: Callable[[], int]
) -> dict[str, float]:
    """Return the percentage of an update's time by phase, measured by wrapping methods of learner and environment."""
    spent: dict[str, float] = {}
    inner = {"canvas": (env, "_draw_pictures"), "retina": (env, "_look"), "forward": (learner.agent, "loss")}
    inner |= {"optimiser": (learner, "_update"), "reset": (env, "reset"), "step": (env, "step")}
    inner |= {"collect": (learner, "collect"), "learn": (learner, "learn")}
    for phase, (owner, name) in inner.items():
        setattr(owner, name, _clocked(watch, getattr(owner, name), phase, spent))
    update()
    spent.clear()
    started = watch.now()
    for _ in range(3 if watch.quick else 30):
        update()
    whole = watch.now() - started
    env_time = spent["reset"] + spent["step"]
    spent.setdefault("canvas", 0.0)
    parts = {
        "canvas": spent["canvas"],
        "retina": spent["retina"],
        "rest of the environment": env_time - spent["canvas"] - spent["retina"],
        "network, acting": spent["collect"] - env_time,
        "network, loss": spent["forward"],
        "backward": spent["learn"] - spent["forward"] - spent["optimiser"],
        "optimiser": spent["optimiser"],
    }
    return {name: 100 * seconds / whole for name, seconds in parts.items()}


def _clocked(watch: Stopwatch, work: Callable[..., Any], phase: str, spent: dict[str, float]) -> Callable[..., Any]:
    """Wrap a function so that its time is added to `spent[phase]`."""

    def clocked(*args: Any, **options: Any) -> Any:
        started = watch.now()
        result = work(*args, **options)
        spent[phase] = spent.get(phase, 0.0) + watch.now() - started
        return result

    return clocked
