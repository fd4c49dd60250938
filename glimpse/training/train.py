"""Training: collect, learn, log, evaluate, save. Stopped anywhere and resumed, it gives the same weights to the bit."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import isinf
from pathlib import Path
from types import FrameType
from typing import cast

import torch
from torch import Tensor

from glimpse.agents.agent import LearningAgent
from glimpse.agents.text.reader import Reader
from glimpse.agents.translation.translator import Translator
from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment
from glimpse.envs.errors import DataError
from glimpse.envs.lanes import Core, VisualCore, shows_pictures
from glimpse.envs.text.whole_text import Reading
from glimpse.envs.translation.translating import Translating
from glimpse.errors import UserError
from glimpse.evaluation.evaluator import judge_of
from glimpse.reporting.drawing.scanpaths import paths_picture
from glimpse.reporting.text.token_drawings import tokens_picture
from glimpse.runs.build import choose_device, make_agent, make_world, set_threads
from glimpse.runs.checkpoint import Checkpoint, load_newest, save_checkpoint
from glimpse.runs.kept_subwords import keep_pieces
from glimpse.runs.results import describe_device
from glimpse.runs.run_folder import MetricsLog, RunFolder
from glimpse.runs.tracking import Tracker, WandbTracker, start_tracking
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.example_order import BucketedOrder, TokenOrder, TrainingOrder
from glimpse.training.learner import Learner
from glimpse.training.progress import Progress


class Training:
    """One run in progress: the world, the learner, and where they are written."""

    def __init__(self, experiment: Experiment, folder: RunFolder, progress: Progress) -> None:
        """Make everything that a run needs; nothing is trained yet."""
        self.experiment, self.folder, self.progress = experiment, folder, progress
        set_threads(experiment.threads)
        device = choose_device(experiment.device)
        self.world = make_world(experiment, "train", device)
        self.validation = make_world(experiment, "validation", device)
        self.learner = make_learner(experiment, self.world)
        self.order = make_order(self.world, experiment)
        self.judge = judge_of(experiment)
        self.metrics = MetricsLog(folder.metrics_path)
        self.best_error = float("inf")
        self.seconds = 0.0  # of training in all, before and after resuming
        self.run_id: str | None = None
        self._warned: set[str] = set()  # what the last evaluation warned of

    def evaluate(self) -> dict[str, float]:
        """What validation data say of the averaged weights, in numbers; the best so far are kept."""
        agent = self.learner.averaged
        verdict = self.judge.validate(agent, self.validation, self.experiment.evaluate)
        best = self.best_error
        if agent.prepares or verdict.provisional:
            better = isinf(best)  # Of those the newest is kept, until one counts.
        else:
            better = verdict.error < best or (verdict.later and verdict.error == best)
            self.best_error = verdict.error if better else best
        if better:
            save_checkpoint(self.folder.best, self._checkpoint(), keep=1)
        self._warn(verdict.warnings)
        return verdict.figures

    def _warn(self, warnings: list[str]) -> None:
        """Say what the last evaluation did not say already."""
        for warning in warnings:
            if warning.partition(":")[0] not in self._warned:
                self.progress.say(f"warning: step {self.learner.step}: {warning}")
        self._warned = {warning.partition(":")[0] for warning in warnings}

    def save(self) -> None:
        """Write a checkpoint of this step."""
        save_checkpoint(self.folder.checkpoints, self._checkpoint(), keep=self.experiment.train.keep)

    def resume(self) -> bool:
        """Go on from the newest good checkpoint; False if there is none yet."""
        checkpoint = load_newest(self.folder.checkpoints, self.progress.say)
        self.metrics.truncate_after(checkpoint.step if checkpoint else -1)
        if checkpoint is None:
            return False
        self.learner.restore(checkpoint.weights, checkpoint.state["learner"])
        # A damaged best is made anew by the next evaluation.
        if load_newest(self.folder.best, self.progress.say) is not None:
            self.best_error = checkpoint.state["best_error"]
        self.seconds = checkpoint.state["seconds"]
        self.run_id = checkpoint.state["run_id"]
        return True

    def start_clock(self) -> None:
        """From here on time counts as training."""
        self.progress.start_from(self.learner.step)
        self._begun = (self.learner.step, self.seconds, time.perf_counter())

    def tell_time(self) -> None:
        """Count the time, and turn `train.minutes` into steps, once, from the rate of the first tenth of it."""
        step, seconds, begun = self._begun
        spent = time.perf_counter() - begun
        self.seconds = seconds + spent
        minutes = self.experiment.train.minutes
        if self.learner.total is None and minutes is not None and self.seconds > 0.1 * 60 * minutes:
            rate = (self.learner.step - step) / spent
            self.learner.total = self.learner.step + max(1, int(rate * (60 * minutes - self.seconds)))

    def describe(self) -> str:
        """What is about to be trained, in a line."""
        learner, experiment = self.learner, self.experiment
        parameters = sum(p.numel() for p in learner.agent.parameters())
        precision = "bfloat16" if learner.bfloat16 else "float32"
        return (
            f"{experiment.shown_agent} on {experiment.shown_task}: {self.world.examples} examples, {parameters:,} "
            f"parameters, {learner.device}, {torch.get_num_threads()} threads, {precision}"
        )

    def tell_best(self) -> str:
        """The best of the verdicts, in words."""
        if isinf(self.best_error):
            return "none that counts"
        return self.judge.describe(self.best_error, self.validation)

    def _checkpoint(self) -> Checkpoint:
        state = {
            "learner": self.learner.state(),
            "best_error": self.best_error,
            "seconds": self.seconds,
            "run_id": self.run_id,
            "trained_on": describe_device(self.learner.device),
        }
        return Checkpoint(self.learner.step, dict(self.learner.averaged.state_dict()), state)


def make_order(world: Core, experiment: Experiment) -> TrainingOrder:
    """The order of a config's examples: texts of like lengths beside each other, all else in any order."""
    batch, tokens, seed = experiment.train.batch, experiment.train.tokens, experiment.seed
    lengths = getattr(world, "lengths", None)
    if tokens is not None:
        if lengths is None:
            raise UserError(f"train.tokens: {experiment.task.name} shows no texts: give train.batch alone")
        return TokenOrder(lengths, tokens, seed, world.device, batch)
    if lengths is None:
        return TrainingOrder(world.examples, batch, seed, world.device)
    return BucketedOrder(lengths, batch, seed, world.device)


