"""Controls that open the first candidates of a ranker: BM25, cosine, random, the first sentences, and gold evidence.

The task's option `ranker` names the ranker. Nothing is trained, so that they stand beside an agent at its own number of
opened sentences. Axes: B lanes, T opened sentences.
"""

from collections.abc import Callable, Iterator
from itertools import islice, repeat
from typing import Any, NamedTuple

import torch
from torch import Tensor

from glimpse.envs.live_line import progress_of
from glimpse.evaluation.sentence_agreement import sentence_agreement

RANKERS = ("bm25", "cosine", "random", "first", "gold")


class EvidenceCurve(NamedTuple):
    """What is found when the first T sentences of a ranker are opened, for T from 1 on; means over questions.

    Where evidence is known for some questions only, means of what is found are over these.

    complete: (T, N) bool, the questions whose evidence is complete.
    f1_of_each: (T, N) float64, F1 of the opened sentences against the evidence.
    found: (T,) their share.
    share: (T,) the largest share of a group of evidence.
    words: (T,) number of words that were read.
    f1: (T,) the mean of that F1.
    """

    complete: Tensor
    f1_of_each: Tensor
    found: tuple[float, ...]
    share: tuple[float, ...]
    words: tuple[float, ...]
    f1: tuple[float, ...]

    @classmethod
    def of(cls, told: Tensor) -> "EvidenceCurve":
        """Return the curve of what was told of N questions after each of T openings, (T, 5, N)."""
        marked = told[-1:, 4:].expand_as(told[:, :4]).clone()
        if not marked.any():
            marked.fill_(1.0)
        marked[:, 2] = 1.0  # Words are read for every question.
        means = (told[:, :4] * marked).sum(2) / marked.sum(2).clamp(min=1)
        return cls(told[:, 0] == 1, told[:, 3], *(tuple(column) for column in means.mT.tolist()))


def told_of_search(env: Any) -> Tensor:
    """Return what each lane has found so far, and whether its evidence is known, (5, B) float64.

    Complete evidence, largest share, words, and F1.
    """
    info = env.lane_info()
    agreement = sentence_agreement(env.opened, env.evidence, env.sentence_lengths)
    names = ("evidence_found", "evidence_share", "words_read")
    columns = (*(info[name] for name in names), agreement.sentence_f1, env.has_evidence)
    return torch.stack([column.double() for column in columns]).cpu()


def evidence_curve(env: Any, examples: Tensor, most: int, batch: int = 64, seed: int = 0) -> EvidenceCurve:
    """Open the first candidate again and again.

    Args:
        env: an environment that offers candidates and may open as many sentences; see
            `glimpse.envs.documents.document_env.DocumentEnv`.
        examples: (N,) int64, the questions.
        most: number T of sentences.
        batch: questions at once.
        seed: seed of a random order.

    Raises:
        ValueError: if the environment may not open as many.
    """
    if env.options.opens < most or env.options.point != "choose":
        raise ValueError(f"opening {most} candidates needs task.point=choose and task.opens={most} or more")

    def choices(some: Tensor) -> Iterator[Tensor]:
        env.reset(some, torch.full_like(some, seed))
        yield from repeat(torch.zeros_like(some))

    return curve_of(env, examples, most, batch, f"evidence by {env.options.ranker}", choices)


def curve_of(
    env: Any, examples: Tensor, most: int, batch: int, what: str, choices: Callable[[Tensor], Iterator[Tensor]]
) -> EvidenceCurve:
    """Open chosen candidates.

    Args:
        env: as for `evidence_curve`.
        examples: (N,) int64, the questions.
        most: number T of sentences.
        batch: questions B at once.
        what: names the progress.
        choices: asks questions (B,), and yields which candidate (B,) int64 is opened in each lane, from 0, T times or
            more.
    """
    told = torch.zeros(most, 5, 0, dtype=torch.float64)
    with progress_of(what, len(examples)) as advance:
        for some in examples.split(batch):
            steps = []
            for chosen in islice(choices(some.to(env.device)), most):
                env.step({"open": chosen + 1, "answer": torch.zeros_like(chosen)})
                steps.append(told_of_search(env))
            told = torch.cat([told, torch.stack(steps)], 2)
            advance(len(some))
    return EvidenceCurve.of(told)
