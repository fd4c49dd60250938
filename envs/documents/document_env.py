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
from glimpse.envs.documents.first_rankings import Ranked
from glimpse.envs.documents.options import DocumentSearchOptions
from glimpse.envs.documents.question_data import NOTHING
from glimpse.envs.documents.ranking import best, cosine_scores, is_among
from glimpse.envs.documents.searched_words import SearchedWords
from glimpse.envs.documents.store_search import Asking, StoreSearch
from glimpse.envs.lane_random import draw_example
from glimpse.envs.meaning import Meaning
from glimpse.envs.text.ragged import PAD
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.text.text_meaning import SearchMeaning

_MOST = 1000.0
"""Largest score that is observed."""


class StoredSentence(NamedTuple):
    """Sentence as people read it.

    text: as it was written. title: of its document. file, line: where it stands; "" and 0 if it is in no file.
    """

    text: str
    title: str
    file: str
    line: int


class DocumentEnv(EvaluatedEnv):
    """Environment without its examples; a subclass defines what is asked and searched, and the labels.

    knows_answers: whether the labels are right answers, not zeros in their place.
    """

    meaning_kind: ClassVar[type[Meaning]] = SearchMeaning
    answers = 1
    knows_answers = True

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
        self._search = StoreSearch(options, store, words, self.device)
        self._offsets = store.sentences.offsets.to(self.device)
        self.observation_space, self.action_space = self._make_observation_space(), self._make_action_space()

    @property
    def chooses(self) -> bool:
        """Whether an action chooses one of K candidates, not a vector."""
        return self.options.point == "choose"

    def _make_observation_space(self) -> spaces.Dict:
        options, width = self.options, self._search.vectors.shape[1]
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
            parts["in_document"] = spaces.Box(0, 1, (choices,), np.float32)
            parts["title_words"] = spaces.Box(0, options.preview, (choices,), np.int64)
        else:
            parts["question_vector"] = spaces.Box(-2, 2, (width,), np.float32)
            parts["opened_vector"] = spaces.Box(-2, 2, (width,), np.float32)
        return spaces.Dict(parts)

    def _make_action_space(self) -> spaces.Dict:
        choices = self.options.candidates if self.chooses else 1
        parts: dict[str, spaces.Space[Any]] = {"open": spaces.Discrete(1 + choices)}
        if not self.chooses:
            parts["query"] = spaces.Box(-1, 1, (self._search.vectors.shape[1],), np.float32)
        return spaces.Dict({**parts, "answer": spaces.Discrete(len(self.classes))})

    @abstractmethod
    def _ask(self, example: Tensor, key: Tensor) -> Asking:
        """Return what begins episodes on examples (R,) with keys (R,)."""

    @abstractmethod
    def other_sentence(self, lane: int, number: int) -> StoredSentence:
        """Return a sentence of a lane that is not in the store, by its number from 0."""

    def _first_ranked(self, example: Tensor, asking: Asking, key: Tensor, opened: Tensor) -> Ranked:
        """Rank the sentences with which episodes begin, before any was opened; see `StoreSearch.rank`."""
        return self._search.rank(asking, key, opened)

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

    def meaning(self) -> SearchMeaning:
        """Return what answers and words mean."""
        given = torch.ones(0) if self.vectors is None else self.vectors.given
        return SearchMeaning(
            classes=self.classes,
            words=self.vocabulary.words,
            vector_width=None if self.vectors is None else self.vectors.vectors.shape[1],
            without_vector=tuple((~given.bool()).nonzero()[:, 0].tolist()),
            shapes=((self.options.max_question,), (self.options.max_words,)),
            sentence_width=self._search.vectors.shape[1],
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
        asking = self._ask(example, key)
        # Copies of an example begin alike, so that each is ranked once.
        ranked = self._first_ranked(example, asking, key, self._opened[::copies])
        self._asking = Asking(*(part.repeat_interleave(copies, 0) for part in asking))
        self._ranked, self._scores = (part.repeat_interleave(copies, 0) for part in ranked)
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
        ranked, scores = self._first_ranked(example, asking, key, self._opened[lanes])
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
            self._ranked, self._scores = self._search.rank(self._asking, self._key, self._opened)
        else:
            self._ranked, self._scores = self._without_opened()
        return StepResult(self._observe(), reward, self._terminated, label)

    @property
    def has_evidence(self) -> Tensor:
        """Whether the evidence of each lane's question is known, (B,) bool."""
        return (self._asking.groups != NOTHING).flatten(1).any(1)

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

    def teaching(self) -> dict[str, Tensor]:
        """Return what a teacher would do who knows the evidence.

        Returns:
            `right` (B, K + 1) bool, the actions `open` that are right: to open what is missing of a group of evidence
            of which the least is missing, or to answer once a group is complete; none where nothing is known to be
            right. With `point: query` also `vector` (B, D) of a sentence that is missing.
        """
        groups = self._asking.groups
        real = groups != NOTHING
        missing = real & ~is_among(groups.flatten(1), self._opened).view(groups.shape)
        left = torch.where(real.any(-1), missing.sum(-1), groups.shape[-1] + 1)
        fewest = left.amin(-1, keepdim=True)
        wanted = groups.masked_fill(~missing | (left != fewest).unsqueeze(-1), NOTHING).flatten(1)
        if self.chooses:
            opens = is_among(self.candidates, wanted)
        else:
            opens = (wanted != NOTHING).any(-1, keepdim=True)
        right = {"right": torch.cat([fewest == 0, opens], 1) & self._legal()}
        if self.chooses:
            return right
        first = wanted.gather(1, (wanted != NOTHING).long().argmax(1, keepdim=True))
        return {**right, "vector": self._search.vectors_of(self._asking, first)[:, 0]}

    def sentence(self, lane: int, number: int) -> StoredSentence:
        """Return a sentence of a lane, by its number as in `opened` and `candidates`."""
        if number >= len(self.store):
            return self.other_sentence(lane, number - len(self.store))
        return StoredSentence(self.store.sentence(number), self.store.title(number), *self.store.where(number))

    def nearest(self, query: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return the sentences that were not opened and whose vectors are nearest to queries.

        Args:
            query: (B, D) float32.
            count: number C of sentences.

        Returns:
            Their numbers, (B, C) int64, -1 for none, and their cosines, (B, C) float32.
        """
        searched = self._search.searched(self._asking, True)
        scores = cosine_scores(self._search.vectors, query, searched)
        return best(scores, searched.numbers(len(scores), self.device), self._opened, count)

    def sentence_lengths(self, sentences: Tensor) -> Tensor:
        """Return the number of words of sentences of the lanes, without titles: (B, C) int64 -> (B, C), 0 for none."""
        offsets = self._offsets
        inside = sentences.clamp(0, max(0, len(self.store) - 1))
        found = (offsets[inside + 1] - offsets[inside]) * (sentences != NOTHING)
        if self._asking.others.shape[1]:
            beside = (self._asking.others != NOTHING).sum(-1)
            of_others = beside.gather(1, (sentences - len(self.store)).clamp(min=0))
            found = torch.where(sentences >= len(self.store), of_others, found)
        return found

    def words_read(self, sentences: Tensor, most: int | None = None) -> Tensor:
        """Return how many of these words are read, the first ones, when a sentence is opened: (B, C) int64 -> (B, C).

        With `most`: when so many words of title and sentence are shown.
        """
        room = ((self.options.max_words if most is None else most) - self._search.title_words(sentences)).clamp(min=0)
        return self.sentence_lengths(sentences).minimum(room)

    def question_text(self, lane: int) -> str:
        """Return a lane's question; by default as known words that are divided by spaces."""
        words, known = self.vocabulary.words, self._search.known(self._asking.question[lane])
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
        return self._search.nearest(self._asking, action["query"].float(), self._opened)

    def _without_opened(self) -> tuple[Tensor, Tensor]:
        """Return the ranked sentences and their scores without those that were opened, which come last, as none."""
        if not self.chooses:
            return self._search.rank(self._asking, self._key, self._opened)
        gone = is_among(self._ranked, self._opened)
        order = gone.long().argsort(dim=1, stable=True)
        ranked = self._ranked.masked_fill(gone, NOTHING).gather(1, order)
        return ranked, self._scores.masked_fill(gone, 0).gather(1, order)

    def _observe(self) -> Observation:
        last = self._opened.gather(1, (self._count - 1).clamp(min=0).unsqueeze(1))
        question = self._search.known(self._asking.question)
        width = self.options.max_question - question.shape[1]
        seen = {
            "question": torch.nn.functional.pad(question, (0, width), value=PAD),
            "opened": self._search.known(self._shown(last, self.options.max_words)[:, 0]),
            "time": self._time,
            "legal": self._legal(),
        }
        if not self.chooses:
            opened = self._search.vectors_of(self._asking, last)[:, 0]
            return {**seen, "question_vector": self._asking.vector, "opened_vector": opened}
        candidates = self.candidates
        return {
            **seen,
            "candidates": self._search.known(self._shown(candidates, self.options.preview)),
            "scores": self._scores[:, : self.options.candidates].clamp(-_MOST, _MOST),
            "position": self._search.positions(self._asking, candidates),
            "in_document": self._search.in_document(self._asking, candidates),
            "title_words": self._search.title_words(candidates).clamp(max=self.options.preview),
        }

    def _shown(self, sentence: Tensor, width: int) -> Tensor:
        """Return the first words of sentences (B, C) of the lanes: (B, C, width) int64, `NOTHING` for none."""
        return self._search.shown(sentence, width, self._asking.others)
