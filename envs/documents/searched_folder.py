"""Questions of a user's own about a folder of documents, for an agent that was trained on others.

Axes: B lanes, N questions, Q words of a question.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from glimpse.envs.data.sources import SearchPath
from glimpse.envs.documents.document_env import DocumentEnv, StoredSentence
from glimpse.envs.documents.document_store import DocumentStore
from glimpse.envs.documents.document_words import words_of_question
from glimpse.envs.documents.options import DocumentSearchOptions
from glimpse.envs.documents.question_data import NOTHING, mean_of_words, padded
from glimpse.envs.documents.searched_words import SearchedWords, searched_words
from glimpse.envs.documents.sentence_vectors import load_encoder
from glimpse.envs.documents.store_build import folder_store
from glimpse.envs.documents.store_search import Asking
from glimpse.envs.text.corpus import numbering
from glimpse.envs.text.text_meaning import TextMeaning
from glimpse.envs.text.vectors import read_vectors
from glimpse.envs.text.vocabulary import UNKNOWN


class AskedWords(NamedTuple):
    """Words of a question, marks among them: how many it has, how many are read, and those read that a run lacks."""

    words: int
    read: int
    unknown: tuple[str, ...]


class SearchedFolder(DocumentEnv):
    """Search of all documents of a folder for N questions, whose answers nobody knows: the label of each is 0.

    It shows what `glimpse/Evidence-v0` and `glimpse/Facts-v0` show.

    unknown: how many of the folder's different words the run does not know, of how many, and their share of all words.
    asked: the words of each question.
    """

    knows_answers = False

    def __init__(
        self,
        options: DocumentSearchOptions,
        meaning: TextMeaning,
        folder: str,
        questions: Sequence[str],
        *,
        root: str | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Take the store of the folder from the cache, or build it.

        Args:
            options: the task of the run.
            meaning: the classes and words of the run.
            folder: the folder.
            questions: N questions, of one word or more.
            root: data folder, for word vectors.
            device: where all tensors live.

        Raises:
            DataError: there is no such folder, or no document in it can be read.
        """
        search_path = SearchPath.of(root)
        store, options = searched_store(options, folder, root), _without_answers(options)
        number = numbering()
        number |= store.number
        asked = [[number[word] for word in words_of_question(one)] for one in questions]
        spelled = list(number)
        others = spelled[len(store.words) :]
        none, counts = read_vectors("none", search_path), np.zeros(len(number), np.int64)
        words = searched_words(store, others, counts, options, none, search_path, meaning)
        super().__init__(options, store, words, meaning.classes, device)
        question = padded([one[: options.max_question] for one in asked])
        if len(words.sentence_words):
            vector = mean_of_words(words, question, store.mean_vector)
        else:
            vector = torch.from_numpy(load_encoder(store.facts.vectors)(list(questions)))
        self._questions, self._vectors = question.to(self.device), vector.to(self.device)
        self._texts = tuple(questions)
        self.unknown = _unknown_words(store, words.known_as)
        self.asked = [_asked_words(one, spelled, words, options.max_question) for one in asked]

    @property
    def examples(self) -> int:
        """Number of questions N."""
        return len(self._questions)

    def shown_examples(self) -> Any:
        """Return the digest of the documents, and the questions."""
        return self.store.facts.digest, self._questions

    def other_sentence(self, lane: int, number: int) -> StoredSentence:
        """Raise IndexError: all sentences are in the store."""
        raise IndexError(f"there is no sentence {len(self.store) + number}: the store has {len(self.store)}")

    def question_text(self, lane: int) -> str:
        """Return a lane's question as it was written."""
        return self._texts[int(self._example[lane])]

    def _ask(self, example: Tensor, key: Tensor) -> Asking:
        none = example.new_full((len(example), 0, 1), NOTHING)
        return Asking(
            torch.zeros_like(example),
            self._questions[example],
            self._vectors[example],
            example.new_full((len(example), 1, 1), NOTHING),
            none[..., 0],
            none,
            none[..., 0].float(),
        )


def searched_store(options: DocumentSearchOptions, folder: str, root: str | None = None) -> DocumentStore:
    """Return the store of a folder as a run searches it, from the cache, or build it.

    Args:
        options: the task of the run.
        folder: the folder.
        root: data folder, for word vectors.

    Raises:
        DataError: there is no such folder, or no document in it can be read.
    """
    return folder_store(folder, _vectors_needed(_without_answers(options)), SearchPath.of(root))


def _without_answers(options: DocumentSearchOptions) -> DocumentSearchOptions:
    """Return options with a ranker that need not know the evidence."""
    changed = {"reward": "answer", **({"ranker": "bm25"} if options.ranker == "gold" else {})}
    return options.model_copy(update=changed)


def _vectors_needed(options: DocumentSearchOptions) -> str:
    """Return the kind of vectors; the plainest one where nothing is ranked or pointed at by them."""
    return options.sentence_vectors if options.point == "query" or options.ranker == "cosine" else "hashing"


def _asked_words(asked: Sequence[int], spelled: Sequence[str], words: SearchedWords, most: int) -> AskedWords:
    """Return how many words of a question are read, and which of these a run does not know.

    Args:
        asked: numbers of its words.
        spelled: all words by their numbers.
        words: the same words, as the run knows them.
        most: how many words of a question are read.
    """
    read = list(dict.fromkeys(asked[:most]))
    unknown = (spelled[one] for one in read if words.known_as[one] == UNKNOWN and not words.is_mark[one])
    return AskedWords(len(asked), min(len(asked), most), tuple(unknown))


def _unknown_words(store: DocumentStore, known_as: Tensor) -> tuple[int, int, float]:
    """Return how many of the store's different words an agent does not know, of how many, and their share of all words.

    Args:
        store: the store.
        known_as: (V,) int64, the number of each word in the agent's vocabulary; the store's come first.
    """
    unknown = (known_as[: len(store.words)] == UNKNOWN) & ~store.is_mark
    counts = torch.bincount(store.sentences.tokens, minlength=len(store.words))[: len(store.words)]
    counts = counts * ~store.is_mark
    share = float((counts * unknown).sum() / counts.sum().clamp(min=1))
    return int(unknown.sum()), int((~store.is_mark).sum()), share
