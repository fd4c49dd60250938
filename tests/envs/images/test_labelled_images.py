"""Tests of the conversion of Pillow images to arrays."""

import pytest
from PIL import Image

from glimpse.envs.errors import DataError
from glimpse.envs.images.labelled_images import is_grey, to_array


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


@pytest.mark.parametrize("mode", ["I", "F", "I;16"])
def test_more_than_eight_bits_are_refused(mode: str) -> None:
    """Clipping them silently would damage the picture."""
    with pytest.raises(DataError, match="more than 8 bits"):
        is_grey(Image.new(mode, (1, 1)))
