"""Paths through a store of sentences: what an agent was offered, what it thought of it, and what it opened.

Axes: B questions, K candidates, C answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.documents.document_env import StoredSentence
from glimpse.envs.documents.question_data import NOTHING
from glimpse.evaluation.scores import evaluation_keys
from glimpse.evaluation.search_walk import SearchStep, search_steps
from glimpse.runs.build import use_bfloat16

Weights = Literal["probability", "cosine", "attention"]
"""What stands beside a sentence: probability of opening it, cosine with the query, or soft attention's weight."""


def cut_of(words_read: int, words: int) -> str:
    """Return how much of a sentence was read, in words; "" if all of it."""
    return f"(the first {words_read:,} of {words:,} words were read)" if words_read < words else ""


def beginning(text: str, letters: int) -> str:
    """Return a text, cut behind a word where it has more letters."""
    return text if len(text) <= letters else f"{text[:letters].rsplit(' ', 1)[0]} ..."


class OfferedSentence(NamedTuple):
    """Sentence that could be opened, or that soft attention read.

    sentence: its text, and where it stands.
    weight: see `StorePath.weights`.
    marked: whether it is in a group of evidence.
    opened: whether it was opened now.
    attended: whether soft attention read it.
    words: how many words it has, marks among them.
    words_read: how many of them, the first ones, are read by who opens it.
    """

    sentence: StoredSentence
    weight: float
    marked: bool
    opened: bool
    attended: bool
    words: int
    words_read: int

    @property
    def cut(self) -> str:
        """How much of it was read, in words; "" if it was not read, or read whole."""
        return cut_of(self.words_read, self.words) if self.opened or self.attended else ""


class PathStep(NamedTuple):
    """Step of a path.

    offered: sentences that could be opened, the likeliest first.
    left_out: number of further ones.
    answers: probability of answering now.
    belief: (C,), probability of each answer so far.
    """

    offered: tuple[OfferedSentence, ...]
    left_out: int
    answers: float
    belief: NDArray[np.float32]


@dataclass(frozen=True)
class StorePath:
    """Path of a greedy agent for one question.

    question: its text.
    steps: one for each opened sentence, and the last one, in which it answers.
    label: the right answer; None where nobody knows it.
    weights: what stands beside the sentences: probability of opening, cosine with a query, or soft attention's weight.
    complete: whether a whole group of evidence was opened.
    marked: whether any evidence is known.
    """

    question: str
    steps: tuple[PathStep, ...]
    label: int | None
    weights: Weights
    complete: bool
    marked: bool

    @property
    def opened(self) -> list[OfferedSentence]:
        """The opened sentences, in order."""
        return [one for step in self.steps for one in step.offered if one.opened]

    @property
    def attended(self) -> list[OfferedSentence]:
        """The sentences that soft attention weighted most, the heaviest first; none for an agent that opens."""
        return list(self.steps[-1].offered) if self.weights == "attention" else []

    @property
    def belief(self) -> NDArray[np.float32]:
        """Probability of each answer, (C,)."""
        return self.steps[-1].belief

    @property
    def answered(self) -> int:
        """The likeliest answer."""
        return int(self.belief.argmax())

    @property
    def right(self) -> bool:
        """Whether the answer is right, and the evidence complete where any is known."""
        return self.answered == self.label and (self.complete or not self.marked)


@torch.no_grad()
def store_paths(
    agent: Agent, env: Any, options: EvaluateOptions, examples: Sequence[int], offered: int = 6
) -> list[StorePath]:
    """Search greedily for some questions, one of each lane.

    Args:
        agent: an agent that searches documents.
        env: its environment; see `glimpse.envs.documents.document_env.DocumentEnv`.
        options: options of the evaluation, for its precision.
        examples: B questions.
        offered: most sentences of a step; what is opened is among them.
    """
    example = torch.tensor(list(examples), device=env.device)
    kept = [list[PathStep]() for _ in examples]
    weights: Weights = "probability" if env.chooses else "cosine"
    running = torch.ones(len(example), dtype=torch.bool)
    complete = torch.zeros(len(example), dtype=torch.bool)
    with torch.autocast(env.device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, env.device)):
        for step in search_steps(agent, env, example, evaluation_keys(env, options)[example]):
            ends = (step.margin >= 0).cpu()
            found = env.lane_info()["evidence_found"].cpu()
            complete = torch.where(running, found, complete)
            weights = weights if step.attention is None else "attention"
            numbers, beside = _offered(env, step, offered)
            may = step.observation["legal"][:, 1:].any(1, keepdim=True)
            numbers = numbers.masked_fill(~may, NOTHING)  # As many were opened as may be.
            shown_words = None if step.attention is None else env.options.preview
            columns = (numbers, beside, env.sentence_lengths(numbers), env.words_read(numbers, shown_words))
            rows = [part.tolist() for part in columns]
            for lane in running.nonzero()[:, 0].tolist():
                shown = [row[lane] for row in rows]
                kept[lane].append(_step(env, step, lane, shown, not ends[lane]))
            running &= ~ends
            if not running.any():
                break
    labels, known = env.label.tolist(), env.has_evidence.tolist()
    return [
        StorePath(
            env.question_text(lane),
            tuple(steps),
            labels[lane] if env.knows_answers else None,
            weights,
            bool(complete[lane]),
            known[lane],
        )
        for lane, steps in enumerate(kept)
    ]


def _offered(env: Any, step: SearchStep, most: int) -> tuple[Tensor, Tensor]:
    """Return sentences that could be opened, (B, O) int64, and their weights; the one of the action comes first.

    With soft attention they are those that it weights most.
    """
    if not env.chooses:
        numbers, cosines = env.nearest(step.action["query"], most)
        return numbers, cosines
    weights = step.policy[:, 1:] if step.attention is None else step.attention
    chosen = (step.action["open"] - 1).clamp(min=0).unsqueeze(1)
    first = weights.scatter(1, chosen, torch.inf) if step.attention is None else weights
    place = first.topk(min(most, weights.shape[1]), dim=1).indices
    return env.candidates.gather(1, place), weights.gather(1, place)


def _step(env: Any, step: SearchStep, lane: int, shown: Sequence[Sequence[Any]], opens: bool) -> PathStep:
    """Return a step of one lane, in which the first sentence may be opened.

    Args:
        env: the environment.
        step: the step of all lanes.
        lane: which one.
        shown: of each sentence its number, its weight, how many words it has, and how many of them are read.
        opens: whether the first sentence is opened.
    """
    marked = set(env.evidence[lane].flatten().tolist()) - {NOTHING}
    attends = step.attention is not None
    there = int((env.candidates[lane] != NOTHING).sum()) if env.chooses else 0
    offered = tuple(
        OfferedSentence(env.sentence(lane, number), weight, number in marked, opens and place == 0, attends, *words)
        for place, (number, weight, *words) in enumerate(zip(*shown, strict=True))
        if number != NOTHING
    )
    belief = step.belief[lane].cpu().numpy()
    return PathStep(offered, max(0, there - len(offered)) if offered else 0, float(step.policy[lane, 0]), belief)
