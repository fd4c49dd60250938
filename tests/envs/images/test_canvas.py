"""Tests of canvases: locations of digits and clutter, sources of clutter, and dependence on the key alone."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from glimpse.envs.images.canvas import make_canvas
from glimpse.envs.images.options import CanvasOptions
from glimpse.envs.lane_random import integers, mix


def _keys(count: int) -> Tensor:
    return mix(torch.tensor(77), torch.arange(count))


def _images(count: int, *shape: int) -> Tensor:
    """Return images of random pixels, none of them 0."""
    generator = torch.Generator().manual_seed(5)
    return torch.randint(1, 256, (count, *shape), dtype=torch.uint8, generator=generator)


def _make(options: CanvasOptions, source: Tensor, index: Tensor, key: Tensor) -> Tensor:
    return make_canvas(options, source[index], index, key, source)


def _reference(options: CanvasOptions, source: Tensor, index: int, key: Tensor) -> Tensor:
    """Make one canvas block by block from the random numbers of the rule.

    Streams 1 to 4 of the key give the digit's location, the examples of the patches, their cuts and their locations.
    """

    def corner(key: Tensor, right: int, down: int) -> list[int]:
        drawn: list[int] = integers(key, 2, torch.tensor([right + 1, down + 1])).tolist()
        return drawn

    (count, channels, height, width), size, distractor = source.shape, options.size, options.distractor_size
    canvas = torch.zeros(channels, size, size, dtype=torch.int64)
    if options.kind == "cluttered":
        for number, offset in enumerate(integers(mix(key, 2), options.distractors, count - 1).tolist()):
            x, y = corner(mix(mix(key, 3), number), width - distractor, height - distractor)
            cut = source[(index + 1 + offset) % count, :, y : y + distractor, x : x + distractor]
            x, y = corner(mix(mix(key, 4), number), size - distractor, size - distractor)
            canvas[:, y : y + distractor, x : x + distractor] += cut
    canvas.clamp_(max=255)
    x, y = corner(mix(key, 1), size - width, size - height)
    location, example = canvas[:, y : y + height, x : x + width], source[index].long()
    location[:] = torch.where(example > 0, example, location) if options.blend == "under" else location + example
    return canvas.clamp_(max=255).to(torch.uint8)


def test_a_translated_digit_reaches_every_location_and_is_unchanged() -> None:
    """An image of 4 x 3 pixels on a canvas of 6 x 6: x from 0 to 3, y from 0 to 2, all equally likely."""
    image = _images(1, 1, 4, 3)
    count = 1200
    canvases = _make(CanvasOptions(kind="translated", size=6), image, torch.zeros(count).long(), _keys(count))
    assert canvases.shape == (count, 1, 6, 6) and canvases.dtype == torch.uint8
    times = torch.zeros(3, 4)
    for canvas in canvases[:, 0]:
        y, x = int(canvas.any(1).nonzero()[0]), int(canvas.any(0).nonzero()[0])
        expected = torch.zeros(6, 6, dtype=torch.uint8)
        expected[y : y + 4, x : x + 3] = image[0, 0]
        assert torch.equal(canvas, expected)
        times[y, x] += 1
    # 100 times each on average; with 11 degrees of freedom, chance practically never exceeds 40.
    assert float(((times - 100) ** 2 / 100).sum()) < 40


def test_a_canvas_as_large_as_the_image_shows_it_as_it_is() -> None:
    """The image fits at one location only."""
    images = _images(3, 1, 5, 5)
    index = torch.tensor([2, 0, 1])
    canvas = _make(CanvasOptions(kind="translated", size=5), images, index, _keys(3))
    assert torch.equal(canvas, images[index])


@pytest.mark.parametrize("blend", ["add", "under"])
@pytest.mark.parametrize(
    ("shape", "size", "distractors", "distractor_size"),
    [((1, 28, 28), 60, 4, 8), ((1, 28, 28), 100, 8, 8), ((3, 7, 5), 9, 6, 4), ((1, 3, 3), 3, 2, 3)],
)
def test_clutter_equals_the_slow_reference(
    blend: str, shape: tuple[int, int, int], size: int, distractors: int, distractor_size: int
) -> None:
    """Images are grey or coloured, square or not; patches overlap each other and the digit."""
    options = CanvasOptions.model_validate(
        {
            "kind": "cluttered",
            "size": size,
            "distractors": distractors,
            "distractor_size": distractor_size,
            "blend": blend,
        }
    )
    source = _images(6, *shape)
    source[:, :, ::2] = 0  # ink and paper, which `under` tells apart
    index, key = torch.arange(12) % 6, _keys(12)
    canvas = _make(options, source, index, key)
    expected = [_reference(options, source, i, k) for i, k in zip(index.tolist(), key, strict=True)]
    assert torch.equal(canvas, torch.stack(expected))


def test_each_distractor_is_complete_and_comes_from_another_example() -> None:
    """With two examples of constant grey, a black digit is surrounded by 8 patches of 8 x 8 of the other one."""
    source = torch.stack([torch.zeros(1, 28, 28), torch.ones(1, 28, 28)]).to(torch.uint8)
    canvas = _make(CanvasOptions(kind="cluttered", size=100, distractors=8), source, torch.zeros(50).long(), _keys(50))
    assert canvas.flatten(1).sum(1).tolist() == [8 * 8 * 8] * 50


def test_distractors_are_cut_from_every_part_of_every_other_example() -> None:
    """Each pixel has its own value, so the corner of a patch tells where it was cut."""
    source = torch.arange(3 * 4 * 4, dtype=torch.uint8).view(3, 1, 4, 4)
    black = torch.zeros(600, 1, 4, 4, dtype=torch.uint8)
    options = CanvasOptions(kind="cluttered", size=4, distractors=1, distractor_size=3)
    canvas = make_canvas(options, black, torch.ones(600).long(), _keys(600), source)
    # A patch of 3 x 3 on 4 x 4 pixels: its middle is at (1, 1) or (2, 2), and so on; its largest value is its end.
    ends = set(canvas.flatten(1).amax(1).tolist())
    assert ends == {16 * example + pixel for example in (0, 2) for pixel in (10, 11, 14, 15)}
    begins = {tuple(location[0].tolist()) for location in (c[0].nonzero() for c in canvas) if len(location) == 9}
    assert begins == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_sums_are_clamped_at_white() -> None:
    """White plus white is white; 250 + 10 does not wrap to 4."""
    source = torch.tensor([250, 10]).to(torch.uint8)[:, None, None, None].expand(2, 1, 8, 8).contiguous()
    options = CanvasOptions(kind="cluttered", size=8, distractors=3, distractor_size=8)
    canvas = _make(options, source, torch.tensor([0, 1]), _keys(2))
    assert [set(each.flatten().tolist()) for each in canvas] == [{255}, {255}]
    canvas = _make(CanvasOptions(kind="cluttered", size=8, distractors=1), source // 2, torch.tensor([0]), _keys(1))
    assert set(canvas.flatten().tolist()) == {130}


def test_under_the_digit_nothing_is_added() -> None:
    """With `under` the digit's ink is unchanged, and clutter is seen between its strokes."""
    stroke = torch.zeros(1, 8, 8, dtype=torch.uint8)
    stroke[0, 3] = 90
    source = torch.stack([stroke, torch.full_like(stroke, 7)])
    options = CanvasOptions(kind="cluttered", size=8, distractors=2, distractor_size=8, blend="under")
    canvas = _make(options, source, torch.tensor([0]), _keys(1))
    assert torch.equal(canvas[0], torch.where(stroke > 0, stroke, 14))


