"""BM25 (Robertson and Zaragoza, 2009) of all sentences of a store, for many queries at once.

The library bm25s computes the index (Lucene's variant, k1 = 1.5, b = 0.75): for each word the sentences that contain
it, each with what the word adds to its score. Axes: B queries, Q words of a query, S sentences, V words, P postings, F
sentences that are not in the store, L their words.
"""

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.text.corpus import offsets_of

K1, B = 1.5, 0.75
NONE = -1
"""Stands for no word in a query."""


@dataclass(frozen=True, eq=False)
class Bm25Index:
    """Index of S sentences.

    gain: (P,) float32, what a word adds to a sentence's score.
    sentence: (P,) int32, the sentence of each posting.
    offsets: (V + 1,) int64: word v has the postings from offsets[v] to before offsets[v + 1].
    sentences: number S of sentences.
    mean_length: mean number of words of a sentence.
    """

    gain: Tensor
    sentence: Tensor
    offsets: Tensor
    sentences: int
    mean_length: float

    @cached_property
    def idf(self) -> Tensor:
        """Inverse document frequency of each word, log(1 + (S - n + 1/2) / (n + 1/2)): (V,) float32."""
        count = self.offsets.diff().float()
        return torch.log1p((self.sentences - count + 0.5) / (count + 0.5))

    def with_words(self, words: int) -> "Bm25Index":
        """Return the index with further words, which occur in no sentence."""
        last = self.offsets[-1:].expand(words)
        return Bm25Index(self.gain, self.sentence, torch.cat([self.offsets, last]), self.sentences, self.mean_length)

    def to(self, device: torch.device) -> "Bm25Index":
        """Return the index on another device."""
        parts = (self.gain.to(device), self.sentence.to(device), self.offsets.to(device))
        return Bm25Index(*parts, self.sentences, self.mean_length)

    @cached_property
    def _keys(self) -> Tensor:
        """Word * S + sentence of each posting, which ascends: (P,) int64."""
        word = torch.repeat_interleave(self.offsets.diff())
        return word * self.sentences + self.sentence

    def scores(self, words: Tensor, weights: Tensor, members: Tensor | None = None) -> Tensor:
        """Score all sentences for queries, or those that each query searches.

        Args:
            words: (B, Q) int64, `NONE` for no word.
            weights: (B, Q) float32, how much each word counts; 0 removes one.
            members: (B, M) int64, which sentences each query searches, ascending, `NONE` behind the last; None for all.

        Returns:
            (B, S) float32, or (B, M), the sum over words of their weight times what they add.
        """
        asked = (words != NONE) & (weights != 0)
        begin, end = self._postings(words.clamp(min=0), members)
        length = (end - begin).masked_fill(~asked, 0).flatten()
        # One row for each posting of each query's words: to which query and word it belongs, and which posting it is.
        row = torch.repeat_interleave(length)
        within = torch.arange(len(row), device=row.device) - (length.cumsum(0) - length)[row]
        posting = begin.flatten()[row] + within
        query = row // max(1, words.shape[1])
        sentence, gain = self.sentence[posting].long(), self.gain[posting] * weights.flatten()[row]
        if members is None:
            width, cell = self.sentences, query * self.sentences + sentence
        else:
            width, (cell, is_member) = members.shape[1], self._cells(members, query, sentence)
            gain = gain * is_member
        found = torch.zeros(len(words) * width, device=row.device)
        found.index_add_(0, cell, gain)
        return found.view(len(words), width)

    def _cells(self, members: Tensor, query: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor]:
        """Return where among all members (B, M), flattened, sentences of queries stand, and which are members.

        Args:
            members: as for `scores`.
            query: (R,), the query of each posting.
            sentence: (R,), the sentence of each posting.

        Returns:
            (R,) int64, any number in [0, B * M) for one that is none, and (R,) bool.
        """
        steps = self.sentences + 1  # Of one ascending row of query * (S + 1) + sentence, where S stands for none.
        begins = torch.arange(len(members), device=members.device).unsqueeze(1) * steps
        row = (begins + members.masked_fill(members == NONE, self.sentences)).flatten()
        wanted = query * steps + sentence
        cell = torch.searchsorted(row, wanted).clamp(max=len(row) - 1)
        return cell, row[cell] == wanted

    def _postings(self, known: Tensor, members: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return where the postings of words (B, Q) begin and end, from the first member to the last if there are any.

        Args:
            known: words.
            members: as for `scores`.

        Returns:
            (B, Q) and (B, Q), int64.
        """
        if members is None:
            return self.offsets[known], self.offsets[known + 1]
        first, last = members[:, :1].clamp(min=0), members.amax(1, keepdim=True)
        begin = torch.searchsorted(self._keys, known * self.sentences + first)
        end = torch.searchsorted(self._keys, known * self.sentences + last, right=True)
        return begin, torch.where(last == NONE, begin, end)

    def scores_of_others(self, words: Tensor, weights: Tensor, others: Tensor, counted: Tensor) -> Tensor:
        """Score sentences that are not in the store, by its frequencies of words.

        Args:
            words: (B, Q) int64, as for `scores`, none twice.
            weights: (B, Q) float32, as for `scores`.
            others: (B, F, L) int64, the words of F sentences for each query.
            counted: (B, F, L) bool, False for padding and marks.

        Returns:
            (B, F) float32.
        """
        length = counted.sum(-1, keepdim=True)
        times = _occurrences(words, others, counted)
        gain = times / (times + K1 * (1 - B + B * length / self.mean_length))
        known = words.clamp(min=0)
        worth = self.idf[known] * weights * (words != NONE)
        # Added word by word: a sum's rounding would depend on how many words other queries have.
        parts = torch.nn.functional.pad(gain * worth.unsqueeze(1), (1, 0))
        return parts.cumsum(-1)[..., -1]


def _occurrences(words: Tensor, texts: Tensor, counted: Tensor) -> Tensor:
    """Count how often texts have words: (B, Q), (B, F, L) and (B, F, L) bool -> (B, F, Q) float32."""
    ordered, column = words.sort(1)
    flat = texts.flatten(1)
    place = torch.searchsorted(ordered, flat).clamp(max=words.shape[1] - 1)
    found = (ordered.gather(1, place) == flat) & counted.flatten(1)
    at = column.gather(1, place).view(texts.shape)
    times = torch.zeros(*texts.shape[:2], words.shape[1], device=words.device)
    return times.scatter_add_(2, at, found.view(texts.shape).float())


def build_index(words: NDArray[np.int32], offsets: NDArray[np.int64], vocabulary: int) -> Bm25Index:
    """Compute the index of sentences by bm25s.

    Args:
        words: (M,) the words of all sentences, concatenated, without marks.
        offsets: (S + 1,), where sentences begin and end.
        vocabulary: number V of words.
    """
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    flat, ends = words.tolist(), offsets.tolist()
    texts = [flat[begin:end] for begin, end in zip(ends[:-1], ends[1:], strict=True)]
    model = bm25s.BM25(k1=K1, b=B, method="lucene")
    model.index((texts, {str(word): word for word in range(vocabulary)}), show_progress=False)
    # bm25s numbers only words that occur.
    counts = np.zeros(vocabulary, np.int64)
    found = np.diff(np.asarray(model.scores["indptr"], np.int64))
    counts[: len(found)] = found
    return Bm25Index(
        torch.from_numpy(np.asarray(model.scores["data"], np.float32)),
        torch.from_numpy(np.asarray(model.scores["indices"], np.int32)),
        torch.from_numpy(offsets_of(counts)),
        len(texts),
        float(np.diff(offsets).mean()),
    )
