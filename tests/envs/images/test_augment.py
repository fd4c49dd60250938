"""Tests of warps: each option moves spots as far as its description says, and the key determines the warp.

A spot is a smooth bump whose centre of mass can be measured far more precisely than a pixel.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.images.augment import warp
from glimpse.envs.images.options import AugmentOptions
from glimpse.envs.lane_random import mix

_HEIGHT, _WIDTH, _COUNT = 41, 61, 400
_ALL = AugmentOptions(rotation=10, scale=0.1, shear=0.15, shift=2, elastic=0.5)


def _keys(count: int) -> Tensor:
    return mix(torch.tensor(99), torch.arange(count))


def _random_images(count: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(8)
    return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=generator)


def _move(x: float, y: float, **options: float) -> Tensor:
    """Return where a spot moves under each of many keys: (x, y) -> (_COUNT, 2), in pixels from the image's centre."""
    across = torch.arange(_WIDTH) + 0.5 - _WIDTH / 2
    down = torch.arange(_HEIGHT)[:, None] + 0.5 - _HEIGHT / 2
    spot = 250 * torch.exp(-((across - x) ** 2 + (down - y) ** 2) / 8)
    images = spot.to(torch.uint8).expand(_COUNT, 1, -1, -1)
    warped = warp(AugmentOptions.model_validate(options), images, _keys(_COUNT))[:, 0].double()
    mass = warped.sum((1, 2))
    return torch.stack([(warped * across).sum((1, 2)) / mass, (warped * down).sum((1, 2)) / mass], -1)


def _assert_uniform(values: Tensor, low: float, high: float) -> None:
    """Assert that values fill the range between two limits and are centred in it."""
    error = 0.02 * (high - low)
    assert float(values.min()) == pytest.approx(low, abs=error) and float(values.min()) > low - error / 2
    assert float(values.max()) == pytest.approx(high, abs=error) and float(values.max()) < high + error / 2
    # The standard error of a uniform distribution's mean is its width / sqrt(12 n).
    assert abs(float(values.mean()) - (low + high) / 2) < 4 * (high - low) / math.sqrt(12 * len(values))


def test_no_warp_is_the_identity() -> None:
    """Images of every size are unchanged to the bit: resampling blurs nothing."""
    for shape in ((1, 28, 28), (3, 9, 32), (1, 1, 5), (1, 200, 301)):
        images = _random_images(3, *shape)
        assert torch.equal(warp(AugmentOptions(), images, _keys(3)), images)
    assert not AugmentOptions().active and AugmentOptions(shift=0.5).active


@pytest.mark.parametrize("flip", ["horizontal", "vertical", "both"])
def test_flips_mirror_half_of_the_images(flip: str) -> None:
    """An image is mirrored exactly, in half of the draws along each axis of its name, and in no other way."""
    image = _random_images(1, 3, 5, 8)
    warped = warp(AugmentOptions.model_validate({"flip": flip}), image.expand(_COUNT, -1, -1, -1), _keys(_COUNT))
    axes = {"horizontal": [[], [3]], "vertical": [[], [2]], "both": [[], [2], [3], [2, 3]]}[flip]
    counts = [int((warped == image.flip(each)).flatten(1).all(1).sum()) for each in axes]
    assert sum(counts) == _COUNT
    assert all(abs(count - _COUNT / len(axes)) < 40 for count in counts), counts  # Four standard errors.


def test_shift_moves_each_axis_by_up_to_that_many_pixels() -> None:
    """The shifts are uniform, in both directions, and independent for each axis."""
    moved = _move(0, 0, shift=3)
    _assert_uniform(moved[:, 0], -3, 3)
    _assert_uniform(moved[:, 1], -3, 3)
    assert abs(float(torch.corrcoef(moved.T)[0, 1])) < 4 / math.sqrt(_COUNT)


def test_rotation_turns_about_the_centre_by_up_to_that_many_degrees() -> None:
    """The centre stays, and distances are kept, also in an image that is not square."""
    torch.testing.assert_close(_move(0, 0, rotation=40), torch.zeros(_COUNT, 2).double(), rtol=0, atol=0.03)
    moved = _move(12, 0, rotation=40)
    torch.testing.assert_close(moved.norm(dim=1), torch.full((_COUNT,), 12.0).double(), rtol=0, atol=0.05)
    _assert_uniform(torch.atan2(moved[:, 1], moved[:, 0]).rad2deg(), -40, 40)


def test_scale_changes_the_size_of_each_axis_by_up_to_that_fraction() -> None:
    """The axes are scaled independently."""
    wide, high = _move(15, 0, scale=0.2)[:, 0] / 15, _move(0, 10, scale=0.2)[:, 1] / 10
    _assert_uniform(wide, 0.8, 1.2)
    _assert_uniform(high, 0.8, 1.2)
    assert abs(float(torch.corrcoef(torch.stack([wide, high]))[0, 1])) < 4 / math.sqrt(_COUNT)
    torch.testing.assert_close(_move(15, 0, scale=0.2)[:, 1], torch.zeros(_COUNT).double(), rtol=0, atol=0.03)


