"""`glimpse evaluate`: a run measured on a split beside its controls, as a table and as a record in its folder."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from glimpse.agents.agent import Agent
from glimpse.build import choose_device, make_agent, make_world, set_threads
from glimpse.checkpoint import Checkpoint, load_newest
from glimpse.config import EvaluateOptions, Experiment
from glimpse.config_file import load_experiment
from glimpse.cost import measure_cost
from glimpse.diagnostics import gaze_matters
from glimpse.durable import replace_file, reporting_write_errors
from glimpse.envs.lanes import VisualCore
from glimpse.errors import UserError
from glimpse.other_eyes import describe_gain, evaluation_warnings, measure_controls
from glimpse.reasons import measure_reasons, print_reasons
from glimpse.results import describe_device
from glimpse.run_folder import RunFolder
from glimpse.scores import Score, Scores, measure
from glimpse.selected import describe_kept, selection_warnings

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainedRun:
    """A run read back.

    folder, experiment: where it is, and its config.
    agent: with the chosen weights; `world` shows the split that was asked for.
    step: of the checkpoint that the weights are from.
    seconds, trained_on: how long it had been trained by then, and on what.
    """

    folder: RunFolder
    experiment: Experiment
    agent: Agent
    world: VisualCore
    step: int
    seconds: float
    trained_on: str


def open_run(path: Path, split: Literal["validation", "test"], device: str | None, say: Say) -> TrainedRun:
    """Read a run back with the weights that were best on validation data.

    Raises:
        UserError: if there is no run, no checkpoint, or they do not belong together.
    """
    folder = RunFolder.open(path)
    experiment = load_experiment(folder.config_path)
    set_threads(experiment.threads)
    checkpoint = _chosen_checkpoint(folder, say)
    world = make_world(experiment, split, choose_device(device or experiment.device))
    agent = make_agent(experiment, world).requires_grad_(False).eval()
    try:
        agent.load_state_dict(checkpoint.weights)
    except RuntimeError as problem:
        raise UserError(
            f"{folder.config_path} does not fit the checkpoint of step {checkpoint.step}: {problem}"
        ) from None
    state = checkpoint.state
    return TrainedRun(folder, experiment, agent, world, checkpoint.step, state["seconds"], state["trained_on"])


def _chosen_checkpoint(folder: RunFolder, say: Say) -> Checkpoint:
    """The best, or the newest where validation has not yet chosen one."""
    for place in (folder.best, folder.checkpoints):
        checkpoint = load_newest(place, say, read_only=True)
        if checkpoint is not None:
            return checkpoint
    raise UserError(f"{folder.path} has no checkpoint yet; train it first: glimpse train --resume {folder.path}")


def evaluate_command(
    run: Path, split: str, copies: int | None, batch: int | None, device: str | None, share: float | None = None
) -> None:
    """Measure a run on a split, print the table, and add it to the run's evaluation.json."""
    evaluate_run(run, cast(Literal["validation", "test"], split), copies, batch, device, share)


