"""Search in a store, and in sentences beside it, for the lanes of an environment: ranking, pointing, and what is shown.

Axes: B lanes, R lanes that are reset, K candidates, T sentences that may be opened, C sentences that are shown, Q words
of a question, G groups of evidence, H sentences of a group, F sentences beside the store, L words of one, M sentences
that are searched, D numbers of a vector.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from glimpse.envs.documents.document_store import DocumentStore
from glimpse.envs.documents.options import DocumentSearchOptions
from glimpse.envs.documents.question_data import NOTHING, mean_of_words
from glimpse.envs.documents.ranking import (
    Query,
    Searched,
    best,
    bm25_scores,
    cosine_scores,
    evidence_scores,
    first_scores,
    random_scores,
)
from glimpse.envs.documents.searched_words import SearchedWords
from glimpse.envs.documents.sentence_vectors import unit
from glimpse.envs.text.ragged import PAD

_COMMON, _COMMON_SHARE = 100, 20
"""A word is common if it is in more than so many sentences, and in more than one of so many."""


class Asking(NamedTuple):
    """What begins the episodes of R lanes.

    answer: (R,) int64, the right answer.
    question: (R, Q) int64, words of `SearchedWords`, `NOTHING` for none.
    vector: (R, D) float32.
    groups: (R, G, H) int64, sentences of each group of evidence, `NOTHING` for none.
    members: (R, M) int64, sentences of the store that are searched; (R, 0) for all.
    others: (R, F, L) int64, words of sentences beside the store; (R, 0, 1) for none.
    place: (R, F) float32 in [0, 1], where they stand among the searched ones.
    """

    answer: Tensor
    question: Tensor
    vector: Tensor
    groups: Tensor
    members: Tensor
    others: Tensor
    place: Tensor


class StoreSearch:
    """Store on a device, with what ranks and shows its sentences.

    words: words of the store and of questions. vectors: (S, D) float32 of its sentences.
    """

    def __init__(
        self, options: DocumentSearchOptions, store: DocumentStore, words: SearchedWords, device: torch.device
    ) -> None:
        """Put the store on the device."""
        self.options, self.store, self.device = options, store, device
        self.words = words._replace(
            bm25=words.bm25.to(device),
            is_mark=words.is_mark.to(device),
            known_as=words.known_as.to(device),
            sentence_words=words.sentence_words.to(device),
        )
        self._index = self.words.bm25
        self._is_common = self._index.offsets.diff() > max(_COMMON, len(store) // _COMMON_SHARE)
        self._sentences, self._titles = store.sentences.to(device), store.titles.to(device)
        self._document, self._first = store.document.to(device), store.first.to(device)
        self.vectors, self.mean_vector = store.vectors.to(device), store.mean_vector.to(device)
        self._at = torch.arange(max(options.max_words, options.preview), device=device)

    def searched(self, asking: Asking, with_vectors: bool) -> Searched:
        """Return what each lane searches, with the vectors of sentences beside the store if they are compared."""
        members = asking.members if asking.members.shape[1] else None
        if not asking.others.shape[1]:
            return Searched(len(self.store), members)
        counted = (asking.others != NOTHING) & ~self.words.is_mark[asking.others.clamp(min=0)]
        vectors = self._vectors_of_others(asking) if with_vectors else None
        return Searched(len(self.store), members, asking.others, counted, vectors)

    def _vectors_of_others(self, asking: Asking) -> Tensor:
        """Return vectors of sentences beside the store, (B, F, D)."""
        return mean_of_words(self.words, asking.others, self.mean_vector)

    def rank(self, asking: Asking, key: Tensor, opened: Tensor) -> tuple[Tensor, Tensor]:
        """Rank the sentences of lanes that were not opened.

        Returns:
            The first K + T sentences, (B, K + T) int64, so that K are left when T of them are opened; and their scores.
        """
        if self.options.point == "query":  # Nothing is ranked; whether a sentence is left is known from their number.
            first = torch.where(self._room(asking) > (opened != NOTHING).sum(1), 0, NOTHING)
            return first.unsqueeze(1), torch.zeros(len(key), 1, device=self.device)
        searched = self.searched(asking, self.options.ranker == "cosine")
        numbers = searched.numbers(len(key), self.device)
        scores = self._scored(asking, key, opened, searched, numbers)
        return best(scores, numbers, opened, self.options.candidates + self.options.opens)

    def nearest(self, asking: Asking, query: Tensor, opened: Tensor) -> Tensor:
        """Return the sentence whose vector is nearest to a query, of those that were not opened: (B, D) -> (B,)."""
        searched = self.searched(asking, True)
        scores = cosine_scores(self.vectors, query, searched)
        return best(scores, searched.numbers(len(scores), self.device), opened, 1)[0][:, 0]

    def _room(self, asking: Asking) -> Tensor:
        """Return how many sentences each lane searches: (B,) int64."""
        others = (asking.others != NOTHING).any(-1).sum(-1)
        if not asking.members.shape[1]:
            return others + len(self.store)
        return others + (asking.members != NOTHING).sum(-1)

    def _scored(self, asking: Asking, key: Tensor, opened: Tensor, searched: Searched, numbers: Tensor) -> Tensor:
        """Return the ranker's scores of all searched sentences: (B, U) float32."""
        match self.options.ranker:
            case "bm25":
                return bm25_scores(self._index, self._query(asking, opened), searched)
            case "cosine":
                return cosine_scores(self.vectors, self._query(asking, opened).vector, searched)
            case "random":
                return random_scores(key, numbers)
            case "first":
                total = len(self.store) + asking.others.shape[1]
                return first_scores(numbers, total).expand(len(key), -1)
            case "gold":
                scores = bm25_scores(self._index, self._query(asking, opened), searched)
                return evidence_scores(scores, numbers, self._smallest_group(asking))

    def _smallest_group(self, asking: Asking) -> Tensor:
        """Return the sentences of a group with the fewest of them: (B, H) int64."""
        size = (asking.groups != NOTHING).sum(-1)
        smallest = torch.where(size > 0, size, asking.groups.shape[-1] + 1).argmin(-1)
        return asking.groups.take_along_dim(smallest[:, None, None], 1)[:, 0]

    def _query(self, asking: Asking, opened: Tensor) -> Query:
        """Return what is searched for: the question, and with `expand` words of opened sentences."""
        words = asking.question
        weights = torch.ones(words.shape, device=self.device)
        vector = asking.vector
        if self.options.expand:
            shown = self.shown(opened, self.options.max_words, asking.others)
            shown = shown.masked_fill(self._is_common[shown.clamp(min=0)], NOTHING)
            # A sentence that is longer than the question counts as much as a sentence of its length.
            count = (shown != NOTHING).sum(-1, keepdim=True).clamp(min=1)
            asked = (words != NOTHING).sum(1).view(-1, 1, 1)
            shares = (self.options.expand * (asked / count).clamp(max=1)).expand(shown.shape)
            words, weights = torch.cat([words, shown.flatten(1)], 1), torch.cat([weights, shares.flatten(1)], 1)
            any_word = (words != NOTHING).any(0)  # Most columns are padding in all lanes.
            words, weights = words[:, any_word], weights[:, any_word]
            if self.options.ranker == "cosine":
                vector = unit(vector + self.options.expand * self.vectors_of(asking, opened).sum(1))
        mark = self.words.is_mark[words.clamp(min=0)]
        return Query(words.masked_fill(_stood_before(words) | mark, NOTHING), weights, vector)

    def vectors_of(self, asking: Asking, sentence: Tensor) -> Tensor:
        """Return the vectors of sentences (B, T), zeros for none: (B, T, D)."""
        inside = (sentence != NOTHING) & (sentence < len(self.store))
        found = self.vectors[sentence.clamp(0, len(self.store) - 1)] * inside.unsqueeze(-1)
        if asking.others.shape[1]:
            beside = sentence >= len(self.store)
            index = (sentence - len(self.store)).clamp(min=0).unsqueeze(-1)
            found = found + self._vectors_of_others(asking).take_along_dim(index, 1) * beside.unsqueeze(-1)
        return found

    def shown(self, sentence: Tensor, width: int, others: Tensor) -> Tensor:
        """Return the first words of sentences, with their titles in front if the task shows them.

        Args:
            sentence: (B, C) int64, `NOTHING` for none.
            width: number of words.
            others: (B, F, L), words of sentences beside the store.

        Returns:
            (B, C, width) int64, `NOTHING` behind the end.
        """
        at = self._at[:width]
        inside = sentence.clamp(0, len(self.store) - 1)
        document = self._document[inside].long()
        title, begin = self._titles.offsets[document], self._sentences.offsets[inside]
        ahead = self.title_words(sentence)
        length = ahead + self._sentences.offsets[inside + 1] - begin
        of_title = _taken(self._titles.tokens, title.unsqueeze(-1) + at)
        of_text = _taken(self._sentences.tokens, begin.unsqueeze(-1) + at - ahead.unsqueeze(-1))
        words = torch.where(at < ahead.unsqueeze(-1), of_title, of_text)
        there = (sentence != NOTHING) & (sentence < len(self.store))
        words = words.masked_fill((at >= length.unsqueeze(-1)) | ~there.unsqueeze(-1), NOTHING)
        if others.shape[1]:
            index = (sentence - len(self.store)).clamp(min=0).unsqueeze(-1)
            beside = torch.nn.functional.pad(others, (0, max(0, width - others.shape[2])), value=NOTHING)[..., :width]
            is_other = (sentence >= len(self.store)).unsqueeze(-1)
            words = torch.where(is_other, beside.take_along_dim(index, 1), words)
        return words

    def title_words(self, sentence: Tensor) -> Tensor:
        """Return how many words of a title are shown in front of sentences: (B, C) int64 -> (B, C) int64."""
        inside = (sentence != NOTHING) & (sentence < len(self.store))
        document = self._document[sentence.clamp(0, len(self.store) - 1)].long()
        length = self._titles.offsets[document + 1] - self._titles.offsets[document]
        return length * inside * self.options.titles

    def in_document(self, asking: Asking, sentence: Tensor) -> Tensor:
        """Return 1 for the first sentence of a document, 1/2 for the second and so on; 0 for none: (B, K) float32.

        It is 0 for all where some stand beside the store's documents, which it would tell from the others.
        """
        if asking.others.shape[1]:
            return torch.zeros(sentence.shape, device=self.device)
        inside = (sentence != NOTHING) & (sentence < len(self.store))
        number = sentence.clamp(0, len(self.store) - 1)
        return inside / (1 + number - self._first[self._document[number].long()])

    def known(self, words: Tensor) -> Tensor:
        """Return the numbers that words have in the vocabulary, `PAD` for none."""
        return self.words.known_as[words.clamp(min=0)].masked_fill(words == NOTHING, PAD)

    def positions(self, asking: Asking, sentence: Tensor) -> Tensor:
        """Return which share of what is searched stands before sentences: (B, K) -> (B, K) float32, 0 for none."""
        members = asking.members
        if members.shape[1]:  # They are in the order of the store, and none come last.
            there = members != NOTHING
            before = torch.searchsorted(members.masked_fill(~there, len(self.store)), sentence.contiguous())
            share = before / there.sum(1, keepdim=True).clamp(min=1)
        else:
            share = sentence / len(self.store)
        if asking.place.shape[1]:
            index = (sentence - len(self.store)).clamp(min=0)
            share = torch.where(sentence >= len(self.store), asking.place.gather(1, index), share)
        return share.clamp(0, 1).masked_fill(sentence == NOTHING, 0).float()


def _stood_before(words: Tensor) -> Tensor:
    """Return where words (B, Q) stand that stood before in their row: (B, Q) bool."""
    ordered, place = words.sort(dim=1, stable=True)
    again = torch.nn.functional.pad(ordered[:, 1:] == ordered[:, :-1], (1, 0))
    return torch.zeros_like(again).scatter(1, place, again)


def _taken(tokens: Tensor, index: Tensor) -> Tensor:
    """Return tokens at indices, which are clamped."""
    return tokens[index.clamp(0, max(0, len(tokens) - 1))].long() if len(tokens) else torch.full_like(index, NOTHING)
