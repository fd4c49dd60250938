"""Batched environment for reading texts from left to right with jumps (Yu et al., 2017, "LSTM-Jump").

Axes: B lanes, N texts, W words of a window, K longest jump, C classes, V words of the vocabulary. Windows and jumps are
counted in units, which are words or sentences.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.core import Action, Observation, StepResult
from glimpse.envs.errors import DataError
from glimpse.envs.text.given_texts import given_texts
from glimpse.envs.text.options import SkimOptions
from glimpse.envs.text.ragged import PAD, Nested, Ragged
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.text.text_data import kept_vectors
from glimpse.envs.text.text_env import TextEnv
from glimpse.envs.text.text_meaning import TextMeaning
from glimpse.envs.text.whole_text import TextsAndVectors, load_texts_and_vectors

_SKIP = 2


class Skimming(TextEnv):
    """Read a text window by window, jump over parts of it, stop, and classify it.

    With `choice: keep` there are no jumps to unseen windows: the agent sees the next window, and either reads it (keep)
    or skips it.

    Observation: `words` (W,), the numbers of the window's words, 0 behind the text's end, or all 0 if it was skipped;
    `position` (1,), the share of the text that lies before the window; `time`, the number of jumps so far; `legal`
    (K + 1,), which jumps are legal; with `choice: keep` also `glance` (W,), the words of the next window.
    Action: `jump`, 0 to stop, or k to read the window that begins k - 1 units behind the last one's end; with
    `choice: keep`, 1 to read the next window, or 2 to skip it; `answer`, the guessed class, which counts if the episode
    ends at this step.
    Reward: 1 for a right answer at the end, less `cost` for each word of the window that was read.
    Start: with the first window (with `choice: keep`, before it). End: by stopping, after `jumps` jumps, or by a jump
    beyond the text, which is not legal and stops.

    Version 0.
    """

    answers = 1

    def __init__(
        self,
        options: SkimOptions,
        data: TextsAndVectors,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        """Put the texts on the device.

        Args:
            options: the task.
            data: one split of the texts, and word vectors.
            device: where all tensors live.

        Raises:
            ValueError: if the texts have scores or come in pairs.
        """
        texts = data.texts
        super().__init__(texts, device)
        if not texts.classes or getattr(texts, "second", None) is not None:
            raise ValueError(f"{options.name} reads single texts with classes, and {options.data} has pairs or scores")
        self.options, self.vectors = options, data.vectors
        self._units, self.classes = texts.lengths.to(self.device), texts.classes
        self._window = _Window(texts.text, options.window, self.device, data.shapes)
        self._glances = options.choice == "keep"
        reach = [1, 1] if self._glances else range(1, options.longest_jump + 1)
        self._reach = torch.tensor(
            [0, *reach], device=self.device
        )  # Of each action: units forward, 1 for the next window.
        self.observation_space = self._make_observation_space()
        jump = spaces.Discrete(len(self._reach))
        self.action_space = spaces.Dict({"jump": jump, "answer": spaces.Discrete(len(self.classes))})

    @staticmethod
    def load_data(
        options: SkimOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
        meaning: TextMeaning | None = None,
    ) -> TextsAndVectors:
        """Load one split of the texts, and the word vectors; raises the errors of `load_text`."""
        return load_texts_and_vectors(options, split, root, meaning)

    @staticmethod
    def data_without_examples(options: SkimOptions, meaning: TextMeaning) -> TextsAndVectors:
        """Return data of a run without texts."""
        return Skimming.data_of_texts(options, meaning, ())

    @staticmethod
    def data_of_texts(options: SkimOptions, meaning: TextMeaning, texts: Sequence[Sequence[str]]) -> TextsAndVectors:
        """Return data of texts that stand in no data set; see `given_texts`."""
        return TextsAndVectors(given_texts(options, meaning, texts), kept_vectors(meaning), meaning.shapes)

    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self._window.width,),)

    def _make_observation_space(self) -> spaces.Dict:
        words = spaces.Box(0, len(self.vocabulary.words) - 1, (self._window.width,), np.int64)
        return spaces.Dict(
            {
                "words": words,
                "position": spaces.Box(0.0, 1.0, (1,), np.float32),
                "time": spaces.Discrete(self.options.jumps + 2),
                "legal": spaces.MultiBinary(len(self._reach)),
                **({"glance": words} if self._glances else {}),
            }
        )

    def text(self, example: int) -> list[int]:
        """Return the numbers of all words of a text, for drawing; agents do not see them."""
        return self._window.text(torch.tensor([example], device=self.device))

    def span(self, example: int, position: float) -> tuple[int, int]:
        """Return the indices of a window's first word and of the word behind its last; `position` is as observed."""
        index = torch.tensor([example], device=self.device)
        unit = (position * self._units[index]).round().long()
        return self._window.span(index, unit)

    def word_counts(self, example: Tensor) -> Tensor:
        """Return the number of words of texts: (B,) int64 -> (B,) int64."""
        return self._window.word_counts(example)

    def _initial_lanes(self, example: Tensor) -> Observation:
        example = example.to(self.device, non_blocking=True)
        time = torch.zeros_like(example)
        if self._glances:  # Nothing has been read: begin with an empty window before the first one.
            position = time - self.options.window
            return {"words": self._glance(example, position).fill_(PAD), "position": position, "time": time}
        return {"words": self._window.show(example, time), "position": time, "time": time}

    def step(self, action: Action) -> StepResult:
        """Jump and read, or stop.

        Args:
            action: `jump` (B,) int64 in [0, K], `answer` (B,) int64.

        Returns:
            The step's result. In terminated lanes nothing changes and the reward is 0.
        """
        active, label, jump = ~self._terminated, self.label, action["jump"]
        words, position, time = self._lanes["words"], self._lanes["position"], self._lanes["time"]
        ends = (jump == 0) | ~self._legal().gather(1, jump.unsqueeze(1)).squeeze(1)
        reward = (ends & (action["answer"] == label)).float() - self.options.cost * (words != PAD).sum(-1)
        continues = active & ~ends
        self._terminated = self._terminated | ends
        position = torch.where(continues, position + self.options.window + self._reach[jump] - 1, position)
        shown = self._window.show(self._example, position)
        if self._glances:
            shown = shown.masked_fill((jump == _SKIP).unsqueeze(1), PAD)
        words = torch.where(continues.unsqueeze(1), shown, words)
        self._lanes = {"words": words, "position": position, "time": time + active}
        return StepResult(self._observe(), reward * active, self._terminated, label)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether the likeliest class is not the label: (T, ..., C), (...,) -> (T, ...) bool."""
        return belief.argmax(-1) != label

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw what has been read of a lane's text, window by window, as an RGB picture (height, width, 3) uint8."""
        words = self.vocabulary.words
        windows = {each["position"].item(): [words[number] for number in each["words"] if number] for each in seen}
        return draw_page([[word for window in windows.values() for word in (*window, "...")]])

    def _legal(self) -> Tensor:
        """Return which jumps are legal, (B, K + 1) bool: stopping always is, and jumps within the text."""
        # Units of the text behind the window.
        left = self._units[self._example] - self._lanes["position"] - self.options.window
        within = self._reach[1:] <= left.unsqueeze(1)
        more = (self._lanes["time"] < self.options.jumps).unsqueeze(1)
        return torch.cat([torch.ones_like(more), within & more], 1)

    def _glance(self, example: Tensor, position: Tensor) -> Tensor:
        """Return the words of the next window: (B,) int64 twice -> (B, W)."""
        return self._window.show(example, position + self.options.window)

    def _observe(self) -> Observation:
        begins = self._lanes["position"]
        position = begins.clamp(min=0) / self._units[self._example].clamp(min=1)
        seen = {**self._lanes, "position": position.unsqueeze(1), "legal": self._legal()}
        return seen | ({"glance": self._glance(self._example, begins)} if self._glances else {})


