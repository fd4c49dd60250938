"""Texts that are read from left to right with jumps, as a batched core (Yu et al., 2017, "LSTM-Jump").

Axes: B lanes, N texts, W words of a window, K longest jump, C classes, V words of the vocabulary. A text is counted in
units: words, or sentences.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.errors import DataError
from glimpse.envs.images.classification import Action, Observation, Step
from glimpse.envs.options import AugmentOptions
from glimpse.envs.text.ragged import PAD, Nested, Ragged
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.text.skim_options import SkimOptions
from glimpse.envs.text.text_data import load_documents, load_text, load_vectors
from glimpse.envs.text.text_env import TextCore
from glimpse.envs.text.whole_text import Library

_SKIP = 2


class Skimming(TextCore):
    """Read a text a window at a time, jump over what need not be read, stop, and name its class.

    With `choice: keep` no window is jumped over unseen: each is glanced at, and kept, which is reading it, or skipped.

    Observation: `words` (W,), the numbers of the window's words, 0 behind the text's end, or all 0 if it was skipped;
    `place` (1,), the share of the text that lies before the window; `time`, the number of jumps so far; `legal`
    (K + 1,), which jumps there are; where windows are kept or skipped, also `glance` (W,), the next one.
    Action: `jump`, 0 to stop, or k for the window that begins k - 1 units after the last one's end; where they are kept
    or skipped 1 keeps the next one, and 2 skips it; `answer`, the guessed class, which counts if the episode ends.
    Reward: 1 for a right answer at the end, less `cost` for each word of the window that was read.
    Start: with the first window. End: by stopping, after `jumps` jumps, or by a jump beyond the text, which is not
    legal and stops.

    Version 0.
    """

    answers = 1

    def __init__(
        self,
        options: SkimOptions,
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
            ValueError: if pictures are to be warped, or the texts have scores or come in pairs.
        """
        texts = data.texts
        super().__init__(texts, device, augment)
        if not texts.classes or getattr(texts, "second", None) is not None:
            raise ValueError(f"{options.name} reads single texts that have classes, and {options.data} has others")
        self.options, self.vectors = options, data.vectors
        self._units, self.classes = texts.lengths.to(self.device), texts.classes
        self._window = _Window(texts.text, options.window, self.device)
        self._glances = options.choice == "keep"
        reach = [1, 1] if self._glances else range(1, options.longest_jump + 1)
        self._reach = torch.tensor([0, *reach], device=self.device)  # of each action, in units behind the last window
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
    ) -> Library:
        """One split of the texts that the options name, and the vectors; see `load_text`, whose errors it raises."""
        load = load_documents if options.sentences else load_text
        return Library(load(options, split, root=root), load_vectors(options, root=root))

    def _make_observation_space(self) -> spaces.Dict:
        words = spaces.Box(0, len(self.vocabulary.words) - 1, (self._window.width,), np.int64)
        return spaces.Dict(
            {
                "words": words,
                "place": spaces.Box(0.0, 1.0, (1,), np.float32),
                "time": spaces.Discrete(self.options.jumps + 2),
                "legal": spaces.MultiBinary(len(self._reach)),
                **({"glance": words} if self._glances else {}),
            }
        )

    def text(self, example: int) -> list[int]:
        """The numbers of a text's words, all of them. For drawing; no agent sees it."""
        return self._window.text(torch.tensor([example], device=self.device))

    def span(self, example: int, place: float) -> tuple[int, int]:
        """Which words of a text a window shows: the first one, and the one behind the last; `place` as observed."""
        index = torch.tensor([example], device=self.device)
        unit = (place * self._units[index]).round().long()
        return self._window.span(index, unit)

    def words_of(self, example: Tensor) -> Tensor:
        """How many words texts have: (B,) int64 twice."""
        return self._window.words_of(example)

    def _open(self, example: Tensor) -> Observation:
        time = torch.zeros_like(example)
        if self._glances:  # Nothing is read yet: the window before the first one is empty.
            place = time - self.options.window
            return {"words": self._glance(example, place).fill_(PAD), "place": place, "time": time}
        return {"words": self._window.show(example, time), "place": time, "time": time}

    def step(self, action: Action) -> Step:
        """Jump and read, or stop.

        Args:
            action: `jump` (B,) int64 in [0, K], `answer` (B,) int64.

        Returns:
            The step. In lanes whose episode is over nothing changes and the reward is 0.
        """
        playing, label, jump = ~self._over, self.label, action["jump"]
        words, place, time = self._lanes["words"], self._lanes["place"], self._lanes["time"]
        ends = (jump == 0) | ~self._legal().gather(1, jump.unsqueeze(1)).squeeze(1)
        reward = (ends & (action["answer"] == label)).float() - self.options.cost * (words != PAD).sum(-1)
        goes_on = playing & ~ends
        self._over = self._over | ends
        place = torch.where(goes_on, place + self.options.window + self._reach[jump] - 1, place)
        shown = self._window.show(self._example, place)
        if self._glances:
            shown = shown.masked_fill((jump == _SKIP).unsqueeze(1), PAD)
        words = torch.where(goes_on.unsqueeze(1), shown, words)
        self._lanes = {"words": words, "place": place, "time": time + playing}
        return Step(self._observe(), reward * playing, self._over, label)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Whether the likeliest class is not the label: (T, ..., C), (...,) -> (T, ...) bool."""
        return belief.argmax(-1) != label

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw what has been read of a lane's text, window by window, as an RGB picture (height, width, 3) uint8."""
        words = self.vocabulary.words
        windows = {each["place"].item(): [words[number] for number in each["words"] if number] for each in seen}
        return draw_page([[word for window in windows.values() for word in (*window, "...")]])

    def _legal(self) -> Tensor:
        """Which actions there are, (B, K + 1) bool: stopping always is, and others stay within the text."""
        # Units behind the window.
        left = self._units[self._example] - self._lanes["place"] - self.options.window
        within = self._reach[1:] <= left.unsqueeze(1)
        more = (self._lanes["time"] < self.options.jumps).unsqueeze(1)
        return torch.cat([torch.ones_like(more), within & more], 1)

    def _glance(self, example: Tensor, place: Tensor) -> Tensor:
        """The words behind the window: (B,) int64 twice -> (B, W)."""
        return self._window.show(example, place + self.options.window)

    def _observe(self) -> Observation:
        begins = self._lanes["place"]
        place = begins.clamp(min=0) / self._units[self._example].clamp(min=1)
        seen = {**self._lanes, "place": place.unsqueeze(1), "legal": self._legal()}
        return seen | ({"glance": self._glance(self._example, begins)} if self._glances else {})


