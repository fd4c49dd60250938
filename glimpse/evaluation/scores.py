"""What an agent reaches on a split: each example exactly once, in order; greedy, sampled and averaged."""

import math
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.lane_random import mix
from glimpse.envs.lanes import JudgedCore
from glimpse.envs.text.text_env import TextCore
from glimpse.evaluation.correlation import agreement, fisher
from glimpse.evaluation.diagnostics import Gaze, gaze_matters, looks, measure_gaze
from glimpse.evaluation.keep_rates import KeptWords, attended_words
from glimpse.runs.build import use_bfloat16
from glimpse.runs.rollout import play

_EVALUATION = 51


@dataclass(frozen=True)
class Score:
    """Share of wrong answers, in percent; where scores are asked for, 100 (1 - r) with Pearson's r.

    Where nothing is answered, what was missed of a reward of 1: more than 100 % where rewards are negative.

    error: at the end.
    low, high: 95 % interval over `episodes` independent examples, Wilson's or, of r, Fisher's.
    after_glimpse: error if the answer after each number of glimpses, 1 to T, had counted.
    figures: of scores, their agreement with the true ones by other measures; see `agreement`.
    """

    error: float
    low: float
    high: float
    episodes: int
    after_glimpse: list[float]
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """One agent on one split.

    greedy: the mean place at each step.
    sampled: sampled places, M = 1: the mean over the M episodes of each example, each alone.
    averaged: probabilities averaged over the M episodes of each example.
    glimpses: mean number of glimpses taken by the sampled episodes.
    gaze: where these looked; none where there was nothing to choose.
    kept: where words are chosen, which of them the sampled episodes chose; see `KeptWords.summary`.
    attended: share of words whose weight is not zero, where each word of a text has one.
    seconds: how long the greedy episodes took, one of each example.
    """

    greedy: Score
    sampled: Score
    averaged: Score
    copies: int
    glimpses: float
    gaze: Gaze | None = None
    kept: dict[str, float] = field(default_factory=dict)
    attended: float | None = None
    seconds: float = field(default=0.0, compare=False)


class Measured(NamedTuple):
    """The score by which a checkpoint is chosen, where the agent looked, and the shares of words that it chose."""

    score: Score
    gaze: Gaze | None
    kept: dict[str, float]


class _Played(NamedTuple):
    """All episodes of a split: wrong answers after each glimpse, single and averaged, both (T, N) in [0, 1].

    glimpses: mean number of them. gaze: where the episodes looked. kept: what they chose of the words.
    scored: the scores that M episodes gave and the true ones, (M + 1, N), if any.
    attended: the mean share of words that were. seconds: how long it took.
    """

    single: Tensor
    averaged: Tensor
    glimpses: float
    gaze: Gaze | None
    kept: dict[str, float]
    scored: Tensor | None
    attended: float | None
    seconds: float

    def alone(self) -> "Score":
        """Of each episode by itself."""
        pairs = None if self.scored is None else [self.scored[[copy, -1]] for copy in range(len(self.scored) - 1)]
        return _score(self.single, pairs)

    def together(self) -> "Score":
        """Of what M episodes say on average."""
        pairs = None if self.scored is None else [torch.stack([self.scored[:-1].mean(0), self.scored[-1]])]
        return _score(self.averaged, pairs)


def wilson(wrong: float, episodes: int) -> tuple[float, float]:
    """95 % interval, in percent, for a share of `wrong` (in [0, 1]) out of `episodes` (Wilson, 1927)."""
    z = 1.959964
    centre = wrong + z * z / (2 * episodes)
    spread = z * math.sqrt(wrong * (1 - wrong) / episodes + z * z / (4 * episodes * episodes))
    scale = 100 / (1 + z * z / episodes)
    return max(0.0, (centre - spread) * scale), min(100.0, (centre + spread) * scale)


def normal_interval(missed: Tensor) -> tuple[float, float]:
    """95 % interval, in percent, for the mean of what (N,) examples missed of a reward of 1, which may be below 0."""
    spread = 1.959964 * float(missed.std()) / math.sqrt(len(missed))
    return 100 * (float(missed.mean()) - spread), 100 * (float(missed.mean()) + spread)


