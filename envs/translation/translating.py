"""Translation as a batched environment: one step maps a whole source sentence to its translation.

Axes: B lanes, N pairs of sentences, L tokens of a source, M tokens of a target.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.core import Action, EvaluatedEnv, Observation, StepResult
from glimpse.envs.lane_random import draw_example
from glimpse.envs.meaning import Meaning
from glimpse.envs.text.corpus import lacks_spaces, tokenise_all
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.text.tokens import split_word
from glimpse.envs.translation.options import TranslationOptions
from glimpse.envs.translation.sentence_bleu import sentence_bleu
from glimpse.envs.translation.subwords import END, PAD
from glimpse.envs.translation.translation_data import TranslationData, empty_translation_data, load_translations
from glimpse.envs.translation.translation_meaning import TranslationMeaning

_LOOKED_AT = 1000
"""Number of sentences that are looked at for spaces."""


class Translating(EvaluatedEnv):
    """Read a sentence and translate it: one step.

    Observation: `source` (L,), the numbers of its tokens, END last, then 0.
    Action: `target` (M,), the numbers of the translation's tokens; tokens after the first END are ignored.
    Reward: sentence BLEU of the tokens, in [0, 1]; see `sentence_bleu`.
    Start: a sentence is shown. End: after one step, whose observation repeats the sentence.

    Version 0.
    """

    meaning_kind: ClassVar[type[Meaning]] = TranslationMeaning
    classes: tuple[str, ...] = ()
    answers = 0
    lengths: Tensor

    def __init__(
        self,
        options: TranslationOptions,
        data: TranslationData,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        """Move the sentences to the device.

        Args:
            options: of the task.
            data: one split of the sentences.
            device: device of all tensors.
        """
        self.options, self.device = options, torch.device(device)
        self.languages, self.texts, self.lengths = data.languages, data.texts, data.lengths
        self._learned_from = data.learned_from
        self._source, self._target = data.source.to(self.device), data.target.to(self.device)
        self.longest = options.max_tokens + 1
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
        meaning: TranslationMeaning | None = None,
    ) -> TranslationData:
        """Load one split of the data that the options name; see `load_translations` for the errors."""
        return load_translations(options, split, root=root, meaning=meaning)

    @staticmethod
    def data_without_examples(options: TranslationOptions, meaning: TranslationMeaning) -> TranslationData:
        """Return data of a run without sentences; see `empty_translation_data` for the errors."""
        return empty_translation_data(meaning)

    def meaning(self) -> TranslationMeaning:
        """Return the tokens of both languages."""
        return TranslationMeaning(languages=self.languages.to_json(), learned_from=self._learned_from)

    def shown_examples(self) -> Any:
        """Return the sentences and their translations, as text."""
        return self.texts

    def suggested_option(self) -> str:
        """Return which option divides sentences without spaces between words; empty where they have spaces."""
        sides = zip((self.options.source, self.options.target), self.texts, strict=True)
        if self.options.tokenizer == "subwords":
            return ""
        names = [name for name, texts in sides if lacks_spaces(tokenise_all(texts[:_LOOKED_AT], split_word, False))]
        if not names:
            return ""
        return (
            f"the {' and '.join(names)} sentences are written without spaces between words, so that a clause is one "
            "token: set task.tokenizer=subwords, or divide them into words by spaces"
        )

    @property
    def examples(self) -> int:
        """Number of pairs N in the split."""
        return len(self.lengths)

    @property
    def label(self) -> Tensor:
        """Reference translation in each lane, (B, M) int64: tokens, END last, then 0."""
        return self._target.batch(self._lanes, self._width(self._lanes)).tokens

    def draw_example(self, key: Tensor) -> Tensor:
        """Draw a pair uniformly for each episode's key: (B,) int64 -> (B,) int64 in [0, N)."""
        return draw_example(key, self.examples)

    def reset(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes; see `BatchedEnv`. Nothing is drawn from the keys.

        Examples on the host may be given for a GPU too: `full_observation` and `label` are then cut to the longest.
        """
        self._lanes = example.repeat_interleave(copies)
        self._example = self._lanes.to(self.device, non_blocking=True)
        self._terminated = torch.zeros(len(self._example), dtype=torch.bool, device=self.device)
        return self._observe()

    def reset_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes, (R,) int64 all three; return the observation of all B lanes."""
        self._lanes = self._example = self._example.index_copy(0, lanes, example)
        self._terminated = self._terminated.index_fill(0, lanes, False)
        return self._observe()

    def step(self, action: Action) -> StepResult:
        """Score the translations, and end all episodes.

        Args:
            action: `target` (B, M) int64.

        Returns:
            The result. In lanes whose episode has ended before, the reward is 0.
        """
        playing, true, given = ~self._terminated, self.label, action["target"]
        reward = sentence_bleu(given, length_of(given), true, length_of(true)) * playing
        self._terminated = torch.ones_like(self._terminated)
        return StepResult(self._observe(), reward, self._terminated, true)

    def full_observation(self) -> Observation:
        """Return the whole source sentences, to learn from known translations."""
        return {"source": self._source.batch(self._lanes, self._width(self._lanes)).tokens}

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane's sentence as an RGB picture (height, width, 3) uint8, the same at each step."""
        return draw_page([self.texts.source[int(self._example[lane])].split()])

    def _width(self, lanes: Tensor) -> int | None:
        """Return the width to which sentences are padded; None for the longest of lanes that the host knows."""
        return self.longest if lanes.device == self.device else None

    def _observe(self) -> Observation:
        """Return the source sentences."""
        return self.full_observation()


def length_of(tokens: Tensor) -> Tensor:
    """Count the tokens before the first END or padding: (B, M) -> (B,) int64."""
    return ((tokens != END) & (tokens != PAD)).cumprod(1).sum(1)
