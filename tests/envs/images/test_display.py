"""Tests of displays: whatever is read or warped for a glimpse, the glimpse is that of the whole picture in memory."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.images.augment import warp
from glimpse.envs.images.display import DrawnDisplay, PreparedDisplay, WarpedDisplay, WindowDisplay, make_display
from glimpse.envs.images.options import AugmentOptions, CanvasOptions, RetinaOptions
from glimpse.envs.images.picture_set import MARGIN, PictureSet
from glimpse.envs.images.retina import Retina
from glimpse.envs.lane_random import mix

LOOKS = 60


def random_images(*shape: int) -> Tensor:
    """Return images of random pixels, none of which is black."""
    return torch.randint(1, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def smooth_images(*shape: int) -> Tensor:
    """Return images without sharp edges, whose values tell where a pixel is from to a fraction of it."""
    noise = torch.rand(*shape, generator=torch.Generator().manual_seed(5))
    blurred = torch.nn.functional.avg_pool2d(noise, 9, 1, padding=4, count_include_pad=False)
    return ((blurred - blurred.min()) / (blurred.max() - blurred.min()) * 255).to(torch.uint8)


def looks(examples: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return examples (R,), keys (R,), and locations (R, 2), some of them outside."""
    generator = torch.Generator().manual_seed(1)
    location = torch.rand(LOOKS, 2, generator=generator) * 2.6 - 1.3
    return torch.arange(LOOKS) % examples, mix(torch.tensor(7), torch.arange(LOOKS)), location


def mixed_set() -> tuple[PictureSet, Tensor]:
    """Return pictures of three sizes with their canvases (3, 2, 7, 9), worked out by hand."""
    pictures = [random_images(2, 7, 4), random_images(2, 2, 9), random_images(2, 3, 3)]
    canvases = torch.zeros(3, 2, 7, 9, dtype=torch.uint8)
    canvases[0, :, :, 2:6], canvases[1, :, 2:4, :], canvases[2, :, 2:5, 3:6] = pictures
    margin = torch.zeros(MARGIN, dtype=torch.uint8)
    pixels = torch.cat([margin, *(one.flatten() for one in pictures), margin])
    start = MARGIN + torch.tensor([0, 56, 56 + 36])
    return PictureSet(pixels, start, torch.tensor([[7, 4], [2, 9], [3, 3]]), (2, 7, 9)), canvases


def test_pictures_are_at_the_centre_of_their_canvas() -> None:
    """Whole canvases, own pictures and chosen ones are right to the bit, as is every window, outside ones included."""
    images, canvases = mixed_set()
    assert images.shape == canvases.shape and len(images) == 3
    assert torch.equal(images[torch.arange(3)], canvases) and torch.equal(images[1], canvases[1])
    assert torch.equal(images[[2, 0]], canvases[[2, 0]]) and torch.equal(torch.cat(list(images.chunks())), canvases)
    assert torch.equal(images.own(1), canvases[1, :, 2:4])
    chosen = images.select(torch.tensor([2, 1]))
    assert torch.equal(chosen[torch.tensor([0, 1])], canvases[[2, 1]]) and chosen.shape == (2, 2, 7, 9)
    padded = torch.nn.functional.pad(canvases, (12,) * 4)
    for width, height in ((1, 1), (4, 3), (11, 12)):
        for left, top in ((-12, -12), (-3, 2), (0, 0), (5, -1), (8, 6), (9, 0), (8, 7)):
            found = images.windows(torch.arange(3), torch.tensor([[left, top]] * 3), width, height)
            assert torch.equal(found, padded[:, :, top + 12 :, left + 12 :][:, :, :height, :width])


@pytest.mark.parametrize(
    ("patch", "scales", "zoom", "shape"),
    [
        (8, 1, 2, (1, 28, 28)),
        (5, 3, 2, (3, 40, 31)),
        (4, 2, 3, (2, 50, 20)),
        (3, 4, 2, (1, 9, 9)),
        (1, 3, 8, (1, 90, 80)),
    ],
)
def test_windows_are_seen_as_images_in_memory(patch: int, scales: int, zoom: int, shape: tuple[int, ...]) -> None:
    """Glimpses are equal to the bit at any place, and so are whole pictures."""
    images = random_images(4, *shape)
    retina = Retina(RetinaOptions(patch=patch, scales=scales, zoom=zoom), *shape[1:])
    example, key, location = looks(4)
    known, read = PreparedDisplay(retina.prepare(images), retina), WindowDisplay(PictureSet.of_images(images), retina)
    assert known.by_example and read.by_example
    expected = known.look(known.draw(example, key), example, location)
    assert torch.equal(read.look(read.draw(example, key), example, location), expected) and expected.any()
    assert torch.equal(read.pictures(read.draw(example, key), example[:4]), images)


