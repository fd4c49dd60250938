"""Texts of different lengths as flat tensors, and padded batches of them, made without a loop over texts.

Axes: N texts, M tokens in all, B texts in a batch, L tokens, S sentences of T tokens.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

PAD = 0


class Padded(NamedTuple):
    """A batch: tokens (B, L) or (B, S, T) int64, `PAD` where there is none, and mask, bool, True at tokens."""

    tokens: Tensor
    mask: Tensor


@dataclass(frozen=True, eq=False)
class Ragged:
    """N texts. The tensors are shared by all who load them: never change them in place.

    Attributes:
        tokens: (M,) int32, all texts end to end.
        offsets: (N + 1,) int64: text n is tokens[offsets[n] : offsets[n + 1]].
        lengths: (N,) int64, on the CPU wherever the rest is, so that a batch's width costs no waiting.
    """

    tokens: Tensor
    offsets: Tensor
    lengths: Tensor

    def to(self, device: torch.device) -> "Ragged":
        """The same texts on another device."""
        return Ragged(self.tokens.to(device), self.offsets.to(device), self.lengths)

    def width(self, examples: Tensor) -> int:
        """The longest length of some texts, (B,) int64, which should be on the CPU."""
        return int(self.lengths[examples.cpu()].max())

    def batch(self, examples: Tensor, width: int | None = None) -> Padded:
        """Some texts side by side.

        Args:
            examples: (B,) int64 in [0, N), on any device. On the CPU nothing has to be waited for.
            width: L; texts that are longer are cut. By default the longest one's length.
        """
        index, mask = self._places(examples, self.width(examples) if width is None else width)
        return Padded(self.tokens[index].long().masked_fill(~mask, PAD), mask)

    def batch_of(self, values: Tensor, examples: Tensor, width: int | None = None) -> Tensor:
        """As `batch`, of other values of all tokens: (M,) -> (B, L), zero at padding."""
        index, mask = self._places(examples, self.width(examples) if width is None else width)
        return values[index].masked_fill(~mask, 0)

    def _places(self, examples: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Where in the flat tensor each token of a batch stands, and which are real."""
        examples = examples.to(self.offsets.device)
        return _places(self.offsets[examples], self.offsets[examples + 1], width, len(self.tokens))


@dataclass(frozen=True, eq=False)
class Nested:
    """N documents of sentences. The tensors are shared: never change them in place.

    Attributes:
        sentences: The sentences of all documents, in order.
        offsets: (N + 1,) int64: document n has the sentences from offsets[n] to before offsets[n + 1].
        lengths: (N,) int64, sentences of each document; on the CPU.
        widest: (N,) int64, tokens of the longest sentence of each document; on the CPU.
    """

    sentences: Ragged
    offsets: Tensor
    lengths: Tensor
    widest: Tensor

    def to(self, device: torch.device) -> "Nested":
        """The same documents on another device."""
        return Nested(self.sentences.to(device), self.offsets.to(device), self.lengths, self.widest)

    def size(self, examples: Tensor) -> tuple[int, int]:
        """The most sentences, and the most tokens of a sentence, of some documents (B,) int64, best on the CPU."""
        examples = examples.cpu()
        return int(self.lengths[examples].max()), int(self.widest[examples].max())

    def batch(self, examples: Tensor, size: tuple[int, int] | None = None) -> Padded:
        """Some documents side by side: (B, S, T).

        Args:
            examples: (B,) int64 in [0, N), on any device. On the CPU nothing has to be waited for.
            size: (S, T); what is longer is cut. By default the smallest that holds everything.
        """
        index, mask = self._places(examples, size)
        return Padded(self.sentences.tokens[index].long().masked_fill(~mask, PAD), mask)

    def batch_of(self, values: Tensor, examples: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """As `batch`, of other values of all tokens: (M,) -> (B, S, T), zero at padding."""
        index, mask = self._places(examples, size)
        return values[index].masked_fill(~mask, 0)

    def _places(self, examples: Tensor, size: tuple[int, int] | None) -> tuple[Tensor, Tensor]:
        sentences, words = size or self.size(examples)
        examples = examples.to(self.offsets.device)
        sentence, real = _places(
            self.offsets[examples], self.offsets[examples + 1], sentences, len(self.sentences.lengths)
        )
        begin = self.sentences.offsets[sentence]
        end = torch.where(real, self.sentences.offsets[sentence + 1], begin)
        return _places(begin, end, words, len(self.sentences.tokens))


def _places(begin: Tensor, end: Tensor, width: int, count: int) -> tuple[Tensor, Tensor]:
    """(...,) twice -> (..., width) twice: begin, begin + 1 and so on, below `count`; and which come before the end."""
    index = begin.unsqueeze(-1) + torch.arange(width, device=begin.device)
    return index.clamp(max=count - 1), index < end.unsqueeze(-1)
