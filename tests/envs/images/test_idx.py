"""Tests of the IDX reader, on files built byte by byte."""

import numpy as np
import pytest

from glimpse.envs.errors import DataError
from glimpse.envs.images.idx import parse_idx, parse_pair

# Two images of 2 rows and 3 columns, and their labels.
IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, *range(10, 22)])
LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 2, 4, 9])


def test_values_are_read_row_by_row() -> None:
    """Values are in the order of the file: image by image, row by row."""
    images, labels = parse_pair(("images", IMAGES), ("labels", LABELS), 10)
    expected = [[[10, 11, 12], [13, 14, 15]], [[16, 17, 18], [19, 20, 21]]]
    assert images.dtype == np.uint8 and images.tolist() == expected
    assert labels.dtype == np.uint8 and labels.tolist() == [4, 9]


def test_sizes_are_big_endian() -> None:
    """The bytes 01 02 are the size 258."""
    content = bytes([0, 0, 8, 1, 0, 0, 1, 2]) + bytes(258)
    assert parse_idx(content, 1, "labels").shape == (258,)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "begins with nothing"),
        (b"\x1f\x8b\x08\x00" + IMAGES, "begins with 1f 8b 08 00, expected 00 00 08 03"),
        (IMAGES[:2] + b"\x0d" + IMAGES[3:], "begins with 00 00 0d 03"),
        (LABELS, "begins with 00 00 08 01"),
        (IMAGES[:9], "header needs 16 bytes, it has 9"),
        (IMAGES[:-1], "promises 2 x 2 x 3 = 12 bytes, 11 follow"),
        (IMAGES + b"\x00", "promises 2 x 2 x 3 = 12 bytes, 13 follow"),
        (IMAGES[:4] + b"\xff" * 12 + IMAGES[16:], "12 follow"),
    ],
)
def test_a_bad_file_is_named(content: bytes, complaint: str) -> None:
    """Each kind of damage raises an error that begins with the file name."""
    with pytest.raises(DataError, match=complaint) as error:
        parse_idx(content, 3, "some/images")
    assert str(error.value).startswith("some/images ")


def test_counts_must_agree() -> None:
    """Two images cannot have three labels."""
    three_labels = bytes([0, 0, 8, 1, 0, 0, 0, 3, 4, 9, 0])
    with pytest.raises(DataError, match="images holds 2 images, but labels holds 3 labels"):
        parse_pair(("images", IMAGES), ("labels", three_labels), 10)


def test_labels_must_be_in_range() -> None:
    """A label must be below the number of classes."""
    with pytest.raises(DataError, match="labels holds the label 9; labels must be below 9"):
        parse_pair(("images", IMAGES), ("labels", LABELS), 9)
