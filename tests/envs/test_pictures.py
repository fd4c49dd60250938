"""What is held out is always the same; pixels are laid out channel first."""

import numpy as np
import pytest
from PIL import Image

from glimpse.envs.errors import DataError
from glimpse.envs.pictures import hold_out, is_grey, pixels


@pytest.mark.parametrize(("count", "share", "held"), [(60_000, 10, 6_000), (1_797, 5, 359), (2, 10, 1), (19, 10, 1)])
def test_each_example_is_kept_or_held_out(count: int, share: int, held: int) -> None:
    """No example is lost or in both, and at least one is held out."""
    kept, out = hold_out(count, share, "toy")
    assert len(out) == held
    assert sorted([*kept, *out]) == list(range(count))
    assert (np.diff(kept) > 0).all() and (np.diff(out) > 0).all()


def test_the_choice_never_changes() -> None:
    """Another choice would put validation images of old runs into training."""
    assert hold_out(10, 5, "toy")[1].tolist() == [4, 9]


def test_one_example_cannot_be_divided() -> None:
    """There must be something to keep and something to hold out."""
    with pytest.raises(DataError, match="toy: at least two training images"):
        hold_out(1, 10, "toy")


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
