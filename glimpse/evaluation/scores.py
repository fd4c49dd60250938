"""Scores of an agent on a split, from greedy, sampled and averaged episodes on each example exactly once."""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.core import EvaluatedEnv
from glimpse.envs.lane_random import mix
from glimpse.envs.live_line import progress_of
from glimpse.evaluation.compared_answers import ComparedLabels, ComparedScores, compared_answers
from glimpse.evaluation.diagnostics import ScanpathStatistics
from glimpse.evaluation.split_score import Score, score_of_errors
from glimpse.runs.build import use_bfloat16
from glimpse.runs.finite_numbers import NotFiniteError, refusing_bad_decisions
from glimpse.runs.rollout import play

_EVALUATION = 51


@dataclass(frozen=True)
class Scores:
    """Scores of one agent on one split.

    greedy: score of greedy episodes.
    sampled: score of single sampled episodes (M = 1), the mean over the M episodes of each example.
    averaged: score of class probabilities averaged over the M episodes of each example.
    copies: number M of sampled episodes of each example.
    glimpses: mean number of glimpses of the sampled episodes.
    scanpath: statistics of the sampled locations; None if the location does not matter.
    keep_rates: keep rates of the sampled episodes, if words are selected; see `KeepRates.summary`.
    attended: fraction of words with a positive attention weight, if each word of a text has one weight.
    search: means of the sampled episodes, if documents are searched; see `search_statistics.what_was_found`.
    seconds: duration of the greedy episodes, one of each example.
    greedy_missed: what the greedy episode of each of N examples missed of a reward of 1: 1 for a wrong answer. All
        agents have the same order of examples on a split. None where scores are predicted, whose correlation is one
        number, and in scores that were read from a record.
    p: of a control, p-value of no difference between its greedy errors and the agent's; None if there is no test.
    """

    greedy: Score
    sampled: Score
    averaged: Score
    copies: int
    glimpses: float
    scanpath: ScanpathStatistics | None = None
    keep_rates: dict[str, float] = field(default_factory=dict)
    attended: float | None = None
    search: dict[str, float] = field(default_factory=dict)
    seconds: float = field(default=0.0, compare=False)
    greedy_missed: tuple[float, ...] | None = field(default=None, compare=False, repr=False)
    p: float | None = None

    def as_record(self) -> dict[str, Any]:
        """Return the scores as an entry of an evaluation's record, without the results of single examples."""
        return {name: value for name, value in asdict(self).items() if name != "greedy_missed"}


class EpisodeStatistics:
    """Collector of statistics of episodes; this base class collects nothing.

    record: whether the episodes must have the networks' activations.
    """

    record = False

    def add(self, episode: Episode, example: Tensor) -> None:
        """Add episodes on examples (E,)."""

    def summary(self, greedy: bool) -> dict[str, Any]:
        """Return the statistics as fields of `Scores`; `greedy` says how the episodes were played."""
        return {}


StatisticsFactory = Callable[[], EpisodeStatistics]
"""Makes an empty collector for a pass over a split."""


class AveragedScore(NamedTuple):
    """Score of averaged probabilities, by which a checkpoint is chosen, and the statistics of its episodes."""

    score: Score
    statistics: dict[str, Any]


class _SplitEpisodes(NamedTuple):
    """Results of M episodes on each of the N examples of a split.

    single: (T, N) in [0, 1], fraction of the M episodes whose answer after each glimpse is wrong.
    averaged: (T, N) in [0, 1], whether the answer of the averaged probabilities is wrong.
    glimpses: mean number of glimpses.
    statistics: what the collector of statistics returned.
    compared: answers that are compared otherwise than as right or wrong; None if there are none.
    seconds: duration.
    """

    single: Tensor
    averaged: Tensor
    glimpses: float
    statistics: dict[str, Any]
    compared: ComparedScores | ComparedLabels | None
    seconds: float

    def single_score(self) -> Score:
        """Return the score of single episodes."""
        if self.compared is None:
            return score_of_errors(self.single)
        return self.compared.single_score(self.single)

    def averaged_score(self) -> Score:
        """Return the score of the mean of M episodes."""
        if self.compared is None:
            return score_of_errors(self.averaged)
        return self.compared.averaged_score(self.averaged)


def evaluation_keys(env: EvaluatedEnv, options: EvaluateOptions) -> Tensor:
    """Return the random key of each example of the split, (N,) int64, which fixes its picture and initial location."""
    keys = mix(mix(torch.tensor(options.seed), _EVALUATION), torch.arange(env.examples))
    return keys.to(env.device)


def ordered_by_length(env: EvaluatedEnv) -> Tensor:
    """Return all examples, (N,) int64, in order of length if they have one: a batch is as long as its longest."""
    lengths = env.lengths
    examples = torch.arange(env.examples) if lengths is None else torch.argsort(lengths, stable=True)
    return examples.to(env.device)


