"""Greedy searches in documents that never stop early: what an agent opens, and when it would have answered.

Which sentence is likeliest does not depend on the logit of answering. So a search that goes on as long as any sentence
can be opened holds the agent's own search, which ends earlier, and those of every bias that is added to this logit.
Axes: B lanes, N questions, T sentences that may be opened, S = T + 1 steps, K candidates, C answers.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from glimpse.agents.ability_questions import decides_when_to_answer
from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.core import EvaluatedEnv
from glimpse.envs.documents.question_data import NOTHING
from glimpse.envs.lane_random import mix, normal
from glimpse.envs.live_line import progress_of
from glimpse.evaluation.scores import evaluation_keys
from glimpse.evaluation.sentence_agreement import SentenceAgreement, sentence_agreement
from glimpse.runs.build import use_bfloat16

_COLUMNS = ("evidence_found", "evidence_share", "opened", "words_read")


class SearchStep(NamedTuple):
    """Step of a search, before a sentence is opened; each (B, ...).

    observation: what was seen.
    policy: (B, K + 1), probability of answering, and of opening each candidate.
    margin: (B,), by how much the logit of answering is above that of the likeliest sentence; infinite without any.
    belief: (B, C), probability of each answer.
    action: the likeliest sentence is opened, if there is any.
    attention: (B, K), weights by which soft attention reads the candidates; None if it does not.
    over: (B,) bool, whether the search was over before, as no sentence was left; nothing is read any more then, and
        the belief stays.
    """

    observation: dict[str, Tensor]
    policy: Tensor
    margin: Tensor
    belief: Tensor
    action: dict[str, Tensor]
    attention: Tensor | None
    over: Tensor


class WalkedSearch(NamedTuple):
    """Searches for N questions that never stop early, on the CPU.

    margin: (S, N), see `SearchStep`.
    belief: (S, N, C), probability of each answer after 0 to T sentences.
    label: (N,) int64.
    marked: (N,) bool, whether evidence is known.
    found: (S, N) bool, whether a whole group of evidence was opened.
    share: (S, N), the largest share of a group.
    opened: (S, N) int64, number of sentences that were opened; a question may have fewer than T.
    words: (S, N), number of words that were read.
    f1: (S, N), F1 of the opened sentences against the evidence.
    without: (N, C), probability of each answer after the T sentences without those that the agent would open.
    agreement: of the sentences that the agent would open with the evidence, (N,) each.
    """

    margin: Tensor
    belief: Tensor
    label: Tensor
    marked: Tensor
    found: Tensor
    share: Tensor
    opened: Tensor
    words: Tensor
    f1: Tensor
    without: Tensor
    agreement: SentenceAgreement

    @property
    def judged(self) -> Tensor:
        """Which questions' evidence is compared, (N,) bool: those where it is known, or all if it is known for none."""
        return self.marked if bool(self.marked.any()) else torch.ones_like(self.marked)

    def stops(self, bias: float = 0.0) -> Tensor:
        """Return after how many sentences the agent answers, (N,) int64, with `bias` added to that logit."""
        return (self.margin + bias >= 0).long().argmax(0)


def search_steps(agent: Agent, env: Any, example: Tensor, key: Tensor) -> Iterator[SearchStep]:
    """Yield the T + 1 steps of greedy searches that open a sentence as long as any may be opened.

    A step is yielded before it is taken, so that the environment shows what was seen.

    Args:
        agent: an agent that decides when to answer.
        env: an environment that searches documents.
        example: (B,) int64.
        key: (B,) int64, random keys.
    """
    observation = env.reset(example, key)
    memory, belief = agent.initial_memory(observation), torch.zeros(())
    over = torch.zeros_like(example, dtype=torch.bool)
    for time in range(env.options.opens + 1):
        decision, after = agent(observation, memory)
        memory = torch.where(over.unsqueeze(1), memory, after)
        logits = decision.move_logits.float()
        best, place = logits[:, 1:].max(1)
        there = observation["legal"][:, 1:].any(1)
        action = agent.act(decision, normal(mix(key, time), agent.noise_width), True)  # Some controls draw.
        likeliest = torch.where(action["open"] > 0, action["open"], place + 1)
        action = {**action, "open": torch.where(there, likeliest, 0)}
        margin = torch.where(there, logits[:, 0] - best, torch.inf)
        now = decision.answer.float().softmax(-1)
        belief = torch.where(over.unsqueeze(1), belief, now) if time else now
        attention = decision.activations.get("attention")
        yield SearchStep(observation, logits.softmax(-1), margin, belief, action, attention, over)
        observation, over = env.step(action).observation, over | ~there


