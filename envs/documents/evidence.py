"""Batched environment for finding evidence in documents: open sentences, one at a time, and answer.

Axes: B lanes, K candidates, T sentences that may be opened, N questions.
"""

from typing import Any, Literal

import torch
from torch import Tensor

from glimpse.envs.core import count_labels, named_labels
from glimpse.envs.data.fingerprints import fingerprints_of_rows
from glimpse.envs.documents.document_env import DocumentEnv, StoredSentence
from glimpse.envs.documents.document_store import empty_store
from glimpse.envs.documents.first_rankings import FirstRankings, Ranked
from glimpse.envs.documents.options import EvidenceOptions
from glimpse.envs.documents.question_data import NOTHING, QuestionData, load_questions
from glimpse.envs.documents.searched_words import kept_words
from glimpse.envs.documents.store_search import Asking
from glimpse.envs.errors import DataError
from glimpse.envs.text.text_meaning import SearchMeaning, TextMeaning


class Evidence(DocumentEnv):
    """Open sentences of documents to find the evidence for an answer, and answer a question or verify a claim.

    Candidates are shown before they are opened, with their first P words and at no cost, so that more is read than is
    opened.

    Observation: `question` (Q,), the numbers of its words, 0 behind its end; `opened` (W,), the words of the sentence
    that was opened last, with its document's title in front, all 0 before the first; `candidates` (K, P), the first
    words of K sentences that a cheap ranker offers, `scores` (K,), what it gives them, `position` (K,), the share of
    the documents before them, `in_document` (K,), 1 for the first sentence of a document, 1/2 for the second and so on,
    and `title_words` (K,), how many of the words are the title's; `legal` (K + 1,), which actions are legal; `time`,
    the number of actions so far. With `point: query` there are no candidates, but `question_vector` and `opened_vector`
    (D,), of length 1 or 0, and `legal` (2,).
    Action: `open`, 0 to answer, or k to open candidate k; `answer`, the guessed class, which counts if the episode
    ends at this step. With `point: query`, `open` is 0 or 1, and the sentence whose vector is nearest to `query` (D,)
    is opened, of those that were not opened yet.
    Reward: 1 at the end for a right answer, for complete evidence, or for both together (option `reward`); less
    `cost` for each sentence that is opened.
    Start: with a question, and nothing opened. End: by answering, which is the only legal action after T opened
    sentences; an action that is not legal answers.

    In `info` there are `opened`, the number of opened sentences; `words_read`; `evidence_found`, whether a whole group
    of evidence was opened; and `evidence_share`, the largest share of a group that was.

    Version 0.
    """

    def __init__(self, options: EvidenceOptions, data: QuestionData, *, device: torch.device | str = "cpu") -> None:
        """Put the questions and the store on the device.

        Args:
            options: the task.
            data: one split of the questions, and the store.
            device: where all tensors live.

        Raises:
            DataError: if a question lacks own documents, or all lack evidence, and the task needs them.
        """
        super().__init__(options, data.store, data.words, data.classes, device)
        self._given = data
        self._labels = data.labels.to(self.device)
        if options.store == "own" and len(data.labels) and bool((data.documents == NOTHING).all(1).any()):
            raise DataError(
                f"task.store=own needs `documents` for each question of {options.data}; use task.store=whole"
            )
        self.knows_right = not len(data.labels) or bool((data.evidence != NOTHING).any())
        if not self.knows_right:
            _refuse_without_evidence(options)
        self._tables = tuple(
            part.to(self.device) for part in (data.question, data.vector, data.evidence, data.documents)
        )
        first = data.store.first
        sizes = (first[data.documents + 1] - first[data.documents]).masked_fill(data.documents == NOTHING, 0)
        self._most = int(sizes.sum(1).max()) if options.store == "own" and len(sizes) else 0
        self._first = first.to(self.device)
        # A random ranking has the episode's key, and a matrix product's last bits depend on the questions beside it.
        is_own = options.point == "choose" and options.ranker not in ("random", "cosine")
        self._first_rankings = FirstRankings(len(data.labels), self.device) if is_own else None

    @staticmethod
    def load_data(
        options: EvidenceOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
        meaning: TextMeaning | None = None,
    ) -> QuestionData:
        """Load one split of the questions, and the store; raises the errors of `load_questions`."""
        return load_questions(options, split, root=root, meaning=meaning)

    @staticmethod
    def data_without_examples(options: EvidenceOptions, meaning: SearchMeaning) -> QuestionData | None:
        """Return data of a run without questions; None for a run of before, the width of whose vectors is unknown."""
        if meaning.sentence_width is None and options.point == "query":
            return None
        store = empty_store(meaning.sentence_width or 1)
        none = torch.full((0, 1), NOTHING)
        return QuestionData(
            store,
            kept_words(store, meaning),
            (),
            none,
            torch.zeros(0, meaning.sentence_width or 1),
            none[:, 0],
            meaning.classes,
            none,
            none.unsqueeze(-1),
            "",
        )

    @property
    def examples(self) -> int:
        """Number of questions N in the split."""
        return len(self._labels)

    def class_counts(self) -> dict[str, int]:
        """Return the number of questions by their answer."""
        return count_labels(self._labels, self.classes)

    def shown_examples(self) -> Any:
        """Return the digest of the questions and documents, what is searched, and the answers."""
        return self._given.digest, getattr(self.options, "store", ""), named_labels(self._labels, self.classes)

    def fingerprints(self) -> tuple[Tensor, Tensor]:
        """Return a number for each question, equal for equal words, and the labels, (N,)."""
        return fingerprints_of_rows(self._given.question), self._labels.cpu()

    def other_sentence(self, lane: int, number: int) -> StoredSentence:
        """Raise IndexError: all sentences are in the store."""
        raise IndexError(f"there is no sentence {len(self.store) + number}: the store has {len(self.store)}")

    def question_text(self, lane: int) -> str:
        """Return a lane's question as it was written."""
        return self._given.texts[int(self._example[lane])]

    def _ask(self, example: Tensor, key: Tensor) -> Asking:
        question, vector, evidence, documents = (table[example] for table in self._tables)
        none = example.new_full((len(example), 0, 1), NOTHING)
        return Asking(
            self._labels[example], question, vector, evidence, self._members(documents), none, none[..., 0].float()
        )

    def _first_ranked(self, example: Tensor, asking: Asking, key: Tensor, opened: Tensor) -> Ranked:
        if self._first_rankings is None:
            return super()._first_ranked(example, asking, key, opened)

        def rank(places: Tensor) -> Ranked:
            chosen = Asking(*(part[places] for part in asking))
            return self._search.rank(chosen, key[places], opened[places])

        return self._first_rankings(example, rank)

    def _members(self, documents: Tensor) -> Tensor:
        """Return the sentences of own documents (B, D) in the store's order: (B, M) int64; (B, 0) for all sentences."""
        if not self._most:
            return documents[:, :0]
        # Documents in the store's order, those that are none last.
        last = len(self._first) - 1
        documents = documents.masked_fill(documents == NOTHING, last).sort(1).values
        begin = self._first[documents]
        size = self._first[(documents + 1).clamp(max=last)] - begin
        ends = size.cumsum(1)
        at = torch.arange(self._most, device=self.device).expand(len(documents), -1).contiguous()
        which = torch.searchsorted(ends, at, right=True).clamp(max=documents.shape[1] - 1)
        found = begin.gather(1, which) + at - (ends - size).gather(1, which)
        return found.masked_fill(at >= ends[:, -1:], NOTHING)


def _refuse_without_evidence(options: EvidenceOptions) -> None:
    """Raise DataError if reward or ranker need evidence."""
    for key, given, fit in (("reward", options.reward, "answer"), ("ranker", options.ranker, "bm25")):
        if given in ("evidence", "both", "gold"):
            raise DataError(
                f"task.{key}={given} needs `evidence`, which no question of {options.data} has; use task.{key}={fit}"
            )
