"""Source2token pooling, with a weight for each token and feature (DiSAN; Shen et al., 2018)."""

from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, check_mask
from glimpse.agents.attention.normalisers import make_normaliser
from glimpse.agents.attention.options import NormaliserOptions

ACTIVATIONS = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}


class Source2Token(nn.Module):
    """Pooling to one vector, with weights for each feature.

    s = sum_t P_t v_t, where P is W_2 act(W_1 k_t + b_1) + b_2, normalised over tokens, feature by feature.

    `query` is not used, and n_q is 1. A mask of tokens is `real[:, None]`, (B, 1, n_k).
    """

    def __init__(
        self,
        width: int,
        activation: str = "elu",
        dropout: float = 0.0,
        normaliser: NormaliserOptions | str = "softmax",
    ) -> None:
        """Make two layers of 2 (D^2 + D) weights; dropout is applied to their input."""
        super().__init__()
        self.score = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(width, width),
            ACTIVATIONS[activation](),
            nn.Dropout(dropout),
            nn.Linear(width, width),
        )
        self.normalise = make_normaliser(normaliser)
        for layer in self.score:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(
        self,
        query: Tensor | None,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        *,
        need_weights: bool = True,
    ) -> Attended:
        """Pool the values: context (B, 1, D), weights (B, 1, n_k, D)."""
        check_mask(mask, (key.shape[0], 1, key.shape[1]))
        real = None if mask is None else mask.expand(key.shape[0], 1, -1).transpose(1, 2)
        weights = self.normalise(self.score(key), real, 1)
        return Attended((weights * value).sum(1, keepdim=True), weights.unsqueeze(1) if need_weights else None)
