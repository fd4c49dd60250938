"""What every decoder is: it writes a translation piece by piece, or all of one that is known at once.

Axes: B lanes, L pieces of the source, M pieces of the target, E width of a piece's vector, D of what is put out,
h heads.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

Tensors = dict[str, Tensor]
"""Tensors by name, each (B, ...): lanes can be taken, repeated and left out alike; see `take`."""


class Chosen(NamedTuple):
    """Places of the source that were drawn, one for each piece of the target.

    log_prob, entropy: (B, M), of the draws, with their gradients.
    hard: (B,) bool, the sentences that read what was drawn.
    seen: (B, M, D), what was known before each draw.
    """

    log_prob: Tensor
    entropy: Tensor
    hard: Tensor
    seen: Tensor


class Encoded(NamedTuple):
    """A source that was read.

    states: (B, L, D'), a state for each piece, zeros at padding.
    real: (B, L) bool.
    last: what a decoder begins with, each (B, ...).
    """

    states: Tensor
    real: Tensor
    last: Tensors


class Written(NamedTuple):
    """One step: features (B, D) for the output layer, weights of the source (B, L), or None, and the state after it."""

    features: Tensor
    weights: Tensor | None
    state: Tensors


class Taught(NamedTuple):
    """All steps of a known target.

    features: (B, M, D).
    weights: of the source, by name, (B, M, L) or (B, h, M, L), if they were asked for.
    chosen: places that were drawn, where attention is hard.
    """

    features: Tensor
    weights: Tensors
    chosen: Chosen | None = None


class Decoder(nn.Module, ABC):
    """Writes. `source` is what `prepare` gave: all that is computed of a source once."""

    width: int

    @abstractmethod
    def prepare(self, encoded: Encoded) -> Tensors:
        """What is computed of B sources once."""

    @abstractmethod
    def begin(self, encoded: Encoded) -> Tensors:
        """The state of B lanes before the first piece."""

    @abstractmethod
    def step(self, vector: Tensor, state: Tensors, source: Tensors, first: int) -> Written:
        """Write one piece.

        Args:
            vector: of the piece before, (B, E).
            state: what `begin` or the last step gave.
            source: what `prepare` gave.
            first: the number of the piece that is written, from 0.
        """

    @abstractmethod
    def teach(self, vectors: Tensor, real: Tensor, state: Tensors, source: Tensors, need_weights: bool) -> Taught:
        """All steps at once, of a target that is known.

        Args:
            vectors: of the pieces before, (B, M, E).
            real: (B, M) bool, False behind the end.
            state: what `begin` gave.
            source: what `prepare` gave.
            need_weights: whether to give the weights.
        """


def take(tensors: Tensors, lanes: Tensor) -> Tensors:
    """Some lanes (R,) int64 of tensors (B, ...): (R, ...), in any order and as often as wanted."""
    return {name: tensor.index_select(0, lanes) for name, tensor in tensors.items()}
