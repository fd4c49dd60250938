"""Pixels are laid out channel first."""

import pytest
from PIL import Image

from glimpse.envs.errors import DataError
from glimpse.envs.images.labelled_images import is_grey, pixels


def test_colours_become_channels() -> None:
    """One coloured pixel is found at its row and column in each channel."""
    picture = Image.new("RGB", (3, 2))
    picture.putpixel((2, 1), (10, 20, 30))
    array = pixels(picture, grey=False, image_size=None)
    assert array.shape == (3, 2, 3)
    assert array[:, 1, 2].tolist() == [10, 20, 30] and array.sum() == 60


def test_a_size_is_height_and_width() -> None:
    """Height comes first, unlike in Pillow."""
    picture = Image.new("L", (3, 2), 77)
    array = pixels(picture, grey=True, image_size=(4, 5))
    assert array.shape == (1, 4, 5) and (array == 77).all()


@pytest.mark.parametrize(
    ("mode", "grey"), [("1", True), ("L", True), ("LA", True), ("RGB", False), ("RGBA", False), ("P", False)]
)
def test_grey_is_told_by_the_mode(mode: str, grey: bool) -> None:
    """A palette may hold colours."""
    assert is_grey(Image.new(mode, (1, 1))) is grey


@pytest.mark.parametrize("mode", ["I", "F", "I;16"])
def test_more_than_eight_bits_are_refused(mode: str) -> None:
    """They would be clipped without a word."""
    with pytest.raises(DataError, match="more than 8 bits"):
        is_grey(Image.new(mode, (1, 1)))