def evaluate_run(
    run: Path,
    split: Literal["validation", "test"],
    copies: int | None = None,
    batch: int | None = None,
    device: str | None = None,
    share: float | None = None,
) -> dict[str, Any]:
    """Measure a run on a split beside its controls, print the table, and give what was added to evaluation.json.

    Raises:
        UserError: if the run cannot be read, or the record not be written.
    """
    trained = open_run(run, split, device, print)
    asked = {"copies": copies, "batch": batch, "share": share}
    given = {name: value for name, value in asked.items() if value is not None}
    options = EvaluateOptions(**{**trained.experiment.evaluate.model_dump(), **given})
    begun = time.perf_counter()
    name = trained.experiment.agent.name
    rows: dict[str, Scores] = {name: measure(trained.agent, trained.world, options)}
    if gaze_matters(trained.agent, trained.world):
        rows |= measure_controls(trained.agent, trained.world, options)
    reasons = measure_reasons(trained.agent, trained.world, options)
    seconds = time.perf_counter() - begun
    cost = measure_cost(trained.agent, trained.world)
    print_table(rows, split, trained.experiment.shown_task, trained.step, trained.agent.samples)
    figures = rows[name].averaged.figures
    measured = [f"{figure.replace('_', ' ')} {value:.4f}" for figure, value in figures.items() if figure != "pearson"]
    measured += describe_kept(rows[name].kept)
    print(", ".join([*measured, cost.describe()]))
    if reasons is not None:
        print_reasons(reasons, bool(rows[name].kept))
    for line in (*describe_gain(rows), *(f"warning: {text}" for text in _warnings(rows, trained.agent))):
        print(line)
    record = {
        "agent": name,
        "step": trained.step,
        "train_seconds": trained.seconds,
        "trained_on": trained.trained_on,
        "seconds": round(seconds, 2),
        "device": describe_device(trained.world.device),
        "seed": options.seed,
        **asdict(cost),
        "scores": {row: asdict(scores) for row, scores in rows.items()},
        **({} if reasons is None else {"reasons": asdict(reasons)}),
    }
    _keep(trained.folder.evaluation_path, split, record)
    print(f"written to {trained.folder.evaluation_path}")
    return record


def _warnings(rows: dict[str, Scores], agent: Agent) -> list[str]:
    """What is wrong with where the agent looks, or with what it chooses."""
    return [*evaluation_warnings(rows, agent), *selection_warnings(next(iter(rows.values())).kept)]


def _keep(path: Path, split: str, record: dict[str, Any]) -> None:
    """Put a split's record into the run's evaluation file, beside the other split's."""
    known = json.loads(path.read_text()) if path.exists() else {}
    with reporting_write_errors(path):
        replace_file(path, (json.dumps({**known, split: record}, indent=1) + "\n").encode())


def print_table(rows: dict[str, Scores], split: str, task: str, step: int, samples: bool = True) -> None:
    """One line an agent; the first is the agent itself, the others its weights with other eyes.

    Args:
        rows: the scores, by name.
        split: that was measured.
        task: what it is called.
        step: of the weights.
        samples: whether chance has a part; without it there is one number, and not a greedy, single and averaged one.
    """
    from rich.console import Console
    from rich.table import Table

    first = next(iter(rows.values()))
    caption = f"{first.averaged.episodes} examples; 95 % interval{' of the last column' * samples}"
    if len(rows) > 1:
        caption += "; below the line: the same weights with other eyes"
    alone, kind = ("Pearson's r",) * 2 if first.averaged.figures else ("error", "error, %")
    title = f"{split} {kind} ({task}, step {step})"
    table = Table(title=title, caption=caption, min_width=len(title))
    several = ("greedy", "M = 1", f"M = {first.copies}")
    counted = samples and not first.kept  # Who chooses words takes no glimpses.
    for heading in ("agent", *(several if samples else (alone,)), "95 %", *(("glimpses",) if counted else ())):
        table.add_column(heading, justify="left" if heading == "agent" else "right", no_wrap=True)
    for number, (name, scores) in enumerate(rows.items()):
        measured = (scores.greedy, scores.sampled, scores.averaged) if samples else (scores.averaged,)
        cells = [*map(_error_or_r, measured), _interval(scores.averaged)]
        table.add_row(name, *cells, *([f"{scores.glimpses:.2f}"] if counted else []), end_section=number == 0)
    Console().print(table)


def _error_or_r(score: Score) -> str:
    """The error in percent, or the correlation that it stands for."""
    return f"{score.figures['pearson']:.4f}" if score.figures else f"{score.error:.2f}"


def _interval(score: Score) -> str:
    """The same of its interval."""
    if score.figures:
        return f"{1 - score.high / 100:.4f} to {1 - score.low / 100:.4f}"
    return f"{score.low:.2f} to {score.high:.2f}"
