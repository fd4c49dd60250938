"""Greedy episodes played for drawings: a few in full detail, or a whole split in outline."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.core import what_is_asked
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.evaluation.diagnostics import ScanpathStatistics, location_matters, measure_scanpath, recorded_locations
from glimpse.evaluation.recorded_play import RecordedAgent, RecordedEnv, play_greedily
from glimpse.evaluation.scores import evaluation_keys, step_errors

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_BATCH = 500
"""Episodes of a survey that are played in parallel."""


@dataclass(frozen=True)
class Replay:
    """One episode of t glimpses; t is less than T if the agent stopped early.

    example: number of the example in the split.
    picture: (C, H, W) uint8, the whole image at the end; the agent did not see it.
    location: (t, 2) in [-1, 1], (x, y) of each glimpse.
    patch: (t, K, C, P, P) in [0, 1], what the agent saw; if the picture is shown whole, what it read of it.
    belief: (t, N), the probability of each class or label after each glimpse; N is 0 if there are no such answers.
    label: the true class, or several; see `EvaluatedEnv.answers`. Or the true score; or several labels, 0 or 1 each.
    reward: return of the episode.
    frames: (t, C, H, W) uint8, the whole image at each glimpse, if it moves.
    answers: number of classes to be answered, one after the other.
    share: (t, H, W) in [0, 1], weight of each pixel in what was read, if the picture is shown whole; see `Readout`.
    boxes: (t, K, 4), left, top, right and bottom of the patches, in pixels, if the picture is shown whole or looks are
        zoomed.
    score: (t,), the predicted score after each glimpse, if a score is asked for.
    point: (t, 2) in [-1, 1], where the agent pointed after each glimpse, if it is asked where something is.
    """

    example: int
    picture: Bytes
    location: Floats
    patch: Floats
    belief: Floats
    label: int | float | tuple[int, ...]
    reward: float = 0.0
    frames: Bytes | None = None
    answers: int = 1
    share: Floats | None = None
    boxes: Floats | None = None
    score: Floats | None = None
    point: Floats | None = None

    @property
    def true(self) -> tuple[int, ...]:
        """The true classes, in the order in which they are asked for; or the true labels."""
        if isinstance(self.label, tuple):
            return tuple(number for number, there in enumerate(self.label) if there)
        classes = self.belief.shape[1]
        return tuple(int(self.label) // classes**digit % classes for digit in reversed(range(self.answers)))

    @property
    def answered(self) -> tuple[int, ...]:
        """The agent's answers, in the order in which they are asked for; or the labels that it gives."""
        if isinstance(self.label, tuple):
            return tuple(int(number) for number in (self.belief[-1] > 0.5).nonzero()[0])
        return tuple(int(belief.argmax()) for belief in self._last_beliefs())

    @property
    def confidence(self) -> float:
        """Probability that the agent gave to its answers together."""
        if isinstance(self.label, tuple):
            return float(np.maximum(self.belief[-1], 1 - self.belief[-1]).prod())
        return float(np.prod([belief.max() for belief in self._last_beliefs()]))

    @property
    def right(self) -> bool:
        """True if all answers are right, or the score is exact; without answers, if the reward of 1 was earned."""
        if self.score is not None:
            return bool(self.score[-1] == self.label)
        return self.answered == self.true if self.answers else self.reward > 0.5

    @property
    def miss(self) -> float:
        """Distance of the predicted score from the true one."""
        assert self.score is not None and not isinstance(self.label, tuple)
        return abs(float(self.score[-1]) - self.label)

    def _last_beliefs(self) -> list[Floats]:
        """Return the belief (N,) at the step of each answer."""
        return [self.belief[len(self.belief) * (number + 1) // self.answers - 1] for number in range(self.answers)]


@dataclass(frozen=True)
class Survey:
    """Outline of E episodes; entries after an episode's end repeat its last.

    example: (E,), numbers of the examples in the split.
    label: (E,), the true classes, or numbers that encode several, or scores; or (E, N), several labels.
    glimpses: (E,), number of glimpses of each episode.
    location: (T, E, 2) in [-1, 1].
    answer: (T, E), the likeliest class after each glimpse; zero if there are no answers.
    confidence: (E,), the probability of the last answer; 1 if it is a score.
    wrong_after: (T, E) bool, whether the answer after each glimpse is wrong; without answers (1, E), whether the
        episode failed.
    scanpath: statistics of the locations; None if the location does not matter.
    miss_after: (T, E), distance from the true score after each glimpse; None if no score is asked for.
    """

    example: Integers
    label: NDArray[Any]
    glimpses: Integers
    location: Floats
    answer: Integers
    confidence: Floats
    wrong_after: NDArray[np.bool_]
    scanpath: ScanpathStatistics | None = None
    miss_after: Floats | None = None

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """True where the last answer is wrong, or the episode failed, (E,) bool."""
        wrong: NDArray[np.bool_] = self.wrong_after[-1]
        return wrong

    def error_after_glimpse(self) -> list[float]:
        """Return the error after each number of glimpses, in percent; of scores the mean absolute error."""
        if self.miss_after is not None:
            return [float(miss) for miss in self.miss_after.mean(1)]
        return [100 * float(rate) for rate in self.wrong_after.mean(1)]


def evenly(count: int, wanted: int) -> list[int]:
    """Return at most `wanted` of the numbers 0 to `count` - 1, evenly spaced from the first to the last."""
    return [int(number) for number in np.unique(np.linspace(0, count - 1, min(count, wanted)).round())]


def shown_classes(episode: Replay, limit: int = 10) -> list[int]:
    """Return the classes whose belief is drawn: all, or the five likeliest and the true ones of more than `limit`."""
    final = episode.belief[-1]
    if len(final) <= limit:
        return list(range(len(final)))
    likeliest = [int(number) for number in np.argsort(-final, kind="stable")[:5]]
    return list(dict.fromkeys([*likeliest, *episode.true]))


def replay(
    agent: Agent, env: VisualEnv, example: list[int], options: EvaluateOptions, most: int | None = None
) -> list[Replay]:
    """Play examples of the environment's split, as the evaluation does, and keep all that can be drawn.

    Args:
        agent: the agent that plays.
        env: shows the split.
        example: the examples.
        options: batch, precision and seed.
        most: steps that are played at most; by default all.
    """
    if not example:
        return []
    # Play all examples in parallel, and record the pictures and the readouts.
    recorded_env, recorded_agent = RecordedEnv(env), RecordedAgent(agent)
    numbers = torch.tensor(example, device=env.device)
    episode = play_greedily(recorded_agent, env, numbers, options, recorded_env, most)
    frames = torch.stack(recorded_env.frames).cpu().numpy()  # (T + 1, E, C, H, W)
    moves = bool((frames != frames[0]).any())

    # Locations and patches are those of the readouts if there are any, else those of the observations.
    observed = {"location": episode.observation["location"], "patch": episode.observation["glimpse"]}
    windows = {"boxes": torch.stack(recorded_env.boxes[:-1])} if recorded_env.boxes else {}
    points = {"point": episode.action["point"]} if "point" in episode.action else {}
    known = observed | windows | points | recorded_agent.stacked()
    seen = {name: part.float().cpu().numpy() for name, part in known.items()}
    belief, scores = episode.belief.cpu().numpy(), None
    if env.scores is not None:
        belief, scores = belief[..., :0], episode.carry_forward(episode.action["score"]).float().cpu().numpy()
    ends, labels, rewards = (one.tolist() for one in (episode.step_mask.sum(0), episode.label, episode.reward.sum(0)))
    return [
        Replay(
            number,
            frames[-1, lane],
            seen["location"][:end, lane],
            seen["patch"][:end, lane],
            belief[:end, lane],
            tuple(label) if isinstance(label, list) else label,
            reward,
            frames[:end, lane] if moves else None,
            env.answers,
            share=seen["share"][:end, lane] if "share" in seen else None,
            boxes=seen["boxes"][:end, lane] if "boxes" in seen else None,
            score=None if scores is None else scores[:end, lane],
            point=seen["point"][:end, lane] if "point" in seen else None,
        )
        for lane, (number, end, label, reward) in enumerate(zip(example, ends, labels, rewards, strict=True))
    ]


def survey(agent: Agent, env: VisualEnv, example: list[int], options: EvaluateOptions) -> Survey:
    """Play many examples of the environment's split, as the evaluation does, and keep locations and answers."""
    numbers = torch.tensor(example, device=env.device)
    batches = numbers.split(min(_BATCH, options.batch))
    parts = [_outline(play_greedily(agent, env, some, options), env) for some in batches]
    labels = torch.cat([part[0] for part in parts]).cpu()
    glimpses, location, answer, confidence, wrong, miss, look, followed = (
        torch.cat(column, min(1, column[0].dim() - 1)).cpu()
        for column in zip(*(part[1:] for part in parts), strict=True)
    )
    scanpath = measure_scanpath(look, followed, sampled=False) if location_matters(agent, env) else None
    return Survey(
        np.array(example),
        labels.numpy(),
        glimpses.numpy(),
        location.numpy(),
        answer.numpy(),
        confidence.numpy(),
        wrong.numpy(),
        scanpath,
        None if env.scores is None else miss.numpy(),
    )


def mean_picture(env: VisualEnv, example: Integers, options: EvaluateOptions) -> Floats:
    """Return the mean of examples' pictures over examples and channels, (H, W) in [0, 1]."""
    numbers = torch.as_tensor(example, device=env.device)
    env.reset(numbers, evaluation_keys(env, options)[numbers])
    mean: Floats = (env.picture().float().mean((0, 1)) / 255).cpu().numpy()
    return mean


def _outline(episode: Episode, env: VisualEnv) -> tuple[Tensor, ...]:
    """Return the columns of a survey from `label` to `miss_after`, and then what `recorded_locations` returns.

    Of answers that are not single classes `answer` is 0.
    """
    asked, wrong = what_is_asked(env), step_errors(episode, env)[0] > 0.5
    answer = torch.zeros_like(episode.step_mask, dtype=torch.int64)
    confidence, miss = torch.ones_like(episode.reward), torch.zeros_like(episode.reward)
    if asked == "classes":
        confidence, answer = episode.belief.max(-1)
    elif asked == "many":
        confidence = torch.maximum(episode.belief, 1 - episode.belief).prod(-1)
    elif asked == "scores":
        miss = (episode.carry_forward(episode.action["score"]).float() - episode.label).abs()
    location = episode.carry_forward(episode.observation["location"].float())
    return (
        episode.label,
        episode.step_mask.sum(0),
        location,
        answer,
        confidence[-1],
        wrong,
        miss,
        *recorded_locations(episode),
    )
