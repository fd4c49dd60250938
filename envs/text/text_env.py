"""Base class of the text environments: one text in each lane.

Axes: B lanes, N texts, E examples, M copies of each (rollouts per example), R lanes that are reset.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from glimpse.envs.core import EvaluatedEnv, Observation, count_labels, named_labels
from glimpse.envs.data.fingerprints import fingerprints_of_sequences
from glimpse.envs.label_kinds import label_kind
from glimpse.envs.lane_random import draw_example
from glimpse.envs.meaning import Meaning
from glimpse.envs.text.text_data import DocumentData, TextData, WordVectors
from glimpse.envs.text.text_meaning import TextMeaning


class TextEnv(EvaluatedEnv):
    """Text environment without its steps; a subclass defines the initial state of lanes, and what is observed of it."""

    meaning_kind: ClassVar[type[Meaning]] = TextMeaning
    vectors: WordVectors | None = None
    lengths: Tensor

    def __init__(self, texts: TextData | DocumentData, device: torch.device | str) -> None:
        """Put the labels on the device."""
        self.device = torch.device(device)
        self.vocabulary, self.lengths = texts.vocabulary, texts.lengths
        self._labels = texts.labels.to(self.device)
        self.many = self._labels.dim() > 1
        self.label_kind = label_kind(texts.classes, texts.scores, self.many)
        self._meant = texts.classes, texts.scores
        self._given = texts

    def class_counts(self) -> dict[str, int]:
        """Return the number of texts by the name of their class, or of each label; none where labels are scores."""
        return count_labels(self._labels, self._meant[0])

    def shown_examples(self) -> Any:
        """Return the digest of the texts, and their labels."""
        return self._given.digest, named_labels(self._labels, self._meant[0])

    def suggested_option(self) -> str:
        """Return which option divides texts without spaces between words; empty where they have spaces."""
        if not self._given.clauses:
            return ""
        return (
            "the texts are written without spaces between words, so that a clause is one token: set "
            "task.tokens=characters, or jieba for Chinese, or divide the texts into words by spaces"
        )

    def fingerprints(self) -> tuple[Tensor, Tensor]:
        """Return a number for each text or pair, equal for equal words, and the labels, (N,) or (N, C)."""
        given = self._given
        if isinstance(given, DocumentData):
            sentences, ends = given.text.sentences, given.text.offsets
            return fingerprints_of_sequences(sentences.tokens, sentences.offsets[ends]), self._labels.cpu()
        found = fingerprints_of_sequences(given.text.tokens, given.text.offsets)
        if given.second is not None:
            found = found + 3 * fingerprints_of_sequences(given.second.tokens, given.second.offsets)
        return found, self._labels.cpu()

    def meaning(self) -> TextMeaning:
        """Return what labels are, the words and which of them have vectors, and the shapes of texts."""
        return TextMeaning(**self._meaning_parts())

    def _meaning_parts(self) -> dict[str, Any]:
        """Return the fields of the meaning by name."""
        (classes, scores), vectors = self._meant, self.vectors
        given = torch.ones(0) if vectors is None else vectors.given
        return {
            "classes": classes,
            "labels": "many" if self.many else "one",
            "scores": scores,
            "words": self.vocabulary.words,
            "tokenizer": self.vocabulary.tokenizer,
            "vector_width": None if vectors is None else vectors.vectors.shape[1],
            "without_vector": tuple((~given.bool()).nonzero()[:, 0].tolist()),
            "shapes": self._shapes(),
        }

    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        """Return the shape of a text, or of both of a pair, as observed; by default nothing is known."""
        return ((1,),)

    @abstractmethod
    def _initial_lanes(self, example: Tensor) -> Observation:
        """Return the state of lanes at the beginning of texts (E,), by name: (E, ...) each.

        The texts' numbers may be on the host, which knows their lengths.
        """

    def _observe(self) -> Observation:
        """Return the observation of all lanes; by default their whole state."""
        return self._lanes

    @property
    def examples(self) -> int:
        """Number of texts N in the split."""
        return len(self._labels)

    @property
    def label(self) -> Tensor:
        """True class in each lane, (B,) int64; or the score, (B,) float32; or several labels, (B, C) int64."""
        return self._labels[self._example]

    def draw_example(self, key: Tensor) -> Tensor:
        """Draw a text uniformly for each episode's key: (B,) int64 -> (B,) int64 in [0, N)."""
        return draw_example(key, self.examples)

    def reset(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes.

        Args:
            example: (E,) int64 in [0, N); on the host they may be given for a GPU too, and whole texts are then cut to
                the longest of them.
            key: (E,) int64; not used, since episodes are deterministic.
            copies: number M of episodes on each text; lane e * M + m is copy m of example e.

        Returns:
            The first observation, with a leading axis B.
        """
        lanes = example.repeat_interleave(copies)
        self._example = lanes.to(self.device, non_blocking=True)
        self._terminated = torch.zeros(len(self._example), dtype=torch.bool, device=self.device)
        self._lanes = self._initial_lanes(lanes)
        return self._observe()

    def reset_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes, all arguments (R,) int64; returns the observation of all B lanes."""
        self._example = self._example.index_copy(0, lanes, example)
        self._terminated = self._terminated.index_fill(0, lanes, False)
        fresh = self._initial_lanes(example)
        self._lanes = {name: old.index_copy(0, lanes, fresh[name]) for name, old in self._lanes.items()}
        return self._observe()

    def agent_inputs(self) -> dict[str, Any]:
        """Return the vectors that the words begin with, if there are any."""
        return {} if self.vectors is None else {"vectors": self.vectors}
