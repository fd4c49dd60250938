"""Evaluation: each example of a split exactly once, in order; greedy, sampled and averaged, beside the controls."""

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.agents.locators import FixedLocator, Locator, RandomLocator, raster
from glimpse.build import choose_device, make_agent, make_world, set_threads, use_bfloat16
from glimpse.checkpoint import Checkpoint, load_newest
from glimpse.config import EvaluateOptions, Experiment
from glimpse.config_file import load_experiment
from glimpse.cost import measure_cost
from glimpse.diagnostics import (
    Gaze,
    answers_to_images,
    attention_gain,
    gaze_warnings,
    is_glimpsed,
    looks,
    measure_gaze,
    path_warning,
)
from glimpse.durable import replace_file, reporting_write_errors
from glimpse.envs.lane_random import mix
from glimpse.envs.lanes import VisualCore
from glimpse.errors import UserError
from glimpse.results import describe_device
from glimpse.rollout import play
from glimpse.run_folder import RunFolder

RANDOM, MEAN_PATH = "random places", "its own mean path"
_EVALUATION = 51
Say = Callable[[str], None]


@dataclass(frozen=True)
class Score:
    """Share of wrong answers, in percent.

    error: at the end.
    low, high: Wilson's 95 % interval, over `episodes` independent examples.
    after_glimpse: error if the answer after each number of glimpses, 1 to T, had counted.
    """

    error: float
    low: float
    high: float
    episodes: int
    after_glimpse: list[float]


@dataclass(frozen=True)
class Scores:
    """One agent on one split.

    greedy: the mean place at each step.
    sampled: sampled places, M = 1: the mean over the M episodes of each example, each alone.
    averaged: probabilities averaged over the M episodes of each example.
    glimpses: mean number of glimpses taken by the sampled episodes.
    gaze: where these looked; none where there was nothing to choose.
    """

    greedy: Score
    sampled: Score
    averaged: Score
    copies: int
    glimpses: float
    gaze: Gaze | None = None


class _Played(NamedTuple):
    """All episodes of a split: wrong answers after each glimpse, single and averaged, both (T, N) in [0, 1].

    glimpses: mean number of them. gaze: where the episodes looked.
    """

    single: Tensor
    averaged: Tensor
    glimpses: float
    gaze: Gaze | None


def wilson(wrong: float, episodes: int) -> tuple[float, float]:
    """95 % interval, in percent, for a share of `wrong` (in [0, 1]) out of `episodes` (Wilson, 1927)."""
    z = 1.959964
    centre = wrong + z * z / (2 * episodes)
    spread = z * math.sqrt(wrong * (1 - wrong) / episodes + z * z / (4 * episodes * episodes))
    scale = 100 / (1 + z * z / episodes)
    return max(0.0, (centre - spread) * scale), min(100.0, (centre + spread) * scale)


def _score(wrong: Tensor) -> Score:
    """From (T, N) shares of wrong answers after each glimpse, the last row being the one that counts."""
    share, episodes = float(wrong[-1].mean()), wrong.shape[1]
    low, high = wilson(share, episodes)
    return Score(100 * share, low, high, episodes, [100 * float(error) for error in wrong.mean(1)])


def evaluation_keys(world: VisualCore, options: EvaluateOptions) -> Tensor:
    """The key of each example of the world's split, (N,) int64: with it the same picture and first place each time."""
    keys = mix(mix(torch.tensor(options.seed), _EVALUATION), torch.arange(world.examples))
    return keys.to(world.device)


@torch.no_grad()
def _play_all(agent: Agent, world: VisualCore, options: EvaluateOptions, copies: int, greedy: bool) -> _Played:
    """Play M = `copies` episodes on each example of the world's split."""
    device = world.device
    keys = evaluation_keys(world, options)
    copies = copies if agent.samples else 1  # More would be the same again.
    single, averaged, taken, looked = [], [], [], []
    with torch.autocast(device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, device)):
        for example in torch.arange(world.examples, device=device).split(options.batch):
            episode = play(world, agent, example, keys[example], copies=copies, greedy=greedy)
            alone, together = judge(episode, world)
            single.append(alone)
            averaged.append(together)
            taken.append(episode.taken.sum())
            looked.append(looks(episode))
    glimpses = float(torch.stack(taken).sum()) / (world.examples * copies)
    look, followed = (torch.cat(column, 1).cpu() for column in zip(*looked, strict=True))
    gaze = measure_gaze(look, followed, sampled=agent.samples and not greedy) if is_glimpsed(world) else None
    return _Played(torch.cat(single, 1).cpu(), torch.cat(averaged, 1).cpu(), glimpses, gaze)


def judge(episode: Episode, world: VisualCore) -> tuple[Tensor, Tensor]:
    """Share of wrong answers after each step, (T, E): the mean over M copies, and of their mean belief.

    Where there is nothing to answer, what was not earned of a reward of 1 is the error: (1, E), twice.
    """
    copies = episode.copies
    if not world.classes:
        missed = (1 - episode.reward.sum(0)).view(-1, copies).mean(-1)[None]
        return missed, missed
    belief, label = episode.belief.unflatten(1, (-1, copies)), episode.label[::copies]  # (T, E, M, N), (E,)
    alone = world.wrong(belief, label[:, None].expand(-1, copies)).float().mean(-1)
    return alone, world.wrong(belief.mean(2), label).float()


def measure_averaged(agent: Agent, world: VisualCore, options: EvaluateOptions) -> tuple[Score, Gaze | None]:
    """The score by which a checkpoint is chosen, of probabilities averaged over M episodes, and where these looked."""
    played = _play_all(agent, world, options, options.copies, greedy=False)
    return _score(played.averaged), played.gaze


