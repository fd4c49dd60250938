"""Tests of image folders: colours, sizes, and errors that name the file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glimpse.envs.errors import DataError
from glimpse.envs.images.image_folder import read_image_folder

RED, WHITE = (255, 0, 0), (255, 255, 255)


def save(path: Path, width: int, height: int, colour: int | tuple[int, int, int]) -> None:
    """Save a picture of one colour, grey if the colour is a number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", (width, height), colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of two classes; the largest height is 4 (in test), the largest width 7 (in train)."""
    save(tmp_path / "train" / "owl" / "b.png", 7, 2, RED)
    save(tmp_path / "train" / "owl" / "a.png", 3, 3, 200)
    save(tmp_path / "train" / "cat" / "c.png", 1, 1, WHITE)
    save(tmp_path / "test" / "cat" / "d.png", 2, 4, WHITE)
    save(tmp_path / "test" / "owl" / "e.png", 2, 3, RED)
    (tmp_path / "train" / "cat" / ".DS_Store").write_bytes(b"?")
    (tmp_path / "train" / ".hidden").mkdir()
    return tmp_path


def test_classes_are_sorted_and_so_are_files(folder: Path) -> None:
    """Both parts have the same classes, colours and size; hidden entries are skipped."""
    train, test = read_image_folder(folder, "train"), read_image_folder(folder, "test")
    assert train.classes == test.classes == ("cat", "owl")
    assert train.labels.tolist() == [0, 1, 1] and test.labels.tolist() == [0, 1]
    assert train.images.shape == (3, 3, 4, 7) and test.images.shape == (2, 3, 4, 7)
    assert train.images.dtype == np.uint8


def test_pictures_are_centred_on_black(folder: Path) -> None:
    """Each picture is at the centre of its black canvas."""
    cat, grey_owl, red_owl = read_image_folder(folder, "train").images
    expected = np.zeros((3, 4, 7), np.uint8)
    expected[:, 1, 3] = 255
    assert (cat == expected).all()
    expected = np.zeros((3, 4, 7), np.uint8)
    expected[:, 0:3, 2:5] = 200
    assert (grey_owl == expected).all()
    expected = np.zeros((3, 4, 7), np.uint8)
    expected[0, 1:3, :] = 255
    assert (red_owl == expected).all()


def test_pictures_are_stretched_to_a_given_size(folder: Path) -> None:
    """They fill the given size without borders."""
    train = read_image_folder(folder, "train", (5, 6))
    assert train.images.shape == (3, 3, 5, 6)
    assert (train.images[0] == 255).all() and (train.images[1] == 200).all()


def test_all_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    """A coloured picture in one part gives both parts three channels."""
    for part in ("train", "test"):
        save(tmp_path / part / "a" / "1.png", 2, 3, 9)
    assert read_image_folder(tmp_path, "train").images.tolist() == [[[[9, 9]] * 3]]
    save(tmp_path / "test" / "a" / "0.png", 2, 3, RED)
    assert read_image_folder(tmp_path, "train").images.shape == (1, 3, 3, 2)


def break_empty_class(folder: Path) -> str:
    """Empty a class folder."""
    (folder / "test" / "owl" / "e.png").unlink()
    return "test/owl holds no images"


def break_text(folder: Path) -> str:
    """Add a file that is no image."""
    (folder / "train" / "owl" / "notes.txt").write_text("hello")
    return "train/owl/notes.txt cannot be read as an image"


def break_truncated(folder: Path) -> str:
    """Truncate an image."""
    path = folder / "train" / "owl" / "b.png"
    save(path, 7, 2, RED)
    path.write_bytes(path.read_bytes()[:-30])
    return "train/owl/b.png cannot be read as an image"


def break_deeper(folder: Path) -> str:
    """Add a folder among the images."""
    (folder / "train" / "owl" / "more").mkdir()
    return "train/owl/more cannot be read as an image"


def break_sixteen_bits(folder: Path) -> str:
    """Add an image of 16 bits."""
    Image.new("I;16", (2, 2)).save(folder / "train" / "cat" / "deep.png")
    return "train/cat/deep.png has more than 8 bits"


def break_extra_class(folder: Path) -> str:
    """Add a class to the test part only."""
    save(folder / "test" / "dog" / "1.png", 1, 1, RED)
    return "class 'dog' is in test only"


def break_missing_class(folder: Path) -> str:
    """Remove a class from the test part."""
    (folder / "test" / "cat" / "d.png").unlink()
    (folder / "test" / "cat").rmdir()
    return "class 'cat' is in train only"


def break_missing_part(folder: Path) -> str:
    """Rename the test part."""
    (folder / "test").rename(folder / "validation")
    return "test is not a folder. Expected PATH/train/CLASS"


def break_no_classes(folder: Path) -> str:
    """Empty the training part."""
    (folder / "train").rename(folder / "other")
    (folder / "train").mkdir()
    return "train holds no class folders"


@pytest.mark.parametrize(
    "harm",
    [
        break_empty_class,
        break_text,
        break_truncated,
        break_deeper,
        break_sixteen_bits,
        break_extra_class,
        break_missing_class,
        break_missing_part,
        break_no_classes,
    ],
    ids=lambda harm: harm.__name__,
)
def test_a_mistake_is_named(harm: Callable[[Path], str], folder: Path) -> None:
    """The error gives the full path."""
    complaint = harm(folder)
    with pytest.raises(DataError, match=complaint) as error:
        read_image_folder(folder, "train")
    assert str(folder) in str(error.value)


def test_images_that_exceed_the_memory_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error gives the size of the images and a remedy."""

    def full(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "zeros", full)
    with pytest.raises(DataError, match="3 images on canvases of 4 x 7 need 0.0 GB.*image_size"):
        read_image_folder(folder, "train")
