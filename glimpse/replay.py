"""Episodes played for pictures: a few in full detail, or a whole split in outline. The agent is always greedy."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.build import use_bfloat16
from glimpse.config import EvaluateOptions
from glimpse.envs.lanes import VisualCore
from glimpse.evaluate import evaluation_keys
from glimpse.rollout import play

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_AT_ONCE = 500
"""Episodes of a survey that are played side by side."""


@dataclass(frozen=True)
class Replay:
    """One episode of t glimpses (t is less than T where the agent stopped early).

    example: its number in the split.
    picture: (C, H, W), the whole image; the agent did not see it.
    place: (t, 2), where each glimpse fell, (x, y) in [-1, 1].
    patch: (t, K, C, P, P) in [0, 1], what the agent saw.
    belief: (t, N), the probability of each class after each glimpse.
    label: the true class.
    """

    example: int
    picture: Bytes
    place: Floats
    patch: Floats
    belief: Floats
    label: int

    @property
    def answer(self) -> int:
        """The class that the agent named at the end."""
        return int(self.belief[-1].argmax())

    @property
    def right(self) -> bool:
        """Whether the answer is the true class."""
        return self.answer == self.label


@dataclass(frozen=True)
class Survey:
    """E episodes in outline; entries after an episode's end repeat its last.

    example: (E,), the numbers in the split.
    label: (E,), the true classes.
    glimpses: (E,), how many each episode took.
    place: (T, E, 2).
    answer: (T, E), the likeliest class after each glimpse.
    confidence: (E,), the probability of the last answer.
    """

    example: Integers
    label: Integers
    glimpses: Integers
    place: Floats
    answer: Integers
    confidence: Floats

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """(E,) bool: whether the last answer is wrong."""
        wrong: NDArray[np.bool_] = self.answer[-1] != self.label
        return wrong

    def error_after_glimpse(self) -> list[float]:
        """Share of wrong answers after each number of glimpses, in percent."""
        return [100 * float(share) for share in (self.answer != self.label).mean(1)]


def evenly(count: int, wanted: int) -> list[int]:
    """At most `wanted` of the numbers 0 to `count` - 1, evenly spread from the first to the last."""
    return [int(number) for number in np.unique(np.linspace(0, count - 1, min(count, wanted)).round())]


def shown_classes(episode: Replay, limit: int = 10) -> list[int]:
    """The classes whose belief is drawn: all; of more than `limit` the five likeliest in the end, and the true one."""
    final = episode.belief[-1]
    if len(final) <= limit:
        return list(range(len(final)))
    likeliest = [int(number) for number in np.argsort(-final, kind="stable")[:5]]
    return likeliest if episode.label in likeliest else [*likeliest, episode.label]


def replay(agent: Agent, world: VisualCore, example: list[int], options: EvaluateOptions) -> list[Replay]:
    """Play the given examples of the world's split, as the evaluation does, and keep all that can be drawn."""
    if not example:
        return []
    episode = _play(agent, world, torch.tensor(example, device=world.device), options)
    pictures = world.picture().cpu().numpy()
    place, patch = (episode.observation[name].float().cpu().numpy() for name in ("location", "glimpse"))
    belief = episode.answer.float().softmax(-1).cpu().numpy()
    ends, labels = episode.taken.sum(0).tolist(), episode.label.tolist()
    return [
        Replay(number, pictures[lane], place[:end, lane], patch[:end, lane], belief[:end, lane], label)
        for lane, (number, end, label) in enumerate(zip(example, ends, labels, strict=True))
    ]


def survey(agent: Agent, world: VisualCore, example: list[int], options: EvaluateOptions) -> Survey:
    """Play many examples of the world's split, as the evaluation does; keep places and answers."""
    numbers = torch.tensor(example, device=world.device)
    parts = [_outline(_play(agent, world, some, options)) for some in numbers.split(_AT_ONCE)]
    label, glimpses, place, answer, confidence = (
        np.concatenate(column, axis) for column, axis in zip(zip(*parts, strict=True), (0, 0, 1, 1, 0), strict=True)
    )
    return Survey(np.array(example), label, glimpses, place, answer, confidence)


def mean_picture(world: VisualCore, example: Integers, options: EvaluateOptions) -> Floats:
    """The mean of the pictures of some examples over examples and channels, (H, W) in [0, 1]."""
    numbers = torch.as_tensor(example, device=world.device)
    world.begin(numbers, evaluation_keys(world, options)[numbers])
    mean: Floats = (world.picture().float().mean((0, 1)) / 255).cpu().numpy()
    return mean


def _play(agent: Agent, world: VisualCore, example: Tensor, options: EvaluateOptions) -> Episode:
    """Greedy episodes on the pictures of the evaluation, in its precision."""
    keys, kind = evaluation_keys(world, options)[example], world.device.type
    with torch.autocast(kind, torch.bfloat16, enabled=use_bfloat16(options.precision, world.device)):
        return play(world, agent, example, keys, greedy=True)


def _outline(episode: Episode) -> Iterator[NDArray[np.generic]]:
    """The columns of a survey, from `label` on."""
    confidence, answer = episode.belief.max(-1)
    place = episode.held(episode.observation["location"].float())
    for column in (episode.label, episode.taken.sum(0), place, answer, confidence[-1]):
        yield column.cpu().numpy()