def _score(wrong: Tensor, scored: list[Tensor] | None) -> Score:
    """From (T, N) shares of wrong answers after each glimpse, of which the last row counts.

    Where scores are given, from these and the true ones, (2, N) each: the mean of their figures.
    """
    if scored is not None:
        each, episodes = [agreement(given, true) for given, true in scored], scored[0].shape[1]
        figures = {name: sum(one[name] for one in each) / len(each) for name in each[0]}
        low, high = fisher(figures["pearson"], episodes)
        error = 100 * (1 - figures["pearson"])
        return Score(error, 100 * (1 - high), 100 * (1 - low), episodes, [error], figures)
    share, episodes = float(wrong[-1].mean()), wrong.shape[1]
    low, high = wilson(share, episodes) if 0 <= share <= 1 else normal_interval(wrong[-1])
    return Score(100 * share, low, high, episodes, [100 * float(error) for error in wrong.mean(1)])


def evaluation_keys(world: JudgedCore, options: EvaluateOptions) -> Tensor:
    """The key of each example of the world's split, (N,) int64: with it the same picture and first place each time."""
    keys = mix(mix(torch.tensor(options.seed), _EVALUATION), torch.arange(world.examples))
    return keys.to(world.device)


def by_length(world: JudgedCore) -> Tensor:
    """All examples (N,), in order; texts of like lengths side by side, since a batch is as long as its longest."""
    lengths = getattr(world, "lengths", None)
    examples = torch.arange(world.examples) if lengths is None else torch.argsort(lengths, stable=True)
    return examples.to(world.device)


@torch.no_grad()
def _play_all(agent: Agent, world: JudgedCore, options: EvaluateOptions, copies: int, greedy: bool) -> _Played:
    """Play M = `copies` episodes on each example of the world's split."""
    device = world.device
    keys = evaluation_keys(world, options)
    copies = copies if agent.samples else 1  # More would be the same again.
    single, averaged, taken, looked, scored = [], [], [], [], []
    kept, attended, begun = KeptWords(), [], time.perf_counter()
    records = agent.selects > 0 or isinstance(world, TextCore)
    with torch.autocast(device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, device)):
        for example in by_length(world).split(options.batch):
            episode = play(world, agent, example, keys[example], copies=copies, greedy=greedy, record=records)
            alone, together = judge(episode, world)
            single.append(alone)
            averaged.append(together)
            taken.append(episode.taken.sum())
            if "score" in episode.action:
                given = episode.action["score"][-1].view(-1, copies)
                scored.append(torch.cat([given.mT, episode.label[None, ::copies]]))
            kept.add(episode, example, world)
            attended += attended_words(episode)
            if gaze_matters(agent, world):
                looked.append(looks(episode))
    glimpses = float(torch.stack(taken).sum()) / (world.examples * copies)
    gaze = None
    if looked:
        look, followed = (torch.cat(column, 1).cpu() for column in zip(*looked, strict=True))
        gaze = measure_gaze(look, followed, sampled=agent.samples and not greedy)
    alone, together = torch.cat(single, 1).cpu(), torch.cat(averaged, 1).cpu()
    pairs = torch.cat(scored, 1).cpu() if scored else None
    share = float(torch.cat(attended).mean()) if attended else None
    seconds = time.perf_counter() - begun  # All is on the host by now: nothing is still being computed.
    return _Played(alone, together, glimpses, gaze, kept.summary(), pairs, share, seconds)


def judge(episode: Episode, world: JudgedCore) -> tuple[Tensor, Tensor]:
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


def measure_averaged(agent: Agent, world: JudgedCore, options: EvaluateOptions) -> Measured:
    """What a checkpoint is chosen by: the score of probabilities averaged over M sampled episodes."""
    played = _play_all(agent, world, options, options.copies, greedy=False)
    return Measured(played.together(), played.gaze, played.kept)


def measure(agent: Agent, world: JudgedCore, options: EvaluateOptions) -> Scores:
    """All scores of an agent on the split that the world shows.

    The canvases and first places of the split follow from `options.seed`: they do not depend on the batch.
    """
    calm = _play_all(agent, world, options, 1, greedy=True)
    # An agent that draws nothing would do the same again.
    chance = _play_all(agent, world, options, options.copies, greedy=False) if agent.samples else calm
    greedy, sampled, averaged = calm.alone(), chance.alone(), chance.together()
    chosen = (chance.kept, chance.attended, calm.seconds)
    return Scores(greedy, sampled, averaged, options.copies, chance.glimpses, chance.gaze, *chosen)
