"""Tests of the retina, on images whose pixels are their coordinates, and against a slow reference."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.retina import Retina

Patch = list[list[float]]


def _coordinates(height: int, width: int) -> Tensor:
    """Return an image (1, 1, H, W) whose pixel in row y and column x is the number "yx"; only the first is 0."""
    return (10 * torch.arange(height)[:, None] + torch.arange(width)).to(torch.uint8)[None, None]


def _look(images: Tensor, location: tuple[float, float], **options: int) -> Tensor:
    """Return one glimpse of the first image, (K, C, P, P) in grey levels."""
    retina = Retina(RetinaOptions(**options), images.shape[2], images.shape[3])
    glimpse = retina.look(retina.prepare(images), torch.tensor([0]), torch.tensor([location]))
    return glimpse[0] * 255


def _reference(image: Tensor, options: RetinaOptions, location: tuple[float, float]) -> Tensor:
    """Compute a glimpse of an image (C, H, W) pixel by pixel."""
    _, height, width = image.shape
    x, y = (min(max(part, -1.0), 1.0) for part in location)
    scales = []
    for scale in range(options.scales):
        cell = options.zoom**scale
        left = math.floor((x + 1) / 2 * width - options.patch * cell / 2 + 1 / 2)
        top = math.floor((y + 1) / 2 * height - options.patch * cell / 2 + 1 / 2)
        across, down = (range(at, at + options.patch * cell, cell) for at in (left, top))
        sums = [[[_sum(rows, u, v, cell) for u in across] for v in down] for rows in image.tolist()]
        scales.append(torch.tensor(sums) / torch.tensor(255.0 * cell * cell))
    return torch.stack(scales)


def _sum(rows: list[list[int]], left: int, top: int, side: int) -> int:
    """Return the sum over a square, of which only a part may lie in the image."""
    inside = rows[max(0, top) : max(0, top + side)]
    return sum(sum(row[max(0, left) : max(0, left + side)]) for row in inside)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ((0, 0), [[11, 12, 13], [21, 22, 23], [31, 32, 33]]),
        # Corners: patches begin at pixel -1 on the left and at the top, and at 4 on the right and at the bottom.
        ((-1, -1), [[0, 0, 0], [0, 0, 1], [0, 10, 11]]),
        ((1, -1), [[0, 0, 0], [4, 0, 0], [14, 0, 0]]),
        ((-1, 1), [[0, 40, 41], [0, 0, 0], [0, 0, 0]]),
        ((1, 1), [[44, 0, 0], [0, 0, 0], [0, 0, 0]]),
        # Edges.
        ((0, -1), [[0, 0, 0], [1, 2, 3], [11, 12, 13]]),
        ((-1, 0), [[0, 10, 11], [0, 20, 21], [0, 30, 31]]),
        ((1, 0), [[14, 0, 0], [24, 0, 0], [34, 0, 0]]),
        ((0, 1), [[41, 42, 43], [0, 0, 0], [0, 0, 0]]),
        # The centre of pixel x is at (2 x + 1) / 5 - 1: here x = 3, y = 1.
        ((0.4, -0.4), [[2, 3, 4], [12, 13, 14], [22, 23, 24]]),
    ],
)
def test_odd_patch(location: tuple[float, float], expected: Patch) -> None:
    """A patch of 3 x 3 pixels is right anywhere on a 5 x 5 image."""
    assert _look(_coordinates(5, 5), location, patch=3).tolist() == [[expected]]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ((0, 0), [[11, 12], [21, 22]]),
        ((-1, -1), [[0, 0], [0, 0]]),
        ((1, -1), [[0, 0], [3, 0]]),
        ((-1, 1), [[0, 30], [0, 0]]),
        ((1, 1), [[33, 0], [0, 0]]),
        ((0.5, -0.5), [[2, 3], [12, 13]]),
        # Half a pixel off a pixel's edge, the patch moves to the right and down.
        ((0.25, 0.25), [[22, 23], [32, 33]]),
        ((-0.25, -0.25), [[11, 12], [21, 22]]),
    ],
)
def test_even_patch(location: tuple[float, float], expected: Patch) -> None:
    """A patch of 2 x 2 pixels is right anywhere on a 4 x 4 image."""
    assert _look(_coordinates(4, 4), location, patch=2).tolist() == [[expected]]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ((0, 0), [[2, 3], [12, 13]]),
        ((-1, 1), [[0, 10], [0, 0]]),
        ((1, -1), [[0, 0], [5, 0]]),
        ((0.5, 0), [[4, 5], [14, 15]]),  # a quarter of 6 pixels to the right: 1.5, rounded up
        ((0, 0.5), [[12, 13], [0, 0]]),  # a quarter of 2 pixels down: 0.5, rounded up
    ],
)
def test_wide_image(location: tuple[float, float], expected: Patch) -> None:
    """An image of 2 rows and 6 columns shows that width and height are handled separately."""
    assert _look(_coordinates(2, 6), location, patch=2).tolist() == [[expected]]


def test_tall_image() -> None:
    """A patch of 3 x 3 pixels is right at the right edge of 7 rows and 2 columns."""
    assert _look(_coordinates(7, 2), (1, 0), patch=3).tolist() == [[[[21, 0, 0], [31, 0, 0], [41, 0, 0]]]]


def test_patch_larger_than_the_image() -> None:
    """A patch of 5 x 5 pixels around 3 rows and 2 columns has zeros outside."""
    expected = [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 10, 11, 0, 0], [0, 20, 21, 0, 0], [0, 0, 0, 0, 0]]
    assert _look(_coordinates(3, 2), (0, 0), patch=5).tolist() == [[expected]]


def test_scales_are_means_of_blocks() -> None:
    """Three scales of a 4 x 4 image are pixels, means of 2 x 2, and means of 4 x 4 that reach outside."""
    fine, middle = [[11, 12], [21, 22]], [[5.5, 7.5], [25.5, 27.5]]
    coarse = [[22 / 16, 30 / 16], [102 / 16, 110 / 16]]  # the same four pixels each, with twelve outside
    glimpse = _look(_coordinates(4, 4), (0, 0), patch=2, scales=3)
    torch.testing.assert_close(glimpse, torch.tensor([[fine], [middle], [coarse]]))


def test_zoom_three() -> None:
    """Three scales are one pixel, the mean of 3 x 3, and the mean of 9 x 9 with 16 pixels in the image."""
    glimpse = _look(_coordinates(4, 4), (0.25, -0.25), patch=1, scales=3, zoom=3)
    torch.testing.assert_close(glimpse.flatten(), torch.tensor([12.0, 12.0, 264 / 81]))


def test_scales_at_a_corner() -> None:
    """Means include the zeros outside the image."""
    glimpse = _look(_coordinates(4, 4), (1, 1), patch=2, scales=2)
    expected = [[[33, 0], [0, 0]], [[(22 + 23 + 32 + 33) / 4, 0], [0, 0]]]
    torch.testing.assert_close(glimpse[:, 0], torch.tensor(expected))


@pytest.mark.parametrize(
    ("patch", "scales", "zoom", "channels", "height", "width"),
    [
        (8, 1, 2, 1, 28, 28),
        (7, 1, 2, 3, 9, 14),
        (9, 1, 2, 1, 4, 5),
        (1, 1, 2, 1, 6, 6),
        (12, 3, 2, 1, 60, 60),
        (3, 3, 2, 3, 11, 7),
        (4, 2, 3, 1, 10, 13),
        (3, 3, 3, 3, 8, 20),
        (5, 4, 2, 2, 3, 5),
    ],
)
def test_random_looks_equal_the_reference(
    patch: int, scales: int, zoom: int, channels: int, height: int, width: int
) -> None:
    """Glimpses are equal to the bit, at locations in and beside images of any shape, with several looks at each."""
    generator = torch.Generator().manual_seed(patch + scales + width)
    images = torch.randint(0, 256, (3, channels, height, width), dtype=torch.uint8, generator=generator)
    index = torch.randint(0, 3, (12,), generator=generator)
    location = torch.rand(12, 2, generator=generator) * 2.4 - 1.2
    options = RetinaOptions(patch=patch, scales=scales, zoom=zoom)
    retina = Retina(options, height, width)
    glimpse = retina.look(retina.prepare(images), index, location)
    assert glimpse.shape == (12, scales, channels, patch, patch) and glimpse.dtype == torch.float32
    locations = [(x, y) for x, y in location.tolist()]
    expected = [_reference(images[i], options, at) for i, at in zip(index.tolist(), locations, strict=True)]
    assert torch.equal(glimpse, torch.stack(expected))


@pytest.mark.parametrize("scales", [1, 3])
def test_locations_outside_are_clamped(scales: int) -> None:
    """Infinite locations are clamped too, and NaN counts as the centre, so that a bad weight makes no bad index."""
    image = _coordinates(9, 7)
    for outside, inside in (
        ((-3.0, 0.2), (-1.0, 0.2)),
        ((0.4, 1.5), (0.4, 1.0)),
        ((math.inf, -math.inf), (1.0, -1.0)),
        ((math.nan, 0.5), (0.0, 0.5)),
    ):
        seen, expected = (_look(image, location, patch=4, scales=scales) for location in (outside, inside))
        assert torch.equal(seen, expected)


@pytest.mark.parametrize("scales", [1, 2])
@pytest.mark.parametrize("patch", [1, 4, 5, 40])
def test_prepared_images_can_be_restored(patch: int, scales: int) -> None:
    """Images are restored to the bit for any patch."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (2, 3, 6, 11), dtype=torch.uint8, generator=generator)
    retina = Retina(RetinaOptions(patch=patch, scales=scales), 6, 11)
    assert torch.equal(retina.restore(retina.prepare(images)), images)