class _Window:
    """Texts on a device, shown a window at a time; `width` is the words of the longest window."""

    def __init__(self, texts: Ragged | Nested, units: int, device: torch.device) -> None:
        self._texts, self._units = texts.to(device), units
        everything = torch.arange(len(texts.lengths))
        flat = texts.sentences if isinstance(texts, Nested) else texts
        self.width = units * texts.size(everything)[1] if isinstance(texts, Nested) else units
        self._flat = flat.to(device)
        if self._flat.tokens.numel() == 0:
            raise DataError("the texts have no words")
        self._step = torch.arange(self.width, device=device)

    def show(self, example: Tensor, place: Tensor) -> Tensor:
        """The words of windows that begin at `place`: (B,) int64 twice -> (B, W) int64, `PAD` where there is none."""
        begin, end = self._ends(example, place)
        at = begin.unsqueeze(1) + self._step
        tokens = self._flat.tokens[at.clamp(max=len(self._flat.tokens) - 1)].long()
        return tokens.masked_fill(at >= end.unsqueeze(1), PAD)

    def text(self, example: Tensor) -> list[int]:
        """All words of a text, (1,) int64."""
        first, last = (self._word(self._texts.offsets[each]) for each in (example, example + 1))
        found: list[int] = self._flat.tokens[int(first) : int(last)].tolist()
        return found

    def span(self, example: Tensor, place: Tensor) -> tuple[int, int]:
        """Where a window begins and ends among a text's words, (1,) int64 both."""
        begin, end = self._ends(example, place)
        first = self._word(self._texts.offsets[example])
        return int(begin - first), int(end - first)

    def _ends(self, example: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        """The first word of windows, among all words, and the one behind the last."""
        first = self._texts.offsets[example] + place
        last = (first + self._units).minimum(self._texts.offsets[example + 1])
        return self._word(first), self._word(last)

    def words_of(self, example: Tensor) -> Tensor:
        """How many words texts have: (B,) int64 twice."""
        return self._word(self._texts.offsets[example + 1]) - self._word(self._texts.offsets[example])

    def _word(self, unit: Tensor) -> Tensor:
        """The number of a unit's first word among all words."""
        return self._flat.offsets[unit] if isinstance(self._texts, Nested) else unit
