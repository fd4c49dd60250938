"""Cells of the coarse grids over a picture in which looks are chosen; a grid for each zoom."""

import torch
from torch import Tensor


def cells_along(cells: int, zoom: float) -> int:
    """Return the number of cells along each axis at a zoom in [0, 1]: `cells` at zoom 0, one at zoom 1."""
    along: float = cells ** (1 - zoom)
    return max(1, round(along))


def cell_centres(along: int) -> Tensor:
    """Return the centres of a grid's cells, row by row: (along * along, 2) in [-1, 1]."""
    line = (2 * torch.arange(along) + 1) / along - 1
    return torch.stack([line.repeat(along), line.repeat_interleave(along)], -1)
