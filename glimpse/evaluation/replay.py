"""Episodes played for pictures: a few in full detail, or a whole split in outline. The agent is always greedy."""

from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.agents.agent import Agent, Memory
from glimpse.agents.episode import Decision, Episode
from glimpse.agents.vision.readout import Sight
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.lanes import Core, CoreStep, VisualCore
from glimpse.evaluation.diagnostics import Gaze, gaze_matters, looks, measure_gaze
from glimpse.evaluation.scores import evaluation_keys, judge
from glimpse.runs.build import use_bfloat16
from glimpse.runs.rollout import play

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

Result = TypeVar("Result")

_AT_ONCE = 500
"""Episodes of a survey that are played side by side."""


@dataclass(frozen=True)
class Replay:
    """One episode of t glimpses (t is less than T where the agent stopped early).

    example: its number in the split.
    picture: (C, H, W), the whole image as it was in the end; the agent did not see it.
    place: (t, 2), where each glimpse fell, (x, y) in [-1, 1].
    patch: (t, K, C, P, P) in [0, 1], what the agent saw; of a picture that is shown whole, what it read.
    belief: (t, N), the probability of each class after each glimpse; N is 0 where nothing is answered.
    label: the true class, or several; see `VisualCore.answers`.
    reward: what the episode earned.
    frames: (t, C, H, W), the whole image at each glimpse, where it moves.
    answers: how many classes were asked for, one after the other.
    share: (t, H, W) in [0, 1], how much of what was read was from each pixel, where the picture is shown whole.
    boxes: (t, K, 4), what the patches then cover: left, top, right and bottom, in pixels.
    """

    example: int
    picture: Bytes
    place: Floats
    patch: Floats
    belief: Floats
    label: int
    reward: float = 0.0
    frames: Bytes | None = None
    answers: int = 1
    share: Floats | None = None
    boxes: Floats | None = None

    @property
    def true(self) -> tuple[int, ...]:
        """The classes that would have been right, in their order."""
        classes = self.belief.shape[1]
        return tuple(self.label // classes**place % classes for place in reversed(range(self.answers)))

    @property
    def said(self) -> tuple[int, ...]:
        """The classes that the agent named, in their order."""
        return tuple(int(belief.argmax()) for belief in self._last_beliefs())

    @property
    def confidence(self) -> float:
        """The probability that the agent gave to all that it named."""
        return float(np.prod([belief.max() for belief in self._last_beliefs()]))

    @property
    def right(self) -> bool:
        """Whether the answers are right; where nothing is answered, whether the reward of 1 was earned."""
        return self.said == self.true if self.answers else self.reward > 0.5

    def _last_beliefs(self) -> list[Floats]:
        """The belief behind each answer that counted, (N,)."""
        return [self.belief[len(self.belief) * (number + 1) // self.answers - 1] for number in range(self.answers)]


@dataclass(frozen=True)
class Survey:
    """E episodes in outline; entries after an episode's end repeat its last.

    example: (E,), the numbers in the split.
    label: (E,), the true classes, or numbers that hold several.
    glimpses: (E,), how many each episode took.
    place: (T, E, 2).
    answer: (T, E), the likeliest class after each glimpse; zero where nothing is answered.
    confidence: (E,), the probability of the last answer.
    wrong_after: (T, E) bool, whether the answer after each glimpse would be wrong; where nothing is answered (1, E),
        whether the episode failed.
    gaze: where the looks fell; none where there was nothing to choose.
    """

    example: Integers
    label: Integers
    glimpses: Integers
    place: Floats
    answer: Integers
    confidence: Floats
    wrong_after: NDArray[np.bool_]
    gaze: Gaze | None = None

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """(E,) bool: whether the last answer is wrong, or the episode failed."""
        wrong: NDArray[np.bool_] = self.wrong_after[-1]
        return wrong

    def error_after_glimpse(self) -> list[float]:
        """Share of wrong answers after each number of glimpses, in percent."""
        return [100 * float(share) for share in self.wrong_after.mean(1)]


def evenly(count: int, wanted: int) -> list[int]:
    """At most `wanted` of the numbers 0 to `count` - 1, evenly spread from the first to the last."""
    return [int(number) for number in np.unique(np.linspace(0, count - 1, min(count, wanted)).round())]


def shown_classes(episode: Replay, limit: int = 10) -> list[int]:
    """The classes whose belief is drawn: all; of more than `limit` the five likeliest in the end, and the true ones."""
    final = episode.belief[-1]
    if len(final) <= limit:
        return list(range(len(final)))
    likeliest = [int(number) for number in np.argsort(-final, kind="stable")[:5]]
    return list(dict.fromkeys([*likeliest, *episode.true]))


def replay(agent: Agent, world: VisualCore, example: list[int], options: EvaluateOptions) -> list[Replay]:
    """Play the given examples of the world's split, as the evaluation does, and keep all that can be drawn."""
    if not example:
        return []
    film, witness = _Film(world), _Witness(agent)
    episode = _play(witness, world, torch.tensor(example, device=world.device), options, film)
    frames = torch.stack(film.frames).cpu().numpy()  # (T + 1, E, C, H, W)
    moves = bool((frames != frames[0]).any())
    known = {"place": episode.observation["location"], "patch": episode.observation["glimpse"], **witness.seen()}
    seen = {name: part.float().cpu().numpy() for name, part in known.items()}
    belief = episode.answer.float().softmax(-1).cpu().numpy()
    ends, labels, rewards = (one.tolist() for one in (episode.taken.sum(0), episode.label, episode.reward.sum(0)))
    return [
        Replay(
            number,
            frames[-1, lane],
            seen["place"][:end, lane],
            seen["patch"][:end, lane],
            belief[:end, lane],
            label,
            reward,
            frames[:end, lane] if moves else None,
            world.answers,
            *(seen[name][:end, lane] if name in seen else None for name in ("share", "boxes")),
        )
        for lane, (number, end, label, reward) in enumerate(zip(example, ends, labels, rewards, strict=True))
    ]


def survey(agent: Agent, world: VisualCore, example: list[int], options: EvaluateOptions) -> Survey:
    """Play many examples of the world's split, as the evaluation does; keep places and answers."""
    numbers = torch.tensor(example, device=world.device)
    parts = [_outline(_play(agent, world, some, options), world) for some in numbers.split(_AT_ONCE)]
    label, glimpses, place, answer, confidence, wrong, look, followed = (
        torch.cat(column, min(1, column[0].dim() - 1)).cpu() for column in zip(*parts, strict=True)
    )
    gaze = measure_gaze(look, followed, sampled=False) if gaze_matters(agent, world) else None
    return Survey(
        np.array(example),
        label.numpy(),
        glimpses.numpy(),
        place.numpy(),
        answer.numpy(),
        confidence.numpy(),
        wrong.numpy(),
        gaze,
    )


def mean_picture(world: VisualCore, example: Integers, options: EvaluateOptions) -> Floats:
    """The mean of the pictures of some examples over examples and channels, (H, W) in [0, 1]."""
    numbers = torch.as_tensor(example, device=world.device)
    world.begin(numbers, evaluation_keys(world, options)[numbers])
    mean: Floats = (world.picture().float().mean((0, 1)) / 255).cpu().numpy()
    return mean


class _Film:
    """A world that keeps what it shows: a picture of all lanes, (E, C, H, W), at the start and after each step."""

    def __init__(self, world: VisualCore) -> None:
        self.world, self.frames = world, list[Tensor]()

    @property
    def label(self) -> Tensor:
        return self.world.label

    def begin(self, example: Tensor, key: Tensor, copies: int = 1) -> dict[str, Tensor]:
        return self._kept(self.world.begin(example, key, copies))

    def step(self, action: dict[str, Tensor]) -> CoreStep:
        return self._kept(self.world.step(action))

    def _kept(self, result: Result) -> Result:
        self.frames.append(self.world.picture())
        return result


class _Witness:
    """An agent that keeps what it reads at each step, where it can tell."""

    def __init__(self, agent: Agent) -> None:
        self.agent, self.steps, self.sights = agent, agent.steps, list[Sight]()
        self.begin, self.act, self.select, self.selects = agent.begin, agent.act, agent.select, agent.selects
        self.hurries = agent.hurries

    def __call__(self, observation: dict[str, Tensor], memory: Memory) -> tuple[Decision, Memory]:
        if (sight := self.agent.sight(observation, memory)) is not None:
            self.sights.append(sight)
        return cast(tuple[Decision, Memory], self.agent(observation, memory))

    def seen(self) -> dict[str, Tensor]:
        """Each part of its sights, (T, E, ...), by name; nothing of an agent that is shown glimpses."""
        if not self.sights:
            return {}
        return dict(zip(Sight._fields, map(torch.stack, zip(*self.sights, strict=True)), strict=True))


def _play(
    agent: Agent | _Witness, world: VisualCore, example: Tensor, options: EvaluateOptions, film: _Film | None = None
) -> Episode:
    """Greedy episodes on the pictures of the evaluation, in its precision."""
    keys, kind = evaluation_keys(world, options)[example], world.device.type
    with torch.autocast(kind, torch.bfloat16, enabled=use_bfloat16(options.precision, world.device)):
        return play(cast(Core, film or world), cast(Agent, agent), example, keys, greedy=True)


def _outline(episode: Episode, world: VisualCore) -> tuple[Tensor, ...]:
    """The columns of a survey from `label` on, and in place of its gaze the looks and which a glimpse followed."""
    if world.classes:
        confidence, answer = episode.belief.max(-1)
    else:
        answer = torch.zeros_like(episode.taken, dtype=torch.int64)
        confidence = torch.ones_like(episode.reward)
    place, wrong = episode.held(episode.observation["location"].float()), judge(episode, world)[0] > 0.5
    return episode.label, episode.taken.sum(0), place, answer, confidence[-1], wrong, *looks(episode)