class _Window:
    """Texts on a device, read by windows.

    width: number of words of the longest possible window, which `shapes` gives if there are no texts.
    """

    def __init__(
        self, texts: Ragged | Nested, units: int, device: torch.device, shapes: Sequence[Sequence[int]]
    ) -> None:
        self._texts, self._units = texts.to(device), units
        everything = torch.arange(len(texts.lengths))
        flat = texts.sentences if isinstance(texts, Nested) else texts
        self.width = units * texts.size(everything)[1] if isinstance(texts, Nested) and len(everything) else units
        if not len(everything) and shapes:
            ((self.width,),) = shapes
        self._flat = flat.to(device)
        if len(everything) and self._flat.tokens.numel() == 0:
            raise DataError("the texts have no words")
        self._step = torch.arange(self.width, device=device)

    def show(self, example: Tensor, position: Tensor) -> Tensor:
        """Return the words of windows that begin at `position`: (B,) int64 twice -> (B, W) int64, padded with `PAD`."""
        begin, end = self._ends(example, position)
        at = begin.unsqueeze(1) + self._step
        tokens = self._flat.tokens[at.clamp(max=len(self._flat.tokens) - 1)].long()
        return tokens.masked_fill(at >= end.unsqueeze(1), PAD)

    def text(self, example: Tensor) -> list[int]:
        """Return all words of a text, (1,) int64."""
        first, last = (self._word(self._texts.offsets[each]) for each in (example, example + 1))
        found: list[int] = self._flat.tokens[int(first) : int(last)].tolist()
        return found

    def span(self, example: Tensor, position: Tensor) -> tuple[int, int]:
        """Return where a window begins and ends among a text's words; `example` and `position` are (1,) int64."""
        begin, end = self._ends(example, position)
        first = self._word(self._texts.offsets[example])
        return int(begin - first), int(end - first)

    def _ends(self, example: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Return the indices of windows' first words among all words, and of the words behind their last."""
        first = self._texts.offsets[example] + position
        last = (first + self._units).minimum(self._texts.offsets[example + 1])
        return self._word(first), self._word(last)

    def word_counts(self, example: Tensor) -> Tensor:
        """Return the number of words of texts: (B,) int64 -> (B,) int64."""
        return self._word(self._texts.offsets[example + 1]) - self._word(self._texts.offsets[example])

    def _word(self, unit: Tensor) -> Tensor:
        """Return the index of a unit's first word among all words."""
        return self._flat.offsets[unit] if isinstance(self._texts, Nested) else unit
