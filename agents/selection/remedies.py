"""What keeps a selector and its reader from agreeing on a code of their own instead of on evidence.

Axes: B texts, L words.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.encoders.encoded import Encoded
from glimpse.agents.encoders.make_encoder import make_encoder
from glimpse.agents.text.heads import Head
from glimpse.agents.text.reader import Reader


class SecondReader(nn.Module):
    """An encoder and a head like those of a rationale's reader, of weights of their own and the same word vectors."""

    def __init__(self, first: Reader) -> None:
        """Make it like the first."""
        super().__init__()
        options, width = first.options, first.embedding.weight.shape[1]
        self.encoder = make_encoder(options.encoder, width)
        last = first.head.layers[-1]
        classes = cast(nn.Linear, last).out_features
        self.head = Head(self.encoder.width, options.hidden, classes, options.activation, options.dropout)

    def read(self, first: Reader, text: Tensor, share: Tensor, removed: bool) -> Tensor:
        """Logits (B, N) of texts (B, L), each word times its share (B, L); words of no share may be removed."""
        vectors, real = first.embed(text)
        share = share[:, : real.shape[1]]
        encoded = cast(Encoded, self.encoder(vectors * share.unsqueeze(-1), real & (share > 0) if removed else real))
        return cast(Tensor, self.head(encoded.vector))


class Complement(SecondReader):
    """Reads what was left out: what it can tell should have been kept (Yu et al., 2019, section 3.2)."""

    def errors(self, first: Reader, text: Tensor, kept: Tensor, label: Tensor, removed: bool) -> Tensor:
        """(B,), of an answer from the words of (B, L) that were not kept; the others may be removed."""
        return first.errors(self.read(first, text, 1 - kept, removed), label)[0]


class Teacher(SecondReader):
    """Reads all words, each by how likely the selector keeps it: a gradient shows the way (Yu et al., 2021, "A2R")."""

    def loss(
        self, first: Reader, text: Tensor, chance: Tensor, hard: Tensor, label: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Its error, and how far both answers are apart: Jensen-Shannon divergence, in nats; and these as terms.

        Args:
            first: the reader that it teaches.
            text: (B, L).
            chance: (B, L), how likely each word is kept, 0 at padding.
            hard: (B, N), what the first reader answers from words that are kept or not.
            label: (B,).
        """
        logits = self.read(first, text, chance, False)
        error = first.errors(logits, label)[0].mean()
        apart = jensen_shannon(logits, hard).mean()
        return error + apart, {"teacher": error, "agreement": apart}


def jensen_shannon(one: Tensor, other: Tensor) -> Tensor:
    """Of two softmaxes, in nats, at most log 2: logits (B, N) twice -> (B,)."""
    p, q = one.float().log_softmax(-1), other.float().log_softmax(-1)
    middle = torch.logaddexp(p, q) - torch.tensor(2.0).log().to(p.device)
    halves = [(each.exp() * (each - middle)).sum(-1) for each in (p, q)]
    return (halves[0] + halves[1]) / 2
