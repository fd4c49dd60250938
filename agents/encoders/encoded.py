"""What every encoder is: vectors of tokens in, one vector out, with what was attended on the way.

Axes: B episodes, L tokens, E width of a token's vector, D width of the sentence's.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Encoded(NamedTuple):
    """A text as a vector.

    vector: (B, D).
    weights: what was attended, by name: for a picture, each (B, ...).
    penalty: a scalar that the loss adds, or none.
    """

    vector: Tensor
    weights: dict[str, Tensor]
    penalty: Tensor | None = None


class Encoder(nn.Module, ABC):
    """Turns vectors of tokens (B, L, E) and their mask (B, L), True for real tokens, into `Encoded`.

    Padding has no effect on what comes out, and an empty text gives zeros.
    width: D.
    """

    width: int

    @abstractmethod
    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> Encoded:
        """Encode B texts; `need_weights` asks for those of pairs of tokens too, which cost time and memory."""


def real_first(tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Move real tokens together, for what reads neighbours or one token after the other.

    Args:
        tokens: (B, L, E).
        mask: (B, L) bool, True for real tokens, in any place.

    Returns:
        Tokens and mask with real ones first, in their order, and where each came from (B, L); None if none was moved.
    """
    if not (mask[:, 1:] & ~mask[:, :-1]).any():
        return tokens, mask, None
    order = mask.byte().sort(dim=1, descending=True, stable=True).indices
    return take(tokens, order), mask.gather(1, order), order


def take(tokens: Tensor, order: Tensor) -> Tensor:
    """Tokens (B, L, E) in another order (B, L)."""
    return torch.take_along_dim(tokens, order.unsqueeze(-1), 1)
