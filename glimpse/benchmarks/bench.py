"""`glimpse bench`: how fast the ordinary paths run on this machine, beside what its matrix products allow."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from glimpse.agents.agent import LearningAgent
from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.benchmarks.bench_selection import SELECTION_BENCHES
from glimpse.benchmarks.bench_settings import (
    IMAGE_SIDES,
    Setting,
    compared_settings,
    evaluation_settings,
    fastest,
    training_settings,
)
from glimpse.benchmarks.bench_text import TEXT_BENCHES
from glimpse.benchmarks.bench_translation import bench_translation
from glimpse.benchmarks.stopwatch import COMMAND, Stopwatch, shares, training_flops
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.config.files import load_experiment
from glimpse.envs import WORLDS
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.make_batched import make_core
from glimpse.envs.options import ClassificationOptions
from glimpse.errors import UserError
from glimpse.evaluation.scores import measure_averaged
from glimpse.runs.build import choose_device, make_agent, set_threads
from glimpse.runs.results import Row, markdown_table, read_rows, write_rows, write_text
from glimpse.runs.run_folder import RunFolder
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.example_order import TrainingOrder
from glimpse.training.progress import Progress
from glimpse.training.train import Training

FACE_OPTIONS: dict[str, dict[str, Any]] = {"digits": {"retina": {"patch": 8}, "glimpses": 6}, "catch": {}}


def synthetic(side: int, examples: int) -> ImageData:
    """Random images (N, 1, side, side) of ten classes: speed does not depend on what they show."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (examples, 1, side, side), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (examples,), generator=generator)
    return ImageData(images, labels, tuple(str(number) for number in range(10)))


def experiment_of(setting: Setting, task: dict[str, object] | None = None) -> Experiment:
    """RAM with 6 glimpses of 8 x 8 and a core of 256, the sizes of configs/images/mnist-ram.yaml, at a setting."""
    train = {"steps": 10**9, "batch": setting.batch, "precision": setting.precision, "compile": setting.compile}
    return Experiment.model_validate({"task": task or {"name": "mnist"}, "agent": {"name": "ram"}, "train": train})


class Update:
    """One update of `glimpse train`'s own path, on images made here."""

    def __init__(self, experiment: Experiment, threads: int, device: torch.device, data: ImageData) -> None:
        """Make world and learner, and use this many threads from here on."""
        set_threads(threads)
        self.world = Classification(cast(ClassificationOptions, experiment.task), data, device=device)
        agent = cast(LearningAgent, make_agent(experiment, self.world))
        self.learner = EpisodeLearner(agent, experiment.train, device)
        self.order = TrainingOrder(self.world.examples, experiment.train.batch, 0, device)

    def __call__(self) -> int:
        """Collect and learn; the number of images seen."""
        self.learner.advance(self.world, self.order)
        return self.order.batch


def bench_training(watch: Stopwatch) -> None:
    """Images a second in training, by batch, threads, precision and compile; and the share of the GEMM floor."""
    for setting in training_settings(watch.device, watch.quick):
        value, flops = watch.apart(_training_rate, setting)
        watch.add("training", str(setting), value, "images/s")
        if not setting.compile:
            floor = watch.gemm(setting.precision, setting.threads) / flops
            watch.add("training, share of the GEMM floor", str(setting), 100 * value / floor, "%")


def _training_rate(watch: Stopwatch, setting: Setting) -> tuple[float, int]:
    """Images a second, and floating-point operations an image."""
    update = Update(experiment_of(setting), setting.threads, watch.device, synthetic(28, watch.size(54_000)))
    return watch.rate(update), training_flops(cast(RecurrentAttention, update.learner.agent))


def bench_evaluation(watch: Stopwatch) -> None:
    """Images a second in evaluation, M = 1 and M = 10."""
    for setting, copies in evaluation_settings(watch.device, watch.quick):
        value = watch.apart(_evaluation_rate, setting, copies)
        watch.add("evaluation", f"M = {copies}, {setting}", value, "images/s")


