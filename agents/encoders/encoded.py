"""What every encoder is: vectors of tokens in, one vector out, with what was attended on the way.

Axes: B episodes, L tokens, E width of a token's vector, D width of the sentence's.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

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
