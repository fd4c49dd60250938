"""Control that looks where the glance varies most.

Axes: B episodes, T steps, D memory width, C channels, G side of the glance, N cells.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from glimpse.agents.vision.look_cells import cell_centres, cells_along
from glimpse.agents.vision.look_policy import LookPolicy, ZoomChoice


def local_variance(glance: Tensor, sides: Tensor, along: int) -> Tensor:
    """Return the variance of a glance in each cell of a grid over the picture, the mean over its channels.

    Each cell is sampled at about as many points as it has pixels of the glance.

    Args:
        glance: (B, C, G, G), the picture in the middle of black.
        sides: (B, 2), width and height of the picture as parts of the longer one.
        along: cells along each side of the picture.

    Returns:
        (B, along * along), row by row.
    """
    points = along * max(2, math.ceil(glance.shape[-1] / along))
    line = (2 * torch.arange(points, device=glance.device) + 1) / points - 1
    square = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)  # (points, points, 2) of x and y.
    where = square * sides[:, None, None]
    seen = F.grid_sample(glance.float(), where, mode="nearest", padding_mode="border", align_corners=False)
    cells = seen.unflatten(-1, (along, -1)).unflatten(-3, (along, -1))  # (B, C, along, ., along, .)
    variance: Tensor = cells.var((-3, -1), correction=0).mean(1)
    return variance.flatten(1)


class SalientLooks(LookPolicy):
    """Control: looks at the cells in which the glance varies most, each once, at one zoom.

    The cells are those of `GridLooks` at this zoom, so that they do not overlap. A key is a planned location: look t is
    at the t-th most varied cell. Where the last look is the answer, the order is turned round: it is at the first.
    """

    learned = False
    key_width = 2
    rank: Tensor
    centre: Tensor

    def __init__(self, steps: int, zoom: ZoomChoice, cells: int, look_zoom: float, last_answers: bool) -> None:
        """Make the policy.

        Args:
            steps: T.
            zoom: how an action chooses a zoom.
            cells: cells along each axis at zoom 0.
            look_zoom: zoom of all looks.
            last_answers: whether the last look is the answer.
        """
        super().__init__()
        self.zoom, self.gaussian = zoom, None
        self.look_zoom, self.along = look_zoom, cells_along(cells, look_zoom)
        rank = torch.arange(steps)
        self.register_buffer("rank", rank.flip(0) if last_answers else rank, persistent=False)
        self.register_buffer("centre", cell_centres(self.along), persistent=False)

    def keys(self, maps: Tensor | None, sides: Tensor, glance: Tensor | None = None) -> Tensor:
        """Return the location (B, T, 2) of each look, of glances (B, C, G, G); see `LookPolicy.keys`."""
        assert glance is not None
        order = local_variance(glance, sides, self.along).argsort(dim=-1, descending=True, stable=True)
        planned: Tensor = self.centre[order[:, self.rank % order.shape[1]]]
        return planned

    def forward(self, hidden: Tensor, time: Tensor, keys: Tensor, visited: Tensor) -> dict[str, Tensor]:
        """Return `location` (..., 2), the planned ones; see `LookPolicy.forward`."""
        return {"location": keys[torch.arange(len(keys), device=time.device), time]}

    def mean(self, parts: dict[str, Tensor]) -> Tensor:
        """Return the planned locations."""
        return parts["location"]

    def sample(self, parts: dict[str, Tensor], noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return the planned looks; the noise is ignored."""
        return self.zoomed(parts["location"], self.look_zoom)
