"""Base of readers that sample a selection of words before they read: ReSAN and rationales.

Axes: B texts, L words, M selections of each text of an update.
"""

from abc import abstractmethod

import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.episode import Batch
from glimpse.agents.known_numbers import number, set_number
from glimpse.agents.selection.reinforcement import Reinforcement
from glimpse.agents.text.options import ReaderOptions
from glimpse.agents.text.reader import GivenVectors, Reader


class SelectingReader(Reader):
    """A reader whose selection is sampled, and whose training has stages.

    draws_per_word: random numbers for each word; `selection_noise` is the same, by the name that rollouts use.
    """

    stochastic = True
    draws_per_word = selection_noise = 1
    progress: Tensor

    def __init__(
        self,
        options: ReaderOptions,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        vectors: GivenVectors | None = None,
    ) -> None:
        """Make the reader's networks; see `Reader`."""
        super().__init__(options, observation_space, action_space, vectors)
        self.register_buffer("progress", torch.zeros(()))
        set_number(self.progress, 0.0)

    def set_progress(self, progress: float) -> None:
        """Set the share of training done, in [0, 1], on which the stage depends."""
        set_number(self.progress, progress)

    @abstractmethod
    def words_read(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return which words the greedy selection reads: (B, L) bool for each text."""

    def heads(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return which words are heads, which read others, in the greedy selection: (B, L) bool for each text.

        The result is empty where all words are heads.
        """
        return {}

    @property
    def share_done(self) -> float:
        """Share of training done, in [0, 1]."""
        return number(self.progress)

    def split_noise(self, observation: dict[str, Tensor], noise: Tensor) -> dict[str, Tensor]:
        """Divide noise (B, draws_per_word * words of all texts) among the texts: (B, draws_per_word, L) each."""
        widths = [self.draws_per_word * text.shape[1] for text in observation.values()]
        parts = zip(observation, noise.split(widths, 1), strict=True)
        return {name: own.unflatten(1, (self.draws_per_word, -1)) for name, own in parts}

    def sample_noise(self, batch: Batch, copies: int = 1) -> dict[str, Tensor]:
        """Draw the noise of M = `copies` selections of each text of an update: (B * M, draws_per_word, L) each.

        That of a word depends on its example, its position and the copy alone: ranks that share an update draw alike.
        """
        found, streams = {}, copies * self.draws_per_word
        for position, (name, text) in enumerate(batch.observation.items()):
            drawn = [batch.normal(position * streams + stream, text.shape[1]) for stream in range(streams)]
            found[name] = torch.stack(drawn, 1).view(-1, self.draws_per_word, text.shape[1])
        return found


def repeat_texts(observation: dict[str, Tensor], copies: int) -> dict[str, Tensor]:
    """Repeat each text M = `copies` times; the copies of a text are adjacent."""
    return {name: text.repeat_interleave(copies, 0) for name, text in observation.items()}


def greedy_draws(texts: Tensor, reinforcement: Reinforcement, copies: int) -> Tensor:
    """Mark which of B = E * M selections must be greedy, (B,) bool.

    It is the first of each text for a self-critical baseline, and none for others.
    """
    first = torch.arange(len(texts), device=texts.device) % copies == 0
    return first & reinforcement.greedy_first