def make_learner(experiment: Experiment, world: VisualCore) -> Learner:
    """The learner of a config: ours, or Stable-Baselines3 where the agent is one of its own."""
    agent = make_agent(experiment, world)
    if isinstance(agent, LearningAgent):
        return EpisodeLearner(agent, experiment.train, world.device)
    from glimpse.agents.vision.stable_baselines3_agent import Sb3Agent  # Importing Stable-Baselines3 takes two seconds.
    from glimpse.training.sb3_learner import Sb3Learner

    return Sb3Learner(cast(Sb3Agent, agent), experiment.train, world, experiment.seed)


def train(training: Training, tracker: Tracker, stop: list[int]) -> None:
    """The loop. It ends when the steps are done, or at a step's boundary once `stop` holds a signal."""
    learner, options = training.learner, training.experiment.train
    latest: dict[str, float] = {}
    training.start_clock()
    while not learner.done and not stop:
        terms = learner.advance(training.world, training.order)
        training.tell_time()
        row: dict[str, float] = {}
        if learner.step % options.log_every == 0 or learner.done:
            row = _row(training, terms)
        if learner.step % options.evaluate_every == 0 or learner.done:
            row |= training.evaluate()
        if row:
            training.metrics.write({"step": learner.step, **row})
            tracker.log({"step": learner.step, **row})
            latest |= row
        if learner.step % options.save_every == 0 or learner.done or stop:
            training.save()
        training.progress.show(learner.step, learner.total, options.batch, _headline(training, latest))


