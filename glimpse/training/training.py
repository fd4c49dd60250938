"""Run in progress: what it is trained on, with and by, and what a resumed run continues from."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import isinf

import torch
from torch import Tensor

from glimpse.agents.ability_questions import in_warmup
from glimpse.config.experiment import Experiment
from glimpse.envs.core import BatchedEnv
from glimpse.envs.errors import DataError
from glimpse.envs.meaning import env_meaning
from glimpse.errors import UserError
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.runs.build import choose_device, load_env
from glimpse.runs.checkpoint import Checkpoint, load_newest, save_checkpoint
from glimpse.runs.commit import with_commit
from glimpse.runs.earlier_run import earlier_run_of
from glimpse.runs.finite_numbers import NotFiniteError, naming_bad_numbers
from glimpse.runs.kept_data import training_envs
from glimpse.runs.metric_names import BEST_ERROR, VALIDATION, in_group
from glimpse.runs.metrics_log import MetricsLog
from glimpse.runs.precision_errors import reporting_precision_errors
from glimpse.runs.results import describe_device
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.threads import set_threads
from glimpse.runs.training_state import TrainingState, reporting_misfits, state_of
from glimpse.training.curriculum import make_curriculum
from glimpse.training.example_account import describe_examples, describe_parts
from glimpse.training.example_order import make_order
from glimpse.training.make_learner import make_learner
from glimpse.training.metric_rows import MetricRows
from glimpse.training.pace import Pace
from glimpse.training.patience import Patience
from glimpse.training.progress import Progress
from glimpse.training.ranks import ALONE, Ranks
from glimpse.training.resumed_budget import describe_new_budget
from glimpse.training.start_together import start_together
from glimpse.training.torchrun import device_of_rank


class Training:
    """Run in progress: its environments, its learner, its evaluator and its folder."""

    def __init__(self, experiment: Experiment, folder: RunFolder, progress: Progress, ranks: Ranks = ALONE) -> None:
        """Make the environments, the learner and the evaluator; nothing is trained yet."""
        self.experiment, self.folder, self.progress, self.ranks = experiment, folder, progress, ranks
        set_threads(experiment.threads)
        device = choose_device(device_of_rank(experiment.device, torch.cuda.device_count()))
        self.earlier = earlier_run_of(experiment, folder, progress.say)
        envs: tuple[BatchedEnv, BatchedEnv] = training_envs(experiment, folder, device, self.earlier)
        self.env, self.validation = envs
        self.learner = make_learner(experiment, self.env, self.earlier, progress.say)
        self.curriculum = make_curriculum(experiment, self.env, device)
        self.order = make_order(self.env, experiment)
        batches = self.validation.examples / (2 * experiment.train.batch)  # Without gradients they take less time.
        self.pace = Pace(experiment, device, folder.steps_path, progress.say, evaluation=batches)
        self.learner.budget = self.pace.budget
        self.evaluator = evaluator_of(experiment)
        self.metrics, self.rows = MetricsLog(folder.metrics_path), MetricRows()
        self.best_error = float("inf")
        self.patience = Patience(experiment.train.patience)
        self._seconds_before = 0.0
        self.run_id: str | None = None
        self._earlier_commits = ""
        self._warned: set[str] = set()  # what the last evaluation warned of

    def evaluate(self) -> dict[str, float]:
        """Measure the averaged weights on validation data, and save them if they are the best so far."""
        self.learner.refuse_bad_weights()
        agent, begun = self.learner.averaged, time.perf_counter()
        options, remedy = self.experiment.evaluate, "Give evaluate.precision=float32"
        with self._reporting_bad_numbers(), reporting_precision_errors("evaluate.precision", remedy):
            result = naming_bad_numbers(agent, lambda: self.evaluator.validate(agent, self.validation, options))
        best = self.best_error
        if in_warmup(agent) or result.provisional:
            better = isinf(best)  # A provisional result is kept until the first that counts.
        else:
            better = result.error < best or (result.later and result.error == best)
            self.patience.note(result.error, best)
            self.best_error = result.error if better else best
        if better:
            save_checkpoint(self.folder.best, self._checkpoint(), keep=1)
        self._warn(result.warnings)
        self.pace.evaluated(time.perf_counter() - begun)
        self.rows.evaluated(time.perf_counter() - begun)
        known = {} if isinf(self.best_error) else {BEST_ERROR: self.best_error}
        return {**in_group(VALIDATION, result.figures), **known}

    def _warn(self, warnings: list[str]) -> None:
        """Print the warnings that the last evaluation did not give."""
        for warning in warnings:
            if warning.partition(":")[0] not in self._warned:
                self.progress.say(f"warning: step {self.learner.step}: {warning}")
        self._warned = {warning.partition(":")[0] for warning in warnings}

    def save(self) -> None:
        """Save a checkpoint of this step."""
        self.pace.mark(self.learner.step)
        save_checkpoint(self.folder.checkpoints, self._checkpoint(), keep=self.experiment.train.keep)

    def resume(self) -> bool:
        """Continue from the newest good checkpoint; return False if there is none yet."""
        checkpoint = load_newest(self.folder.checkpoints, self.progress.say)
        if checkpoint is None:
            if self.experiment.init is not None and self.earlier is None:
                raise UserError(f"all checkpoints of {self.folder.path} are damaged. Train a new run")
            self.metrics.truncate_after(-1)
            return False
        state = state_of(checkpoint, TrainingState, self.folder.path)
        news = describe_new_budget(self.experiment.train, checkpoint.step, checkpoint.state)
        with reporting_misfits(self.folder.path, checkpoint.step):
            if state.learner["step"] != checkpoint.step:
                raise ValueError(f"the learner's state is of step {state.learner['step']}")
            self.learner.restore(checkpoint.weights, state.learner)
        self.metrics.truncate_after(checkpoint.step)
        # A damaged best is made anew by the next evaluation.
        if load_newest(self.folder.best, self.progress.say) is not None:
            self.best_error = state.best_error
        self.patience.waited = state.waited
        self._seconds_before = state.seconds
        self.pace.resume(checkpoint.step, state.minutes)
        self.run_id = state.run_id
        self._earlier_commits = state.commit
        if news:
            self.progress.say(news)
            if self.experiment.train.steps is not None:  # Else the clock decides, once it runs.
                self.learner.agent.set_progress(self.learner.progress)
        return True

    def start_clock(self) -> None:
        """Let other ranks begin, and start to count training time."""
        self.ranks.text(str(self.folder.path.absolute()))
        start_together(self.learner, self.ranks, self.experiment.train.minutes, self.pace.budget)
        self.progress.start_from(self.learner.step)
        self.rows.start_from(self.learner.step)
        self.pace.start(self.learner.step, self._seconds_before)

    def advance(self) -> dict[str, Tensor]:
        """Make one step, together with the ranks that follow, and return its terms; the pace decides for the next."""
        self.ranks.go_on()
        begun, precision = time.perf_counter(), self.learner.bfloat16
        remedy, env = "Give train.precision=float32", self.curriculum.env(self.learner.progress)
        with self._reporting_bad_numbers(), reporting_precision_errors("train.precision", remedy, precision):
            terms = naming_bad_numbers(self.learner.agent, lambda: self.learner.advance(env, self.order))
        self.pace.after_step(self.learner.step, time.perf_counter() - begun)
        return terms

    def training_row(self, terms: dict[str, Tensor]) -> dict[str, float]:
        """Return the metrics of the last step, given its terms."""
        rate = float(self.learner.optimiser.param_groups[0]["lr"])
        return self.rows.training_row(self.learner.step, terms, rate, self.seconds)

    @contextmanager
    def _reporting_bad_numbers(self) -> Iterator[None]:
        """Say at which step numbers are not finite, and what may help."""
        try:
            yield
        except NotFiniteError as error:
            self.learner.refuse_bad_weights()
            raise self.learner.not_finite(error.names) from None

    @property
    def seconds(self) -> float:
        """Seconds of training in all, before and after resuming."""
        return self.pace.clock.seconds

    @property
    def ended(self) -> bool:
        """True once the budget is spent, or patience is exhausted."""
        return self.learner.done or self.patience.exhausted

    @property
    def complete(self) -> bool:
        """True if a run that was resumed has nothing left to be trained."""
        return self._budget_is_spent or self.patience.exhausted

    @property
    def _budget_is_spent(self) -> bool:
        step, steps, decided = self.learner.step, self.experiment.train.steps, self.pace.record.at(self.learner.step)
        return step >= steps if steps is not None else decided is not None and decided.progress == 1

    def describe(self) -> list[str]:
        """Describe the training in a line, and its examples in further ones, with warnings."""
        learner, experiment = self.learner, self.experiment
        parameters = sum(p.numel() for p in learner.agent.parameters())
        precision = "bfloat16" if learner.bfloat16 else "float32"
        threads, ranks = torch.get_num_threads(), f"{self.ranks.size} ranks, " if self.ranks.size > 1 else ""
        data = str(getattr(experiment.task, "data", ""))
        own = data.startswith(("file:", "folder:"))
        envs = {"train": self.env, "validation": self.validation, "test": self._test_env() if own else None}
        parts = {name: env.examples for name, env in envs.items() if env is not None}
        return [
            f"{experiment.agent_title} on {experiment.task_title}: {self.env.examples:,} examples, {parameters:,} "
            f"parameters, {ranks}{learner.device}, {threads} thread{'s' * (threads > 1)}, {precision}",
            *([describe_parts(parts, data, experiment.task.held_out)] if own else []),
            *describe_examples(self.env, self.validation, envs["test"], own=own),
        ]

    def _test_env(self) -> BatchedEnv | None:
        """Return the environment of the test split, to look for its examples in the others; None if there is none."""
        try:
            env: BatchedEnv = load_env(self.experiment, "test", torch.device("cpu"), env_meaning(self.env)).env
        except (UserError, DataError):
            return None
        return env

    def describe_best(self) -> str:
        """Describe the best validation result."""
        if isinf(self.best_error):
            return "none that counts: each was of the warm-up, or missed the keep rate; the last weights are kept"
        averaged = self.evaluator.averaged_over(self.learner.averaged, self.validation)
        return f"{self.evaluator.describe(self.best_error, self.validation)}{averaged}"

    def _checkpoint(self) -> Checkpoint:
        state = {
            "learner": self.learner.state(),
            "best_error": self.best_error,
            "waited": self.patience.waited,
            "seconds": self.seconds,
            "steps": self.experiment.train.steps,
            "minutes": self.experiment.train.minutes,
            "run_id": self.run_id,
            "trained_on": describe_device(self.learner.device),
            "commit": with_commit(self._earlier_commits),
        }
        return Checkpoint(self.learner.step, dict(self.learner.averaged.state_dict()), state)
