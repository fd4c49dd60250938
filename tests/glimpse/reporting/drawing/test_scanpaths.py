"""Pictures of episodes, checked by pixels on plain images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from glimpse.config.experiment import Experiment
from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.retina import Retina
from glimpse.envs.images.whole_view import WholeView
from glimpse.errors import UserError
from glimpse.evaluation.replay import Replay
from glimpse.reporting.drawing.scanpaths import (
    DIM,
    GROUND,
    PALE,
    RIGHT,
    WRONG,
    answer_caption,
    blend,
    jpeg,
    moment_image,
    path_image,
    picture_image,
    png,
    scanpath_colours,
    sheet,
)
from glimpse.reporting.images.image_report import write_scanpaths
from glimpse.runs.build import make_agent, make_split_env

WIDE = Retina(RetinaOptions(patch=10), height=20, width=40)
TWO_SCALES = Retina(RetinaOptions(patch=10, scales=2), height=20, width=40)


def episode(
    retina: Retina, locations: list[tuple[float, float]], shade: int, belief: tuple[float, ...] = (1.0, 0.0)
) -> Replay:
    """Return an episode on an image of one shade of grey."""
    picture = np.full((1, retina.height, retina.width), shade, np.uint8)
    side, count = retina.options.patch, len(locations)
    patch = np.full((count, retina.options.scales, 1, side, side), shade / 255, np.float32)
    return Replay(0, picture, np.array(locations, np.float32), patch, np.array([belief] * count, np.float32), 0)


def test_blend_by_hand() -> None:
    """Colours between stops at 0, a half and 1 are interpolated linearly; shares beyond are clamped."""
    stops = np.array([[0, 0, 0], [100, 0, 0], [100, 200, 0]], np.float32)
    given = np.array([0, 0.25, 0.5, 0.75, 1, 2], np.float32)
    expected = [[0, 0, 0], [50, 0, 0], [100, 0, 0], [100, 100, 0], [100, 200, 0], [100, 200, 0]]
    np.testing.assert_allclose(blend(stops, given), expected)


def test_scanpath_colours_cover_the_whole_ramp() -> None:
    """Colours go over the whole ramp for any number of glimpses; a single glimpse has the first colour."""
    assert scanpath_colours(2) == [scanpath_colours(9)[0], scanpath_colours(9)[-1]]
    assert scanpath_colours(1) == scanpath_colours(5)[:1]
    assert len(set(scanpath_colours(12))) == 12


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 20, 40), (3, 20, 40), (3, 300, 100), (1, 1, 1)])
def test_picture_image_keeps_the_shape(channels: int, height: int, width: int) -> None:
    """The longer side has the given size, for larger and smaller, grey and coloured images."""
    image = picture_image(np.full((channels, height, width), 200, np.uint8), 120)
    assert image.mode == "RGB"
    assert max(image.size) == 120
    assert image.width * height == image.height * width
    assert image.getpixel((0, 0)) == (200, 200, 200)


def test_a_cross_is_where_the_agent_points() -> None:
    """At the last point of an episode, and after each glimpse at the point of then; without points there is none."""
    plain = episode(WIDE, [(-0.9, -0.9), (-0.9, -0.9)], 0)
    pointing = replace(plain, point=np.array([[0.5, 0.5], [0.5, -0.5]], np.float32))
    upper, lower = (299, 49), (299, 149)  # Of 400 x 200 pixels.
    for image, crossed in (
        (path_image(pointing, WIDE, 400), [upper]),
        (moment_image(pointing, WIDE, 400, 1), [lower]),
        (moment_image(pointing, WIDE, 400, 2), [upper]),
        (path_image(plain, WIDE, 400), []),
    ):
        assert [spot for spot in (upper, lower) if image.getpixel(spot) == PALE] == crossed


def test_path_image_draws_the_box_where_the_retina_looked() -> None:
    """At the centre of 20 x 40 pixels a patch of 10 covers 15 to 25 across and 5 to 15 down, here times ten."""
    image = path_image(episode(WIDE, [(0.0, 0.0)], shade=0), WIDE, side=400)
    assert image.size == (400, 200)
    found = np.asarray(image).max(-1) > 0
    found[70:130, 170:230] = False  # The dot.
    rows, columns = found.nonzero()
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (150, 249, 50, 149)
    assert not found[55:145, 155:245].any()


def test_path_image_colours_glimpses_in_their_order() -> None:
    """The dot of each glimpse has its own colour; the line to the second has the second's."""
    image = path_image(episode(WIDE, [(-0.8, 0.0), (0.8, 0.0)], shade=0), WIDE, side=400)
    first, second = scanpath_colours(2)
    assert image.getpixel((360, 100)) == second
    assert image.getpixel((200, 100)) == second
    assert first in {image.getpixel((x, 100)) for x in range(30, 50)}


