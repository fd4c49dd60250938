"""Splits as resident tensors: what is in them, that they do not overlap, and that errors are not kept."""

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pytest
import torch
from PIL import Image

from glimpse.envs.data.registry import DATA_SETS, IMAGE_SETS
from glimpse.envs.data.sources import FileSet
from glimpse.envs.errors import DataError
from glimpse.envs.images.image_data import ImageData, load_images

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
REAL_DATA = os.environ.get("GLIMPSE_DATA")


def image_file(images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """An IDX file of images."""
    sizes = b"".join(length.to_bytes(4, "big") for length in images.shape)
    return bytes([0, 0, 8, 3]) + sizes + images.tobytes()


def label_file(labels: list[int]) -> bytes:
    """An IDX file of labels."""
    return bytes([0, 0, 8, 1]) + len(labels).to_bytes(4, "big") + bytes(labels)


# Every image is of one value, its number, and its label is the last digit of that number.
TOY_FILES = {
    "train-images-idx3-ubyte": image_file(np.arange(40, dtype=np.uint8)[:, None, None].repeat(3, 1).repeat(2, 2)),
    "train-labels-idx1-ubyte": label_file([number % 10 for number in range(40)]),
    "t10k-images-idx3-ubyte": image_file(np.arange(100, 105, dtype=np.uint8)[:, None, None].repeat(3, 1).repeat(2, 2)),
    "t10k-labels-idx1-ubyte": label_file([0, 1, 2, 3, 4]),
}


def install_toy(files: dict[str, bytes], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write these files, and register them as the data set `toy`."""
    (folder / "toy").mkdir(parents=True)
    for name, content in files.items():
        (folder / "toy" / name).write_bytes(content)
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    known = dataclasses.replace(IMAGE_SETS["mnist"], files=FileSet("toy", md5, torchvision="MNIST"))
    monkeypatch.setitem(DATA_SETS, "toy", known)


@pytest.fixture(autouse=True)
def no_user_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read neither the user's data folder nor the user's cache."""
    monkeypatch.delenv("GLIMPSE_DATA", raising=False)
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))


def check(data: ImageData) -> None:
    """What is promised of every split."""
    assert data.images.dtype == torch.uint8 and data.images.ndim == 4 and data.images.is_contiguous()
    assert data.labels.dtype == torch.int64 and data.labels.shape == data.images.shape[:1]
    assert 0 <= data.labels.min() and data.labels.max() < len(data.classes)


def test_idx_files_become_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every image keeps its label, and is in one split only."""
    install_toy(TOY_FILES, tmp_path / "data", monkeypatch)
    train, validation, test = (load_images("toy", split, root=str(tmp_path / "data")) for split in SPLITS)
    for split, count in ((train, 36), (validation, 4), (test, 5)):
        check(split)
        assert split.images.shape == (count, 1, 3, 2)
        numbers = split.images[:, 0, 0, 0]
        assert (split.images == numbers[:, None, None, None]).all()
        assert split.labels.tolist() == [number % 10 for number in numbers.tolist()]
    numbers = torch.cat([train.images[:, 0, 0, 0], validation.images[:, 0, 0, 0]])
    assert sorted(numbers.tolist()) == list(range(40))
    assert test.labels.tolist() == [0, 1, 2, 3, 4]


def test_a_split_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tensors are given again, however the folder was named."""
    install_toy(TOY_FILES, tmp_path / "data", monkeypatch)
    monkeypatch.setenv("GLIMPSE_DATA", str(tmp_path / "data"))
    assert load_images("toy", "train") is load_images("toy", "train")
    assert load_images("toy", "train") is load_images("toy", "train", root=str(tmp_path / "data"))


def test_an_error_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was mended is read in the same process."""
    install_toy(TOY_FILES, tmp_path / "data", monkeypatch)
    bad = tmp_path / "data" / "toy" / "t10k-labels-idx1-ubyte"
    bad.write_bytes(label_file([0, 1, 2, 3, 5]))
    with pytest.raises(DataError, match="toy/t10k-labels-idx1-ubyte is damaged"):
        load_images("toy", "test", root=str(tmp_path / "data"))
    bad.write_bytes(TOY_FILES[bad.name])
    assert len(load_images("toy", "test", root=str(tmp_path / "data")).labels) == 5


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([0, 1, 2, 3], "5 images, but .*t10k-labels.* 4 labels"),
        ([0, 1, 2, 3, 10], "t10k-labels.* holds the label 10"),
    ],
)
def test_files_that_do_not_fit_are_refused(
    labels: list[int], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their checksums are those expected, so only what they hold can give them away."""
    install_toy({**TOY_FILES, "t10k-labels-idx1-ubyte": label_file(labels)}, tmp_path / "data", monkeypatch)
    with pytest.raises(DataError, match=complaint):
        load_images("toy", "test", root=str(tmp_path / "data"))