def _evaluation_rate(watch: Stopwatch, setting: Setting, copies: int) -> float:
    set_threads(setting.threads)
    experiment = experiment_of(setting)
    task = cast(ClassificationOptions, experiment.task)
    world = Classification(task, synthetic(28, watch.size(2_000)), device=watch.device)
    agent = make_agent(experiment, world).requires_grad_(False)
    options = EvaluateOptions(batch=setting.batch, copies=copies, precision=setting.precision)

    def evaluate() -> int:
        measure_averaged(agent, world, options)
        return world.examples

    return watch.rate(evaluate)


def bench_world(watch: Stopwatch) -> None:
    """World steps a second: the batched core, the native vector face, single envs side by side, the SB3 adapter."""
    set_threads(fastest(watch.device, watch.quick).threads)
    for lanes in (64, 1024):
        watch.add("world", f"batched core, {lanes} lanes", watch.rate(_core_steps(watch, "digits", lanes)), "steps/s")
        watch.add("world", f"vector face, {lanes} lanes", watch.rate(_vector_steps("digits", lanes)), "steps/s")
        watch.add("world", f"SB3 adapter, {lanes} lanes", watch.rate(_adapter_steps(lanes)), "steps/s")
    watch.add("world", "SyncVectorEnv, 64 lanes", watch.rate(_vector_steps("digits", 64, "sync")), "steps/s")
    for lanes in (64, 1024):
        rate = watch.rate(_core_steps(watch, "catch", lanes))
        watch.add("world", f"Catch, batched core, {lanes} lanes", rate, "steps/s")
    watch.add("world", "Catch, vector face, 64 lanes", watch.rate(_vector_steps("catch", 64)), "steps/s")
    watch.add("world", "Catch, SyncVectorEnv, 64 lanes", watch.rate(_vector_steps("catch", 64, "sync")), "steps/s")


def _core_steps(watch: Stopwatch, name: str, lanes: int) -> Callable[[], int]:
    """Episodes of a world's core with random actions drawn beforehand."""
    world = make_core(name, device=str(watch.device), **FACE_OPTIONS[name])
    lane = torch.arange(lanes, device=watch.device)
    sample = batch_space(world.action_space, lanes).sample()
    action = {part: torch.as_tensor(chosen, device=watch.device) for part, chosen in sample.items()}
    steps = int(cast(spaces.Discrete, world.observation_space["time"]).n) - 1

    def episode() -> int:
        world.begin(world.draw_example(lane), lane)
        for _ in range(steps):
            world.step(action)
        return lanes * steps

    return episode


def _vector_steps(name: str, lanes: int, mode: Literal["sync"] | None = None) -> Callable[[], int]:
    """Steps of a Gymnasium vector env: our own, or single envs side by side."""
    envs = gym.make_vec(WORLDS[name].id, num_envs=lanes, vectorization_mode=mode, **FACE_OPTIONS[name])
    envs.reset(seed=0)
    action = envs.action_space.sample()

    def step() -> int:
        envs.step(action)
        return lanes

    return step


def _adapter_steps(lanes: int) -> Callable[[], int]:
    """Steps of the Stable-Baselines3 adapter."""
    from glimpse.envs.faces.stable_baselines3_face import make_sb3_env

    envs = make_sb3_env("digits", lanes, **FACE_OPTIONS["digits"])
    envs.reset()
    actions = np.stack([envs.action_space.sample() for _ in range(lanes)])

    def step() -> int:
        envs.step(actions)
        return lanes

    return step


def bench_shares(watch: Stopwatch) -> None:
    """Where the time of a training step goes: on plain and on cluttered images, and as a shipped config has it."""
    settings = compared_settings(watch.device, watch.quick)
    known = [
        (f"share of a step, {task}", setting, experiment_of(setting, {"name": task}))
        for task in ("mnist", "cluttered-mnist")
        for setting in settings
    ]
    shipped = load_experiment("cluttered-ram")
    setting = Setting(shipped.train.batch, settings[0].threads, "bfloat16")
    known.append(
        (f"share of a step, configs/images/cluttered-ram.yaml, {shipped.train.copies} copies", setting, shipped)
    )
    for title, setting, experiment in known:
        for phase, percent in watch.apart(_shares, experiment, setting.threads).items():
            watch.add(title, f"{phase}, {setting}", percent, "%")


