"""`glimpse bench`: measure how fast training, evaluation and environments run on this machine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.benchmarks.bench_environments import bench_environment
from glimpse.benchmarks.bench_latency import bench_latency
from glimpse.benchmarks.bench_page import bench_page
from glimpse.benchmarks.bench_peers import bench_peers
from glimpse.benchmarks.bench_scaling import bench_scaling
from glimpse.benchmarks.bench_search import bench_search
from glimpse.benchmarks.bench_selection import SELECTION_BENCHES
from glimpse.benchmarks.bench_settings import (
    IMAGE_SIDES,
    Setting,
    compared_settings,
    evaluation_settings,
    fastest,
    training_settings,
)
from glimpse.benchmarks.bench_sharing import bench_sharing
from glimpse.benchmarks.bench_text import TEXT_BENCHES
from glimpse.benchmarks.bench_translation import bench_translation
from glimpse.benchmarks.product_floor import ProductFloor
from glimpse.benchmarks.ram_update import Update, experiment_of, synthetic
from glimpse.benchmarks.stopwatch import COMMAND, Stopwatch, phase_shares, training_flops
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.config.files import load_experiment
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.errors import UserError
from glimpse.evaluation.scores import measure_averaged
from glimpse.runs.build import choose_device, make_agent, make_split_env
from glimpse.runs.results import Row, read_rows, write_rows, write_text
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.threads import set_threads
from glimpse.training.progress import Progress
from glimpse.training.training import Training

SHORT = (
    "train.steps=1000",
    "train.schedule=one_cycle",
    "train.learning_rate=5e-3",
    *(f"train.augment.{kind}=0" for kind in ("rotation", "scale", "shear", "shift", "elastic")),
)
"""Overrides of configs/images/mnist-ram.yaml for the shortest training to 1.0 % error: few steps, without warps."""


def bench_training(watch: Stopwatch) -> None:
    """Measure images per second in training, by batch, threads, precision and compile, and their share of two floors.

    The GEMM floor is the step's operations at the speed of a large matrix product. The floor of its own products is the
    time of these products alone, at the step's own shapes, measured in turn with the step in the same process.
    """
    for setting in training_settings(watch.device, watch.quick):
        value, own, flops = watch.apart(_training_rate, setting)
        watch.add("training", str(setting), value, "images/s")
        if own is not None:
            floor = watch.gemm(setting.precision, setting.threads) / flops
            watch.add("training, share of the GEMM floor", str(setting), 100 * value / floor, "%")
            watch.add("training, share of the floor of its own products", str(setting), 100 * value / own, "%")


def _training_rate(watch: Stopwatch, setting: Setting) -> tuple[float, float | None, int]:
    """Return images per second of a step and of its products alone (None if compiled), and operations per image."""
    update = Update(experiment_of(setting), setting.threads, watch.device, synthetic(28, watch.size(54_000)))
    flops = training_flops(cast(RecurrentAttention, update.learner.agent))
    if setting.compile:
        return watch.rate(update), None, flops
    value, own = watch.rates(update, ProductFloor(update))
    return value, own, flops


def bench_evaluation(watch: Stopwatch) -> None:
    """Measure images per second in evaluation, with M = 1 and M = 10 rollouts per example."""
    for setting, copies in evaluation_settings(watch.device, watch.quick):
        value = watch.apart(_evaluation_rate, setting, copies)
        watch.add("evaluation", f"M = {copies}, {setting}", value, "images/s")


def _evaluation_rate(watch: Stopwatch, setting: Setting, copies: int) -> float:
    """Return images per second in evaluation."""
    set_threads(setting.threads)
    experiment = experiment_of(setting)
    task = cast(ClassificationOptions, experiment.task)
    env = Classification(task, synthetic(28, watch.size(2_000)), device=watch.device)
    agent = make_agent(experiment, env).requires_grad_(False)
    options = EvaluateOptions(batch=setting.batch, copies=copies, precision=setting.precision)

    def evaluate() -> int:
        measure_averaged(agent, env, options)
        return env.examples

    return watch.rate(evaluate)


def bench_shares(watch: Stopwatch) -> None:
    """Measure the share of each phase in a training step's time, on plain and cluttered images."""
    settings = compared_settings(watch.device, watch.quick)
    cases = [
        (f"share of a step, {task}", setting, experiment_of(setting, {"name": task}))
        for task in ("mnist", "cluttered-mnist")
        for setting in settings
    ]
    shipped = load_experiment("cluttered-ram")
    setting = Setting(shipped.train.batch, settings[0].threads, "bfloat16")
    cases.append(
        (f"share of a step, configs/images/cluttered-ram.yaml, {shipped.train.copies} copies", setting, shipped)
    )
    for title, setting, experiment in cases:
        for phase, percent in watch.apart(_phase_shares, experiment, setting.threads).items():
            watch.add(title, f"{phase}, {setting}", percent, "%")