def test_preparing_does_not_change_the_images() -> None:
    """The sums of several scales are not made in the images themselves."""
    images = _coordinates(4, 4)
    Retina(RetinaOptions(scales=2), 4, 4).prepare(images)
    assert torch.equal(images, _coordinates(4, 4))


def test_white_is_exactly_one_at_every_scale() -> None:
    """This holds for 512 x 512 white pixels, whose sum needs more digits than float32 has."""
    white = torch.full((1, 1, 1024, 1024), 255, dtype=torch.uint8)
    assert _look(white, (0, 0), patch=2, scales=8, zoom=2).tolist() == [[[[255.0] * 2] * 2]] * 8
    assert _look(white, (0, 0), patch=1, scales=4, zoom=8).flatten().tolist() == [255.0] * 4


def test_sums_of_images_above_8_million_pixels_are_exact() -> None:
    """The last pixels of a large white image are white at both scales, and black outside, though sums exceed int32."""
    white = torch.full((1, 1, 3000, 3000), 255, dtype=torch.uint8)
    assert _look(white, (1 - 2 / 3000, 1 - 2 / 3000), patch=2, scales=2)[:, 0].tolist() == [
        [[255, 255], [255, 255]],
        [[255, 127.5], [127.5, 63.75]],
    ]
    retina = Retina(RetinaOptions(patch=2, scales=2), 3000, 3000)
    assert torch.equal(retina.restore(retina.prepare(white)), white)


