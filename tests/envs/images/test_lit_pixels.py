"""Glimpses made from lit pixels: the same as those of the drawn screen."""

import pytest
import torch
from torch import Tensor

from glimpse.envs.images.lit_pixels import LitPixels
from glimpse.envs.images.retina import Retina
from glimpse.envs.options import RetinaOptions


def _places(side: int) -> Tensor:
    """Corners, borders, centre, the edges of pixels and of half-pixels, and random places."""
    along = torch.cat([torch.arange(2 * side + 1) / side - 1, torch.tensor([-0.999, 0.001, 0.999])])
    grid = torch.cartesian_prod(along, along)
    return torch.cat([grid, torch.rand(500, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1])


@pytest.mark.parametrize(
    ("patch", "scales", "zoom"), [(6, 3, 2), (5, 3, 2), (4, 2, 3), (3, 3, 3), (1, 2, 2), (24, 1, 2)]
)
@pytest.mark.parametrize("side", [8, 9, 24])
def test_the_same_as_a_look_at_the_drawn_screen(patch: int, scales: int, zoom: int, side: int) -> None:
    """Wherever pixels and places are; corners of the screen among both."""
    options = RetinaOptions(patch=patch, scales=scales, zoom=zoom)
    location = _places(side)
    generator = torch.Generator().manual_seed(side)
    order = torch.rand(len(location), side * side, generator=generator).argsort(1)[:, :3]
    corner = torch.tensor([0, side - 1, side * (side - 1), side * side - 1])
    order[::3, 0] = corner[torch.arange(len(order[::3])) % 4]
    order[:, 2] = torch.where(order[:, 2] == order[:, 0], order[:, 1], order[:, 2])
    screen = torch.zeros(len(location), 1, side * side, dtype=torch.uint8)
    screen.scatter_(2, order[:, None], 255)
    pixels = torch.stack([order % side, order // side], 1)
    lit = LitPixels(options, side)
    for number in range(1, 3):  # A pixel that is lit twice is seen twice: move the second one out of sight.
        again = (order[:, :number] == order[:, number : number + 1]).any(1)
        pixels[:, 1, number] += again * lit.nowhere
    retina = Retina(options, side, side)
    seen = retina.look(retina.prepare(screen.view(-1, 1, side, side)), torch.arange(len(location)), location)
    found = lit.look(pixels, location)
    assert seen.any() and found.shape == seen.shape and found.dtype == seen.dtype
    if zoom == 2:  # Shares are powers of two, so that no sum of them is rounded.
        assert torch.equal(found, seen)
    torch.testing.assert_close(found, seen)


def test_a_pixel_by_hand() -> None:
    """In the middle of a screen of 8 x 8, with patches of 2 and 4 pixels around the corner of four pixels."""
    lit = LitPixels(RetinaOptions(patch=2, scales=2), 8)
    # Pixel coordinate 4 is between pixels 3 and 4; pixel (4, 3) is right of it and above, (2, 5) in the
    # wide patch alone.
    seen = lit.look(torch.tensor([[[4, 2], [3, 5]]]), torch.zeros(1, 2))
    assert seen[0, :, 0].tolist() == [[[0, 1], [0, 0]], [[0, 0.25], [0.25, 0]]]


def test_what_is_nowhere_is_not_seen() -> None:
    """From no place, with the widest patch."""
    lit = LitPixels(RetinaOptions(patch=8, scales=8), 8)
    places = _places(8)
    pixels = torch.tensor([[[0, 7], [7 + lit.nowhere, lit.nowhere]]]).expand(len(places), -1, -1)
    assert not lit.look(pixels, places).any()
