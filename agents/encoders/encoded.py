"""Base class and result of encoders, which turn the vectors of a text's tokens into one vector.

Axes: B episodes, L tokens, E width of a token's vector, D width of the text's vector.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from glimpse.agents.embedding import PADDING
from glimpse.agents.ordering import true_first

LookUp = Callable[[Tensor], Tensor]
"""Function from word numbers (...) to their vectors (..., E)."""
_OF_TOKENS = ("tokens", "hops")
"""Names of the weights of single tokens; all others are of pairs of tokens."""


class TokenStates(NamedTuple):
    """States of a text's tokens: (B, L, D), and which of them are real, (B, L) bool."""

    states: Tensor
    mask: Tensor


class Encoded(NamedTuple):
    """A text as a vector.

    vector: (B, D).
    weights: weights of attention by name, each (B, ...), for drawings.
    penalty: a scalar that is added to the loss, or None.
    tokens: states of the tokens, from encoders that have them in order.
    """

    vector: Tensor
    weights: dict[str, Tensor]
    penalty: Tensor | None = None
    tokens: TokenStates | None = None


class Encoder(nn.Module, ABC):
    """Base class of encoders, from vectors of tokens (B, L, E) and their mask (B, L), True for real ones, to `Encoded`.

    Padding has no effect on the result, and an empty text gives zeros.
    width: D.
    """

    width: int

    @abstractmethod
    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> Encoded:
        """Encode B texts; `need_weights` asks for the weights of pairs of tokens too, which cost time and memory."""

    def read(self, text: Tensor, look_up: LookUp, need_weights: bool = False) -> Encoded:
        """Encode texts of word numbers (B, L), or documents (B, S, L), whose vectors are looked up."""
        return cast(Encoded, self(look_up(text), text != PADDING, need_weights))


def real_first(tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Move real tokens together, for encoders that read neighbours or one token after the other.

    Args:
        tokens: (B, L, E).
        mask: (B, L) bool, True for real tokens, in any position.

    Returns:
        Tokens and mask with real ones first, in their order; and the position (B, L) that each had before, or None if
        none was moved.
    """
    # A graph that is exported has no branches, and to ask a GPU would be to wait for it.
    asks = mask.device.type == "cpu" and not torch.compiler.is_exporting()
    if asks and not (mask[:, 1:] & ~mask[:, :-1]).any():
        return tokens, mask, None
    order = true_first(mask)
    return gather_tokens(tokens, order), mask.gather(1, order), order


def gather_tokens(tokens: Tensor, order: Tensor) -> Tensor:
    """Return tokens (B, L, E) in another order (B, L)."""
    # take_along_dim checks for negative positions, which takes longer than the gathering itself.
    return tokens.gather(1, order.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


def put_back(encoded: Encoded, order: Tensor) -> Encoded:
    """Put the weights of tokens that `real_first` moved back to their positions, with zeros at all others.

    Args:
        encoded: its weights are (B, n) or (B, R, n), called `tokens` or `hops`; or of pairs, (B, ..., n, n).
        order: (B, L), the position that each token had before, of which the first n were encoded.
    """
    weights = {}
    for name, moved in encoded.weights.items():
        weights[name] = _put_back(moved, order)
        if name not in _OF_TOKENS:
            weights[name] = _put_back(weights[name].mT, order).mT
    return encoded._replace(weights=weights)


def _put_back(moved: Tensor, order: Tensor) -> Tensor:
    """Put weights (B, ..., n) back to their positions (B, ..., L)."""
    between = (1,) * (moved.dim() - 2)
    position = order[:, : moved.shape[-1]].view(order.shape[0], *between, -1).expand_as(moved)
    return moved.new_zeros(*moved.shape[:-1], order.shape[1]).scatter(-1, position, moved)
