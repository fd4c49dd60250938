"""Scores of Luong, Pham and Manning (2015, section 3.1) and Vaswani et al. (2017); concat is in `additive.py`."""

from torch import Tensor, nn

from glimpse.agents.errors import AgentError


class DotScore(nn.Module):
    """q^T k times a scale: 1 is Luong et al.'s dot, 1 / sqrt(D) is Vaswani et al.'s (equation 1)."""

    def __init__(self, scale: float = 1.0) -> None:
        """Nothing to learn."""
        super().__init__()
        self.scale = scale

    def turn(self, query: Tensor) -> Tensor:
        """What is multiplied with the keys, (B, n_q, D)."""
        return query * self.scale

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Scores (B, n_q, n_k) of `query` (B, n_q, D) and `key` (B, n_k, D)."""
        return self.turn(query) @ key.transpose(1, 2)


class GeneralScore(nn.Module):
    """q^T W k; the identity makes it dot."""

    def __init__(self, query_width: int, key_width: int) -> None:
        """Make W."""
        super().__init__()
        self.weight = nn.Linear(query_width, key_width, bias=False)

    def turn(self, query: Tensor) -> Tensor:
        """What is multiplied with the keys, (B, n_q, D')."""
        turned: Tensor = self.weight(query)
        return turned

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Scores (B, n_q, n_k) of `query` (B, n_q, D) and `key` (B, n_k, D')."""
        return self.turn(query) @ key.transpose(1, 2)


class LinearConcatScore(nn.Module):
    """w^T [q; k], which some versions of the paper print as concat.

    The query's part is the same for all keys, so that it moves no weight.
    """

    def __init__(self, query_width: int, key_width: int) -> None:
        """Make w."""
        super().__init__()
        self.query = nn.Linear(query_width, 1, bias=False)
        self.key = nn.Linear(key_width, 1, bias=False)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Scores (B, n_q, n_k) of `query` (B, n_q, D) and `key` (B, n_k, D')."""
        scores: Tensor = self.query(query) + self.key(key).transpose(1, 2)
        return scores


class LocationScore(nn.Module):
    """W q: a score for each place, whatever is there; the first n_k of `length` rows are used."""

    def __init__(self, query_width: int, length: int) -> None:
        """Make W, (length, query_width)."""
        super().__init__()
        self.places = nn.Linear(query_width, length, bias=False)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Scores (B, n_q, n_k) of `query` (B, n_q, D); of `key` (B, n_k, D') only the number counts.

        Raises:
            AgentError: there are more keys than places.
        """
        n = key.shape[1]
        if n > self.places.out_features:
            places = self.places.out_features
            raise AgentError(
                f"attention by location has {places} places, which are too few for a text of {n} tokens: raise its "
                "`length`, or read less of each text (task.max_words, or task.max_pieces)"
            )
        scores: Tensor = self.places(query)[..., :n]
        return scores
