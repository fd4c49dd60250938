"""Base class of environments that open sentences of a store, one at a time, and answer.

Axes: B lanes, E examples, M copies of each (rollouts per example), R lanes that are reset, K candidates, T sentences
that may be opened, Q words of a question, W words of an opened sentence, P words of a candidate, G groups of evidence,
H sentences of a group, D numbers of a vector, V words of the vocabulary, N answers.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.core import Action, EvaluatedEnv, Observation, StepResult
from glimpse.envs.documents.document_store import DocumentStore
from glimpse.envs.documents.options import DocumentSearchOptions
from glimpse.envs.documents.question_data import NOTHING
from glimpse.envs.documents.ranking import (
    Query,
    Searched,
    best,
    bm25_scores,
    cosine_scores,
    evidence_scores,
    first_scores,
    is_among,
    random_scores,
)
from glimpse.envs.documents.searched_words import SearchedWords
from glimpse.envs.documents.sentence_vectors import unit
from glimpse.envs.lane_random import draw_example
from glimpse.envs.meaning import Meaning
from glimpse.envs.text.ragged import PAD
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.text.text_meaning import TextMeaning

_MOST = 1000.0
"""Largest score that is observed."""
_COMMON, _COMMON_SHARE = 100, 20
"""A word is common if it is in more than so many sentences, and in more than one of so many."""


class StoredSentence(NamedTuple):
    """Sentence as people read it.

    text: as it was written. title: of its document. file, line: where it stands; "" and 0 if it is in no file.
    """

    text: str
    title: str
    file: str
    line: int


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


class DocumentEnv(EvaluatedEnv):
    """Environment without its examples; a subclass defines what is asked and searched, and the labels."""

    meaning_kind: ClassVar[type[Meaning]] = TextMeaning
    answers = 1

    def __init__(
        self,
        options: DocumentSearchOptions,
        store: DocumentStore,
        words: SearchedWords,
        classes: tuple[str, ...],
        device: torch.device | str,
    ) -> None:
        """Put the store on the device."""
        self.options, self.store, self.classes = options, store, classes
        self.device = torch.device(device)
        self.vocabulary, self.vectors = words.vocabulary, words.vectors
        self._index = words.bm25.to(self.device)
        self._words = words._replace(
            bm25=self._index,
            is_mark=words.is_mark.to(self.device),
            known_as=words.known_as.to(self.device),
            sentence_words=words.sentence_words.to(self.device),
        )
        self._is_common = self._index.offsets.diff() > max(_COMMON, len(store) // _COMMON_SHARE)
        self._sentences, self._titles = store.sentences.to(self.device), store.titles.to(self.device)
        self._document = store.document.to(self.device)
        self._sentence_vectors = store.vectors.to(self.device)
        self._mean_vector = store.mean_vector.to(self.device)
        self._width = max(options.max_words, options.preview)
        self._at = torch.arange(self._width, device=self.device)
        self.observation_space, self.action_space = self._make_observation_space(), self._make_action_space()

    @property
    def chooses(self) -> bool:
        """Whether an action chooses one of K candidates, not a vector."""
        return self.options.point == "choose"

    def _make_observation_space(self) -> spaces.Dict:
        options, width = self.options, self._sentence_vectors.shape[1]
        last, choices = len(self.vocabulary.words) - 1, options.candidates if self.chooses else 1
        parts: dict[str, spaces.Space[Any]] = {
            "question": spaces.Box(0, last, (options.max_question,), np.int64),
            "opened": spaces.Box(0, last, (options.max_words,), np.int64),
            "time": spaces.Discrete(options.opens + 2),
            "legal": spaces.MultiBinary(1 + choices),
        }
        if self.chooses:
            parts["candidates"] = spaces.Box(0, last, (choices, options.preview), np.int64)
            parts["scores"] = spaces.Box(-_MOST, _MOST, (choices,), np.float32)
            parts["position"] = spaces.Box(0, 1, (choices,), np.float32)
        else:
            parts["question_vector"] = spaces.Box(-2, 2, (width,), np.float32)
            parts["opened_vector"] = spaces.Box(-2, 2, (width,), np.float32)
        return spaces.Dict(parts)

    def _make_action_space(self) -> spaces.Dict:
        choices = self.options.candidates if self.chooses else 1
        parts: dict[str, spaces.Space[Any]] = {"open": spaces.Discrete(1 + choices)}
        if not self.chooses:
            parts["query"] = spaces.Box(-1, 1, (self._sentence_vectors.shape[1],), np.float32)
        return spaces.Dict({**parts, "answer": spaces.Discrete(len(self.classes))})

    @abstractmethod
    def _ask(self, example: Tensor, key: Tensor) -> Asking:
        """Return what begins episodes on examples (R,) with keys (R,)."""

    @abstractmethod
    def other_sentence(self, lane: int, number: int) -> StoredSentence:
        """Return a sentence of a lane that is not in the store, by its number from 0."""

    @property
    def label(self) -> Tensor:
        """True class in each lane, (B,) int64."""
        return self._asking.answer

    @property
    def opened(self) -> Tensor:
        """Sentences that were opened, in order: (B, T) int64, -1 for none; those beside the store follow it."""
        return self._opened

    @property
    def candidates(self) -> Tensor:
        """Sentences that are offered: (B, K) int64, -1 for none."""
        return self._ranked[:, : self.options.candidates]

    @property
    def evidence(self) -> Tensor:
        """Sentences of each group of evidence: (B, G, H) int64, -1 for none."""
        return self._asking.groups

    def draw_example(self, key: Tensor) -> Tensor:
        """Draw an example uniformly for each episode's key: (B,) int64 -> (B,) int64 in [0, examples)."""
        return draw_example(key, self.examples)

    def agent_inputs(self) -> dict[str, Any]:
        """Return the vectors that the words begin with, if there are any."""
        return {} if self.vectors is None else {"vectors": self.vectors}

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether the likeliest answer is not the label: (T, ..., N), (...,) -> (T, ...) bool."""
        return belief.argmax(-1) != label

    def meaning(self) -> TextMeaning:
        """Return what answers and words mean."""
        given = torch.ones(0) if self.vectors is None else self.vectors.given
        return TextMeaning(
            classes=self.classes,
            words=self.vocabulary.words,
            vector_width=None if self.vectors is None else self.vectors.vectors.shape[1],
            without_vector=tuple((~given.bool()).nonzero()[:, 0].tolist()),
            shapes=((self.options.max_question,), (self.options.max_words,)),
        )

    def reset(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes.

        Args:
            example: (E,) int64 in [0, examples).
            key: (E,) int64, the seed of each episode's random numbers.
            copies: number M of episodes on each example; lane e * M + m is copy m of example e.

        Returns:
            The first observation, with a leading axis B.
        """
        self._example, self._key = example.repeat_interleave(copies), key.repeat_interleave(copies)
        lanes = len(self._example)
        self._terminated = torch.zeros(lanes, dtype=torch.bool, device=self.device)
        self._time = torch.zeros_like(self._example)
        self._count, self._read = torch.zeros_like(self._example), torch.zeros_like(self._example)
        self._opened = torch.full((lanes, self.options.opens), NOTHING, device=self.device)
        self._asking = Asking(*(part.repeat_interleave(copies, 0) for part in self._ask(example, key)))
        self._ranked, self._scores = self._rank(self._asking, self._key, self._opened)
        return self._observe()

    def reset_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes, all arguments (R,) int64; returns the observation of all B lanes."""
        self._example = self._example.index_copy(0, lanes, example)
        self._key = self._key.index_copy(0, lanes, key)
        self._terminated = self._terminated.index_fill(0, lanes, False)
        self._time, self._count, self._read = (
            old.index_fill(0, lanes, 0) for old in (self._time, self._count, self._read)
        )
        self._opened = self._opened.index_fill(0, lanes, NOTHING)
        asking = self._ask(example, key)
        self._asking = Asking(*(old.index_copy(0, lanes, new) for old, new in zip(self._asking, asking, strict=True)))
        ranked, scores = self._rank(asking, key, self._opened[lanes])
        self._ranked = self._ranked.index_copy(0, lanes, ranked)
        self._scores = self._scores.index_copy(0, lanes, scores)
        return self._observe()

    def step(self, action: Action) -> StepResult:
        """Open a sentence, or answer.

        Args:
            action: `open` (B,) int64 in [0, K], `answer` (B,) int64; and `query` (B, D) if a vector points.

        Returns:
            The step's result. In terminated lanes nothing changes and the reward is 0.
        """
        active, label, choice = ~self._terminated, self.label, action["open"]
        legal = self._legal().gather(1, choice.unsqueeze(1)).squeeze(1)
        opens = active & legal & (choice > 0)
        ends = active & ~opens
        reward = ends * self._worth(action["answer"], label) - self.options.cost * opens
        # Open.
        sentence = self._pointed_at(action)
        place = self._count.clamp(max=self.options.opens - 1).unsqueeze(1)
        kept = torch.where(opens, sentence, self._opened.gather(1, place).squeeze(1))
        self._opened = self._opened.scatter(1, place, kept.unsqueeze(1))
        shown = self._shown(sentence.unsqueeze(1), self.options.max_words)[:, 0]
        self._read = self._read + (shown != NOTHING).sum(-1) * opens
        self._count, self._time = self._count + opens, self._time + active
        self._terminated = self._terminated | ends
        # Rank what is left.
        if self.options.expand and self.chooses:
            self._ranked, self._scores = self._rank(self._asking, self._key, self._opened)
        else:
            self._ranked, self._scores = self._without_opened()
        return StepResult(self._observe(), reward, self._terminated, label)

    def lane_info(self) -> dict[str, Tensor]:
        """Return the number of opened sentences, words read, and what of the evidence was opened, (B,) each.

        `evidence_found` is whether a whole group was opened, and `evidence_share` the largest share of a group.
        """
        share = self._shares()
        return {
            "opened": self._count,
            "words_read": self._read,
            "evidence_found": share == 1,
            "evidence_share": share,
        }

    def sentence(self, lane: int, number: int) -> StoredSentence:
        """Return a sentence of a lane, by its number as in `opened` and `candidates`."""
        if number >= len(self.store):
            return self.other_sentence(lane, number - len(self.store))
        return StoredSentence(self.store.sentence(number), self.store.title(number), *self.store.where(number))

    def question_text(self, lane: int) -> str:
        """Return a lane's question, as words that are divided by spaces."""
        words, known = self.vocabulary.words, self._known(self._asking.question[lane])
        return " ".join(words[number] for number in known.tolist() if number != PAD)

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane's question and what has been opened, as an RGB picture (height, width, 3) uint8."""
        texts = [seen[-1]["question"]]
        for before, after in zip(seen[:-1], seen[1:], strict=True):
            if (before["opened"] != after["opened"]).any():
                texts.append(after["opened"])
        return draw_page([[self.vocabulary.words[number] for number in text if number != PAD] for text in texts])

    def _worth(self, answer: Tensor, label: Tensor) -> Tensor:
        """Return what ending an episode now is worth: (B,) float32."""
        match self.options.reward:
            case "answer":
                return (answer == label).float()
            case "evidence":
                return (self._shares() == 1).float()
            case "both":
                return ((answer == label) & (self._shares() == 1)).float()

    def _shares(self) -> Tensor:
        """Return the largest share of a group of evidence that was opened: (B,) float32, 0 without evidence."""
        groups = self._asking.groups
        real = groups != NOTHING
        found = is_among(groups.flatten(1), self._opened).view(groups.shape) & real
        return (found.sum(-1) / real.sum(-1).clamp(min=1)).amax(-1)

    def _legal(self) -> Tensor:
        """Return which actions are legal, (B, K + 1) bool: answering always is, and opening what is there."""
        left = (self._count < self.options.opens).unsqueeze(1)
        there = self.candidates != NOTHING if self.chooses else self._ranked[:, :1] != NOTHING
        return torch.cat([torch.ones_like(left), left & there], 1)

    def _pointed_at(self, action: Action) -> Tensor:
        """Return the sentence that an action points at: (B,) int64."""
        if self.chooses:
            place = (action["open"] - 1).clamp(min=0).unsqueeze(1)
            return self.candidates.gather(1, place).squeeze(1)
        searched = self._searched(self._asking)
        scores = cosine_scores(self._sentence_vectors, action["query"].float(), searched)
        return best(scores, searched.numbers(len(scores), self.device), self._opened, 1)[0][:, 0]

    def _searched(self, asking: Asking) -> Searched:
        members = asking.members if asking.members.shape[1] else None
        if not asking.others.shape[1]:
            return Searched(len(self.store), members)
        counted = (asking.others != NOTHING) & ~self._words.is_mark[asking.others.clamp(min=0)]
        return Searched(len(self.store), members, asking.others, counted, self._vectors_of_others(asking))

    def _vectors_of_others(self, asking: Asking) -> Tensor:
        """Return vectors of sentences beside the store, (B, F, D); a subclass that has any defines it."""
        return self._sentence_vectors.new_zeros(*asking.others.shape[:2], self._sentence_vectors.shape[1])

    def _rank(self, asking: Asking, key: Tensor, opened: Tensor) -> tuple[Tensor, Tensor]:
        """Rank the sentences of lanes that were not opened.

        Returns:
            The first K + T sentences, (B, K + T) int64, so that K are left when T of them are opened; and their scores.
        """
        if not self.chooses:  # Nothing is ranked; whether a sentence is left is known from their number.
            first = torch.where(self._room(asking) > (opened != NOTHING).sum(1), 0, NOTHING)
            return first.unsqueeze(1), torch.zeros(len(key), 1, device=self.device)
        searched = self._searched(asking)
        numbers = searched.numbers(len(key), self.device)
        scores = self._scored(asking, key, opened, searched, numbers)
        return best(scores, numbers, opened, self.options.candidates + self.options.opens)

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
                return cosine_scores(self._sentence_vectors, self._query(asking, opened).vector, searched)
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
            shown = self._shown(opened, self.options.max_words, asking.others)
            shown = shown.masked_fill(self._is_common[shown.clamp(min=0)], NOTHING)
            words = torch.cat([words, shown.flatten(1)], 1)
            weights = torch.cat([weights, weights.new_full(shown.flatten(1).shape, self.options.expand)], 1)
            vector = unit(vector + self.options.expand * self._vectors_of(asking, opened).sum(1))
        # A word counts once, at its first place.
        again = (words.unsqueeze(2) == words.unsqueeze(1)).tril(-1).any(2)
        mark = self._words.is_mark[words.clamp(min=0)]
        return Query(words.masked_fill(again | mark, NOTHING), weights, vector)

    def _vectors_of(self, asking: Asking, sentence: Tensor) -> Tensor:
        """Return the vectors of sentences (B, T), zeros for none: (B, T, D)."""
        inside = (sentence != NOTHING) & (sentence < len(self.store))
        found = self._sentence_vectors[sentence.clamp(0, len(self.store) - 1)] * inside.unsqueeze(-1)
        if asking.others.shape[1]:
            beside = sentence >= len(self.store)
            index = (sentence - len(self.store)).clamp(min=0).unsqueeze(-1)
            found = found + self._vectors_of_others(asking).take_along_dim(index, 1) * beside.unsqueeze(-1)
        return found

    def _without_opened(self) -> tuple[Tensor, Tensor]:
        """Return the ranked sentences and their scores without those that were opened, which come last, as none."""
        if not self.chooses:
            return self._rank(self._asking, self._key, self._opened)
        gone = is_among(self._ranked, self._opened)
        order = gone.long().argsort(dim=1, stable=True)
        ranked = self._ranked.masked_fill(gone, NOTHING).gather(1, order)
        return ranked, self._scores.masked_fill(gone, 0).gather(1, order)

    def _shown(self, sentence: Tensor, width: int, others: Tensor | None = None) -> Tensor:
        """Return the first words of sentences, with their titles in front if the task shows them.

        Args:
            sentence: (B, C) int64, `NOTHING` for none.
            width: number of words.
            others: (B, F, L), words of sentences beside the store; by default those of the lanes.

        Returns:
            (B, C, width) int64, `NOTHING` behind the end.
        """
        others = self._asking.others if others is None else others
        at = self._at[:width]
        inside = sentence.clamp(0, len(self.store) - 1)
        document = self._document[inside].long()
        title, begin = self._titles.offsets[document], self._sentences.offsets[inside]
        ahead = (self._titles.offsets[document + 1] - title) * self.options.titles
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

    def _known(self, words: Tensor) -> Tensor:
        """Return the numbers that words have in the vocabulary, `PAD` for none."""
        return self._words.known_as[words.clamp(min=0)].masked_fill(words == NOTHING, PAD)

    def _observe(self) -> Observation:
        last = self._opened.gather(1, (self._count - 1).clamp(min=0).unsqueeze(1))
        question = self._known(self._asking.question)
        width = self.options.max_question - question.shape[1]
        seen = {
            "question": torch.nn.functional.pad(question, (0, width), value=PAD),
            "opened": self._known(self._shown(last, self.options.max_words)[:, 0]),
            "time": self._time,
            "legal": self._legal(),
        }
        if not self.chooses:
            opened = self._vectors_of(self._asking, last)[:, 0]
            return {**seen, "question_vector": self._asking.vector, "opened_vector": opened}
        candidates = self.candidates
        return {
            **seen,
            "candidates": self._known(self._shown(candidates, self.options.preview)),
            "scores": self._scores[:, : self.options.candidates].clamp(-_MOST, _MOST),
            "position": self._positions(candidates),
        }

    def _positions(self, sentence: Tensor) -> Tensor:
        """Return which share of what is searched stands before sentences: (B, K) -> (B, K) float32, 0 for none."""
        members = self._asking.members
        if members.shape[1]:  # They are in the order of the store, and none come last.
            there = members != NOTHING
            before = torch.searchsorted(members.masked_fill(~there, len(self.store)), sentence.contiguous())
            share = before / there.sum(1, keepdim=True).clamp(min=1)
        else:
            share = sentence / len(self.store)
        if self._asking.place.shape[1]:
            index = (sentence - len(self.store)).clamp(min=0)
            share = torch.where(sentence >= len(self.store), self._asking.place.gather(1, index), share)
        return share.clamp(0, 1).masked_fill(sentence == NOTHING, 0).float()


def _taken(tokens: Tensor, index: Tensor) -> Tensor:
    """Return tokens at indices, which are clamped."""
    return tokens[index.clamp(0, max(0, len(tokens) - 1))].long() if len(tokens) else torch.full_like(index, NOTHING)
