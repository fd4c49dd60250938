"""Translation as a batched core: a sentence is shown, and its translation is asked for, all at once.

Axes: B lanes, N pairs of sentences, L pieces of a source, M pieces of a target.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.images.classification import Action, Observation, Step
from glimpse.envs.images.initial_location import draw_example
from glimpse.envs.options import AugmentOptions
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.translation.options import TranslationOptions
from glimpse.envs.translation.sentence_bleu import sentence_bleu
from glimpse.envs.translation.subwords import END, PAD
from glimpse.envs.translation.translation_data import TranslationData, load_translations


class Translating:
    """Read a sentence and translate it: one step.

    Observation: `source` (L,), the numbers of its pieces, END last, and 0 behind that.
    Action: `target` (M,), the numbers of the translation's pieces; what stands behind the first END has no part.
    Reward: BLEU of the sentence, of pieces, in [0, 1]; see `sentence_bleu`.
    Start: with a sentence. End: after the step, whose observation repeats the sentence.

    Version 0.
    """

    classes: tuple[str, ...] = ()
    answers = 0

    def __init__(
        self,
        options: TranslationOptions,
        data: TranslationData,
        *,
        device: torch.device | str = "cpu",
        augment: AugmentOptions | None = None,
    ) -> None:
        """Put the sentences on the device.

        Args:
            options: the task.
            data: one split of the sentences.
            device: where all tensors live.
            augment: none, or an inactive one.

        Raises:
            ValueError: if pictures are to be warped.
        """
        if augment is not None and augment.active:
            raise ValueError("texts are no pictures that train.augment could warp")
        self.options, self.device = options, torch.device(device)
        self.languages, self.texts, self.lengths = data.languages, data.texts, data.lengths
        self._source, self._target = data.source.to(self.device), data.target.to(self.device)
        self.longest = options.max_pieces + 1
        source, target = len(data.languages.source), len(data.languages.target)
        self.observation_space = spaces.Dict({"source": spaces.Box(0, source - 1, (self.longest,), np.int64)})
        self.action_space = spaces.Dict({"target": spaces.MultiDiscrete([target] * self.longest)})

    @staticmethod
    def load_data(
        options: TranslationOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
    ) -> TranslationData:
        """One split of what the options name; see `load_translations`, whose errors it raises."""
        return load_translations(options, split, root=root)

    @property
    def examples(self) -> int:
        """Number of pairs N in the split."""
        return len(self.lengths)

    @property
    def label(self) -> Tensor:
        """The reference in each lane, (B, M) int64: pieces, END last, and 0 behind that."""
        return self._target.batch(self._example, self.longest).tokens

    def draw_example(self, key: Tensor) -> Tensor:
        """A uniformly drawn pair for each episode's key: (B,) int64 -> (B,) int64 in [0, N)."""
        return draw_example(key, self.examples)

    def begin(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes; see `glimpse.envs.lanes.Core`. Nothing is drawn from the keys."""
        self._example = example.repeat_interleave(copies)
        self._over = torch.zeros(len(self._example), dtype=torch.bool, device=self.device)
        return self._observe()

    def restart(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes, (R,) int64 all three; the observation of all B lanes."""
        self._example = self._example.index_copy(0, lanes, example)
        self._over = self._over.index_fill(0, lanes, False)
        return self._observe()

    def step(self, action: Action) -> Step:
        """Translate.

        Args:
            action: `target` (B, M) int64.

        Returns:
            The step. In lanes whose episode is over the reward is 0.
        """
        playing, true, given = ~self._over, self.label, action["target"]
        reward = sentence_bleu(given, length_of(given), true, length_of(true)) * playing
        self._over = torch.ones_like(self._over)
        return Step(self._observe(), reward, self._over, true)

    def lesson(self) -> Observation:
        """What one learns from whose translations are known: the whole sentences."""
        return {"source": self._source.batch(self._example, self.longest).tokens}

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """A translation is neither right nor wrong.

        Raises:
            ValueError: always.
        """
        raise ValueError("a translation is neither right nor wrong: compare it")

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane's sentence as an RGB picture (height, width, 3) uint8, the same at each step."""
        return draw_page([self.texts.source[int(self._example[lane])].split()])

    def _observe(self) -> Observation:
        return self.lesson()


def length_of(pieces: Tensor) -> Tensor:
    """Pieces (B, M) before the first END or padding: (B,) int64."""
    return ((pieces != END) & (pieces != PAD)).cumprod(1).sum(1)
