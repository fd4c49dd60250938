"""Gates that mix a token with its attention context, feature by feature."""

import torch
from torch import Tensor, nn


class FusionGate(nn.Module):
    """Fusion gate of DiSAN (Shen et al., 2018, equations 16 and 17).

    u = F h + (1 - F) s with F = sigmoid(W_1 h + b_1 + W_2 s + b_2 + b).

    One bias could replace the three; the authors have three, and count them among their parameters.
    """

    def __init__(self, width: int, dropout: float = 0.0) -> None:
        """Make the maps; dropout is applied to their input, not to what is mixed."""
        super().__init__()
        self.token, self.read = nn.Linear(width, width), nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(width))
        self.dropout = nn.Dropout(dropout)
        for layer in (self.token, self.read):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, token: Tensor, read: Tensor) -> Tensor:
        """Mix tokens h and their contexts s, both (..., D) -> u (..., D)."""
        gate = (self.token(self.dropout(token)) + self.read(self.dropout(read)) + self.bias).sigmoid()
        mixed: Tensor = read + gate * (token - read)
        return mixed


class ProjectedGate(nn.Module):
    """Gate of the distance-based network (Im and Cho, 2017).

    G = F S' + (1 - F) H' with S' = S W_S, H' = H W_H and F = sigmoid(S' + H' + b).

    It mixes projections, unlike DiSAN's gate. Dropout is applied to F's pre-activation.
    """

    def __init__(self, width: int, dropout: float = 0.0, layer_norm: bool = False) -> None:
        """Make W_S, W_H and b; `layer_norm` says whether S' and H' have layer norm."""
        super().__init__()
        self.token, self.read = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) if layer_norm else nn.Identity() for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, token: Tensor, read: Tensor) -> Tensor:
        """Mix tokens S and their contexts H, both (..., D) -> G (..., D)."""
        token, read = self.norms[0](self.token(token)), self.norms[1](self.read(read))
        gate = self.dropout(token + read + self.bias).sigmoid()
        mixed: Tensor = read + gate * (token - read)
        return mixed
