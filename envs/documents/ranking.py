"""Ranking of a store's sentences, and of others beside them, for many lanes at once.

Axes: B lanes, S sentences of the store, F others of each lane, M sentences that a lane searches, U = M + F (or S + F
where it searches the whole store), R ranked sentences, W words of a query, L words of a sentence, E numbers of a
vector. The others have the numbers S to S + F - 1.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from glimpse.envs.documents.bm25_index import Bm25Index
from glimpse.envs.documents.question_data import NOTHING
from glimpse.envs.documents.sentence_vectors import unit
from glimpse.envs.lane_random import mix

Ranker = Literal["bm25", "cosine", "random", "first", "gold"]
_EVIDENCE_FIRST = 500.0
"""Added to the score of evidence where it comes first; scores of BM25 are smaller."""
_RANDOM = 71


class Searched(NamedTuple):
    """What each lane searches.

    sentences: number S of the store's sentences.
    members: (B, M) int64, which of them, `NOTHING` for none; None for all.
    others: (B, F, L) int64, words of the others; None for none.
    counted: (B, F, L) bool, False for padding and marks; None for none.
    other_vectors: (B, F, E) float32; None for none.
    """

    sentences: int
    members: Tensor | None = None
    others: Tensor | None = None
    counted: Tensor | None = None
    other_vectors: Tensor | None = None

    def numbers(self, lanes: int, device: torch.device) -> Tensor:
        """Return the number of each of the U sentences: (B, U) int64, `NOTHING` for none; or (1, U), equal for all."""
        inside = torch.arange(self.sentences, device=device)[None] if self.members is None else self.members
        if self.others is None:
            return inside
        after = self.sentences + torch.arange(self.others.shape[1], device=device)
        return torch.cat([inside.expand(lanes, -1), after.expand(lanes, -1)], 1)

    def gather(self, scores: Tensor, others: Tensor | None) -> Tensor:
        """Return scores of the U sentences, given those of the store, (B, S), and of the others, (B, F)."""
        inside = scores if self.members is None else scores.gather(1, self.members.clamp(min=0))
        return inside if others is None else torch.cat([inside, others], 1)


class Query(NamedTuple):
    """What is searched for in each lane.

    words: (B, W) int64, `NOTHING` for none. weights: (B, W) float32. vector: (B, E) float32.
    """

    words: Tensor
    weights: Tensor
    vector: Tensor


def bm25_scores(index: Bm25Index, query: Query, searched: Searched) -> Tensor:
    """Return BM25 of the searched sentences: (B, U) float32."""
    others = None
    if searched.others is not None and searched.counted is not None:
        others = index.scores_of_others(query.words, query.weights, searched.others, searched.counted)
    inside = index.scores(query.words, query.weights, searched.members)
    return inside if others is None else torch.cat([inside, others], 1)


def cosine_scores(vectors: Tensor, vector: Tensor, searched: Searched) -> Tensor:
    """Return the cosine of a vector (B, E) with those of the searched sentences, (S, E) in the store: (B, U)."""
    looked_for = unit(vector)
    others = None
    if searched.other_vectors is not None:
        others = (searched.other_vectors * looked_for.unsqueeze(1)).sum(-1)
    return searched.gather(looked_for @ vectors.T, others)


def random_scores(key: Tensor, numbers: Tensor) -> Tensor:
    """Return random numbers in [0, 1) that depend on a lane's key and a sentence's number: (B,), (B, U) -> (B, U)."""
    drawn = mix(mix(key, _RANDOM).unsqueeze(1), numbers)
    return ((drawn >> 40) & (2**24 - 1)).float() * 2.0**-24


def first_scores(numbers: Tensor, total: int) -> Tensor:
    """Return scores in [0, 1] that fall from the first of `total` sentences to the last: (B, U) -> (B, U)."""
    return 1 - numbers.float() / total


def evidence_scores(scores: Tensor, numbers: Tensor, group: Tensor) -> Tensor:
    """Return scores (B, U) to which much is added where the sentence is in the lane's group (B, M)."""
    return scores + _EVIDENCE_FIRST * is_among(numbers, group)


def is_among(numbers: Tensor, chosen: Tensor) -> Tensor:
    """Return which numbers (B, U) are among the chosen ones (B, M), of which `NOTHING` is none: (B, U) bool."""
    found = torch.zeros(len(chosen), numbers.shape[1], dtype=torch.bool, device=numbers.device)
    for column in chosen.unbind(1):  # A few, of U that may be a whole store.
        found = found | ((numbers == column.unsqueeze(1)) & (column != NOTHING).unsqueeze(1))
    return found


def best(scores: Tensor, numbers: Tensor, opened: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the sentences of the highest scores that were not opened.

    Args:
        scores: (B, U) float32.
        numbers: (B, U) or (1, U) int64, `NOTHING` for none.
        opened: (B, T) int64, `NOTHING` for none.
        count: number R.

    Returns:
        Their numbers, (B, R) int64, `NOTHING` where there are fewer, and their scores, (B, R) float32, 0 there.
    """
    left = scores.masked_fill((numbers == NOTHING) | is_among(numbers, opened), -torch.inf)
    found, place = left.topk(min(count, left.shape[1]), dim=1)
    number = numbers.expand(len(scores), -1).gather(1, place)
    missing = found == -torch.inf
    lacking = (0, count - found.shape[1])
    number = torch.nn.functional.pad(number.masked_fill(missing, NOTHING), lacking, value=NOTHING)
    return number, torch.nn.functional.pad(found.masked_fill(missing, 0), lacking)
