"""Tests of the retina that zooms, and of the pyramids that it reads."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.picture_store import store_pictures
from glimpse.envs.images.pyramids import halve, level_sides, levels_for, make_pyramids, table_of
from glimpse.envs.images.zoom_retina import ZoomRetina


def _numbers(height: int, width: int) -> Tensor:
    """Return a picture whose pixels are their own numbers, (1, 1, H, W)."""
    return torch.arange(height * width).view(1, 1, height, width).to(torch.uint8)


def _seen(picture: Tensor, location: tuple[float, float], zoom: float, **options: Any) -> list[Any]:
    """Return a glimpse in units of a byte, (K, P, P)."""
    retina = ZoomRetina(RetinaOptions(**options), *picture.shape[2:])
    at, how = torch.tensor([location]), torch.tensor([[zoom]])
    return (retina.look(retina.prepare(picture), torch.tensor([0]), at, how)[0, :, 0] * 255).round(decimals=3).tolist()


def test_halving_by_hand() -> None:
    """Cells are rounded means; at odd borders they are the means of what is there."""
    assert halve(_numbers(2, 4)).tolist() == [[[[3, 5]]]]  # (0 + 1 + 4 + 5 + 2) // 4 and (2 + 3 + 6 + 7 + 2) // 4
    assert halve(_numbers(1, 3)).tolist() == [[[[1, 2]]]]  # 0.5 is rounded up
    assert level_sides(5, 9, 4) == [(5, 9), (3, 5), (2, 3), (1, 2)]
    assert [levels_for(64, 16), levels_for(65, 16), levels_for(8, 16), levels_for(0, 4)] == [3, 4, 1, 1]


def test_a_pyramid_is_one_third_larger_than_its_picture() -> None:
    """It has bytes, and at most a third more of them."""
    picture = torch.zeros(2, 3, 256, 128, dtype=torch.uint8)
    pyramid = make_pyramids(picture, 8)
    assert pyramid.dtype == torch.uint8 and picture.numel() < pyramid.numel() <= picture.numel() * 4 / 3 + 12


def test_windows_by_hand() -> None:
    """Zoom 0 shows the pixels themselves, 1 the whole picture, and 1/2 half of its side, in means of cells."""
    picture = _numbers(16, 16)
    centre = [[float(16 * row + column) for column in range(6, 10)] for row in range(6, 10)]
    assert _seen(picture, (0, 0), 0.0, patch=4) == [centre]
    half = [[77.0, 79, 81, 83], [109, 111, 113, 115], [141, 143, 145, 147], [173, 175, 177, 179]]
    assert _seen(picture, (0, 0), 0.5, patch=4) == [half]  # 69.5 + 8.5, less 0.5 of two cells, rounded at each level
    whole = [[row * 64 + column * 4 + 26.0 for column in range(4)] for row in range(4)]
    assert _seen(picture, (0, 0), 1.0, patch=4) == [whole]
    assert _seen(picture, (0, 0), 0.0, patch=4, scales=2)[1] == half
    corner = _seen(picture, (-1, -1), 0.0, patch=4)[0]
    assert corner == [[0.0] * 4, [0.0] * 4, [0, 0, 0, 1], [0, 0, 16, 17]]


def test_each_level_shows_a_constant_picture_as_it_is() -> None:
    """Between levels too; outside there are zeros."""
    white = torch.full((1, 1, 37, 53), 200, dtype=torch.uint8)
    for zoom in torch.linspace(0, 1, 9).tolist():
        inside = _seen(white, (0.0, 0.0), zoom, patch=5)[0]
        assert inside[2] == pytest.approx([200.0] * 5) if zoom < 1 else max(inside[2]) == pytest.approx(200)
    high = _seen(white, (0.0, 0.0), 1.0, patch=53)[0]
    assert high[0] == [0.0] * 53 and high[26] == pytest.approx([200.0] * 53)


def test_a_picture_smaller_than_the_patch_is_shown_whole_at_every_zoom() -> None:
    """The window is never narrower than P pixels."""
    picture = _numbers(3, 3)
    assert _seen(picture, (0, 0), 0.0, patch=5) == _seen(picture, (0, 0), 1.0, patch=5)


def test_bad_locations_and_zooms_are_clamped() -> None:
    """Infinite ones too, and NaN counts as the centre."""
    picture = _numbers(9, 7)
    assert _seen(picture, (math.inf, -3.0), 7.0, patch=3) == _seen(picture, (1.0, -1.0), 1.0, patch=3)
    assert _seen(picture, (math.nan, 0.5), -2.0, patch=3) == _seen(picture, (0.0, 0.5), 0.0, patch=3)


def test_glance_and_drawing_keep_pictures() -> None:
    """The glance has the longer side and black bands; a small picture is drawn, and restored, to the bit."""
    picture = _numbers(4, 8)
    retina, index = ZoomRetina(RetinaOptions(patch=4), 4, 8), torch.tensor([0])
    prepared = retina.prepare(picture)
    assert torch.equal(retina.restore(prepared), picture) and torch.equal(retina.drawn(prepared, index), picture)
    glance = retina.glance(prepared, index, 4)[0, 0] * 255
    assert glance[0].eq(0).all() and glance[3].eq(0).all()
    assert glance[1].round().tolist() == [5, 7, 9, 11]  # 4.5 is rounded up
    assert retina.proportions(index).tolist() == [[1.0, 0.5]]


def test_boxes_are_the_windows_in_pixels_of_the_drawing() -> None:
    """A picture of 640 pixels is drawn with 320."""
    retina = ZoomRetina(RetinaOptions(patch=32, scales=2), 320, 640)
    assert (retina.height, retina.width) == (160, 320)
    boxes = retina.boxes_of(torch.tensor([0]), torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0]]))
    assert boxes.tolist() == [[[152, 72, 168, 88], [144, 64, 176, 96]]]


def test_pictures_of_own_sizes_are_seen_as_alone() -> None:
    """A store of pictures of different sizes shows each as a retina made for it, to the bit."""
    generator = torch.Generator().manual_seed(0)
    sizes = [(40, 24), (9, 33), (16, 16)]
    pictures = [torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=generator) for size in sizes]
    store, options = store_pictures((one.numpy() for one in pictures), sizes, 3), RetinaOptions(patch=4)
    assert store.pixels.shape[0] == sum(make_pyramids(one[None], 5).shape[1] for one in pictures)
    together = ZoomRetina(options, 10, 10, table=store.table)
    location = torch.rand(3, 2, generator=generator) * 2 - 1
    for zoom in (0.0, 0.4, 1.0):
        how = torch.full((3, 1), zoom)
        seen = together.look(store.pixels[None], torch.arange(3), location, how)
        for number, picture in enumerate(pictures):
            alone, one = ZoomRetina(options, *sizes[number], least=2), slice(number, number + 1)
            own = alone.look(alone.prepare(picture[None]), torch.tensor([0]), location[one], how[one])
            assert torch.equal(seen[one], own)
    assert together.drawn(store.pixels[None], torch.arange(3)).shape == (3, 3, 10, 10)
    assert table_of([], 3).first.shape == (0, 3)


def _look(side: int, looks: int) -> Callable[[], Tensor]:
    retina = ZoomRetina(RetinaOptions(patch=8), side, side)
    prepared = retina.prepare(torch.zeros(2, 3, side, side, dtype=torch.uint8))
    index, zoom = torch.arange(looks) % 2, torch.linspace(0, 1, looks)[:, None]
    return lambda: retina.look(prepared, index, torch.zeros(looks, 2), zoom)


def test_the_cost_of_a_look_depends_neither_on_size_nor_on_zoom(trace: Callable[[Any], Any]) -> None:
    """Operations are the same, memory but for the starts of more levels; 64 looks take as many operations as five."""
    small, large, many = (trace(_look(side, looks)) for side, looks in ((64, 5), (2048, 5), (64, 64)))
    assert small.names == large.names == many.names
    assert small.bytes <= large.bytes < 1.02 * small.bytes < 1024 * 1024
