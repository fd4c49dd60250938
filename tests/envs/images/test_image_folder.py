"""Tests of image folders: colours, sizes, and errors that name the file."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from glimpse.envs.data import free_memory
from glimpse.envs.errors import DataError
from glimpse.envs.images.image_data import load_images
from glimpse.envs.images.image_folder import read_image_folder
from glimpse.envs.images.labelled_images import Pictures

RED, WHITE = (255, 0, 0), (255, 255, 255)


def pixels(found: Pictures) -> NDArray[np.uint8]:
    """Return pictures that are in memory."""
    assert isinstance(found.images, np.ndarray)
    return found.images


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
    assert pixels(train).dtype == np.uint8


def test_pictures_are_centred_on_black(folder: Path) -> None:
    """Each picture is at the centre of its black canvas."""
    cat, grey_owl, red_owl = pixels(read_image_folder(folder, "train"))
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
    assert pixels(read_image_folder(tmp_path, "train")).tolist() == [[[[9, 9]] * 3]]
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
    return "train/owl/more is no file"


def break_float(folder: Path) -> str:
    """Add an image of 32-bit numbers."""
    Image.new("F", (2, 2)).save(folder / "train" / "cat" / "deep.tif")
    return "train/cat/deep.tif has 32-bit numbers"


def break_pipe(folder: Path) -> str:
    """Add a pipe, which never ends."""
    os.mkfifo(folder / "train" / "cat" / "pipe.png")
    return "train/cat/pipe.png is no file"


def break_name(folder: Path) -> str:
    """Add a name with a line break."""
    save(folder / "train" / "cat" / "a\nb.png", 1, 1, RED)
    return "line break"


def break_class_name(folder: Path) -> str:
    """Add a class whose name is not UTF-8."""
    os.mkdir(os.fsencode(folder / "train") + b"/\xff")
    save(folder / "train" / os.fsdecode(b"\xff") / "a.png", 1, 1, RED)
    return "not UTF-8"


def break_two_validations(folder: Path) -> str:
    """Add two folders of validation pictures."""
    save(folder / "val" / "cat" / "a.png", 1, 1, RED)
    save(folder / "validation" / "cat" / "a.png", 1, 1, RED)
    return "several folders of validation pictures, val and validation"


def break_validation_class(folder: Path) -> str:
    """Add a class to the validation part only; it is read with the validation part."""
    save(folder / "test" / "dog" / "a.png", 1, 1, RED)
    save(folder / "val" / "dog" / "a.png", 1, 1, RED)
    return "class 'dog' is in test only"


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
    (folder / "test").rename(folder / "tests")
    return "test is not a folder. Move some pictures of each class there. Expected PATH/train/CLASS"


def break_whole(folder: Path) -> str:
    """Remove the folder itself."""
    shutil.rmtree(folder)
    return f"{folder.name} is not there. Expected PATH/train/CLASS"


def break_flat(folder: Path) -> str:
    """Put pictures beside each other, without folders."""
    break_whole(folder)
    for name in ("1.png", "2.png"):
        save(folder / name, 1, 1, RED)
    return "holds 2 files and no folders: sort them by class. Expected PATH/train/CLASS"


def break_no_parts(folder: Path) -> str:
    """Put the classes beside each other, without parts."""
    break_whole(folder)
    for name in ("cat", "dog"):
        save(folder / name / "1.png", 1, 1, RED)
    return "holds the folders cat, dog, and none is train: move them into train and test. Expected PATH/train/CLASS"


def break_flat_part(folder: Path) -> str:
    """Put the pictures of the training part beside each other."""
    (folder / "train").rename(folder / "other")
    save(folder / "train" / "1.png", 1, 1, RED)
    return "train holds 1 file and no class folders"


def break_no_classes(folder: Path) -> str:
    """Empty the training part."""
    (folder / "train").rename(folder / "other")
    (folder / "train").mkdir()
    return "train holds no class folders"


@pytest.mark.parametrize(
    "harm",
    [
        break_whole,
        break_flat,
        break_no_parts,
        break_flat_part,
        break_empty_class,
        break_text,
        break_truncated,
        break_deeper,
        break_float,
        break_pipe,
        break_name,
        break_class_name,
        break_two_validations,
        break_validation_class,
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
    assert str(folder) in str(error.value) or harm is break_name


def test_images_that_exceed_the_memory_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is counted before anything is allocated; the error gives it, what is free, and a remedy."""
    monkeypatch.setattr(free_memory, "free_memory", lambda: 500)
    with pytest.raises(DataError, match="3 images of 4 x 7 pixels.*need 0.0 GB.*0.0 GB are free.*task.image_size"):
        read_image_folder(folder, "train")
    read_image_folder(folder, "train", (2, 3))
    monkeypatch.setattr(free_memory, "free_memory", lambda: None)
    read_image_folder(folder, "train")


@pytest.mark.parametrize("name", ["val", "validation", "valid"])
def test_a_validation_folder_is_the_validation_split(folder: Path, name: str) -> None:
    """Its pictures validate, and all of train trains; it may lack a class, but not have one of its own."""
    save(folder / name / "owl" / "v.png", 2, 2, 30)
    options = f"folder:{folder}"
    train, validation = (load_images(options, split) for split in ("train", "validation"))
    assert train.labels.tolist() == [0, 1, 1] and validation.labels.tolist() == [1]
    assert validation.images.shape == (1, 3, 4, 7) and validation.images[0, 0, 1:3, 2:4].tolist() == [[30, 30]] * 2
    save(folder / name / "dog" / "a.png", 1, 1, RED)
    with pytest.raises(DataError, match=f"class 'dog' is in {name} and not in train"):
        load_images(options, "validation")


def test_turned_pictures_fit_their_canvas(tmp_path: Path) -> None:
    """The largest sides are those of the pictures as their EXIF orientation turns them."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for part in ("train", "test"):
        (tmp_path / part / "a").mkdir(parents=True)
        Image.new("L", (9, 2), 5).save(tmp_path / part / "a" / "1.jpg", exif=exif)
    assert read_image_folder(tmp_path, "train").images.shape == (1, 1, 9, 2)