def test_images_are_stretched_to_a_given_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of one value keep it."""
    install_toy(TOY_FILES, tmp_path / "data", monkeypatch)
    test = load_images("toy", "test", root=str(tmp_path / "data"), image_size=(5, 4))
    check(test)
    assert test.images.shape == (5, 1, 5, 4)
    assert (test.images == torch.arange(100, 105)[:, None, None, None]).all()


def test_digits_need_no_files() -> None:
    """Each of scikit-learn's examples is in exactly one split, with its label; 16 became 255."""
    from sklearn.datasets import load_digits

    train, validation, test = (load_images("digits", split, download=False) for split in SPLITS)
    assert [len(split.labels) for split in (train, validation, test)] == [1295, 143, 359]
    for split in (train, validation, test):
        check(split)
        assert split.images.shape[1:] == (1, 8, 8) and split.images.max() == 255
    assert test.classes == tuple("0123456789")
    # Half of 16 becomes 128.
    ours = torch.cat([split.images for split in (train, validation, test)]).flatten(1)
    labels = torch.cat([split.labels for split in (train, validation, test)])
    digits = load_digits()
    expected = np.floor(digits.data * 255 / 16 + 0.5).astype(int)
    pairs = sorted((*image, label) for image, label in zip(ours.tolist(), labels.tolist(), strict=True))
    assert pairs == sorted((*image, label) for image, label in zip(expected.tolist(), digits.target, strict=True))


def test_folders_are_found_from_where_the_process_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is not taken for another folder of the same name."""
    for part, count in (("train", 20), ("test", 1)):
        for name in ("a", "b"):
            (tmp_path / "set" / part / name).mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (5, 3), (number, 0, 9)).save(tmp_path / "set" / part / name / f"{number:02}.png")
    monkeypatch.chdir(tmp_path)
    train, validation, test = (load_images("folder:set", split) for split in SPLITS)
    for split, count in ((train, 36), (validation, 4), (test, 2)):
        check(split)
        assert split.images.shape == (count, 3, 3, 5) and split.classes == ("a", "b")
    monkeypatch.chdir("/")
    with pytest.raises(DataError, match="set is not there. Expected PATH/train"):
        load_images("folder:set", "train")


def test_torchvision_sets_are_split_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth is the test set, and a tenth of the rest validates."""
    from torchvision import datasets

    monkeypatch.setattr(datasets.FakeData.__init__, "__defaults__", (50, (3, 4, 5), 2, None, None, 0))
    train, validation, test = (load_images("torchvision:FakeData", split) for split in SPLITS)
    for split, count in ((train, 36), (validation, 4), (test, 10)):
        check(split)
        assert split.images.shape == (count, 3, 4, 5)


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ("minst", "Did you mean mnist"),
        ("MNIST", "Did you mean mnist"),
        ("fashion", "Did you mean fashion-mnist"),
        ("folder:", "Known: mnist, fashion-mnist, digits, elpv. There are also torchvision:NAME and folder:PATH"),
        ("torchvision:", "no data set"),
        ("torchvision:MINST", "Did you mean MNIST"),
    ],
)
def test_an_unknown_data_set_gets_a_hint(data: str, hint: str) -> None:
    """The nearest name, or all there are."""
    with pytest.raises(DataError, match=hint):
        load_images(data, "train")


@pytest.mark.parametrize("size", [(0, 8), (8, -1)])
def test_a_size_without_pixels_is_refused(size: tuple[int, int]) -> None:
    """Before anything is read."""
    with pytest.raises(DataError, match="image_size must be"):
        load_images("digits", "test", image_size=size)


def test_an_unknown_split_is_refused() -> None:
    """The error lists the splits."""
    with pytest.raises(DataError, match="'validation' or 'test', got 'valid'"):
        load_images("digits", "valid")  # type: ignore[arg-type]  # The mistake that is tested.


@pytest.mark.skipif(REAL_DATA is None, reason="GLIMPSE_DATA names no data folder")
@pytest.mark.parametrize(
    ("name", "first_labels", "mean"),
    [("mnist", [7, 2, 1, 0, 4], 33.3184), ("fashion-mnist", [9, 2, 1, 1, 6], 72.9404)],
)
def test_the_real_data_sets(name: str, first_labels: list[int], mean: float) -> None:
    """Counts, first labels, and the mean of all training images: none is lost or doubled."""
    train, validation, test = (load_images(name, split, root=REAL_DATA, download=False) for split in SPLITS)
    for split, count in ((train, 54_000), (validation, 6_000), (test, 10_000)):
        check(split)
        assert split.images.shape == (count, 1, 28, 28)
    assert test.labels[:5].tolist() == first_labels
    total = train.images.sum(dtype=torch.int64) + validation.images.sum(dtype=torch.int64)
    assert total.item() / (60_000 * 784) == pytest.approx(mean, abs=1e-4)
