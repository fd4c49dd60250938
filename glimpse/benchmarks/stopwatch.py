"""Measuring for `glimpse bench`: rates, what matrix products allow, and where a training step's time goes."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import Any, TypeVar, TypeVarTuple

import torch
from torch import nn

from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.envs.images.classification import Classification
from glimpse.runs.results import Row, describe_device
from glimpse.training.episode_learner import EpisodeLearner

COMMAND = "glimpse bench"
Given = TypeVarTuple("Given")
Result = TypeVar("Result")


class Stopwatch:
    """Measures on one device and keeps the rows; `quick` takes one short repetition of each."""

    def __init__(self, device: torch.device, quick: bool) -> None:
        """Begin without rows."""
        self.device, self.quick = device, quick
        self.repetitions, self.seconds = (1, 0.05) if quick else (8, 0.5)
        self.rows: list[Row] = []

    def size(self, images: int) -> int:
        """How many images to measure on: a smoke run needs no more than a few."""
        return min(images, 500) if self.quick else images

    def rate(self, work: Callable[[], int], repetitions: int | None = None) -> float:
        """Units a second, the best of the repetitions; `work` returns the units that a call did.

        What slows a repetition down is the rest of the machine (the reason that Python's timeit gives for its own).
        """
        work()  # The first call allocates and compiles.
        return max(self._once(work) for _ in range(min(repetitions or self.repetitions, self.repetitions)))

    def _once(self, work: Callable[[], int]) -> float:
        begun = self.now()
        done = work()
        while time.perf_counter() - begun < self.seconds:
            done += work()
        return done / (self.now() - begun)

    def now(self) -> float:
        """The time in seconds, once the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def apart(self, measure: Callable[["Stopwatch", *Given], Result], *given: *Given) -> Result:
        """The result of `measure(stopwatch, *given)` in a process of its own, as a training run is.

        So no setting is measured in the memory that another has left behind. A smoke run stays in this process.
        """
        if self.quick:
            return measure(self, *given)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(measure, Stopwatch(self.device, self.quick), *given).result()

    @cache  # noqa: B019  (a stopwatch lives as long as the bench)
    def gemm(self, precision: str, threads: int) -> float:
        """FLOP/s of a large matrix product."""
        torch.set_num_threads(threads)
        side = 1024 if self.device.type == "cpu" else 8192
        a = torch.randn(side, side, device=self.device, dtype=getattr(torch, precision))
        value = self.rate(lambda: a.matmul(a).shape[0] * 2 * side * side)
        self.add("matrix product", f"{side} x {side}, {threads} threads, {precision}", value / 1e9, "GFLOP/s")
        return value

    def add(self, name: str, setting: str, value: float, unit: str) -> None:
        """Keep a row, and print it."""
        device = describe_device(self.device)
        row = {"name": name, "setting": setting, "value": float(f"{value:.4g}"), "unit": unit, "device": device}
        self.rows.append({**row, "command": COMMAND})
        print(f"{name:34s} {setting:48s} {value:12,.4g} {unit}", flush=True)


def training_flops(agent: RecurrentAttention) -> int:
    """Floating-point operations of matrix products in one image's training step, acting included.

    A product of (1, in) by (in, out) is 2 in out operations; so is the gradient of its weight, and that of its input
    where something before it learns. Acting's forward pass is the learner's: activations are recalled.
    """
    steps, glimpse, locator = agent.steps, agent.glimpse_network, agent.locator
    thrice = [(steps, glimpse.both), (steps, agent.core), (1, agent.classifier)]
    twice = [(steps, glimpse.what), (steps, glimpse.where), (steps, agent.baseline)]
    products = 3 * sum(times * _weights(module) for times, module in thrice)
    products += 2 * sum(times * _weights(module) for times, module in twice)
    # The first layer of the locator gives no gradient to the core (unless asked to); its last place is not learned.
    first = getattr(locator, "hidden", None) or getattr(locator, "mean", None)
    if first is not None:
        products += (steps - 1) * (3 * _weights(locator) - (0 if agent.into_core else _weights(first)))
    # The first memory is empty: nothing is multiplied by it.
    return 2 * (products - 3 * _recurrent_weights(agent.core))


def _weights(module: nn.Module) -> int:
    """Numbers in the matrices of a module."""
    return sum(parameter.numel() for name, parameter in module.named_parameters() if "weight" in name)


def _recurrent_weights(core: Any) -> int:
    return _weights(core.layer.linears[1]) if hasattr(core, "layer") else core.lstm.weight_hh_l0.numel()


def shares(
    watch: Stopwatch, learner: EpisodeLearner, world: Classification, update: Callable[[], int]
) -> dict[str, float]:
    """Percent of an update's time by phase, from clocks put around the ordinary path's own methods."""
    spent: dict[str, float] = {}
    inner = {"canvas": (world, "_draw_pictures"), "retina": (world, "_look"), "forward": (learner.agent, "loss")}
    inner |= {"optimiser": (learner, "_update"), "begin": (world, "begin"), "step": (world, "step")}
    inner |= {"collect": (learner, "collect"), "learn": (learner, "learn")}
    for phase, (owner, name) in inner.items():
        setattr(owner, name, _clocked(watch, getattr(owner, name), phase, spent))
    update()
    spent.clear()
    begun = watch.now()
    for _ in range(3 if watch.quick else 30):
        update()
    whole = watch.now() - begun
    world_time = spent["begin"] + spent["step"]
    spent.setdefault("canvas", 0.0)
    parts = {
        "canvas": spent["canvas"],
        "retina": spent["retina"],
        "rest of the world": world_time - spent["canvas"] - spent["retina"],
        "network, acting": spent["collect"] - world_time,
        "network, loss": spent["forward"],
        "backward": spent["learn"] - spent["forward"] - spent["optimiser"],
        "optimiser": spent["optimiser"],
    }
    return {name: 100 * seconds / whole for name, seconds in parts.items()}


def _clocked(watch: Stopwatch, work: Callable[..., Any], phase: str, spent: dict[str, float]) -> Callable[..., Any]:
    """The same function, with its time added up."""

    def clocked(*args: Any, **options: Any) -> Any:
        begun = watch.now()
        result = work(*args, **options)
        spent[phase] = spent.get(phase, 0.0) + watch.now() - begun
        return result

    return clocked