def _row(training: Training, terms: dict[str, Tensor]) -> dict[str, float]:
    """Numbers for the log: this waits for the device, so it is not done at each step."""
    numbers = {name: float(value) for name, value in terms.items()}
    rate = float(training.learner.optimiser.param_groups[0]["lr"])
    return {**numbers, "learning_rate": rate, "seconds": round(training.seconds, 3)}


def _headline(training: Training, latest: dict[str, float]) -> dict[str, float]:
    """The metrics that matter while one waits."""
    judged = [name for name in training.judge.headline if name in latest]
    return {name: latest[name] for name in ("loss", "accuracy", *judged[:1]) if name in latest}


@contextmanager
def _signals() -> Iterator[list[int]]:
    """A list that holds the first SIGTERM or SIGINT: saving inside a handler could tear a checkpoint."""
    stop: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        stop.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # A second Ctrl-C stops at once.

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def train_command(experiment: Experiment, run: Path, resume: bool) -> int:
    """Train in a run's folder; with `resume`, go on with the run that is there.

    Returns:
        0 when training is done; 143 or 130 after SIGTERM or Ctrl-C, with everything saved.

    Raises:
        UserError: if the folder is taken or cannot be written, or the loss is not finite.
        DataError: if the data cannot be had.
    """
    folder = RunFolder.open(run) if resume else RunFolder.create(run, dump_experiment(experiment))
    progress = Progress()
    with folder.lock(), _signals() as stop:
        try:
            training = Training(experiment, folder, progress)
            keep_pieces(folder, training.world)
        except (UserError, DataError):
            if not resume:
                folder.give_up()
            raise
        if resume and training.resume():
            progress.say(f"resuming {run} after step {training.learner.step}")
        progress.say(training.describe())
        tracker = start_tracking(
            experiment.track, run, run.name, experiment.model_dump(mode="json"), training.run_id, progress.say
        )
        training.run_id = tracker.run_id
        exit_code = 1
        try:
            train(training, tracker, stop)
            exit_code = 128 + stop[0] if stop else 0
            _track_outcome(training, tracker)
        finally:
            tracker.finish(_summary(training), exit_code)
    if stop:
        progress.say(f"stopped at step {training.learner.step}, saved; go on with: glimpse train --resume {run}")
    else:
        progress.say(f"done in {training.seconds / 60:.1f} minutes; best validation {training.tell_best()}")
        progress.say(f"next: glimpse evaluate {run}   or   glimpse show {run}")
    return exit_code


def _track_outcome(training: Training, tracker: Tracker) -> None:
    """Show the tracker where the agent looks, or which words it attends to, and give it the best weights."""
    if not isinstance(tracker, WandbTracker):
        return
    agent, world, step = training.learner.averaged, training.validation, training.learner.step
    if shows_pictures(world):
        picture = training.folder.path / "paths.png"
        paths_picture(agent, world, 12, picture)
        tracker.log_image("paths", picture, f"scan paths on validation images, step {step}")
    elif isinstance(agent, Reader) and isinstance(world, Reading):
        picture = training.folder.path / "tokens.svg"
        tokens_picture(agent, world, 12, picture)
        tracker.log_image("tokens", picture, f"weights of words of validation texts, step {step}")
    elif isinstance(agent, Translator):
        from glimpse.reporting.translation.translation_report import alignments_picture

        picture = training.folder.path / "alignments.svg"
        alignments_picture(agent, cast(Translating, cast(object, world)), 12, picture)
        tracker.log_image("alignments", picture, f"what translations of validation sentences attend to, step {step}")
    best = sorted(training.folder.best.glob("step-*"))
    if best:
        metadata = {"validation_error": training.best_error}
        tracker.log_checkpoint(best[-1], training.learner.step, metadata, ("latest", "best"))


def _summary(training: Training) -> dict[str, float]:
    """What the tracker shows for the whole run."""
    return {"best_validation_error": training.best_error, "seconds": training.seconds}
