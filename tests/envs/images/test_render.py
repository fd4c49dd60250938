"""Tests of the drawings of glimpses."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import SyncVectorEnv

from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.render import (
    SCALE_COLOURS,
    boxes,
    draw_glimpses,
    draw_patches,
    draw_path,
    draw_scene,
    enlarge,
    magnification,
    path_colours,
    to_pixels,
    to_rgb,
)
from glimpse.envs.images.retina import Retina

DIGITS = "glimpse/Digits-v0"


def retina_of(patch: int, scales: int = 1, zoom: int = 2) -> RetinaOptions:
    """Return options of a retina."""
    return RetinaOptions(patch=patch, scales=scales, zoom=zoom)


def is_drawn(picture: Any, colour: tuple[int, int, int]) -> bool:
    """Return whether a picture has a colour."""
    return bool((np.asarray(picture) == colour).all(-1).any())


def test_grey_and_coloured_images_become_rgb() -> None:
    """Both uint8 and numbers in [0, 1] are converted."""
    assert to_rgb(np.array([[[0, 9]]], np.uint8)).tolist() == [[[0, 0, 0], [9, 9, 9]]]
    assert to_rgb(np.array([[[1]], [[2]], [[3]]], np.uint8)).tolist() == [[[1, 2, 3]]]
    assert to_rgb(np.array([[[0.0, 0.5, 1.0, 1.1]]], np.float32))[0, :, 0].tolist() == [0, 128, 255, 255]


def test_pixels_become_squares() -> None:
    """Enlarged pixels are sharp squares in the same order."""
    picture = np.asarray(enlarge(np.array([[[10, 20], [30, 40]]], np.uint8), 3))
    assert picture.shape == (6, 6, 3)
    assert picture[::3, ::3, 0].tolist() == [[10, 20], [30, 40]]
    assert picture[2::3, 2::3, 0].tolist() == [[10, 20], [30, 40]]


def test_small_images_are_enlarged_to_256_pixels_or_more() -> None:
    """The factor is a whole number; large images are not enlarged."""
    assert [magnification(side, side) for side in (8, 28, 60, 100, 256, 1000)] == [32, 10, 5, 3, 1, 1]
    assert magnification(20, 130) == 2


def test_coordinates_of_the_corners_and_the_centre() -> None:
    """Coordinates are right in an image that is wider than high."""
    locations = np.array([[-1, -1], [0, 0], [1, 1], [1, -1]])
    assert to_pixels(locations, height=10, width=30).tolist() == [[0, 0], [15, 5], [30, 10], [30, 0]]


def test_boxes_by_hand() -> None:
    """Boxes of three scales at the centre of 10 x 20 pixels, and of one at the lower right corner, are right."""
    assert boxes(retina_of(2, 3), np.zeros(2), 10, 20) == [(9, 4, 11, 6), (8, 3, 12, 7), (6, 1, 14, 9)]
    assert boxes(retina_of(3), np.ones(2), 10, 20) == [(19, 9, 22, 12)]


@pytest.mark.parametrize(("patch", "scales", "zoom"), [(4, 1, 2), (5, 1, 2), (3, 3, 2), (2, 2, 3)])
def test_boxes_cover_what_the_retina_sees(patch: int, scales: int, zoom: int) -> None:
    """The mean over each box is the mean of its patch, at many locations."""
    options, (height, width) = retina_of(patch, scales, zoom), (11, 17)
    image = torch.arange(height * width, dtype=torch.uint8).view(1, 1, height, width)
    retina = Retina(options, height, width)
    locations = torch.linspace(-1, 1, 40)[:, None] * torch.tensor([1.0, -0.7])
    seen = retina.look(retina.prepare(image), torch.zeros(40, dtype=torch.int64), locations)
    room = patch * zoom**scales
    padded = np.pad(image[0, 0].numpy(), room).astype(np.float64)
    for location, glimpse in zip(locations.numpy(), seen.numpy(), strict=True):
        for (left, top, right, bottom), seen_patch in zip(
            boxes(options, location, height, width), glimpse, strict=True
        ):
            covered = padded[top + room : bottom + room, left + room : right + room]
            assert covered.mean() == pytest.approx(seen_patch.mean() * 255, abs=1e-3)


def test_the_newest_location_is_the_brightest() -> None:
    """Each location is brighter than the one before."""
    brightness = [sum(colour) for colour in path_colours(5)]
    assert brightness == sorted(brightness) and len(set(brightness)) == 5
    assert path_colours(1) == [path_colours(2)[1]]


def test_a_scanpath_is_drawn_at_its_locations() -> None:
    """The drawing has points at the locations, a line between them, and nothing else."""
    canvas = enlarge(np.zeros((1, 100, 200), np.uint8), 1)
    points = np.array([[30, 50], [170, 50]])
    drawn = np.asarray(draw_path(canvas, points))
    assert is_drawn(drawn[42:58, 22:38], path_colours(2)[0])
    assert is_drawn(drawn[42:58, 162:178], path_colours(2)[1])
    assert is_drawn(drawn[50:51, 100:101], path_colours(2)[1])
    assert not drawn[:38].any() and not drawn[62:].any()
    assert not np.asarray(canvas).any()


def test_the_scene_shows_the_image_and_a_box_for_each_scale() -> None:
    """The boxes are those of the last location, in the colours of their scales."""
    image = np.full((1, 32, 32), 77, np.uint8)
    scene = np.asarray(draw_scene(image, np.array([[0.9, 0.9], [-0.5, -0.5]]), retina_of(2, 3)))
    assert scene.shape == (256, 256, 3)
    assert (scene[-50:-40, :100] == 77).all()
    # The locations are (8, 8) pixels from the corner, eight times enlarged; boxes of 2, 4 and 8 pixels.
    for half, colour in zip((8, 16, 32), SCALE_COLOURS, strict=False):
        assert tuple(scene[64 + half - 1, 64 - half]) == colour
        assert tuple(scene[64 - half, 64 + half - 1]) == colour


def test_patches_are_drawn_in_frames() -> None:
    """Patches are one below the other, in frames of their scales' colours."""
    glimpse = np.array([[[[0.0, 1.0], [0.2, 0.4]]], [[[0.6, 0.8], [1.0, 0.0]]]])
    column = np.asarray(draw_patches(glimpse, 212))
    assert column.shape[0] == 212
    first, second = column[:100], column[-100:]
    for part, colour in ((first, SCALE_COLOURS[0]), (second, SCALE_COLOURS[1])):
        assert tuple(part[0, 0]) == colour and tuple(part[-1, -1]) == colour
    assert first[25::50, 25::50, 0].tolist() == [[0, 255], [51, 102]]
    assert second[25::50, 25::50, 0].tolist() == [[153, 204], [255, 0]]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 20, 50), (1, 300, 40)])
