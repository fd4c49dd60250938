"""Tests that single looks in NumPy equal the retina's own, to the bit."""

import numpy as np
import pytest
import torch

from glimpse.envs.images.lit_pixels import LitPixels
from glimpse.envs.images.one_look import OneLook
from glimpse.envs.images.one_screen import OneScreen
from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.retina import Retina
from glimpse.envs.images.whole_view import WholeView

LOCATIONS = np.array(
    [[0, 0], [-1, -1], [1, 1], [1, -1], [0.99999994, -0.5], [1e-30, -1e-30], [0.3, 0.7], [-0.0, 0.1]], np.float32
)
RETINAS = [
    RetinaOptions(patch=patch, scales=scales, zoom=zoom)
    for patch, scales, zoom in ((1, 1, 2), (4, 1, 2), (9, 1, 2), (30, 1, 2), (3, 2, 3), (4, 3, 2), (5, 4, 2), (1, 8, 8))
]


@pytest.mark.parametrize("options", RETINAS, ids=str)
@pytest.mark.parametrize(("channels", "height", "width"), [(1, 7, 12), (3, 11, 6)])
def test_a_single_look_equals_the_retinas(options: RetinaOptions, channels: int, height: int, width: int) -> None:
    """Every glimpse is the same, at borders, at pixels' edges and in the middle, for one scale and for several."""
    images = torch.randint(256, (2, channels, height, width), generator=torch.manual_seed(0)).to(torch.uint8)
    for retina in (Retina(options, height, width), WholeView(height, width)):
        prepared, look = retina.prepare(images), OneLook(retina)
        for location in np.concatenate([LOCATIONS, _edges(height, width)]):
            expected = retina.look(prepared, torch.tensor([1]), torch.from_numpy(location[None]))[0].numpy()
            seen = look.look(prepared[1].numpy(), location)
            assert seen.dtype == expected.dtype and np.array_equal(seen, expected)


def _edges(height: int, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return locations at the edges of pixels, whose rounding is the likeliest to differ."""
    pixels = np.arange(min(height, width) + 1)
    return np.stack([2 * pixels / width - 1, 2 * pixels / height - 1], 1).astype(np.float32)


@pytest.mark.parametrize("options", [one for one in RETINAS if OneScreen.fits(one, 13)], ids=str)
def test_a_single_look_at_a_screen_equals_that_of_lit_pixels(options: RetinaOptions) -> None:
    """Ball and paddle are seen as `LitPixels` shows them, wherever they are."""
    side, paddle = 13, 3
    lit, screen = LitPixels(options, side), OneScreen(options, side, paddle)
    for number, location in enumerate(np.concatenate([LOCATIONS, _edges(side, side)])):
        ball, left = (number * 5 % side, number * 7 % (side - 1)), number % (side - paddle + 1)
        columns, rows = [ball[0], *range(left, left + paddle)], [ball[1], *[side - 1] * paddle]
        for shown in (ball, None):
            hidden = [*columns], [rows[0] + (0 if shown else lit.nowhere), *rows[1:]]
            expected = lit.look(torch.tensor([hidden]), torch.from_numpy(location[None]))[0].numpy()
            seen = screen.look(shown, left, location)
            assert seen.dtype == expected.dtype and np.array_equal(seen, expected)


def test_tables_are_refused_where_sums_depend_on_their_order() -> None:
    """A third is no float, so three ninths may be another number than nine times a ninth in another order."""
    assert OneScreen.fits(RetinaOptions(patch=3, scales=1, zoom=3), 24)
    assert not OneScreen.fits(RetinaOptions(patch=3, scales=2, zoom=3), 24)
    assert not OneScreen.fits(RetinaOptions(patch=128, scales=8), 512)
