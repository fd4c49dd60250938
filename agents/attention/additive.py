"""Additive scores (Bahdanau, Cho and Bengio, 2015; the concat of Luong, Pham and Manning, 2015)."""

from torch import Tensor, nn


class AdditiveScore(nn.Module):
    """Additive score e_ij = v^T tanh(W q_i + U k_j), without biases (Bahdanau et al., 2015, appendix A.1.2).

    Luong et al.'s concat, v^T tanh(W [q; k]), is the same: W and U are the halves of its matrix. A decoder with
    one query a step calls `keys` once and `of_keys` at each step.
    """

    def __init__(self, query_width: int, key_width: int, hidden: int) -> None:
        """Make W, U and v."""
        super().__init__()
        self.query = nn.Linear(query_width, hidden, bias=False)
        self.key = nn.Linear(key_width, hidden, bias=False)
        self.out = nn.Linear(hidden, 1, bias=False)

    def keys(self, key: Tensor) -> Tensor:
        """Compute U k: (B, n_k, D) -> (B, n_k, hidden)."""
        keys: Tensor = self.key(key)
        return keys

    def of_keys(self, query: Tensor, keys: Tensor) -> Tensor:
        """Compute scores (B, n_q, n_k) of `query` (B, n_q, D) and what `keys` returned."""
        hidden = (self.query(query).unsqueeze(2) + keys.unsqueeze(1)).tanh()
        scores: Tensor = self.out(hidden).squeeze(-1)
        return scores

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Compute scores (B, n_q, n_k) of `query` (B, n_q, D) and `key` (B, n_k, D')."""
        return self.of_keys(query, self.keys(key))
