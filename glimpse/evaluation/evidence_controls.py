"""Controls that open the first candidates of a ranker: BM25, cosine, random, the first sentences, and gold evidence.

The task's option `ranker` names the ranker. Nothing is trained, so that they stand beside an agent at its own number of
opened sentences. Axes: B lanes, T opened sentences.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from glimpse.envs.live_line import progress_of

RANKERS = ("bm25", "cosine", "random", "first", "gold")


class EvidenceCurve(NamedTuple):
    """What is found when the first T sentences of a ranker are opened, for T from 1 on; means over questions.

    found: (T,) the share of questions whose evidence is complete.
    share: (T,) the largest share of a group of evidence.
    words: (T,) number of words that were read.
    """

    found: tuple[float, ...]
    share: tuple[float, ...]
    words: tuple[float, ...]


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
    sums = torch.zeros(3, most, dtype=torch.float64)
    with progress_of(f"evidence by {env.options.ranker}", len(examples)) as advance:
        for some in examples.split(batch):
            env.reset(some.to(env.device), torch.full_like(some, seed).to(env.device))
            first = torch.ones_like(some).to(env.device)
            for step in range(most):
                env.step({"open": first, "answer": torch.zeros_like(first)})
                info = env.lane_info()
                for row, name in enumerate(("evidence_found", "evidence_share", "words_read")):
                    sums[row, step] += info[name].double().sum().cpu()
            advance(len(some))
    return EvidenceCurve(*(tuple(row) for row in (sums / max(1, len(examples))).tolist()))