@torch.no_grad()
def walk(agent: Agent, env: EvaluatedEnv, options: EvaluateOptions) -> WalkedSearch | None:
    """Search for all questions of the environment's split.

    Returns:
        The searches; None if the agent searches no documents, or has not learned when to answer.
    """
    if not decides_when_to_answer(agent):
        return None
    keys, parts = evaluation_keys(env, options), list[WalkedSearch]()
    autocast = torch.autocast(env.device.type, torch.bfloat16, enabled=use_bfloat16(options.precision, env.device))
    with autocast, progress_of("searches without a stop", env.examples) as advance:
        for example in torch.arange(env.examples, device=env.device).split(options.batch):
            parts.append(_walk_batch(agent, env, example, keys[example]))
            advance(len(example))
    return WalkedSearch(*(_joined([getattr(part, name) for part in parts], name) for name in WalkedSearch._fields))


def _joined(parts: Sequence[Any], name: str) -> Any:
    """Return a field of all batches."""
    if name == "agreement":
        return SentenceAgreement(*(torch.cat(column) for column in zip(*parts, strict=True)))
    return torch.cat(list(parts), 0 if name in ("label", "marked", "without") else 1)


def _walk_batch(agent: Agent, env: Any, example: Tensor, key: Tensor) -> WalkedSearch:
    steps, told = [], []
    for step in search_steps(agent, env, example, key):
        steps.append(step)
        told.append(env.lane_info())
    margin, belief = (torch.stack([getattr(step, name) for step in steps]) for name in ("margin", "belief"))
    found, share, opened, words = (torch.stack([info[name] for info in told]) for name in _COLUMNS)
    stop = (margin >= 0).long().argmax(0)
    agreement = _agreement(env, stop)
    f1 = torch.stack([_agreement(env, torch.full_like(stop, count)).sentence_f1 for count in range(len(steps))])
    without = _belief_without(agent, steps, stop)
    return WalkedSearch(
        margin.cpu(),
        belief.cpu(),
        env.label.cpu(),
        env.has_evidence.cpu(),
        found.cpu(),
        share.cpu(),
        opened.cpu(),
        words.cpu(),
        f1.cpu(),
        without.cpu(),
        SentenceAgreement(*(column.cpu() for column in agreement)),
    )


def _agreement(env: Any, count: Tensor) -> SentenceAgreement:
    """Return the agreement of the first sentences that were opened, (B,) of them, with the evidence."""
    later = torch.arange(env.opened.shape[1], device=count.device) >= count[:, None]
    return sentence_agreement(env.opened.masked_fill(later, NOTHING), env.evidence, env.sentence_lengths)


def _belief_without(agent: Agent, steps: Sequence[SearchStep], stop: Tensor) -> Tensor:
    """Return the answers (B, C) of an agent that reads the question and what was opened after step `stop` (B,)."""
    memory, belief = agent.initial_memory(steps[0].observation), torch.zeros(0, device=stop.device)
    for number, step in enumerate(steps):
        decision, after = agent(step.observation, memory)
        reads = ((number > stop) & ~step.over).unsqueeze(1)
        reads = reads if number else torch.ones_like(reads)
        memory = torch.where(reads, after, memory)
        now = decision.answer.float().softmax(-1)
        belief = torch.where(reads, now, belief) if number else now
    return belief
