"""Multi-head attention (Vaswani et al., 2017, section 3.2.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, by_head, check, silence
from glimpse.agents.attention.normalisers import Normaliser, make_normaliser, softmax
from glimpse.agents.attention.options import NormaliserOptions


def split(x: Tensor, heads: int) -> Tensor:
    """Split features into heads, (B, n, D) -> (B, h, n, D / h)."""
    return x.view(*x.shape[:-1], heads, x.shape[-1] // heads).transpose(1, 2)


def join(x: Tensor) -> Tensor:
    """Join heads, (B, h, n, D / h) -> (B, n, D)."""
    return x.transpose(1, 2).flatten(2)


def scaled_dot_product(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    bias: Tensor | None = None,
    normalise: Normaliser = softmax,
    need_weights: bool = True,
) -> Attended:
    """Attend with weights normalise(q k^T / sqrt(D / h) + bias), by torch's own function where that gives them.

    Args:
        query: (..., n_q, D / h).
        key: (..., n_k, D / h).
        value: (..., n_k, D / h).
        mask: bool that broadcasts to (..., n_q, n_k), or None.
        bias: added to the scores, if any; broadcasts as the mask does.
        normalise: over the keys.
        need_weights: whether to return the weights.
    """
    if not need_weights and normalise is softmax and not torch.compiler.is_exporting():
        if bias is not None:
            mask = bias if mask is None else bias.masked_fill(~mask, float("-inf"))
        return Attended(F.scaled_dot_product_attention(query, key, value, mask), None)
    scores = query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)
    weights = normalise(scores if bias is None else scores + bias, mask)
    return Attended(weights @ value, weights if need_weights else None)


class Heads(nn.Module):
    """Maps of multi-head attention: W^Q, W^K and W^V, and W^O, which joins the heads."""

    def __init__(self, width: int, heads: int, bias: bool = True) -> None:
        """Make the four maps.

        Raises:
            ValueError: if the heads do not divide the width.
        """
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}: choose `heads` among its divisors")
        self.count = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=bias) for _ in range(4))

    def split(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map query, key and value and split them into heads: three times (B, n, D) -> (B, h, n, D / h)."""
        mapped = self.query(query), self.key(key), self.value(value)
        return split(mapped[0], self.count), split(mapped[1], self.count), split(mapped[2], self.count)

    def join(self, attended: Attended, mask: Tensor | None) -> Attended:
        """Join a context (B, h, n_q, D / h) to (B, n_q, D), zero where the mask (B, h, n_q, n_k) lets no head read."""
        return attended._replace(context=silence(self.out(join(attended.context)), mask))


class MultiHead(nn.Module):
    """Multi-head attention: h heads of width D / h, each with its maps; weights (B, h, n_q, n_k).

    No dropout is applied to the weights: the paper's is applied to the output.
    """

    def __init__(
        self, width: int, heads: int, normaliser: NormaliserOptions | str = "softmax", bias: bool = True
    ) -> None:
        """Make the maps, with or without biases."""
        super().__init__()
        self.heads = Heads(width, heads, bias)
        self.normalise = make_normaliser(normaliser)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, need_weights: bool = True
    ) -> Attended:
        """Attend; the mask may have heads too, (B, h, n_q, n_k)."""
        check(query, key, value, mask, self.heads.count)
        (q, k, v), mask = self.heads.split(query, key, value), by_head(mask)
        return self.heads.join(scaled_dot_product(q, k, v, mask, None, self.normalise, need_weights), mask)

    def attend_row(self, query: Tensor, keys: Tensor, values: Tensor) -> tuple[Attended, Tensor | None]:
        """Attend from the last token; see `newest.RowAttention`."""
        return scaled_dot_product(query, keys, values, None, None, self.normalise, False), None
