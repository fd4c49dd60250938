"""Multi-head self-attention with relative positions (Shaw, Uszkoreit and Vaswani, 2018)."""

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, by_head, check
from glimpse.agents.attention.multi_head import Heads
from glimpse.agents.attention.normalisers import Normaliser, make_normaliser, softmax
from glimpse.agents.attention.options import NormaliserOptions
from glimpse.agents.attention.relative_fast import relative_softmax


def offsets(n_q: int, n_k: int, clip: int, device: torch.device | str | None = None) -> Tensor:
    """Compute the tables' rows for query i and key j, clip(j - i, -k, k) + k: (n_q, n_k) int64 in [0, 2 k]."""
    return (torch.arange(n_k, device=device) - torch.arange(n_q, device=device)[:, None]).clamp(-clip, clip) + clip


class Relative(nn.Module):
    """Multi-head attention with relative positions (equations 3 and 4).

    e_ij = q_i . (k_j + a^K_ij) / sqrt(d_z) and z_i = sum_j alpha_ij (v_j + a^V_ij).

    Here a_ij is row clip(j - i, -k, k) + k of a table (2 k + 1, d_z). A layer has two tables, shared by its heads. No
    tensor of size B x h x n_q x n_k x d_z is made: q w^K^T (B, h, n_q, 2 k + 1) is gathered (section 3.3), and the
    weights are summed by offset before they are multiplied with w^V. Weights are (B, h, n_q, n_k).
    """

    def __init__(
        self,
        width: int,
        heads: int,
        clip: int = 16,
        normaliser: NormaliserOptions | str = "softmax",
        bias: bool = True,
    ) -> None:
        """Make the maps and the tables; distances beyond `clip` count as `clip`."""
        super().__init__()
        self.heads = Heads(width, heads, bias)
        self.clip = clip
        self.key_table = nn.Parameter(torch.empty(2 * clip + 1, width // heads))
        self.value_table = nn.Parameter(torch.empty(2 * clip + 1, width // heads))
        nn.init.xavier_uniform_(self.key_table)
        nn.init.xavier_uniform_(self.value_table)
        self.normalise = make_normaliser(normaliser)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, need_weights: bool = True
    ) -> Attended:
        """Attend; the mask may have heads too, (B, h, n_q, n_k)."""
        check(query, key, value, mask, self.heads.count)
        q, k, v = self.heads.split(query, key, value)
        scale, mask = q.shape[-1] ** -0.5, by_head(mask)
        fused = not need_weights and self.normalise is softmax and not torch.compiler.is_exporting()
        if fused and query.shape[1] == key.shape[1] and q.numel():
            context = relative_softmax(q, k, v, self.key_table, self.value_table, mask, scale)
            return self.heads.join(Attended(context, None), mask)
        attended = relative_attention(q * scale, k, v, self.key_table, self.value_table, mask, self.normalise)
        return self.heads.join(attended if need_weights else attended._replace(weights=None), mask)

    def attend_row(self, query: Tensor, keys: Tensor, values: Tensor) -> tuple[Attended, Tensor | None]:
        """Attend from the last token; see `newest.RowAttention`."""
        return relative_row(query, keys, values, self.key_table, self.value_table, self.normalise), None


def relative_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_table: Tensor,
    value_table: Tensor,
    mask: Tensor | None,
    normalise: Normaliser = softmax,
) -> Attended:
    """Attend with relative positions by gathering and scattering, with any normaliser.

    Args:
        query: (B, h, n_q, d_z), already divided by sqrt(d_z).
        key: (B, h, n_k, d_z).
        value: (B, h, n_k, d_z).
        key_table: w^K, (2 k + 1, d_z).
        value_table: w^V, (2 k + 1, d_z).
        mask: bool that broadcasts to (B, h, n_q, n_k), or None.
        normalise: over the keys.
    """
    return _attend(query, key, value, key_table, value_table, mask, normalise, 0)


def relative_row(
    query: Tensor, key: Tensor, value: Tensor, key_table: Tensor, value_table: Tensor, normalise: Normaliser = softmax
) -> Attended:
    """Compute the last row of `relative_attention` without a mask; its query is (B, h, 1, d_z), not scaled."""
    scaled = query * query.shape[-1] ** -0.5
    return _attend(scaled, key, value, key_table, value_table, None, normalise, key.shape[2] - 1)


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_table: Tensor,
    value_table: Tensor,
    mask: Tensor | None,
    normalise: Normaliser,
    first: int,
) -> Attended:
    """Attend from queries of which the first one is at position `first`."""
    table = query @ key_table.T  # (B, h, n_q, 2 k + 1)
    n_q, clip = query.shape[2], len(key_table) // 2
    row = offsets(first + n_q, key.shape[2], clip, query.device)[first:].expand(*table.shape[:3], -1)
    weights = normalise(query @ key.transpose(2, 3) + table.gather(-1, row), mask)
    by_offset = torch.zeros_like(table, dtype=weights.dtype).scatter_add(-1, row, weights)
    return Attended(weights @ value + by_offset @ value_table, weights)