def test_moment_image_veils_what_was_not_seen() -> None:
    """Seen white stays white, at the finest and at a coarse scale; unseen white is 0.3 white and 0.7 grey."""
    one, two = (
        np.asarray(moment_image(episode(retina, [(0.0, 0.0)], shade=255), retina, 400, 1)).astype(int)
        for retina in (WIDE, TWO_SCALES)
    )
    assert one[60, 160].tolist() == two[60, 160].tolist() == [255, 255, 255]
    assert one[20, 20] == pytest.approx([0.3 * 255 + 0.7 * shade for shade in DIM], abs=2)
    assert one[60, 120].max() < 130 and two[60, 120].tolist() == [255, 255, 255]


def test_moment_image_shows_a_location_between_glimpses() -> None:
    """The box is at the location, in the next glimpse's colour; what it covers is not seen yet."""
    there = episode(WIDE, [(-0.7, 0.0), (0.7, 0.0)], shade=255)
    moving = np.asarray(moment_image(there, WIDE, 400, 1, location=np.array([0.0, 0.0], np.float32))).astype(int)
    arrived = np.asarray(moment_image(there, WIDE, 400, 2)).astype(int)
    assert moving[60, 151] == pytest.approx(scanpath_colours(2)[1], abs=20)
    assert moving[60, 170].max() < 200
    assert moving[70, 310].max() < 200
    assert arrived[70, 310].tolist() == [255, 255, 255]


def test_of_a_whole_image_the_part_that_is_read_is_clear() -> None:
    """The second glimpse reads the left half; its box is the given one, moved to the location."""
    share = np.zeros((2, 20, 40), np.float32)
    share[1, :, :20] = 1
    covered = np.array([[[30.0, 2.0, 38.0, 12.0]]] * 2, np.float32)
    given = replace(episode(WIDE, [(0.8, 0.0), (0.8, 0.0)], shade=255), share=share, boxes=covered)
    whole = WholeView(20, 40)
    image = np.asarray(moment_image(given, whole, 400, 2)).astype(int)
    assert image[60, 60].tolist() == [255, 255, 255] and image[160, 250].max() < 140
    assert image[30, 301] == pytest.approx(scanpath_colours(2)[1], abs=20)
    moving = np.asarray(moment_image(given, whole, 400, 1, location=np.array([0.0, 0.0], np.float32))).astype(int)
    assert moving[30, 141] == pytest.approx(scanpath_colours(2)[1], abs=20)  # 0.8 of 20 pixels to the left.
    found = np.asarray(path_image(given, whole, 400))
    assert (found[30, 301] != 255).any() and (found[150, 150] == 255).all()


def test_no_scanpath_is_drawn_if_the_whole_image_is_seen() -> None:
    """The location does not matter to a network that sees the whole image."""
    given, whole = episode(WIDE, [(0.8, 0.0)], shade=100), WholeView(20, 40)
    for image in (path_image(given, whole, 400), moment_image(given, whole, 400, 1)):
        assert image.size == (400, 200) and (np.asarray(image) == 100).all()


def test_the_caption_names_the_true_class_if_the_answer_is_wrong() -> None:
    """The caption's colour says whether the answer is right."""
    assert answer_caption(episode(WIDE, [(0, 0)], 0, (0.9, 0.1)), ["cat", "dog"]) == ("cat, right", RIGHT)
    assert answer_caption(episode(WIDE, [(0, 0)], 0, (0.1, 0.9)), ["cat", "dog"]) == ("dog, but it is cat", WRONG)


def test_sheet_places_tiles_in_rows_and_cuts_captions() -> None:
    """Three tiles are in two columns; a long caption is cut to the width of its tile."""
    tiles = [Image.new("RGB", (100, 50), (shade, 0, 0)) for shade in (50, 100, 150)]
    whole = sheet(tiles, [("a", PALE), ("long " * 30, PALE), ("c", PALE)], columns=2)
    assert [whole.getpixel(location) for location in ((15, 15), (125, 15), (15, 100))] == [
        (50, 0, 0),
        (100, 0, 0),
        (150, 0, 0),
    ]
    assert whole.size == (230, 178)
    margin = np.asarray(whole)[:, 221:]
    assert (margin == GROUND).all()


def test_files_hold_the_picture() -> None:
    """PNG keeps pixels exactly, JPEG approximately."""
    image = Image.new("RGB", (7, 5), (10, 200, 30))
    assert png(image).startswith(b"\x89PNG")
    assert jpeg(image).startswith(b"\xff\xd8")


def test_write_scanpaths_is_the_same_each_time(tmp_path: Path) -> None:
    """Pictures show the same images each time; a file that cannot be written is an error."""
    experiment = Experiment.model_validate(
        {"task": {"name": "digits", "glimpses": 3}, "agent": {"name": "ram"}, "train": {"steps": 1}}
    )
    env = make_split_env(experiment, "validation", torch.device("cpu"))
    agent = make_agent(experiment, env).requires_grad_(False)
    for name in ("a.png", "b.png"):
        write_scanpaths(agent, env, 7, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (14 + 6 * 154, 2 * (140 + 14 + 2 * 13) + 14)
    with pytest.raises(UserError, match="nowhere"):
        write_scanpaths(agent, env, 2, tmp_path / "nowhere" / "c.png")
