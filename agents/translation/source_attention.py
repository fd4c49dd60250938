"""Attention of a decoder to its source, asked once a step, with what can be computed of the keys computed once.

Axes: B lanes, n queries, L tokens of the source, D width.
"""

from torch import Tensor, nn

from glimpse.agents.attention.additive import AdditiveScore
from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.global_attention import GlobalAttention
from glimpse.agents.attention.local import LocalAttention
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.unions import ScoreOptions
from glimpse.agents.translation.decoding import EncodedSource, Tensors


class SourceAttention(nn.Module):
    """Attention by any query-key score, global or local."""

    def __init__(self, options: ScoreOptions, query_width: int, key_width: int) -> None:
        """Make it for queries and keys of these widths."""
        super().__init__()
        self.mechanism = make_attention(options, query_width, key_width)

    def prepare(self, encoded: EncodedSource) -> Tensors:
        """Parts of the attention that depend on the source only, computed once."""
        prepared = {"states": encoded.states, "real": encoded.real}
        score = getattr(self.mechanism, "score", None)
        if isinstance(self.mechanism, GlobalAttention) and isinstance(score, AdditiveScore):
            prepared["keys"] = score.keys(encoded.states)
        return prepared

    def forward(self, query: Tensor, source: Tensors, first: int, need_weights: bool = True) -> Attended:
        """Queries (B, n, D), of which the first one has the number `first`: contexts, and weights (B, n, L)."""
        states, mask = source["states"], source["real"].unsqueeze(1)
        if "keys" in source:
            assert isinstance(self.mechanism, GlobalAttention) and isinstance(self.mechanism.score, AdditiveScore)
            scores = self.mechanism.score.of_keys(query, source["keys"])
            return self.mechanism.read(scores, states, mask, need_weights=need_weights)
        if isinstance(self.mechanism, LocalAttention):
            local: Attended = self.mechanism(query, states, states, mask, need_weights=need_weights, first=first)
            return local
        attended: Attended = self.mechanism(query, states, states, mask, need_weights=need_weights)
        return attended
