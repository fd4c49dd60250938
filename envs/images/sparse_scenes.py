"""Large black pictures with a few small images on them, made at once as pyramids.

Each image lies in one cell of a grid whose side is a power of two, so that the pyramid of a cell does not depend on the
others: a scene costs what its images cost, not what its pixels would.

Axes: R scenes, I images on each, C channels, h x w pixels of an image, c side of a cell, L levels, S pixels of a
pyramid.
"""

import torch
from torch import Tensor

from glimpse.envs.images.pyramids import halve, level_sides, level_starts
from glimpse.envs.lane_random import integers, mix

_CELL, _PLACE = 81, 82


def cell_side(height: int, width: int) -> int:
    """Return the side of a cell: the smallest power of two of at least twice the images' longer side."""
    return 1 << (2 * max(height, width, 1) - 1).bit_length()


def draw_places(key: Tensor, cells: int, count: int, slack: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Draw a cell of its own for each image, and its place in it.

    Args:
        key: (R,) int64.
        cells: number of cells, at least `count`.
        count: I.
        slack: how far an image can be moved in its cell, down and to the right, in pixels.

    Returns:
        Numbers of cells, (R, I) int64, in uniform order; and places (x, y), (R, I, 2) int64.
    """
    # The cells with the smallest hashes are a uniform choice in a uniform order.
    hashes = mix(mix(key, _CELL)[:, None], torch.arange(cells, device=key.device))
    cell = hashes.topk(count, largest=False, sorted=True).indices
    own = mix(mix(key, _PLACE)[:, None], torch.arange(count, device=key.device))
    place = torch.stack([integers(own, 1, slack[1] + 1), integers(mix(own, 1), 1, slack[0] + 1)], -1)
    return cell, place[..., 0, :]


def scene_pyramids(images: Tensor, cell: Tensor, place: Tensor, side: int, size: int, levels: int) -> Tensor:
    """Make the pyramids of scenes.

    Args:
        images: (R, I, C, h, w) uint8.
        cell: (R, I) int64, number of the cell of each image, row by row.
        place: (R, I, 2) int64, left and top edge of each image in its cell.
        side: c, a power of two.
        size: side of the scenes, in pixels.
        levels: L.

    Returns:
        (R, S, C) uint8, as `make_pyramids` makes them of whole scenes.
    """
    scenes, count, channels, height, width = images.shape
    *starts, total = level_starts(size, size, levels)
    scene = torch.zeros(scenes, total, channels, dtype=torch.uint8, device=images.device)
    patch = _in_cells(images.flatten(0, 1), place.flatten(0, 1), side)
    row, column = cell // (size // side), cell % (size // side)
    lane = torch.arange(scenes, device=images.device)[:, None, None, None]
    sizes = level_sides(size, size, levels)
    for level, (start, (_, pitch)) in enumerate(zip(starts, sizes, strict=True)):
        if side >> level:
            within = torch.arange(side >> level, device=images.device)
            down = row[..., None] * (side >> level) + within
            across = column[..., None] * (side >> level) + within
            number = start + down[..., None] * pitch + across[..., None, :]  # (R, I, c, c)
            scene[lane, number] = patch.unflatten(0, (scenes, count)).movedim(2, -1)
            patch = halve(patch)
        else:  # A pixel covers several cells.
            before, (rows, columns) = starts[level - 1], sizes[level - 1]
            finer = scene[:, before:start].transpose(1, 2).reshape(scenes, channels, rows, columns)
            coarser = halve(finer).flatten(2).transpose(1, 2)
            scene[:, start : start + coarser.shape[1]] = coarser
    return scene


def _in_cells(images: Tensor, place: Tensor, side: int) -> Tensor:
    """Put images (n, C, h, w) at places (n, 2) in black cells: (n, C, c, c)."""
    count, channels, height, width = images.shape
    cells = torch.zeros(count, side, side, channels, dtype=torch.uint8, device=images.device)
    number = torch.arange(count, device=images.device)[:, None, None]
    down = place[:, 1, None] + torch.arange(height, device=images.device)
    across = place[:, 0, None] + torch.arange(width, device=images.device)
    cells[number, down[:, :, None], across[:, None]] = images.permute(0, 2, 3, 1)
    return cells.permute(0, 3, 1, 2)
