"""A reader that chooses words before it reads: what reinforced self-attention and rationales share.

Axes: B texts, L words, M choices drawn of each text of an update.
"""

from abc import abstractmethod

import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.selection.reinforcement import Reinforcement
from glimpse.agents.text.reader import Reader, WordVectors
from glimpse.agents.text_options import ReaderOptions


class Chooser(Reader):
    """A reader whose choice follows from chance, and whose training has stages.

    coins: how many numbers are drawn for each word, which is what `selects` says too.
    """

    samples = True
    coins = selects = 1
    progress: Tensor

    def __init__(
        self,
        options: ReaderOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: WordVectors | None = None,
    ) -> None:
        """Make the reader's networks; see `Reader`."""
        super().__init__(options, observation_space, action_space, vectors)
        self.register_buffer("progress", torch.zeros(()))

    def set_progress(self, progress: float) -> None:
        """Go from stage to stage."""
        self.progress.fill_(progress)

    @abstractmethod
    def reads(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Which words are read by the likeliest choice: (B, L) bool of each text."""

    def heads(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Which words themselves read others by the likeliest choice, (B, L) bool of each text; none, if all do."""
        return {}

    @property
    def done(self) -> float:
        """The share of training done."""
        return float(self.progress)

    def by_text(self, observation: dict[str, Tensor], noise: Tensor) -> dict[str, Tensor]:
        """Noise (B, coins * words of all texts), divided among the texts: (B, coins, L) each."""
        widths = [self.coins * text.shape[1] for text in observation.values()]
        parts = zip(observation, noise.split(widths, 1), strict=True)
        return {name: own.unflatten(1, (self.coins, -1)) for name, own in parts}

    def toss(self, text: Tensor) -> Tensor:
        """Noise for training, by torch's own generator: (B, L) -> (B, coins, L)."""
        return torch.randn(len(text), self.coins, text.shape[1], device=text.device)


def copied(observation: dict[str, Tensor], copies: int) -> dict[str, Tensor]:
    """Each text M times, one after the other."""
    return {name: text.repeat_interleave(copies, 0) for name, text in observation.items()}


def greedy_copies(texts: Tensor, reinforcement: Reinforcement, copies: int) -> Tensor:
    """Which of B = E * M choices must be the likeliest, (B,) bool: the first of each text, where a baseline says so."""
    first = torch.arange(len(texts), device=texts.device) % copies == 0
    return first & reinforcement.greedy_first
