"""What every encoder is: vectors of tokens in, one vector out, with what was attended on the way.

Axes: B episodes, L tokens, E width of a token's vector, D width of the sentence's.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

_OF_TOKENS = ("tokens", "hops")
"""Weights that a token has, and not a pair of them."""


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
    # take_along_dim would look for negative places too, which takes longer than the taking.
    return tokens.gather(1, order.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


def put_back(encoded: Encoded, order: Tensor) -> Encoded:
    """Weights of tokens that were moved together, at the places that they had; zero at all others.

    Args:
        encoded: its weights are (B, n) or (B, R, n), called `tokens` or `hops`; or of pairs, (B, ..., n, n).
        order: (B, L), where each token came from, of which the first n were encoded.
    """
    weights = {}
    for name, moved in encoded.weights.items():
        weights[name] = _put_back(moved, order)
        if name not in _OF_TOKENS:
            weights[name] = _put_back(weights[name].mT, order).mT
    return encoded._replace(weights=weights)


def _put_back(moved: Tensor, order: Tensor) -> Tensor:
    """(B, ..., n) -> (B, ..., L)."""
    between = (1,) * (moved.dim() - 2)
    place = order[:, : moved.shape[-1]].view(len(order), *between, -1).expand_as(moved)
    return moved.new_zeros(*moved.shape[:-1], order.shape[1]).scatter(-1, place, moved)
