"""What the cores of texts share: one text in each lane, drawn, shown and shown anew.

Axes: B lanes, N texts, E texts that are begun, M copies of each, R lanes that begin anew.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from glimpse.envs.images.classification import Observation
from glimpse.envs.images.initial_location import draw_example
from glimpse.envs.options import AugmentOptions
from glimpse.envs.text.text_data import DocumentData, TextData


class TextCore(ABC):
    """Lanes with a text each. A subclass says what a lane begins with, and what is observed of that."""

    def __init__(
        self, texts: TextData | DocumentData, device: torch.device | str, augment: AugmentOptions | None
    ) -> None:
        """Put the labels on the device.

        Raises:
            ValueError: if pictures are to be warped.
        """
        if augment is not None and augment.active:
            raise ValueError("texts are no pictures that train.augment could warp")
        self.device = torch.device(device)
        self.vocabulary, self.lengths = texts.vocabulary, texts.lengths
        self._labels = texts.labels.to(self.device)

    @abstractmethod
    def _open(self, example: Tensor) -> Observation:
        """What lanes that begin with texts (E,) know of them, by name: (E, ...) each."""

    def _observe(self) -> Observation:
        """What is seen of it; by default all."""
        return self._lanes

    @property
    def examples(self) -> int:
        """Number of texts N in the split."""
        return len(self._labels)

    @property
    def label(self) -> Tensor:
        """The true class in each lane, (B,) int64; or the score, (B,) float32."""
        return self._labels[self._example]

    def draw_example(self, key: Tensor) -> Tensor:
        """A uniformly drawn text for each episode's key: (B,) int64 -> (B,) int64 in [0, N)."""
        return draw_example(key, self.examples)

    def begin(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes.

        Args:
            example: (E,) int64 in [0, N).
            key: (E,) int64; nothing is drawn from it.
            copies: episodes M on each text; lane e * M + m is the m-th copy of example e.

        Returns:
            The first observation, with a leading axis B.
        """
        self._example = example.repeat_interleave(copies)
        self._over = torch.zeros(len(self._example), dtype=torch.bool, device=self.device)
        self._lanes = self._open(self._example)
        return self._observe()

    def restart(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes, (R,) int64 all three; the observation of all B lanes."""
        self._example = self._example.index_copy(0, lanes, example)
        self._over = self._over.index_fill(0, lanes, False)
        fresh = self._open(example)
        self._lanes = {name: old.index_copy(0, lanes, fresh[name]) for name, old in self._lanes.items()}
        return self._observe()
