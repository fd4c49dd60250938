"""Batched environment for classifying, scoring or labelling a text that is shown as a whole.

Axes: B lanes, N texts, L words, S sentences, C classes, V words of the vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.core import Action, Observation, StepResult
from glimpse.envs.text.given_texts import given_texts
from glimpse.envs.text.options import SkimOptions, WholeTextOptions
from glimpse.envs.text.ragged import Nested, Ragged
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.text.text_data import (
    DocumentData,
    TextData,
    WordVectors,
    kept_vectors,
    load_documents,
    load_text,
    load_vectors,
)
from glimpse.envs.text.text_env import TextEnv
from glimpse.envs.text.text_meaning import TextMeaning


@dataclass(frozen=True)
class TextsAndVectors:
    """One split of the texts, with the initial vectors of their words.

    texts: the texts.
    vectors: the vectors, if there are any. They are part of the weights, not of what a split contains.
    shapes: shapes of the texts where there are none.
    """

    texts: TextData | DocumentData
    vectors: WordVectors | None = field(compare=False)
    shapes: tuple[tuple[int, ...], ...] = ()


class WholeText(TextEnv):
    """Read a whole text and answer, in one step.

    Observation: `text` (L,), the numbers of its words, 0 behind its end; or (S, L), sentence by sentence. `text2` (L,)
    where texts come in pairs.
    Action: `answer`, the guessed class; or `score`, a number, where labels are scores; or `labels` (C,), a bit for each
    label, where a text may have several.
    Reward: 1 for a right answer; for a score 1 less its error divided by the range of scores; for several labels the
    share of all labels that are rightly given or left out.
    Start: with a text. End: after one step, whose observation repeats the text.

    Version 0.
    """

    def __init__(
        self,
        options: WholeTextOptions,
        data: TextsAndVectors,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        """Put the texts on the device.

        Args:
            options: the task.
            data: one split of the texts, and word vectors.
            device: where all tensors live.
        """
        texts = data.texts
        super().__init__(texts, device)
        self.options, self.vectors, self.scores = options, data.vectors, texts.scores
        self._evidence = None if texts.evidence is None else texts.evidence.to(self.device)
        self.classes, self.answers = texts.classes, self.label_kind.answers
        second = texts.second if isinstance(texts, TextData) else None
        columns = {"text": texts.text} if second is None else {"text": texts.text, "text2": second}
        shapes = data.shapes or ((),) * len(columns)
        self._texts = {
            name: _PaddedTexts(column, self.device, shape)
            for (name, column), shape in zip(columns.items(), shapes, strict=True)
        }
        last = len(self.vocabulary.words) - 1
        self.observation_space = spaces.Dict(
            {name: spaces.Box(0, last, padded.shape, np.int64) for name, padded in self._texts.items()}
        )
        self.action_space = spaces.Dict({self.label_kind.action: self.label_kind.space()})

    @staticmethod
    def load_data(
        options: WholeTextOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
        meaning: TextMeaning | None = None,
    ) -> TextsAndVectors:
        """Load one split of the texts, and the word vectors; raises the errors of `load_text`."""
        return load_texts_and_vectors(options, split, root, meaning)

    @staticmethod
    def data_without_examples(options: WholeTextOptions, meaning: TextMeaning) -> TextsAndVectors:
        """Return data of a run without texts."""
        return TextsAndVectors(given_texts(options, meaning), kept_vectors(meaning), meaning.shapes)

    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(padded.shape for padded in self._texts.values())

    @property
    def total_words(self) -> int:
        """Number of words of all texts of the split, without those that `max_words` cuts off."""
        return sum(padded.words for padded in self._texts.values())

    def _initial_lanes(self, example: Tensor) -> Observation:
        return {name: padded.take(example) for name, padded in self._texts.items()}

    def step(self, action: Action) -> StepResult:
        """Answer.

        Args:
            action: `answer` (B,) int64, `score` (B,) float, or `labels` (B, C) int64.

        Returns:
            The step's result. In terminated lanes the reward is 0.
        """
        active, label = ~self._terminated, self.label
        reward = self.label_kind.worth(action[self.label_kind.action], label)
        self._terminated = torch.ones_like(self._terminated)
        return StepResult(self._observe(), reward * active, self._terminated, label)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether the likeliest answer is wrong, as `LabelKind.wrong`; raises ValueError if it is a score."""
        return self.label_kind.wrong(belief, label)

    def words(self, example: int) -> dict[str, list[str]]:
        """Return the words of a text, by the observation's keys; the sentences of a document are concatenated."""
        chosen = torch.tensor([example], device=self.device)
        shown = {name: padded.take(chosen).flatten().tolist() for name, padded in self._texts.items()}
        return {name: [self.vocabulary.words[number] for number in text if number] for name, text in shown.items()}

    def human_rationale(self, example: Tensor) -> Tensor | None:
        """Return the human rationales of texts (B,): bool (B, L) or (B, S, L); None if the data set has none."""
        return None if self._evidence is None else self._texts["text"].values(self._evidence, example)

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane's text as an RGB picture (height, width, 3) uint8, the same at each step."""
        return draw_page(list(self.words(int(self._example[lane])).values()))


def load_texts_and_vectors(
    options: WholeTextOptions | SkimOptions,
    split: Literal["train", "validation", "test"],
    root: str | None,
    meaning: TextMeaning | None,
) -> TextsAndVectors:
    """Load one split of texts or documents, and the word vectors.

    With the meaning of a run, vectors are read for training alone: otherwise they are among the weights.
    """
    load = load_documents if options.sentences else load_text
    texts = load(options, split, root=root, meaning=meaning)
    if meaning is not None and split != "train":
        return TextsAndVectors(texts, kept_vectors(meaning))
    return TextsAndVectors(texts, load_vectors(options, root=root, meaning=meaning))


class _PaddedTexts:
    """Texts on a device, padded to one shape, (L,) or (S, L); `empty` is the shape where there are none."""

    def __init__(self, texts: Ragged | Nested, device: torch.device, empty: tuple[int, ...]) -> None:
        everything = torch.arange(len(texts.lengths))
        self.shape = empty
        if len(everything):
            self.shape = texts.size(everything) if isinstance(texts, Nested) else (texts.width(everything),)
        self.words = len((texts.sentences if isinstance(texts, Nested) else texts).tokens)
        self._texts = texts.to(device)

    def take(self, example: Tensor) -> Tensor:
        """Return texts, padded: (B,) int64 -> (B, L) or (B, S, L) int64.

        For a GPU, numbers on the host give texts that are cut to the longest of them, without asking the GPU.
        """
        cut = example.device != self._texts.offsets.device
        if isinstance(self._texts, Nested):
            return self._texts.batch(example, None if cut else (self.shape[0], self.shape[-1])).tokens
        return self._texts.batch(example, None if cut else self.shape[0]).tokens

    def values(self, each: Tensor, example: Tensor) -> Tensor:
        """Return the values of texts' words, from values of all words (M,): (B, L) or (B, S, L), zero at padding."""
        if isinstance(self._texts, Nested):
            return self._texts.batch_of(each, example, (self.shape[0], self.shape[-1]))
        return self._texts.batch_of(each, example, self.shape[0])
