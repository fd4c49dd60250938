"""Scores of Luong, Pham and Manning (2015, section 3.1) and of Vaswani et al. (2017); concat is in `additive.py`."""

from torch import Tensor, nn

from glimpse.agents.errors import AgentError


class DotScore(nn.Module):
    """Score q^T k times a scale: 1 is Luong et al.'s dot, 1 / sqrt(D) is Vaswani et al.'s (equation 1)."""

    def __init__(self, scale: float = 1.0) -> None:
        """Set the scale; there is nothing to learn."""
        super().__init__()
        self.scale = scale

    def turn(self, query: Tensor) -> Tensor:
        """Return the vectors (B, n_q, D) whose dot products with the keys are the scores."""
        return query * self.scale

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Compute scores (B, n_q, n_k) of `query` (B, n_q, D) and `key` (B, n_k, D)."""
        return self.turn(query) @ key.transpose(1, 2)


class GeneralScore(nn.Module):
    """Score q^T W k; with W the identity it is dot."""

    def __init__(self, query_width: int, key_width: int) -> None:
        """Make W."""
        super().__init__()
        self.weight = nn.Linear(query_width, key_width, bias=False)

    def turn(self, query: Tensor) -> Tensor:
        """Return the vectors (B, n_q, D') whose dot products with the keys are the scores."""
        turned: Tensor = self.weight(query)
        return turned

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Compute scores (B, n_q, n_k) of `query` (B, n_q, D) and `key` (B, n_k, D')."""
        return self.turn(query) @ key.transpose(1, 2)


class LinearConcatScore(nn.Module):
    """Score w^T [q; k], which some versions of the paper print as concat.

    The query's term is equal for all keys, so that it changes no weight of a softmax.
    """

    def __init__(self, query_width: int, key_width: int) -> None:
        """Make w."""
        super().__init__()
        self.query = nn.Linear(query_width, 1, bias=False)
        self.key = nn.Linear(key_width, 1, bias=False)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Compute scores (B, n_q, n_k) of `query` (B, n_q, D) and `key` (B, n_k, D')."""
        scores: Tensor = self.query(query) + self.key(key).transpose(1, 2)
        return scores


class LocationScore(nn.Module):
    """Score W q for each position, whatever its key; the first n_k of `length` rows are used."""

    def __init__(self, query_width: int, length: int) -> None:
        """Make W, (length, query_width)."""
        super().__init__()
        self.positions = nn.Linear(query_width, length, bias=False)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Compute scores (B, n_q, n_k) of `query` (B, n_q, D); only the number of `key` (B, n_k, D') counts.

        Raises:
            AgentError: if there are more keys than positions.
        """
        n = key.shape[1]
        if n > self.positions.out_features:
            positions = self.positions.out_features
            raise AgentError(
                f"attention by location has {positions} positions, which are too few for a text of {n} tokens: raise "
                "its `length`, or read less of each text (task.max_words, or task.max_tokens)"
            )
        scores: Tensor = self.positions(query)[..., :n]
        return scores