@pytest.mark.parametrize("kind", ["translated", "cluttered"])
def test_a_canvas_depends_on_its_key_and_example_alone(kind: Any) -> None:
    """Other lanes change no bit of it; another key gives another canvas."""
    options, source = CanvasOptions(kind=kind, size=60), _images(10, 1, 28, 28)
    index, key = torch.arange(40) % 10, _keys(40)
    canvas = _make(options, source, index, key)
    assert torch.equal(_make(options, source, index, key), canvas)
    assert torch.equal(_make(options, source, index.flip(0), key.flip(0)).flip(0), canvas)
    assert torch.equal(_make(options, source, index[7:8], key[7:8]), canvas[7:8])
    # Two of 40 digits may share one of 33 x 33 locations.
    assert len({each.numpy().tobytes() for each in _make(options, source, index * 0, key)}) > 30


@pytest.mark.parametrize(
    ("options", "digest"),
    [
        (CanvasOptions(kind="translated", size=60), "37c155e0669972ad"),
        (CanvasOptions(kind="cluttered", size=60), "8c3f22376cc95adf"),
        (CanvasOptions(kind="cluttered", size=100, distractors=8), "40389ea684fa12e2"),
    ],
)
def test_version_1_of_the_rule_draws_these_canvases(options: CanvasOptions, digest: str) -> None:
    """The canvases are part of the task, so that results of two releases can be compared.

    A changed rule gets a new version, and this test stays as it is.
    """
    source = (torch.arange(7 * 28 * 28) * 37 % 256).to(torch.uint8).view(7, 1, 28, 28)
    canvas = _make(options, source, torch.arange(7), mix(torch.tensor(2014), torch.arange(7)))
    assert hashlib.sha256(canvas.numpy().tobytes()).hexdigest()[:16] == digest


def test_examples_that_do_not_fit_are_refused() -> None:
    """The message says what was expected and what was given."""
    index, key = torch.tensor([0]), _keys(1)
    with pytest.raises(ValueError, match=r"canvas.size 27 is smaller than the images \(28 x 20 pixels\)"):
        _make(CanvasOptions(kind="translated", size=27), _images(2, 1, 28, 20), index, key)
    with pytest.raises(ValueError, match=r"canvas.distractor_size 9 is larger than the images \(28 x 8 pixels\)"):
        _make(CanvasOptions(kind="cluttered", distractor_size=9), _images(2, 1, 28, 8), index, key)
    with pytest.raises(ValueError, match="at least two"):
        _make(CanvasOptions(kind="cluttered"), _images(1, 1, 28, 28), index, key)
    with pytest.raises(ValidationError, match="version"):
        CanvasOptions.model_validate({"version": 2})


@pytest.mark.parametrize("kind", ["translated", "cluttered"])
def test_there_is_no_loop_over_the_batch(kind: Any, trace: Callable[[Any], Any]) -> None:
    """64 canvases take as many operations as two."""
    options, source = CanvasOptions(kind=kind), _images(5, 1, 28, 28)

    def names(lanes: int) -> Any:
        index, key = torch.arange(lanes) % 5, _keys(lanes)
        return trace(lambda: _make(options, source, index, key)).names

    assert names(2) == names(64)
