"""Tests of glimpses of lit pixels, against the retina on the drawn screen."""

import pytest
import torch
from torch import Tensor

from glimpse.envs.images.lit_pixels import LitPixels
from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.retina import Retina


def _locations(side: int) -> Tensor:
    """Return corners, borders, the centre, edges of pixels and of half-pixels, and random locations."""
    along = torch.cat([torch.arange(2 * side + 1) / side - 1, torch.tensor([-0.999, 0.001, 0.999])])
    grid = torch.cartesian_prod(along, along)
    return torch.cat([grid, torch.rand(500, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1])


@pytest.mark.parametrize(
    ("patch", "scales", "zoom"), [(6, 3, 2), (5, 3, 2), (4, 2, 3), (3, 3, 3), (1, 2, 2), (24, 1, 2)]
)
@pytest.mark.parametrize("side", [8, 9, 24])
def test_glimpses_equal_those_of_the_drawn_screen(patch: int, scales: int, zoom: int, side: int) -> None:
    """They are equal for pixels and locations all over the screen, including its corners."""
    options = RetinaOptions(patch=patch, scales=scales, zoom=zoom)
    location = _locations(side)
    generator = torch.Generator().manual_seed(side)
    order = torch.rand(len(location), side * side, generator=generator).argsort(1)[:, :3]
    corner = torch.tensor([0, side - 1, side * (side - 1), side * side - 1])
    order[::3, 0] = corner[torch.arange(len(order[::3])) % 4]
    order[:, 2] = torch.where(order[:, 2] == order[:, 0], order[:, 1], order[:, 2])
    screen = torch.zeros(len(location), 1, side * side, dtype=torch.uint8)
    screen.scatter_(2, order[:, None], 255)
    pixels = torch.stack([order % side, order // side], 1)
    lit = LitPixels(options, side)
    for number in range(1, 3):  # A pixel that is drawn twice must count once: move the second one away.
        again = (order[:, :number] == order[:, number : number + 1]).any(1)
        pixels[:, 1, number] += again * lit.nowhere
    retina = Retina(options, side, side)
    seen = retina.look(retina.prepare(screen.view(-1, 1, side, side)), torch.arange(len(location)), location)
    found = lit.look(pixels, location)
    assert seen.any() and found.shape == seen.shape and found.dtype == seen.dtype
    if zoom == 2:  # Weights are powers of two, so that no sum of them is rounded.
        assert torch.equal(found, seen)
    torch.testing.assert_close(found, seen)


def test_a_pixel_by_hand() -> None:
    """Patches of 2 and 4 pixels surround the corner of four pixels in the middle of a screen of 8 x 8."""
    lit = LitPixels(RetinaOptions(patch=2, scales=2), 8)
    # Pixel coordinate 4 is between pixels 3 and 4; pixel (4, 3) is right of it and above, pixel (2, 5) is in the wide
    # patch only.
    seen = lit.look(torch.tensor([[[4, 2], [3, 5]]]), torch.zeros(1, 2))
    assert seen[0, :, 0].tolist() == [[[0, 1], [0, 0]], [[0, 0.25], [0.25, 0]]]


def test_pixels_moved_away_are_not_seen() -> None:
    """No location shows a pixel that is moved down by `nowhere` rows, even with the widest patch."""
    lit = LitPixels(RetinaOptions(patch=8, scales=8), 8)
    locations = _locations(8)
    pixels = torch.tensor([[[0, 7], [7 + lit.nowhere, lit.nowhere]]]).expand(len(locations), -1, -1)
    assert not lit.look(pixels, locations).any()
