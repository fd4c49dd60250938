"""Texts of different lengths as flat tensors, and padded batches of them without a loop over texts.

Axes: N texts, M tokens in all, B texts in a batch, L tokens, S sentences of T tokens.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

PAD = 0


class Padded(NamedTuple):
    """A padded batch.

    Attributes:
        tokens: (B, L) or (B, S, T) int64, `PAD` behind the end of a text.
        mask: bool of the same shape, True at tokens.
    """

    tokens: Tensor
    mask: Tensor


@dataclass(frozen=True, eq=False)
class Ragged:
    """N texts. The tensors are shared by all who load them: never change them in place.

    Attributes:
        tokens: (M,) int32, all texts concatenated.
        offsets: (N + 1,) int64: text n is tokens[offsets[n] : offsets[n + 1]].
        lengths: (N,) int64, always on the CPU, so that a batch's width is known without synchronising with a GPU.
    """

    tokens: Tensor
    offsets: Tensor
    lengths: Tensor

    def to(self, device: torch.device) -> "Ragged":
        """Return the texts on another device."""
        return Ragged(self.tokens.to(device), self.offsets.to(device), self.lengths)

    def width(self, examples: Tensor) -> int:
        """Return the greatest length of some texts, (B,) int64, which should be on the CPU."""
        return int(self.lengths[examples.cpu()].max())

    def batch(self, examples: Tensor, width: int | None = None) -> Padded:
        """Make a padded batch (B, L) of some texts.

        Args:
            examples: (B,) int64 in [0, N), on any device; indices on the CPU need no synchronisation.
            width: L; longer texts are cut. By default the length of the longest one.
        """
        index, mask = self._positions(examples, self.width(examples) if width is None else width)
        return Padded(self.tokens[index].long().masked_fill(~mask, PAD), mask)

    def batch_of(self, values: Tensor, examples: Tensor, width: int | None = None) -> Tensor:
        """Make a batch as `batch` does, of other values of all tokens: (M,) -> (B, L), zero at padding."""
        index, mask = self._positions(examples, self.width(examples) if width is None else width)
        return values[index].masked_fill(~mask, 0)

    def _positions(self, examples: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Return the index of each token of a batch in the flat tensor, and which are no padding."""
        examples = examples.to(self.offsets.device, non_blocking=True)
        return _positions(self.offsets[examples], self.offsets[examples + 1], width, len(self.tokens))


@dataclass(frozen=True, eq=False)
class Nested:
    """N documents of sentences. The tensors are shared: never change them in place.

    Attributes:
        sentences: The sentences of all documents, in order.
        offsets: (N + 1,) int64: document n has the sentences from offsets[n] to before offsets[n + 1].
        lengths: (N,) int64, number of sentences of each document; on the CPU.
        widest: (N,) int64, number of tokens of the longest sentence of each document; on the CPU.
    """

    sentences: Ragged
    offsets: Tensor
    lengths: Tensor
    widest: Tensor

    def to(self, device: torch.device) -> "Nested":
        """Return the documents on another device."""
        return Nested(self.sentences.to(device), self.offsets.to(device), self.lengths, self.widest)

    def size(self, examples: Tensor) -> tuple[int, int]:
        """Return the greatest numbers of sentences and of tokens of a sentence of some documents, (B,) int64."""
        examples = examples.cpu()
        return int(self.lengths[examples].max()), int(self.widest[examples].max())

    def batch(self, examples: Tensor, size: tuple[int, int] | None = None) -> Padded:
        """Make a padded batch (B, S, T) of some documents.

        Args:
            examples: (B,) int64 in [0, N), on any device; indices on the CPU need no synchronisation.
            size: (S, T); what is longer is cut. By default the smallest size without cuts.
        """
        index, mask = self._positions(examples, size)
        return Padded(self.sentences.tokens[index].long().masked_fill(~mask, PAD), mask)

    def batch_of(self, values: Tensor, examples: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Make a batch as `batch` does, of other values of all tokens: (M,) -> (B, S, T), zero at padding."""
        index, mask = self._positions(examples, size)
        return values[index].masked_fill(~mask, 0)

    def _positions(self, examples: Tensor, size: tuple[int, int] | None) -> tuple[Tensor, Tensor]:
        sentences, words = size or self.size(examples)
        examples = examples.to(self.offsets.device, non_blocking=True)
        sentence, real = _positions(
            self.offsets[examples], self.offsets[examples + 1], sentences, len(self.sentences.lengths)
        )
        begin = self.sentences.offsets[sentence]
        end = torch.where(real, self.sentences.offsets[sentence + 1], begin)
        return _positions(begin, end, words, len(self.sentences.tokens))


def _positions(begin: Tensor, end: Tensor, width: int, count: int) -> tuple[Tensor, Tensor]:
    """Enumerate positions from `begin` on.

    Args:
        begin: (...,) int64, the first position.
        end: (...,) int64, the position behind the last one.
        width: How many positions are enumerated.
        count: Positions are clamped to [0, count - 1].

    Returns:
        (..., width) positions, and bool whether each lies before its end.
    """
    index = begin.unsqueeze(-1) + torch.arange(width, device=begin.device)
    return index.clamp(max=count - 1), index < end.unsqueeze(-1)
