"""Whole texts as a batched core: a text is shown at once, and a class or a score is asked for.

Axes: B lanes, N texts, L words, S sentences, C classes, V words of the vocabulary.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.images.classification import Action, Observation, Step
from glimpse.envs.options import AugmentOptions
from glimpse.envs.text.ragged import Nested, Ragged
from glimpse.envs.text.reading_options import ReadingOptions
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.text.text_data import DocumentData, TextData, WordVectors, load_documents, load_text, load_vectors
from glimpse.envs.text.text_env import TextCore


class Library(NamedTuple):
    """One split of the texts, and the vectors that their words begin with, if any."""

    texts: TextData | DocumentData
    vectors: WordVectors | None


class Reading(TextCore):
    """Read a text and answer: one step.

    Observation: `text` (L,), the numbers of its words, 0 behind its end; or (S, L), sentence by sentence. `text2` (L,)
    where texts come in pairs.
    Action: `answer`, the guessed class; or `score`, a number, where that is asked for.
    Reward: 1 for a right answer; for a score 1 less its distance, as a share of the range of scores.
    Start: with a text. End: after the step, whose observation repeats the text.

    Version 0.
    """

    def __init__(
        self,
        options: ReadingOptions,
        data: Library,
        *,
        device: torch.device | str = "cpu",
        augment: AugmentOptions | None = None,
    ) -> None:
        """Put the texts on the device.

        Args:
            options: the task.
            data: one split of the texts.
            device: where all tensors live.
            augment: none, or an inactive one.

        Raises:
            ValueError: if pictures are to be warped.
        """
        texts = data.texts
        super().__init__(texts, device, augment)
        self.options, self.vectors, self.scores = options, data.vectors, texts.scores
        self._evidence = None if texts.evidence is None else texts.evidence.to(self.device)
        self.classes, self.answers = texts.classes, 1 if texts.classes else 0
        second = texts.second if isinstance(texts, TextData) else None
        self._texts = {"text": _Shelf(texts.text, self.device)}
        if second is not None:
            self._texts["text2"] = _Shelf(second, self.device)
        last = len(self.vocabulary.words) - 1
        self.observation_space = spaces.Dict(
            {name: spaces.Box(0, last, shelf.shape, np.int64) for name, shelf in self._texts.items()}
        )
        self.action_space = spaces.Dict(self._asked())

    @staticmethod
    def load_data(
        options: ReadingOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
    ) -> Library:
        """One split of the texts that the options name, and the vectors; see `load_text`, whose errors it raises."""
        load = load_documents if options.sentences else load_text
        return Library(load(options, split, root=root), load_vectors(options, root=root))

    def _asked(self) -> dict[str, spaces.Space[Any]]:
        if self.scores is None:
            return {"answer": spaces.Discrete(len(self.classes))}
        low, high = self.scores
        return {"score": spaces.Box(low, high, (), np.float32)}

    @property
    def words_in_all(self) -> int:
        """Number of words of all texts of the split, as far as they are read."""
        return sum(shelf.words for shelf in self._texts.values())

    def _open(self, example: Tensor) -> Observation:
        return {name: shelf.take(example) for name, shelf in self._texts.items()}

    def step(self, action: Action) -> Step:
        """Answer.

        Args:
            action: `answer` (B,) int64, or `score` (B,) float.

        Returns:
            The step. In lanes whose episode is over the reward is 0.
        """
        playing, label = ~self._over, self.label
        worth = (action["answer"] == label).float() if self.scores is None else 1 - self._miss(action["score"], label)
        self._over = torch.ones_like(self._over)
        return Step(self._observe(), worth * playing, self._over, label)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Whether the likeliest class is not the label: (T, ..., C), (...,) -> (T, ...) bool.

        Raises:
            ValueError: where a score is asked for, which is not right or wrong.
        """
        if self.scores is not None:
            raise ValueError("a score is neither right nor wrong: compare it")
        return belief.argmax(-1) != label

    def words(self, example: int) -> dict[str, list[str]]:
        """The words of a text, by the observation's names; those of a document one after the other."""
        chosen = torch.tensor([example], device=self.device)
        shown = {name: shelf.take(chosen).flatten().tolist() for name, shelf in self._texts.items()}
        return {name: [self.vocabulary.words[number] for number in text if number] for name, text in shown.items()}

    def marked(self, example: Tensor) -> Tensor | None:
        """Which words people named as reasons, of texts (B,): bool (B, L) or (B, S, L); None where nobody was asked."""
        return None if self._evidence is None else self._texts["text"].values(self._evidence, example)

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane's text as an RGB picture (height, width, 3) uint8, the same at each step."""
        return draw_page(list(self.words(int(self._example[lane])).values()))

    def _miss(self, score: Tensor, label: Tensor) -> Tensor:
        """How far scores are from the true ones, as a share of their range, at most 1."""
        low, high = self.scores or (0.0, 1.0)
        return ((score - label).abs() / ((high - low) or 1.0)).clamp(max=1).float()  # All scores may be the same.


class _Shelf:
    """Texts of one kind on a device, and the shape, (L,) or (S, L), that all of them are padded to."""

    def __init__(self, texts: Ragged | Nested, device: torch.device) -> None:
        everything = torch.arange(len(texts.lengths))
        self.shape = texts.size(everything) if isinstance(texts, Nested) else (texts.width(everything),)
        self.words = len((texts.sentences if isinstance(texts, Nested) else texts).tokens)
        self._texts = texts.to(device)

    def take(self, example: Tensor) -> Tensor:
        """Texts (B,) int64 -> (B, L) or (B, S, L) int64."""
        if isinstance(self._texts, Nested):
            return self._texts.batch(example, (self.shape[0], self.shape[-1])).tokens
        return self._texts.batch(example, self.shape[0]).tokens

    def values(self, each: Tensor, example: Tensor) -> Tensor:
        """Values of all words (M,), of texts (B,): (B, L) or (B, S, L), zero at padding."""
        if isinstance(self._texts, Nested):
            return self._texts.batch_of(each, example, (self.shape[0], self.shape[-1]))
        return self._texts.batch_of(each, example, self.shape[0])
