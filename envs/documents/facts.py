"""Batched environment for questions about generated facts, hidden among sentences of other texts.

Axes: B lanes, N examples, F facts of a lane, L words of a fact, M sentences of its text.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from glimpse.envs.core import named_labels
from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.documents.document_env import DocumentEnv, StoredSentence
from glimpse.envs.documents.document_store import DocumentStore, empty_store
from glimpse.envs.documents.fact_rules import FactScene, draw_scenes, question_kinds, rule_words, scene_keys
from glimpse.envs.documents.fact_words import ANSWERS, ENTITIES
from glimpse.envs.documents.filler import LEAST, MOST, filler_store
from glimpse.envs.documents.options import FactsOptions
from glimpse.envs.documents.question_data import NOTHING, mean_of_words
from glimpse.envs.documents.searched_words import SearchedWords, kept_words, searched_words
from glimpse.envs.documents.store_search import Asking
from glimpse.envs.lane_random import integers, mix, uniform
from glimpse.envs.text.text_meaning import SearchMeaning, TextMeaning
from glimpse.envs.text.vectors import read_vectors

EXAMPLES = {"train": 100_000, "validation": 1_000, "test": 2_000}
"""Number of examples N of each split."""
_PLACES, _WINDOW, _DISTRACTORS = 31, 32, 33


@dataclass(frozen=True, eq=False)
class FactsData:
    """Store of the sentences of one split, and the words of the rules in it.

    store: the sentences among which facts are hidden.
    words: words of the store and of the rules.
    rules: (R,) int64, the words of `rule_words` among `words`.
    split: its name.
    """

    store: DocumentStore
    words: SearchedWords
    rules: Tensor
    split: Literal["train", "validation", "test"]


class Facts(DocumentEnv):
    """Find the one, two or three generated facts that answer a question, among sentences of other texts, and answer.

    Facts say who is where, who has, gave or sent what, and what was sold when. A text has `words` words: sentences of
    IMDB, AG News, FEVER or a folder, or generated ones, with the facts that the question needs and others in between.
    The answer is one of 90 places, people and objects, and only the needed facts tell it. Training, validation and
    test ask about disjoint sets of facts. An example is a function of (`seed`, its number) alone.

    Candidates are shown before they are opened, with their first P words and at no cost, so that more is read than is
    opened: which of two was sold first can be answered by opening one sentence, since the months stand among the
    candidates.

    Observation: as `glimpse/Evidence-v0`: `question` (Q,), `opened` (W,), `candidates` (K, P), `scores`, `position`,
    `in_document` (all 0) and `title_words` (K,), `legal` (K + 1,) and `time`; or, with `point: query`, the two vectors
    instead of the candidates.
    Action: `open`, 0 to answer, or k to open candidate k; `answer`, the guessed class; with `point: query` also the
    vector `query`.
    Reward: 1 at the end for a right answer, for having opened all needed facts, or for both together (option
    `reward`); less `cost` for each sentence that is opened.
    Start: with a question, and nothing opened. End: by answering, which is the only legal action after T opened
    sentences; an action that is not legal answers.

    Version 0.
    """

    def __init__(self, options: FactsOptions, data: FactsData, *, device: torch.device | str = "cpu") -> None:
        """Put the sentences on the device.

        Args:
            options: the task.
            data: sentences, and words.
            device: where all tensors live.
        """
        super().__init__(options, data.store, data.words, ANSWERS, device)
        self._facts, self._split, self._digest = options, data.split, data.store.facts.digest
        self._rules = data.rules.to(self.device)
        self._answers = torch.tensor([ENTITIES.index(name) for name in ANSWERS], device=self.device)
        self._kinds = question_kinds(options.facts, options.question)
        self._ends = data.store.sentences.offsets.to(self.device)
        # A text is cut from the store, unless it is as long.
        self._last, self._most = _windows(data.store.sentences.offsets.numpy(), options.words)
        self._distractors = options.distractors if self._most else 0

    @staticmethod
    def load_data(
        options: FactsOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
        meaning: TextMeaning | None = None,
    ) -> FactsData:
        """Load the sentences of one split; the words that are known are those of training.

        Raises:
            DataError: if they are missing or damaged, or too few.
        """
        return _facts_data(_reading(options), split, SearchPath.of(root), meaning)

    @staticmethod
    def data_without_examples(options: FactsOptions, meaning: SearchMeaning) -> FactsData | None:
        """Return data of a run without sentences; None for a run of before, the width of whose vectors is unknown."""
        if meaning.sentence_width is None and options.point == "query":
            return None
        store = empty_store(meaning.sentence_width or 1)
        return FactsData(store, kept_words(store, meaning), torch.zeros(0, dtype=torch.int64), "validation")

    @property
    def examples(self) -> int:
        """Number of examples N in the split."""
        return EXAMPLES[self._split] if len(self.store) else 0

    def shown_examples(self) -> Any:
        """Return the digest of the sentences, the options of the questions, and the answers."""
        shown = self._facts.model_dump(include={"facts", "question", "others", "words", "distractors", "seed"})
        labels = self._scene(torch.arange(self.examples, device=self.device)).answer
        return self._digest, self._split, sorted(shown.items()), named_labels(labels, self.classes)

    def other_sentence(self, lane: int, number: int) -> StoredSentence:
        """Return a fact of a lane, which stands in no file."""
        text = self._asking.others[lane, number]
        words = self._search.known(text[text != NOTHING])
        return StoredSentence(" ".join(self.vocabulary.words[word] for word in words.tolist()), "", "", 0)

    def _scene(self, example: Tensor) -> FactScene:
        key = scene_keys(example, self._split, self._facts.seed)
        return draw_scenes(key, self._kinds, self._facts.others, self._split)

    def _ask(self, example: Tensor, key: Tensor) -> Asking:
        scene, drawn = self._scene(example), scene_keys(example, self._split, self._facts.seed)
        question, facts = (self._in_store(text) for text in (scene.question, scene.facts))
        if self._distractors:
            facts = _beside(facts, self._distracting(mix(drawn, _DISTRACTORS), scene, question, facts))
        vector = mean_of_words(self._search.words, question, self._search.mean_vector)
        needed = (scene.needed + len(self.store)).unsqueeze(1)
        members = self._cut(mix(drawn, _WINDOW), (facts != NOTHING).sum((1, 2)))
        place = uniform(mix(drawn, _PLACES), facts.shape[1])
        return Asking(scene.answer, question, vector, needed, members, facts, place)

    def _distracting(self, key: Tensor, scene: FactScene, question: Tensor, facts: Tensor) -> Tensor:
        """Draw the distractors of questions (R, Q), given all facts (R, F, L): (R, `distractors`, W) words.

        Half of them name somebody or something of the needed facts, but not an answer that the question does not name,
        which nothing else may tell; half of them somebody or something of any fact.
        """
        needed = facts.take_along_dim(scene.needed.unsqueeze(-1), 1).flatten(1)
        answer = self._rules[self._answers[scene.answer]].unsqueeze(1)
        told = (needed == answer) & ~(question == answer).any(1, keepdim=True)
        near = self._naming(mix(key, 4), needed.masked_fill(told, NOTHING), self._distractors // 2)
        return torch.cat([near, self._naming(key, facts.flatten(1), self._distractors - near.shape[1])], 1)

    def _naming(self, key: Tensor, words: Tensor, count: int) -> Tensor:
        """Draw sentences of the store that have one of the entities among some words; any, where none has.

        Args:
            key: (R,) int64.
            words: (R, n) int64, `NOTHING` for none.
            count: number of sentences of each.

        Returns:
            (R, `count`, W) int64, their words, `NOTHING` behind the end.
        """
        index = self._search.words.bm25
        known = words.clamp(min=0)
        found = index.offsets[known + 1] - index.offsets[known]
        found = found.masked_fill((words == NOTHING) | ~torch.isin(known, self._rules[: len(ENTITIES)]), 0)
        # Each entity that the store has is as likely.
        share = uniform(mix(key, 1), words.shape[1] * count).view(len(key), count, -1) * (found > 0).unsqueeze(1)
        which = share.argmax(-1)
        drawn = integers(mix(key, 2), count, found.gather(1, which).clamp(min=1))
        at = index.offsets[known.gather(1, which)] + drawn
        other = integers(mix(key, 3), count, len(self.store))
        sentence = torch.where(
            (found > 0).any(1, keepdim=True), index.sentence[at.clamp(max=len(index.sentence) - 1)], other
        )
        return self._search.shown(sentence.long(), self.options.max_words, words.new_zeros(len(key), 0, 1))

    def _in_store(self, text: Tensor) -> Tensor:
        """Return words of rules as words of the store."""
        return torch.where(text >= 0, self._rules[text.clamp(min=0)], NOTHING)

    def _cut(self, key: Tensor, taken: Tensor) -> Tensor:
        """Return the sentences of texts (R, M), which have `words` words less those that are taken by facts (R,)."""
        if not self._most:
            return key.new_zeros(len(key), 0)
        first = (uniform(key, 1)[:, 0] * (self._last + 1)).long()
        end = torch.searchsorted(self._ends, self._ends[first] + self._facts.words - taken, right=True) - 1
        found = first.unsqueeze(1) + torch.arange(self._most, device=self.device)
        return found.masked_fill(found >= end.unsqueeze(1), NOTHING)


def _beside(facts: Tensor, sentences: Tensor) -> Tensor:
    """Return facts (R, F, L) and sentences (R, n, W) side by side, (R, F + n, max(L, W)), `NOTHING` behind the end."""
    width = max(facts.shape[2], sentences.shape[2])
    parts = [torch.nn.functional.pad(part, (0, width - part.shape[2]), value=NOTHING) for part in (facts, sentences)]
    return torch.cat(parts, 1)


def _windows(ends: np.ndarray[Any, np.dtype[np.int64]], words: int) -> tuple[int, int]:
    """Return the last sentence from which texts of so many words can begin, and the most sentences that one has.

    Args:
        ends: (S + 1,), where sentences begin and end among all words.
        words: number of words.

    Returns:
        Both; 0 and 0 where a text is the whole store.
    """
    if words >= LEAST or len(ends) == 1:
        return 0, 0
    first = np.flatnonzero(ends <= ends[-1] - words)
    after = np.searchsorted(ends, ends[first] + words, side="right") - 1
    return int(first[-1]), int((after - first).max())


def _reading(options: FactsOptions) -> FactsOptions:
    """Reduce options to those that affect reading, which are the cache key."""
    given: dict[str, Any] = {}
    for name in ("filler", "words", "distractors", "min_count", "vectors", "unknown_scale", "sentence_vectors"):
        value = getattr(options, name)
        kind, colon, path = value.partition(":") if isinstance(value, str) else ("", "", "")
        # The cache key has to mean the same file after the process changes its working directory.
        given[name] = f"{kind}:{user_path(path, f'task.{name}')}" if colon else value
    usual = {name: field.default for name, field in FactsOptions.model_fields.items() if name != "name"}
    return FactsOptions.model_construct(**{**usual, "name": options.name, **given})


@CachedReader
def _store(options: FactsOptions, split: Literal["train", "validation", "test"], path: SearchPath) -> DocumentStore:
    least = MOST if options.distractors and options.words < LEAST else LEAST
    return filler_store(options.filler, split, options.words, options.sentence_vectors, path, least)


@CachedReader
def _facts_data(
    options: FactsOptions,
    split: Literal["train", "validation", "test"],
    search_path: SearchPath,
    meaning: TextMeaning | None,
) -> FactsData:
    if meaning is None and split == "test":  # Words are known from training, whose sentences are others.
        training = _facts_data(options, "train", search_path, None).words
        meaning = _words_meaning(training)
    store = _store(options, split, search_path)
    rules = rule_words()
    others = [word for word in rules if word not in store.number]
    number = {**store.number, **{word: len(store.words) + place for place, word in enumerate(others)}}
    at = torch.tensor([number[word] for word in rules])
    counts = torch.zeros(len(number), dtype=torch.int64).index_fill(0, at, options.min_count)
    table = read_vectors(options.vectors, search_path)
    words = searched_words(store, others, counts.numpy(), options, table, search_path, meaning)
    return FactsData(store, words, at, split)


def _words_meaning(words: SearchedWords) -> TextMeaning:
    """Return a meaning with these words."""
    return TextMeaning(classes=ANSWERS, words=words.vocabulary.words, vector_width=None, without_vector=(), shapes=())
