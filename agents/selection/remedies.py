"""Second readers that discourage a degenerate code: a selector that tells the class by what it keeps, not by evidence.

Axes: B texts, L words, N classes.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.encoders.encoded import Encoded
from glimpse.agents.encoders.make_encoder import make_encoder
from glimpse.agents.text.heads import Head
from glimpse.agents.text.reader import Reader


class SecondReader(nn.Module):
    """Encoder and head of the first reader's sizes with weights of their own; the word vectors are shared."""

    def __init__(self, first: Reader) -> None:
        """Make networks of the sizes of the first reader's."""
        super().__init__()
        options, width = first.options, first.embedding.weight.shape[1]
        self.encoder = make_encoder(options.encoder, width)
        last = first.head.layers[-1]
        classes = cast(nn.Linear, last).out_features
        self.head = Head(self.encoder.width, options.hidden, classes, options.activation, options.dropout)

    def read(self, first: Reader, text: Tensor, weight: Tensor, removed: bool) -> Tensor:
        """Compute logits from texts whose word vectors are scaled.

        Args:
            first: the reader whose word vectors are used.
            text: (B, L), word numbers.
            weight: (B, L) in [0, 1], the scale of each word's vector.
            removed: whether words of weight 0 are removed instead of read as zeros.

        Returns:
            (B, N).
        """
        vectors, real = first.embed(text)
        weight = weight[:, : real.shape[1]]
        kept = real & (weight > 0) if removed else real
        encoded = cast(Encoded, self.encoder(vectors * weight.unsqueeze(-1), kept))
        return cast(Tensor, self.head(encoded.vector))


class ComplementReader(SecondReader):
    """Reads the words that were not kept; what it can predict from them should have been kept.

    Yu et al. (2019), section 3.2.
    """

    def errors(self, first: Reader, text: Tensor, kept: Tensor, label: Tensor, removed: bool) -> Tensor:
        """Compute the error of each answer from the words that were not kept.

        Args:
            first: the reader whose word vectors and error are used.
            text: (B, L).
            kept: (B, L) in [0, 1], how much of each word was kept.
            label: (B,).
            removed: whether kept words are removed instead of read as zeros.

        Returns:
            (B,).
        """
        return first.errors(self.read(first, text, 1 - kept, removed), label)[0]


class SoftTeacher(SecondReader):
    """Reads all words, each scaled by its keep probability, so that a gradient reaches the selector.

    Yu et al. (2021), "A2R".
    """

    def loss(
        self, first: Reader, text: Tensor, keep_probability: Tensor, hard_logits: Tensor, label: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the teacher's error plus its Jensen-Shannon divergence from the first reader, in nats.

        Args:
            first: the reader that it teaches.
            text: (B, L).
            keep_probability: (B, L), 0 at padding.
            hard_logits: (B, N), the first reader's answer from words that are kept or not.
            label: (B,).

        Returns:
            The sum, a scalar; and its terms `teacher`, the error, and `agreement`, the divergence.
        """
        logits = self.read(first, text, keep_probability, False)
        error = first.weigh(first.errors(logits, label)[0], label).mean()
        divergence = jensen_shannon(first.kind.choices(logits), first.kind.choices(hard_logits)).mean()
        return error + divergence, {"teacher": error, "agreement": divergence}


def jensen_shannon(one: Tensor, other: Tensor) -> Tensor:
    """Compute the Jensen-Shannon divergence of two softmaxes, in nats, at most log 2.

    Args:
        one: (..., N), logits.
        other: (..., N), logits.

    Returns:
        (...,).
    """
    p, q = one.float().log_softmax(-1), other.float().log_softmax(-1)
    middle = torch.logaddexp(p, q) - math.log(2)
    halves = [(each.exp() * (each - middle)).sum(-1) for each in (p, q)]
    return (halves[0] + halves[1]) / 2
