"""Training loop: collect, learn, log, evaluate, save. A stopped and resumed run gives the same weights to the bit."""

from math import isinf
from pathlib import Path

from glimpse.agents.data_parallel import LostRankError
from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment, load_experiment
from glimpse.envs.printed_lines import print_error_line
from glimpse.errors import UserError
from glimpse.families import family_of, family_part
from glimpse.runs.memory import reporting_memory_errors
from glimpse.runs.metric_names import BEST_ERROR, SECONDS, STEP, VALIDATION
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.tracker import Tracker
from glimpse.runs.tracking import start_tracking
from glimpse.training.metric_rows import headline
from glimpse.training.process import ending_at_once, giving_globals_back, noting_signals
from glimpse.training.progress import Progress
from glimpse.training.ranks import Ranks, joined_ranks
from glimpse.training.resumed_budget import describe_complete
from glimpse.training.training import Training

_LESS_MEMORY = "Lower train.batch, train.copies or train.tokens, evaluate.batch, or the sizes of the agent and task"


def train(training: Training, tracker: Tracker, stop: list[int]) -> None:
    """Train until the training has ended, or until the end of a step once `stop` holds a signal."""
    learner, options = training.learner, training.experiment.train
    latest: dict[str, float] = {}
    training.start_clock()
    while not training.ended and not stop:
        # Collect and learn.
        terms = training.advance()
        # Log, and evaluate on validation data; the best weights so far are saved there.
        row: dict[str, float] = {}
        if learner.step % options.log_every == 0 or learner.done:
            row = training.training_row(terms)
        if learner.step % options.evaluate_every == 0 or learner.done:
            row |= training.evaluate()
            if training.ended and SECONDS not in row:  # By patience; the last row says how long the training took.
                row = training.training_row(terms) | row
        if row:
            training.pace.mark(learner.step)
            training.metrics.write({STEP: learner.step, **row})
            tracker.log({STEP: learner.step, **row})
            latest |= row
        # Save what a resumed run continues from.
        if learner.step % options.save_every == 0 or training.ended or stop:
            training.save()
        pace = training.pace
        shown = headline(latest, training.evaluator.headline)
        batch = None if options.tokens else options.batch
        training.progress.show(learner.step, pace.budget.steps, learner.progress, pace.left, batch, shown)
    training.ranks.go_on(False)
    training.pace.clock.stop()


def train_command(experiment: Experiment, run: Path, resume: bool) -> int:
    """Train in a run's folder; with `resume`, continue the run that is there. Ranks of `torchrun` follow this one.

    It may be called from any thread, and leaves torch's threads, generators and signal handlers as they were. Trainings
    at the same time in one process share torch's generators, so that those with dropout or SB3 cannot be repeated to
    the bit; use a process for each. A new run that ends before its first step gives its folder back.

    Returns:
        0 when training is done; 143 or 130 after SIGTERM or Ctrl-C, and 2 after the loss of another rank, with
        everything saved. While data are loaded, signals end it at once.

    Raises:
        UserError: if the folder is taken or cannot be written, memory does not suffice, or the loss is not finite.
        DataError: if the data cannot be had.
    """
    folder = RunFolder.open(run) if resume else RunFolder.create(run, dump_experiment(experiment))
    if resume and folder.is_published:
        raise UserError(
            f"{run} is a published run, which holds no state to train on from. Begin a new run with its weights: "
            f"glimpse train {folder.config_path} init={run} --folder OTHER"
        )
    try:
        with (
            giving_globals_back(),
            folder.lock(),
            noting_signals() as stop,
            reporting_memory_errors(_LESS_MEMORY),
            joined_ranks() as ranks,
        ):
            return _train_in(folder, experiment, resume, stop, ranks)
    finally:
        if not resume:
            folder.give_back()


