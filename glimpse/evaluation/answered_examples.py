"""Answer to each example of a split, kept while episodes are played: a few numbers each, however many classes."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.agents.episode import Episode
from glimpse.envs.core import EvaluatedEnv
from glimpse.evaluation.scores import EpisodeStatistics, step_errors
from glimpse.evaluation.search_statistics import found_by_example

Columns = dict[str, NDArray[Any]]
"""Arrays of N examples, by name, in the order of the split.

Classes: `label` and `answer` (N, A) int32 of the A answers of an episode, `confidence` (N, A) float32, the probability
of the answer, and `single_wrong` (N,) float32, the share of the M single episodes that were wrong. Scores: `true` and
`predicted` (N,) float32. Several labels of C: `labels` (N, C) int8, the true ones, and `probabilities` (N, C) float32.
Else `reward` (N,) float32, the return. Where documents are searched, also `evidence_found`, `evidence_share`, `opened`
and `words_read` (N,) float32; and of agents that decide when to answer `found_at_2` and so on, see `found_columns`.
"""


class AnsweredExamples(EpisodeStatistics):
    """Collector of answers, around the collector of other statistics.

    Of M episodes on each example, class probabilities, scores and rewards are averaged.
    """

    def __init__(self, inner: EpisodeStatistics, env: EvaluatedEnv) -> None:
        """Make a collector without episodes."""
        self._inner, self._env, self.record = inner, env, inner.record
        self._parts: list[dict[str, Tensor]] = []

    def add(self, episode: Episode, example: Tensor) -> None:
        """Add M episodes on each of E examples."""
        self._inner.add(episode, example)
        self._parts.append({"example": example, **_answers(episode, self._env), **found_by_example(episode, self._env)})

    def summary(self, greedy: bool) -> dict[str, Any]:
        """Return the inner collector's statistics."""
        return self._inner.summary(greedy)

    def columns(self) -> Columns:
        """Return the answers in the order of the examples."""
        found = {name: torch.cat([part[name] for part in self._parts]).cpu() for name in self._parts[0]}
        order = torch.argsort(found.pop("example"))
        return {name: np.ascontiguousarray(column[order].numpy()) for name, column in found.items()}


def _answers(episode: Episode, env: EvaluatedEnv) -> dict[str, Tensor]:
    """Return the columns of E examples."""
    copies, label = episode.copies, episode.label[:: episode.copies]
    if "score" in episode.action:
        given = episode.carry_forward(episode.action["score"])[-1].float().view(-1, copies).mean(-1)
        return {"true": label.float(), "predicted": given}
    if "labels" in episode.action:
        return {"labels": label.to(torch.int8), "probabilities": episode.belief[-1].unflatten(0, (-1, copies)).mean(1)}
    if not (env.classes and env.answers):
        return {"reward": episode.reward.sum(0).view(-1, copies).mean(-1).float()}
    # The answers are given at equal intervals of steps, the last one at the end.
    steps, classes = len(episode.answer), len(env.classes)
    times = torch.arange(1, env.answers + 1, device=label.device) * steps // env.answers - 1
    confidence, answer = episode.belief[times].unflatten(1, (-1, copies)).mean(2).max(-1)
    places = classes ** torch.arange(env.answers - 1, -1, -1, device=label.device)
    digits = label[:, None] // places % classes
    return {
        "label": digits.int(),
        "answer": answer.mT.int(),
        "confidence": confidence.mT.float(),
        "single_wrong": step_errors(episode, env)[0][-1].float(),
    }