def measure(agent: Agent, world: VisualCore, options: EvaluateOptions) -> Scores:
    """All scores of an agent on the split that the world shows.

    The canvases and first places of the split follow from `options.seed`: they do not depend on the batch.
    """
    greedy = _score(_play_all(agent, world, options, 1, greedy=True).single)
    single, averaged, glimpses, gaze = _play_all(agent, world, options, options.copies, greedy=False)
    return Scores(greedy, _score(single), _score(averaged), options.copies, glimpses, gaze)


def mean_path(agent: Agent, world: VisualCore, options: EvaluateOptions) -> Tensor:
    """Where the agent looks on average after each step, (T, 2): its policy with the image taken out."""
    example = torch.arange(min(world.examples, options.batch), device=world.device)
    episode = play(world, agent, example, mix(example, options.seed), greedy=True)
    return episode.action["look"].clamp(-1, 1).mean(1)


def with_other_eyes(agent: Agent, world: VisualCore, options: EvaluateOptions) -> dict[str, Locator]:
    """The same weights with the locator exchanged: what the answer owes to where the agent looked."""
    device = world.device
    centre = torch.zeros(agent.steps, 2, device=device)
    return {
        RANDOM: RandomLocator(),
        "centre only": FixedLocator(centre),
        "raster scan": FixedLocator(raster(agent.steps).roll(-1, 0).to(device)),
        MEAN_PATH: FixedLocator(mean_path(agent, world, options)),
    }


def measure_controls(agent: Agent, world: VisualCore, options: EvaluateOptions) -> dict[str, Scores]:
    """Scores with the locator exchanged for each control; none for an agent without a locator."""
    if not hasattr(agent, "locator"):
        return {}
    scores = {}
    for name, locator in with_other_eyes(agent, world, options).items():
        blind = copy.copy(agent)
        blind._modules = {**agent._modules, "locator": locator}
        scores[name] = measure(blind, world, options)
    return scores


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


def evaluate_command(run: Path, split: str, copies: int | None, batch: int | None, device: str | None) -> None:
    """Measure a run on a split, print the table, and add it to the run's evaluation.json."""
    evaluate_run(run, cast(Literal["validation", "test"], split), copies, batch, device)


def evaluate_run(
    run: Path,
    split: Literal["validation", "test"],
    copies: int | None = None,
    batch: int | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """Measure a run on a split beside its controls, print the table, and give what was added to evaluation.json.

    Raises:
        UserError: if the run cannot be read, or the record not be written.
    """
    trained = open_run(run, split, device, print)
    given = {name: value for name, value in (("copies", copies), ("batch", batch)) if value is not None}
    options = EvaluateOptions(**{**trained.experiment.evaluate.model_dump(), **given})
    begun = time.perf_counter()
    task, name = trained.experiment.task.name, trained.experiment.agent.name
    rows: dict[str, Scores] = {name: measure(trained.agent, trained.world, options)}
    if is_glimpsed(trained.world):
        rows |= measure_controls(trained.agent, trained.world, options)
    seconds = time.perf_counter() - begun
    cost = measure_cost(trained.agent, trained.world)
    print_table(rows, split, task, trained.step)
    print(cost.describe())
    for line in (*_describe_gain(rows), *(f"warning: {text}" for text in evaluation_warnings(rows, trained.agent))):
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
    }
    _keep(trained.folder.evaluation_path, split, record)
    print(f"written to {trained.folder.evaluation_path}")
    return record


def evaluation_warnings(rows: dict[str, Scores], agent: Agent) -> list[str]:
    """What is wrong with where an agent looks, from its scores (the first) and those of its controls."""
    own, path = next(iter(rows.values())), rows.get(MEAN_PATH)
    found = gaze_warnings(own.gaze, agent)
    if path is not None and answers_to_images(agent):
        found += path_warning(own.greedy.high, path.greedy.error)
    return found


def _describe_gain(rows: dict[str, Scores]) -> list[str]:
    gain = attention_gain({name: scores.greedy.error for name, scores in rows.items()})
    shown = ", ".join(f"{gain[name]:+.2f} over {name}" for name in (RANDOM, MEAN_PATH) if name in gain)
    return [f"attention gain, greedy, percentage points: {shown}"] if shown else []


def _keep(path: Path, split: str, record: dict[str, Any]) -> None:
    """Put a split's record into the run's evaluation file, beside the other split's."""
    known = json.loads(path.read_text()) if path.exists() else {}
    with reporting_write_errors(path):
        replace_file(path, (json.dumps({**known, split: record}, indent=1) + "\n").encode())


def print_table(rows: dict[str, Scores], split: str, task: str, step: int) -> None:
    """One line an agent; the first is the agent itself, the others its weights with other eyes."""
    from rich.console import Console
    from rich.table import Table

    first = next(iter(rows.values()))
    caption = f"{first.averaged.episodes} examples; 95 % interval of the last column; below the line: the same weights"
    title = f"{split} error, % ({task}, step {step})"
    table = Table(title=title, caption=caption + " with other eyes")
    for heading in ("agent", "greedy", "M = 1", f"M = {first.copies}", "95 %", "glimpses"):
        table.add_column(heading, justify="left" if heading == "agent" else "right", no_wrap=True)
    for number, (name, scores) in enumerate(rows.items()):
        cells = [f"{score.error:.2f}" for score in (scores.greedy, scores.sampled, scores.averaged)]
        interval = f"{scores.averaged.low:.2f} to {scores.averaged.high:.2f}"
        table.add_row(name, *cells, interval, f"{scores.glimpses:.2f}", end_section=number == 0)
    Console().print(table)