def _phase_shares(watch: Stopwatch, experiment: Experiment, threads: int) -> dict[str, float]:
    """Return the percentage of an update's time by phase."""
    update = Update(experiment, threads, watch.device, synthetic(28, watch.size(54_000)))
    return phase_shares(watch, update.learner, update.env, update)


def bench_pixels(watch: Stopwatch) -> None:
    """Measure the time of a training step with the same retina on images of growing size."""
    setting = fastest(watch.device, watch.quick)
    setting = setting if watch.quick else replace(setting, batch=512)
    for side in IMAGE_SIDES[:2] if watch.quick else IMAGE_SIDES:
        rate = watch.apart(_rate_at_size, setting, side)
        watch.add("step", f"{side} x {side} pixels, {setting}", 1000 * setting.batch / rate, "ms")


def _rate_at_size(watch: Stopwatch, setting: Setting, side: int) -> float:
    """Return images per second in training on images of `side` x `side` pixels."""
    return watch.rate(Update(experiment_of(setting), setting.threads, watch.device, synthetic(side, watch.size(256))))


def bench_time_to_error(watch: Stopwatch) -> None:
    """Measure the seconds of training in which configs/images/mnist-ram.yaml, at `SHORT`, has 1.0 % test error.

    The error is that of ten rollouts (M = 10). Loading the data and the evaluation at the end are not counted.
    """
    experiment = load_experiment("mnist-ram", [*SHORT, f"device={watch.device}"])
    with TemporaryDirectory() as folder:
        training = Training(experiment, RunFolder(Path(folder)), Progress())
        training.start_clock()
        while not training.learner.done:
            training.advance()
        seconds = training.pace.clock.seconds
    test = make_split_env(experiment, "test", watch.device)
    error = measure_averaged(training.learner.averaged, test, experiment.evaluate).score.error
    setting = f"mnist-ram in {training.learner.step} steps, {error:.2f} % in the end"
    watch.add("time to 1.0 % test error", setting if error <= 1.0 else f"not reached: {setting}", seconds, "s")


BENCHES: dict[str, Callable[[Stopwatch], None]] = {
    "training": bench_training,
    "evaluation": bench_evaluation,
    "environment": bench_environment,
    "shares": bench_shares,
    "pixels": bench_pixels,
    **TEXT_BENCHES,
    **SELECTION_BENCHES,
    "translation": bench_translation,
    "sharing": bench_sharing,
    "scaling": bench_scaling,
    "latency": bench_latency,
    "search": bench_search,
    "peers": bench_peers,
    "time-to-error": bench_time_to_error,
}


def bench_command(quick: bool, output: Path, only: list[str], device: str) -> None:
    """Run benchmarks, print their results, and write bench.json and bench.md into `output`.

    Args:
        quick: whether to measure each setting once, in a fraction of the time.
        output: folder of the files.
        only: benchmarks to run; the files keep the rows of the others. By default all are run, time-to-error only on a
            GPU, since it takes minutes on a CPU.
        device: name of the device.

    Raises:
        UserError: for an unknown name, a missing device, a file that this command did not write, or one that cannot be
            written.
    """
    unknown = sorted(set(only) - set(BENCHES))
    if unknown:
        raise UserError(f"unknown benchmark {', '.join(unknown)}; choose from {', '.join(BENCHES)}")
    watch = Stopwatch(choose_device(device), quick)
    default = [name for name in BENCHES if name != "time-to-error" or watch.device.type == "cuda"]
    known = read_rows(output / "bench.json", COMMAND, "name") if only else []
    for name in only or default:
        BENCHES[name](watch)
    rows = _merged(known, watch.rows)
    write_rows(output / "bench.json", rows)
    write_text(output / "bench.md", bench_page(rows))
    print(f"written to {output / 'bench.json'} and {output / 'bench.md'}")


def _merged(known: list[Row], measured: list[Row]) -> list[Row]:
    """Return known and new rows together: new ones replace known rows of the same name in place, or come last."""
    names = list(dict.fromkeys(row["name"] for row in (*known, *measured)))
    now = {row["name"] for row in measured}
    return [row for name in names for row in (measured if name in now else known) if row["name"] == name]