WARPS: dict[str, AugmentOptions] = {
    "rotation": AugmentOptions(rotation=30),
    "half a turn": AugmentOptions(rotation=180),
    "scale": AugmentOptions(scale=0.3),
    "shear": AugmentOptions(shear=0.3),
    "shift": AugmentOptions(shift=9.5),
    "elastic": AugmentOptions(elastic=1.5),
    "flip": AugmentOptions(flip="both"),
    "all": AugmentOptions(rotation=10, scale=0.1, shear=0.15, shift=2, elastic=0.5, flip="horizontal"),
}


def test_each_option_has_a_warp() -> None:
    """The warps of the next test switch each option on alone, but for `recolour`, which is none."""
    alone = {name for each in WARPS.values() for name in each.model_fields_set if len(each.model_fields_set) == 1}
    assert alone | {"recolour"} == set(AugmentOptions.model_fields)


@pytest.mark.parametrize("options", WARPS.values(), ids=WARPS)
@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 50, 90)])
def test_warped_glimpses_are_glimpses_of_warped_pictures(options: AugmentOptions, shape: tuple[int, ...]) -> None:
    """The two differ by at most four of 255 levels, at the black border, and in the mean by a tenth of one."""
    images, retina = smooth_images(5, *shape), Retina(RetinaOptions(patch=5, scales=3), *shape[1:])
    example, key, location = looks(5)
    warped = WarpedDisplay(PictureSet.of_images(images), retina, options)
    drawn = warped.draw(example, key)
    whole = warp(options, images[example], key)
    assert torch.equal(warped.pictures(drawn, torch.arange(LOOKS)), whole)
    seen = warped.look(drawn, torch.arange(LOOKS), location)
    expected = retina.look(retina.prepare(whole), torch.arange(LOOKS), location)
    unwarped = retina.look(retina.prepare(images[example]), torch.arange(LOOKS), location)
    error = (seen - expected).abs() * 255
    assert float(error.max()) <= 4 and float(error.mean()) < 0.1
    assert float((expected - unwarped).abs().mean() * 255) > 1


def test_a_warped_glimpse_depends_on_its_episode_alone() -> None:
    """Others in the batch, which may need wider windows, change no bit."""
    images, retina = random_images(5, 1, 60, 60), Retina(RetinaOptions(patch=6, scales=2), 60, 60)
    example, key, location = looks(5)
    display = WarpedDisplay(PictureSet.of_images(images), retina, AugmentOptions(rotation=180, elastic=3, scale=0.5))
    drawn = display.draw(example, key)
    together = display.look(drawn, torch.arange(LOOKS), location)
    for number in range(LOOKS):
        alone = display.look(drawn[number : number + 1], torch.tensor([0]), location[number : number + 1])
        assert torch.equal(alone[0], together[number])


def _cost(trace: Callable[[Any], Any], side: int, augment: AugmentOptions | None) -> Any:
    """Trace a look at pictures of some side."""
    retina = Retina(RetinaOptions(patch=6, scales=2), side, side)
    display = make_display(PictureSet.of_images(random_images(2, 1, side, side)), retina, CanvasOptions(), augment, 4)
    drawn = display.draw(torch.arange(2), torch.tensor([3, 4]))
    row, location = torch.arange(2), torch.tensor([[0.1, -0.2], [0.3, 0.0]])
    return trace(lambda: display.look(drawn, row, location))


@pytest.mark.parametrize("augment", [None, AugmentOptions(rotation=5, scale=0.05, shift=1)], ids=["plain", "warped"])
def test_the_cost_of_a_look_does_not_depend_on_the_side(
    augment: AugmentOptions | None, trace: Callable[[Any], Any]
) -> None:
    """Operations and allocated bytes are the same, with warps and without."""
    small, large = (_cost(trace, side, augment) for side in (128, 1024))
    assert small.names == large.names and small.bytes == large.bytes


def test_the_cheapest_display_is_chosen() -> None:
    """Small images are prepared or warped as a whole; of large ones only what is seen is read or warped."""
    retina, warps = Retina(RetinaOptions(patch=8), 28, 28), AugmentOptions(shift=1)
    plain, small, large = CanvasOptions(), random_images(2, 1, 28, 28), random_images(2, 1, 200, 200)
    chosen = [
        make_display(small, retina, plain, None, 6),
        make_display(small, retina, plain, warps, 6),
        make_display(large, retina, plain, warps, 6),
        make_display(PictureSet.of_images(large), retina, plain, None, 6),
        make_display(PictureSet.of_images(large), retina, plain, warps, 6),
        make_display(PictureSet.of_images(small), retina, plain, warps, 6),
        make_display(large, retina, CanvasOptions(kind="translated", size=210), None, 6),
    ]
    kinds = [PreparedDisplay, DrawnDisplay, WarpedDisplay, WindowDisplay, WarpedDisplay, DrawnDisplay, DrawnDisplay]
    assert [type(display) for display in chosen] == kinds