@pytest.mark.parametrize("scales", [1, 3, 8])
def test_a_frame_has_the_same_size_at_each_step(shape: tuple[int, int, int], scales: int) -> None:
    """The size depends on the image and the retina, not on the number of glimpses."""
    image, glimpse = np.zeros(shape, np.uint8), np.zeros((scales, shape[0], 4, 4))
    sizes = {
        draw_glimpses(image, np.linspace(-1, 1, 2 * t).reshape(t, 2), retina_of(4, scales), glimpse).size
        for t in (1, 2, 12)
    }
    assert len(sizes) == 1 and max(*sizes.pop()) >= 256


def test_an_environment_draws_its_episode() -> None:
    """Each step adds a location, but for the last step, which no glimpse follows."""
    env = gym.make(DIGITS, glimpses=3, render_mode="rgb_array")
    env.reset(seed=0)
    frames: list[Any] = [env.render()]
    for look in ([-0.5, -0.5], [0.5, 0.5], [0, 0]):
        env.step({"look": look, "answer": 0})
        frames.append(env.render())
    assert {(frame.shape, frame.dtype) for frame in frames} == {(frames[0].shape, np.dtype(np.uint8))}
    assert [is_drawn(frame, path_colours(3)[1]) for frame in frames] == [False, False, True, True]
    assert not np.array_equal(frames[1], frames[2]) and np.array_equal(frames[2], frames[3])
    env.reset()
    assert not is_drawn(env.render(), path_colours(3)[1])


def test_a_vector_environment_draws_like_single_ones() -> None:
    """Frames are equal, also when episodes end at different times."""
    options: dict[str, Any] = {"glimpses": 3, "stop": True, "render_mode": "rgb_array"}
    native = gym.make_vec(DIGITS, num_envs=3, **options)
    rows = SyncVectorEnv([lambda: gym.make(DIGITS, **options)] * 3)
    native.reset(seed=0)
    rows.reset(seed=0)
    random = np.random.default_rng(0)
    for step in range(7):
        stop = np.array([0, step == 0, step == 3])
        action = {"look": random.uniform(-1, 1, (3, 2)), "answer": np.zeros(3, int), "stop": stop}
        native.step(action)
        rows.step(action)
        drawn, expected = native.render(), rows.render()
        assert drawn is not None and len(drawn) == 3
        assert all(np.array_equal(one, other) for one, other in zip(drawn, expected, strict=True))


def test_without_a_render_mode_nothing_is_drawn() -> None:
    """A warning tells why nothing is drawn."""
    env = gym.make(DIGITS).unwrapped
    env.reset()
    with pytest.warns(UserWarning, match="render_mode='rgb_array'"):
        assert env.render() is None
