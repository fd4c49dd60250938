"""A picture cut into a grid of cells, and what is made of them: a feature for each cell, and a score for each.

Axes: B episodes, C channels, H x W pixels, P patch side, L cells, G feature width, D memory width.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.options import NetworkOptions


class Grid(nn.Module):
    """L square cells of P x P pixels, `stride` apart, row by row; zeros around the picture make the last ones whole."""

    places: Tensor

    def __init__(self, height: int, width: int, patch: int, stride: int) -> None:
        """Cut pictures of `height` x `width` pixels."""
        super().__init__()
        self.patch, self.stride, self.height, self.width = patch, stride, height, width
        counts = [1 + math.ceil(max(0, side - patch) / stride) for side in (height, width)]
        self.rows, self.columns = counts
        missing = [(count - 1) * stride + patch - side for count, side in zip(counts, (height, width), strict=True)]
        top, left = (many // 2 for many in missing)
        self.margin = (left, missing[1] - left, top, missing[0] - top)
        y, x = (
            2 * (torch.arange(count) * stride + patch / 2 - before) / side - 1
            for count, before, side in zip(counts, (top, left), (height, width), strict=True)
        )
        places = torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))], -1).flatten(0, 1)
        self.register_buffer("places", places, persistent=False)  # (L, 2) centres of the cells, in [-1, 1]

    def cut(self, picture: Tensor) -> Tensor:
        """(B, C, H, W) -> the cells' pixels (B, L, C * P * P)."""
        windows = F.pad(picture, self.margin).unfold(2, self.patch, self.stride).unfold(3, self.patch, self.stride)
        return windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)

    def spread(self, weights: Tensor) -> Tensor:
        """What the cells over each pixel weigh together, in parts of the largest sum: (B, L) -> (B, H, W) in [0, 1]."""
        left, right, top, bottom = self.margin
        size = top + self.height + bottom, left + self.width + right
        every = weights.float().unsqueeze(1).expand(-1, self.patch**2, -1)
        pixels = F.fold(every, size, self.patch, stride=self.stride).squeeze(1)
        pixels = pixels[:, top : top + self.height, left : left + self.width]
        return pixels / pixels.amax((1, 2), keepdim=True)

    def boxes(self, cell: Tensor) -> Tensor:
        """Left, top, right and bottom of cells, in pixels of the picture: (...,) int64 -> (..., 4)."""
        centre = (self.places[cell] + 1) * self.places.new_tensor([self.width / 2, self.height / 2])
        return torch.cat([centre - self.patch / 2, centre + self.patch / 2], -1)

    def nearest(self, place: Tensor) -> Tensor:
        """The cell whose centre is nearest to each place: (..., 2) -> (...,) int64 in [0, L)."""
        return (place.float().unsqueeze(-2) - self.places).square().sum(-1).argmin(-1)


class CellEncoder(nn.Module):
    """What a cell shows and where it is: Rect(Linear(Rect(Linear(pixels))) + Linear(Rect(Linear(place)))).

    The glimpse network of RAM (`recurrent.py`), arranged so that the places of all cells are encoded once.
    """

    def __init__(self, pixels: int, options: NetworkOptions) -> None:
        """Make it for cells of `pixels` = C * P * P numbers."""
        super().__init__()
        self.see, self.locate = nn.Linear(pixels, options.glimpse_width), nn.Linear(2, options.place_width)
        self.what = nn.Linear(options.glimpse_width, options.feature_width)
        self.where = nn.Linear(options.place_width, options.feature_width)

    def forward(self, pixels: Tensor, place: Tensor) -> Tensor:
        """Pixels (..., C * P * P) in [0, 1] at places (..., 2), which broadcast -> features (..., G)."""
        what = self.what(F.relu(self.see(pixels)))
        return F.relu(what + self.where(F.relu(self.locate(place))))


class FeatureScores(nn.Module):
    """e_i = v . tanh(U a_i + W h): additive attention (Bahdanau et al., 2015; Xu et al., 2015, equation 4)."""

    def __init__(self, feature_width: int, memory_width: int, attention_width: int) -> None:
        """Score features a_i (..., G) by a memory h (..., D)."""
        super().__init__()
        self.key = nn.Linear(feature_width, attention_width)
        self.query = nn.Linear(memory_width, attention_width)
        self.score = nn.Linear(attention_width, 1, bias=False)

    def forward(self, keys: Tensor, hidden: Tensor) -> Tensor:
        """Keys U a_i (..., L, attention_width), made once an episode by `key`, and memories (..., D) -> (..., L)."""
        scores: Tensor = self.score(torch.tanh(keys + self.query(hidden).unsqueeze(-2)))
        return scores.squeeze(-1).float()


class MemoryScores(nn.Module):
    """e = W h: cells are scored by where they are, whatever they show, so that none need be seen to be passed over."""

    def __init__(self, cells: int, memory_width: int) -> None:
        """Score L `cells` by a memory h (..., D)."""
        super().__init__()
        self.score = nn.Linear(memory_width, cells)

    def key(self, features: Tensor) -> Tensor:
        """Features (..., L, G) are not read."""
        return features.new_empty(*features.shape[:-1], 0)

    def forward(self, keys: Tensor | None, hidden: Tensor) -> Tensor:
        """Memories (..., D) -> (..., L)."""
        scores: Tensor = self.score(hidden)
        return scores.float()