def test_shear_moves_sideways_by_up_to_that_fraction_of_the_height() -> None:
    """A spot on the horizontal axis stays; one below it moves left or right and keeps its height."""
    moved = _move(0, 10, shear=0.3)
    _assert_uniform(moved[:, 0] / 10, -0.3, 0.3)
    torch.testing.assert_close(moved[:, 1], torch.full((_COUNT,), 10.0).double(), rtol=0, atol=0.05)
    stays = torch.tensor([10.0, 0.0]).double().expand(_COUNT, 2)
    torch.testing.assert_close(_move(10, 0, shear=0.3), stays, rtol=0, atol=0.05)


def test_shift_is_not_enlarged_by_the_other_warps() -> None:
    """The image's centre moves as with the shift alone."""
    moved = _move(0, 0, rotation=90, scale=0.3, shear=0.5, shift=3)
    torch.testing.assert_close(moved, _move(0, 0, shift=3), rtol=0, atol=0.05)


def _displacement(axis: int, elastic: float) -> Tensor:
    """Measure the displacement of each pixel in an image of constant slope: (_COUNT, H, W) in pixels."""
    slope = torch.arange((_WIDTH, _HEIGHT)[axis]) * 4
    image = (slope if axis == 0 else slope[:, None]).expand(_HEIGHT, _WIDTH).to(torch.uint8)
    warped = warp(AugmentOptions(elastic=elastic), image.expand(_COUNT, 1, -1, -1), _keys(_COUNT))
    return (warped[:, 0].double() - image.double()) / 4


@pytest.mark.parametrize("axis", [0, 1], ids=["x", "y"])
def test_elastic_displacement_has_the_given_deviation_at_control_points(axis: int) -> None:
    """The inner 3 x 3 of the 5 x 5 control points are displaced independently."""
    at_points = _displacement(axis, 1.5)[:, 10:31:10, 15:46:15].flatten(1)  # (_COUNT, 9)
    assert float(at_points.std()) == pytest.approx(1.5, rel=4 / math.sqrt(2 * at_points.numel()))
    assert abs(float(at_points.mean())) < 4 * 1.5 / math.sqrt(at_points.numel())
    related = torch.corrcoef(at_points.T) - torch.eye(9)
    assert float(related.abs().max()) < 4.5 / math.sqrt(_COUNT)


def test_elastic_displacement_is_smooth() -> None:
    """It changes little from pixel to pixel, and is no larger between control points."""
    inside = _displacement(0, 1.5)[:, 10:31, 15:46]
    # Rounding the value of a pixel is an error of an eighth of a pixel here.
    assert float(inside.diff(dim=1).std()) < 0.25 * 1.5 and float(inside.diff(dim=2).std()) < 0.25 * 1.5
    assert float(inside.std()) < 1.5


def test_pixels_outside_are_zeros() -> None:
    """A shifted white image keeps its centre white and has a black border."""
    white = torch.full((100, 1, 20, 20), 255, dtype=torch.uint8)
    moved = warp(AugmentOptions(shift=4), white, _keys(100))
    assert moved[:, :, 5:15, 5:15].eq(255).all()
    assert moved[:, :, 0].eq(0).any() and moved[:, :, -1].eq(0).any()
    assert moved[:, :, :, 0].eq(0).any() and moved[:, :, :, -1].eq(0).any()


def test_colours_move_together() -> None:
    """Each channel of a colour image is warped as a grey image with the same key."""
    images, key = _random_images(4, 3, 28, 20), _keys(4)
    warped = warp(_ALL, images, key)
    assert warped.dtype == torch.uint8 and warped.shape == images.shape
    for channel in range(3):
        assert torch.equal(warped[:, channel : channel + 1], warp(_ALL, images[:, channel : channel + 1], key))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 17, 40)])
def test_a_warp_depends_on_its_key_and_image_alone(shape: tuple[int, int, int]) -> None:
    """Other images and mixed precision change no bit; another key gives another warp."""
    images, key = _random_images(1, *shape).expand(200, -1, -1, -1).contiguous(), _keys(200)
    together = warp(_ALL, images, key)
    for batch in (1, 2, 7, 64):
        pairs = zip(images.split(batch), key.split(batch), strict=True)
        assert torch.equal(torch.cat([warp(_ALL, *pair) for pair in pairs]), together)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(warp(_ALL, images, key), together)
    assert len({each.numpy().tobytes() for each in together}) == 200


def test_there_is_no_loop_over_the_batch(trace: Callable[[Any], Any]) -> None:
    """64 images take as many operations as two."""

    def names(lanes: int) -> Any:
        images, key = _random_images(lanes, 1, 28, 28), _keys(lanes)
        return trace(lambda: warp(_ALL, images, key)).names

    assert names(2) == names(64)