@torch.no_grad()
def _play_split(
    agent: Agent, env: EvaluatedEnv, options: EvaluateOptions, copies: int, greedy: bool, statistics: EpisodeStatistics
) -> _SplitEpisodes:
    """Play M = `copies` episodes on each example of the environment's split, and add them to the statistics.

    Raises:
        NotFiniteError: if a decision of the agent, or a reward, is not finite.
    """
    device, keys = env.device, evaluation_keys(env, options)
    copies = copies if agent.stochastic else 1  # All episodes of a deterministic agent are the same.
    single, averaged, steps, ended, begun = [], [], [], [], time.perf_counter()
    compared: ComparedScores | ComparedLabels | None = None

    # Play batch by batch; nothing waits for the device here.
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, device))
    shown = progress_of(f"{'greedy' if greedy else 'sampled'} episodes", env.examples)
    with refusing_bad_decisions(agent), autocast, shown as advance:
        for example in ordered_by_length(env).split(options.batch):
            played = play(env, agent, example, keys[example], copies=copies, greedy=greedy, record=statistics.record)
            errors, averaged_errors = step_errors(played, env)
            single.append(errors)
            averaged.append(averaged_errors)
            steps.append(played.step_mask.sum())
            ended.append(played.ended)
            if (compared := compared or compared_answers(played.action)) is not None:
                compared.add(played)
            statistics.add(played, example)
            advance(len(example))

    # Move the results to the host.
    glimpses = float(torch.stack(steps).sum()) / (env.examples * copies)
    all_single, all_averaged = _joined(single), _joined(averaged)
    _warn_of_endless(env, agent.steps, torch.cat([one for one in ended if one is not None]))
    if not all_single.isfinite().all():
        raise NotFiniteError(["rewards of the environment"])
    counted = statistics.summary(greedy)
    seconds = time.perf_counter() - begun  # All results are on the host, so nothing is still being computed.
    return _SplitEpisodes(all_single, all_averaged, glimpses, counted, compared, seconds)


def _joined(errors: Sequence[Tensor]) -> Tensor:
    """Join batches (T, E), of which some ended before others, since all their episodes were over: the last is kept."""
    steps = max(len(batch) for batch in errors)
    return torch.cat([torch.cat([batch, batch[-1:].expand(steps - len(batch), -1)]) for batch in errors], 1).cpu()


def _warn_of_endless(env: EvaluatedEnv, steps: int, ended: Tensor) -> None:
    """Warn if episodes, of which `ended` says whether they were over, had to be cut off."""
    if cut := int((~ended).sum()):
        warnings.warn(
            f"{type(env).__name__}: {cut} of {len(ended)} episodes were not over after the agent's {steps} steps and "
            "were cut off; an environment should end each of its episodes by then",
            stacklevel=2,
        )


def step_errors(episode: Episode, env: EvaluatedEnv) -> tuple[Tensor, Tensor]:
    """Compute the error after each step of M episodes on each of E examples.

    Returns:
        The fraction of the M episodes whose answer is wrong, and whether the answer of their mean belief is wrong,
        (T, E) both. Without answers, the part of a reward of 1 that was missed, (1, E), twice.
    """
    copies = episode.copies
    if not env.classes:
        missed = (1 - episode.reward.sum(0)).view(-1, copies).mean(-1)[None]
        return missed, missed
    belief, label = episode.belief.unflatten(1, (-1, copies)), episode.label[::copies]  # (T, E, M, N), (E, ...)
    of_copies = label[:, None].expand(-1, copies, *label.shape[1:])
    single = env.wrong(belief, of_copies).float().mean(-1)
    return single, env.wrong(belief.mean(2), label).float()


def measure_averaged(
    agent: Agent, env: EvaluatedEnv, options: EvaluateOptions, make_statistics: StatisticsFactory = EpisodeStatistics
) -> AveragedScore:
    """Return the score of probabilities averaged over M sampled episodes, by which a checkpoint is chosen."""
    played = _play_split(agent, env, options, options.copies, False, make_statistics())
    return AveragedScore(played.averaged_score(), played.statistics)


def measure_scores(
    agent: Agent, env: EvaluatedEnv, options: EvaluateOptions, make_statistics: StatisticsFactory = EpisodeStatistics
) -> Scores:
    """Return all scores of an agent on the split that the environment shows.

    Canvases and initial locations follow from `options.seed` and the example: they do not depend on the batch.

    Args:
        agent: the agent to evaluate.
        env: shows the split.
        options: batch, copies, precision and seed.
        make_statistics: makes an empty collector of statistics, once for each pass over the split.
    """
    greedy = _play_split(agent, env, options, 1, True, make_statistics())
    # Sampled episodes of a deterministic agent are its greedy ones.
    sampled = greedy
    if agent.stochastic:
        sampled = _play_split(agent, env, options, options.copies, False, make_statistics())
    return Scores(
        greedy.single_score(),
        sampled.single_score(),
        sampled.averaged_score(),
        options.copies,
        sampled.glimpses,
        **sampled.statistics,
        seconds=greedy.seconds,
        greedy_missed=None if greedy.single_score().is_correlation else tuple(greedy.single[-1].tolist()),
    )
