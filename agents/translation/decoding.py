"""The contract of every decoder: to generate a target token by token, or to be teacher-forced with a known one.

Axes: B lanes, L tokens of the source, M tokens of the target, E width of a token's vector, D width of the features,
h heads.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

Tensors = dict[str, Tensor]
"""Tensors by name, each (B, ...), so that all can be indexed by lane; see `take_lanes`."""


class DrawnPositions(NamedTuple):
    """Source positions drawn by hard attention, one for each target token.

    log_prob: (B, M), log-probability of each draw, with gradient.
    entropy: (B, M), entropy of the distribution it was drawn from, with gradient.
    hard: (B,) bool, sentences whose decoder read the drawn positions and not the expected context.
    seen: (B, M, D), the queries, which a learned baseline may read.
    """

    log_prob: Tensor
    entropy: Tensor
    hard: Tensor
    seen: Tensor


class EncodedSource(NamedTuple):
    """Output of an encoder.

    states: (B, L, D'), a state for each token, zeros at padding.
    real: (B, L) bool, False at padding.
    last: final states, from which a decoder may begin, each (B, ...).
    """

    states: Tensor
    real: Tensor
    last: Tensors


class DecoderStep(NamedTuple):
    """Result of one decoder step.

    features: (B, D), input of the output layer.
    weights: attention to the source, (B, L); None without attention.
    state: the decoder's state after the step.
    """

    features: Tensor
    weights: Tensor | None
    state: Tensors


class TeacherForced(NamedTuple):
    """Result of all steps of a known target.

    features: (B, M, D), input of the output layer.
    weights: attention to the source by name, (B, M, L) or (B, h, M, L); empty unless asked for.
    drawn: the positions that hard attention drew; None otherwise.
    """

    features: Tensor
    weights: Tensors
    drawn: DrawnPositions | None = None


class Decoder(nn.Module, ABC):
    """Generates target tokens; it computes once per source what all of its steps read."""

    width: int

    @abstractmethod
    def prepare(self, encoded: EncodedSource) -> Tensors:
        """Compute what all steps read of B sources; this is the `source` of the other methods."""

    @abstractmethod
    def initial_memory(self, encoded: EncodedSource) -> Tensors:
        """Return the state of B lanes before the first token."""

    @abstractmethod
    def step(self, vector: Tensor, state: Tensors, source: Tensors, index: int) -> DecoderStep:
        """Generate one token.

        Args:
            vector: (B, E), vector of the previous token.
            state: from `initial_memory` or the last step.
            source: from `prepare`.
            index: position of the new token in the target, from 0.
        """

    @abstractmethod
    def teacher_force(
        self, vectors: Tensor, real: Tensor, state: Tensors, source: Tensors, need_weights: bool
    ) -> TeacherForced:
        """Compute all steps of a known target at once.

        Args:
            vectors: (B, M, E), vectors of the previous tokens.
            real: (B, M) bool, False at padding.
            state: from `initial_memory`.
            source: from `prepare`.
            need_weights: whether to return the attention weights.
        """


def take_lanes(tensors: Tensors, lanes: Tensor) -> Tensors:
    """Select lanes (R,) int64, in any order and repeated at will: tensors (B, ...) -> (R, ...)."""
    return {name: tensor.index_select(0, lanes) for name, tensor in tensors.items()}