def _shares(watch: Stopwatch, experiment: Experiment, threads: int) -> dict[str, float]:
    update = Update(experiment, threads, watch.device, synthetic(28, watch.size(54_000)))
    return shares(watch, update.learner, update.world, update)


def bench_pixels(watch: Stopwatch) -> None:
    """A training step's time with the same retina on images of growing size."""
    setting = replace(fastest(watch.device, watch.quick), batch=128 if watch.quick else 512)
    for side in IMAGE_SIDES[:2] if watch.quick else IMAGE_SIDES:
        rate = watch.apart(_rate_at_size, setting, side)
        watch.add("step", f"{side} x {side} pixels, {setting}", 1000 * setting.batch / rate, "ms")


def _rate_at_size(watch: Stopwatch, setting: Setting, side: int) -> float:
    return watch.rate(Update(experiment_of(setting), setting.threads, watch.device, synthetic(side, watch.size(256))))


def bench_time_to_error(watch: Stopwatch) -> None:
    """Seconds of training until the validation error of configs/images/mnist-ram.yaml is 1.0 % (M = 10)."""
    experiment = load_experiment("mnist-ram", ["train.evaluate_every=100", f"device={watch.device}"])
    with TemporaryDirectory() as folder:
        training = Training(experiment, RunFolder(Path(folder)), Progress())
        training.start_clock()
        while training.best_error > 1.0 and not training.learner.done:
            training.learner.advance(training.world, training.order)
            if training.learner.step % experiment.train.evaluate_every == 0:
                training.evaluate()
            training.tell_time()
        reached = training.best_error <= 1.0
        watch.add("time to 1.0 % error", "mnist-ram" if reached else "not reached", training.seconds, "s")


BENCHES: dict[str, Callable[[Stopwatch], None]] = {
    "training": bench_training,
    "evaluation": bench_evaluation,
    "world": bench_world,
    "shares": bench_shares,
    "pixels": bench_pixels,
    **TEXT_BENCHES,
    **SELECTION_BENCHES,
    "translation": bench_translation,
    "time-to-error": bench_time_to_error,
}


def bench_command(quick: bool, output: Path, only: list[str], device: str) -> None:
    """Measure, print, and write bench.json and bench.md into `output`.

    Without `only`, time-to-error is measured on a GPU alone: on a CPU it takes minutes. With it, what the files say of
    anything else stays.

    Raises:
        UserError: for an unknown name, a missing device, a file that is not of this command, or one that cannot be
            written.
    """
    unknown = sorted(set(only) - set(BENCHES))
    if unknown:
        raise UserError(f"unknown bench {', '.join(unknown)}; choose from {', '.join(BENCHES)}")
    watch = Stopwatch(choose_device(device), quick)
    default = [name for name in BENCHES if name != "time-to-error" or watch.device.type == "cuda"]
    known = read_rows(output / "bench.json", COMMAND, "name") if only else []
    for name in only or default:
        BENCHES[name](watch)
    rows = _renewed(known, watch.rows)
    write_rows(output / "bench.json", rows)
    write_text(output / "bench.md", _markdown(rows))
    print(f"written to {output / 'bench.json'} and {output / 'bench.md'}")


def _renewed(known: list[Row], measured: list[Row]) -> list[Row]:
    """The rows of what was not measured now as they were; what was takes the old one's place, or the end."""
    names = list(dict.fromkeys(row["name"] for row in (*known, *measured)))
    now = {row["name"] for row in measured}
    return [row for name in names for row in (measured if name in now else known) if row["name"] == name]


def _markdown(rows: list[Row]) -> str:
    """The rows as one table for each name."""
    lines = [[row["setting"], f"{row['value']:,}", row["unit"]] for row in rows]
    names = [row["name"] for row in rows]
    parts = [f"`glimpse bench` on {rows[0]['device']}\n"]
    for name in dict.fromkeys(names):
        chosen = [line for line, of in zip(lines, names, strict=True) if of == name]
        parts.append(f"## {name}\n\n" + markdown_table(["setting", "value", "unit"], chosen))
    return "\n".join(parts)
