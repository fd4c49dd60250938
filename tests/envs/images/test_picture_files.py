"""Tests of opening pictures of all kinds, and of their conversion to arrays."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glimpse.envs.errors import DataError
from glimpse.envs.images import picture_files
from glimpse.envs.images.picture_files import is_grey, opened_picture, to_array, upright_size

UPRIGHT = np.arange(0, 120, 20, dtype=np.uint8).reshape(2, 3)


def test_colours_become_channels() -> None:
    """A coloured pixel has its row and column in each channel."""
    picture = Image.new("RGB", (3, 2))
    picture.putpixel((2, 1), (10, 20, 30))
    array = to_array(picture, grey=False, image_size=None)
    assert array.shape == (3, 2, 3)
    assert array[:, 1, 2].tolist() == [10, 20, 30] and array.sum() == 60


def test_a_size_is_height_and_width() -> None:
    """Height comes first, unlike in Pillow."""
    picture = Image.new("L", (3, 2), 77)
    array = to_array(picture, grey=True, image_size=(4, 5))
    assert array.shape == (1, 4, 5) and (array == 77).all()


@pytest.mark.parametrize(
    ("mode", "grey"), [("1", True), ("L", True), ("LA", True), ("RGB", False), ("RGBA", False), ("P", False)]
)
def test_the_mode_decides_whether_a_picture_is_grey(mode: str, grey: bool) -> None:
    """A palette counts as coloured."""
    assert is_grey(Image.new(mode, (1, 1))) is grey


# How the pixels of a file lie for each EXIF orientation, so that it is shown as `UPRIGHT`.
LAID = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: np.rot90(UPRIGHT),
    7: UPRIGHT[::-1, ::-1].T,
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("orientation", LAID)
def test_all_orientations_give_one_array(orientation: int, tmp_path: Path) -> None:
    """A picture is turned and mirrored as its EXIF tag says, and its size is that of the turned one."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(LAID[orientation])).save(tmp_path / "a.png", exif=exif)
    with opened_picture(tmp_path / "a.png") as picture:
        assert upright_size(picture) == (2, 3)
        assert to_array(picture, grey=True, image_size=None).tolist() == [UPRIGHT.tolist()]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_the_colour_of_what_is_transparent_does_not_matter(mode: str, tmp_path: Path) -> None:
    """Two pictures that differ only where nothing is seen are equal, and black there."""
    arrays = []
    for hidden in (200, 10):
        picture = Image.new("RGBA", (2, 1), (hidden, hidden, hidden, 0))
        picture.putpixel((1, 0), (90, 90, 90, 255))
        if mode == "P":
            palette = Image.new("P", (2, 1), 0)
            palette.putpalette([hidden] * 3 + [90] * 3)
            palette.putpixel((1, 0), 1)
            palette.save(tmp_path / "a.png", transparency=0)
            with opened_picture(tmp_path / "a.png") as opened:
                arrays.append(to_array(opened, False, None))
            continue
        arrays.append(to_array(picture.convert(mode), False, None))
    assert arrays[0].tolist() == arrays[1].tolist()
    assert arrays[0][:, 0, 0].tolist() == [0, 0, 0] and abs(int(arrays[0][0, 0, 1]) - 90) <= 8


def test_half_transparent_is_half_as_bright() -> None:
    """Composition on black multiplies by the opacity: 200 x 128 / 255 = 100."""
    assert to_array(Image.new("RGBA", (1, 1), (200, 0, 0, 128)), False, None)[:, 0, 0].tolist() == [100, 0, 0]


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (Image.fromarray(np.array([[0, 257, 65535]], np.uint16)), [0, 1, 255]),
        (Image.fromarray(np.array([[False, True, True]])), [0, 255, 255]),
    ],
)
def test_grey_of_other_depths_is_scaled(picture: Image.Image, expected: list[int]) -> None:
    """16 bits from 0 to 65535, and 1 bit, become 0 to 255."""
    assert is_grey(picture)
    assert to_array(picture, True, None)[0, 0].tolist() == expected
    assert to_array(picture, False, None)[2, 0].tolist() == expected


def test_other_colours_become_rgb() -> None:
    """CMYK without ink is white, full key is black; a palette's colours are looked up."""
    assert to_array(Image.new("CMYK", (1, 1), (0, 0, 0, 0)), False, None)[:, 0, 0].tolist() == [255] * 3
    assert to_array(Image.new("CMYK", (1, 1), (0, 0, 0, 255)), False, None)[:, 0, 0].tolist() == [0] * 3
    assert not is_grey(Image.new("CMYK", (1, 1)))
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([7, 8, 9])
    assert to_array(palette, False, None)[:, 0, 0].tolist() == [7, 8, 9]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_numbers_of_unknown_range_are_refused(mode: str) -> None:
    """Nothing says what is white in a picture of 32-bit numbers."""
    with pytest.raises(DataError, match="32-bit numbers"):
        is_grey(Image.new(mode, (1, 1)))
    with pytest.raises(DataError, match="32-bit numbers"):
        to_array(Image.new(mode, (1, 1)), True, None)


def test_of_several_frames_the_first_is_taken(tmp_path: Path) -> None:
    """An animated GIF is the picture with which it begins."""
    frames = [Image.new("L", (2, 2), value) for value in (50, 150)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with opened_picture(tmp_path / "a.gif") as picture:
        assert to_array(picture, True, None).tolist() == [[[50, 50]] * 2]


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe that nobody writes to, and a folder, are named."""
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for name in ("pipe.png", "folder.png"):
        with pytest.raises(DataError, match=f"{name} is no file"), opened_picture(tmp_path / name):
            pass


def test_a_picture_with_too_many_pixels_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused by its header, with the limit, before it is decoded."""
    monkeypatch.setattr(picture_files, "MOST_PIXELS", 99)
    Image.new("L", (10, 10)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="a.png has 10 x 10 pixels, more than"), opened_picture(tmp_path / "a.png"):
        pass
    assert 12_000 * 12_000 > 100_000_000