def _train_in(folder: RunFolder, experiment: Experiment, resume: bool, stop: list[int], ranks: Ranks) -> int:
    """Train in a folder that is locked, until it is done or `stop` holds a signal; return the exit code."""
    run, progress = folder.path, Progress()
    try:
        with ending_at_once(stop):
            training, complete = _prepare(experiment, folder, resume, progress, ranks)
    except BaseException:  # Libraries turn KeyboardInterrupt into other errors.
        if not stop:
            raise
        progress.say(_stopped_at_once(run, resume))
        return 128 + stop[0]
    tracker = start_tracking(
        experiment.track, run, run.name, experiment.model_dump(mode="json"), training.run_id, progress.say
    )
    training.run_id = tracker.run_id
    if training.earlier is not None:  # From now on the run needs the earlier one no more.
        training.save()
    exit_code = 1
    try:
        train(training, tracker, stop)
        exit_code = 128 + stop[0] if stop else 0
        _track_outcome(training, tracker)
    except LostRankError:
        # Said here, where signals are noted: torchrun ends all ranks by SIGTERM when one is lost.
        progress.close()
        print_error_line(_save_without_a_rank(training))
        return 2
    finally:
        progress.close()
        tracker.finish(_summary(training), exit_code)
    _say_how_it_ended(training, stop, complete)
    return exit_code


def _prepare(
    experiment: Experiment, folder: RunFolder, resume: bool, progress: Progress, ranks: Ranks
) -> tuple[Training, bool]:
    """Make the training, take up what a resumed run has saved, and describe it; say whether nothing is left to do."""
    training = Training(experiment, folder, progress, ranks)
    if resume:
        known, run = training.resume(), folder.path
        step = training.learner.step
        progress.say(f"resuming {run} after step {step}" if known else f"{run} has no checkpoint: begins at step 0")
    if resume and load_experiment(folder.config_path) != experiment:
        folder.replace_config(dump_experiment(experiment))
    for line in training.describe():
        progress.say(line)
    return training, resume and training.complete


def _stopped_at_once(run: Path, resume: bool) -> str:
    """Describe the end of a training that a signal has stopped before it began."""
    if resume:
        return f"stopped before another step; resume with: glimpse train --resume {run}"
    return "stopped before the first step; nothing was kept"


def _save_without_a_rank(training: Training) -> str:
    """Save the last whole step after another rank has ended, and say how to go on."""
    if not training.learner.torn:
        training.save()
    kept = f"step {training.learner.step} is saved" if not training.learner.torn else "its checkpoints are good"
    return (
        f"error: a rank of this training has ended (its message is above); {kept}. "
        f"Resume with any number of ranks: glimpse train --resume {training.folder.path}"
    )


def _say_how_it_ended(training: Training, stop: list[int], complete: bool) -> None:
    """Print how the training ended, and what comes next."""
    run, say, step = training.folder.path, training.progress.say, training.learner.step
    if stop:
        say(
            f"stopped at step {step}, saved; resume with: glimpse train --resume {run}"
            if training.folder.has_begun
            else _stopped_at_once(run, resume=False)
        )
        return
    if training.patience.exhausted and not training.learner.done:
        say(training.patience.describe_complete(run, step) if complete else training.patience.describe(step))
    elif complete:
        say(describe_complete(run, training.experiment.train, step))
    if not complete:
        passed = training.seconds
        length = f"{passed / 60:.1f} minutes" if passed >= 60 else f"{passed:.1f} seconds"
        say(f"done in {length}; best validation {training.describe_best()}")
    say(f"next: glimpse evaluate {run}   or   glimpse report {run}")


def _track_outcome(training: Training, tracker: Tracker) -> None:
    """Send the tracker the family's picture of the agent's attention, and the best weights, if a step was made."""
    if not tracker.active or not training.folder.has_begun:
        return
    name = family_of(training.experiment.task.name).picture
    picture = family_part(name)(training.learner.averaged, training.validation, training.folder.path) if name else None
    if picture is not None:
        tracker.log_image(
            f"{VALIDATION}{picture.name}", picture.path, f"{picture.caption}, step {training.learner.step}"
        )
    best = sorted(training.folder.best.glob("step-*"))
    if best:
        metadata = {} if isinf(training.best_error) else {BEST_ERROR: training.best_error}
        tracker.log_checkpoint(best[-1], training.learner.step, metadata, ("latest", "best"))


def _summary(training: Training) -> dict[str, float]:
    """Return the tracker's summary of the run."""
    return {BEST_ERROR: training.best_error, SECONDS: training.seconds}
