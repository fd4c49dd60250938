"""Grid of cells of a picture, with networks that compute a feature and a score for each cell.

Axes: B episodes, C channels, H x W pixels, P patch side, L cells, G feature width, D memory width.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.options import NetworkOptions


class Grid(nn.Module):
    """Grid of L square cells of P x P pixels, `stride` apart, row by row; the picture is padded with zeros."""

    locations: Tensor

    def __init__(self, height: int, width: int, patch: int, stride: int) -> None:
        """Make the grid for pictures of `height` x `width` pixels."""
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
        locations = torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))], -1).flatten(0, 1)
        self.register_buffer("locations", locations, persistent=False)  # (L, 2) centres of the cells, in [-1, 1]

    def cut(self, picture: Tensor) -> Tensor:
        """Return the cells' pixels (B, L, C * P * P) of pictures (B, C, H, W)."""
        windows = F.pad(picture, self.margin).unfold(2, self.patch, self.stride).unfold(3, self.patch, self.stride)
        return windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)

    def spread(self, weights: Tensor) -> Tensor:
        """Sum the weights (B, L) of the cells over each pixel, relative to the largest sum: (B, H, W) in [0, 1]."""
        left, right, top, bottom = self.margin
        size = top + self.height + bottom, left + self.width + right
        every = weights.float().unsqueeze(1).expand(-1, self.patch**2, -1)
        pixels = F.fold(every, size, self.patch, stride=self.stride).squeeze(1)
        pixels = pixels[:, top : top + self.height, left : left + self.width]
        return pixels / pixels.amax((1, 2), keepdim=True)

    def boxes(self, cell: Tensor) -> Tensor:
        """Return left, top, right and bottom of cells, in pixels of the picture: (...,) int64 -> (..., 4)."""
        centre = (self.locations[cell] + 1) * self.locations.new_tensor([self.width / 2, self.height / 2])
        return torch.cat([centre - self.patch / 2, centre + self.patch / 2], -1)

    def nearest(self, location: Tensor) -> Tensor:
        """Return the cell whose centre is nearest to each location: (..., 2) -> (...,) int64 in [0, L)."""
        return (location.float().unsqueeze(-2) - self.locations).square().sum(-1).argmin(-1)


class CellEncoder(nn.Module):
    """Feature of a cell from its pixels and location.

    ReLU(Linear(ReLU(Linear(pixels))) + Linear(ReLU(Linear(location)))): the glimpse network of RAM
    (`glimpse_network.py`), arranged so that the locations of all cells are encoded once.
    """

    def __init__(self, pixels: int, options: NetworkOptions) -> None:
        """Make the network for cells of `pixels` = C * P * P numbers."""
        super().__init__()
        self.see, self.locate = nn.Linear(pixels, options.glimpse_width), nn.Linear(2, options.location_width)
        self.what = nn.Linear(options.glimpse_width, options.feature_width)
        self.where = nn.Linear(options.location_width, options.feature_width)

    def forward(self, pixels: Tensor, location: Tensor) -> Tensor:
        """Return features (..., G) of pixels (..., C * P * P) in [0, 1] at locations (..., 2), which broadcast."""
        what = self.what(F.relu(self.see(pixels)))
        return F.relu(what + self.where(F.relu(self.locate(location))))


class FeatureScores(nn.Module):
    """Additive attention: e_i = v . tanh(U a_i + W h) (Bahdanau et al., 2015; Xu et al., 2015, equation 4)."""

    def __init__(self, feature_width: int, memory_width: int, attention_width: int) -> None:
        """Make the scores of features a_i (..., G) given a memory h (..., D)."""
        super().__init__()
        self.key = nn.Linear(feature_width, attention_width)
        self.query = nn.Linear(memory_width, attention_width)
        self.score = nn.Linear(attention_width, 1, bias=False)

    def forward(self, keys: Tensor, hidden: Tensor) -> Tensor:
        """Return scores (..., L).

        Args:
            keys: U a_i (..., L, attention_width), computed by `key` once an episode.
            hidden: memories h (..., D).
        """
        scores: Tensor = self.score(torch.tanh(keys + self.query(hidden).unsqueeze(-2)))
        return scores.squeeze(-1).float()


class MemoryScores(nn.Module):
    """Scores by location: e = W h. They do not depend on the cells' pixels, so that unread cells need no encoding."""

    def __init__(self, cells: int, memory_width: int) -> None:
        """Make the scores of L `cells` given a memory h (..., D)."""
        super().__init__()
        self.score = nn.Linear(memory_width, cells)

    def key(self, features: Tensor) -> Tensor:
        """Return empty keys (..., L, 0): features (..., L, G) are not read."""
        return features.new_empty(*features.shape[:-1], 0)

    def forward(self, keys: Tensor | None, hidden: Tensor) -> Tensor:
        """Return scores (..., L) of memories (..., D); `keys` is not read."""
        scores: Tensor = self.score(hidden)
        return scores.float()