def _one_look(retina_options: RetinaOptions, side: int, looks: int) -> Callable[[], Tensor]:
    retina = Retina(retina_options, side, side)
    prepared = retina.prepare(torch.zeros(2, 1, side, side, dtype=torch.uint8))
    index, location = (
        torch.arange(looks) % 2,
        torch.linspace(-1, 1, 2 * looks).view(looks, 2),
    )
    return lambda: retina.look(prepared, index, location)


@pytest.mark.parametrize("scales", [1, 3])
def test_the_cost_of_a_look_does_not_depend_on_the_images_size(scales: int, trace: Callable[[Any], Any]) -> None:
    """Operations and allocated memory are the same, and smaller than a large image."""
    options = RetinaOptions(patch=8, scales=scales)
    small, large = (trace(_one_look(options, side, 5)) for side in (28, 1024))
    assert small.names == large.names
    assert small.bytes == large.bytes < 1024 * 1024


@pytest.mark.parametrize("scales", [1, 3])
def test_a_look_has_no_loop_over_the_batch(scales: int, trace: Callable[[Any], Any]) -> None:
    """64 looks take as many operations as one."""
    options = RetinaOptions(patch=8, scales=scales)
    one, many = (trace(_one_look(options, 28, looks)) for looks in (1, 64))
    assert one.names == many.names


@pytest.mark.parametrize("scales", [1, 2])
def test_the_order_of_pixels_in_memory_does_not_matter(scales: int) -> None:
    """Pictures whose colours lie side by side in memory, as decoders give them, are seen as any others."""
    images = torch.randint(0, 256, (3, 3, 9, 7), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    apart = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert not apart.is_contiguous() and torch.equal(apart, images)
    retina = Retina(RetinaOptions(patch=4, scales=scales), 9, 7)
    index, location = torch.tensor([2, 0]), torch.tensor([[0.3, -0.5], [-0.9, 0.8]])
    one, other = (retina.look(retina.prepare(given), index, location) for given in (images, apart))
    assert torch.equal(one, other)
