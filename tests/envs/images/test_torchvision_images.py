"""Tests of the torchvision reader, on small classes with the signatures of torchvision's data sets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from glimpse.envs.data.sources import SearchPath
from glimpse.envs.errors import DataError
from glimpse.envs.images.labelled_images import Pictures
from glimpse.envs.images.torchvision_images import read_torchvision

Examples = list[tuple[Any, Any]]


def pixels(found: Pictures) -> NDArray[np.uint8]:
    """Return pictures that are in memory."""
    assert isinstance(found.images, np.ndarray)
    return found.images


def grey(value: int, width: int = 3, height: int = 2) -> Image.Image:
    """Make a grey picture of one value."""
    return Image.new("L", (width, height), value)


TRAIN: Examples = [(grey(1), 0), (grey(2), 1)]
TEST: Examples = [(grey(3), 1)]


class Toy:
    """Minimal data set: a sequence of examples."""

    def __init__(self, examples: Examples) -> None:
        """Keep the examples."""
        self.examples = examples

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return one example."""
        return self.examples[index]


class OnDisk(Toy):
    """Data set that takes `train=` and needs a file that its download writes."""

    classes = ["zero", "one"]

    def __init__(self, root: str, train: bool = True, download: bool = False) -> None:
        """Look for the file, as torchvision's classes do."""
        if download:
            Path(root, "file").write_text("content")
        if not Path(root, "file").is_file():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        super().__init__(TRAIN if train else TEST)


@pytest.fixture
def search_path(tmp_path: Path) -> SearchPath:
    """Return a data folder and a cache that do not exist yet."""
    return SearchPath(tmp_path / "data", tmp_path / "cache")


def install(monkeypatch: pytest.MonkeyPatch, toy: type[Toy]) -> None:
    """Add a class to torchvision under the name Toy."""
    from torchvision import datasets

    monkeypatch.setattr(datasets, "Toy", toy, raising=False)


def test_a_data_set_is_downloaded_to_the_cache(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parts are downloaded, and then read without a download."""
    install(monkeypatch, OnDisk)
    train = read_torchvision("Toy", "train", search_path)
    assert pixels(train).tolist() == [[[[1] * 3] * 2], [[[2] * 3] * 2]]
    assert train.labels.tolist() == [0, 1] and train.classes == ("zero", "one")
    assert pixels(read_torchvision("Toy", "test", search_path, download=False)).max() == 3
    assert [path.name for path in (search_path.cache / "torchvision").iterdir()] == ["Toy"]


def test_the_data_folder_comes_first(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in the data folder are read in place."""
    install(monkeypatch, OnDisk)
    assert search_path.named is not None
    search_path.named.mkdir()
    (search_path.named / "file").write_text("content")
    assert len(read_torchvision("Toy", "train", search_path).labels) == 2
    assert not search_path.cache.exists()


def test_a_failed_download_leaves_nothing(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that fails in its second part leaves no files; the error lists each attempt."""

    class Interrupted(OnDisk):
        def __init__(self, root: str, train: bool = True, download: bool = False) -> None:
            super().__init__(root, train, download)
            if download and not train:
                raise OSError("the connection broke off")

    install(monkeypatch, Interrupted)
    with pytest.raises(DataError) as error:
        read_torchvision("Toy", "train", search_path)
    lines = str(error.value).splitlines()
    assert lines[0] == "torchvision:Toy cannot be had. Tried, in this order:"
    assert lines[1].startswith(f"  - {search_path.named}: RuntimeError: Dataset not found")
    assert lines[3] == "  - torchvision's download: OSError: the connection broke off"
    assert list((search_path.cache / "torchvision").iterdir()) == []


def test_downloads_can_be_switched_off(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is written without downloads."""
    install(monkeypatch, OnDisk)
    with pytest.raises(DataError, match="downloads are switched off"):
        read_torchvision("Toy", "train", search_path, download=False)
    assert not search_path.cache.exists()


def test_splits_are_requested_by_name(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the names that a class knows, the one with the most images is chosen."""
    parts = {"train": TRAIN, "val": [(grey(3), 0)]}

    class Splits(Toy):
        def __init__(self, root: str, split: str = "train") -> None:
            if split not in parts:
                raise ValueError(f"Unknown value '{split}' for argument split.")
            super().__init__(parts[split])

    install(monkeypatch, Splits)
    assert read_torchvision("Toy", "train", search_path).labels.tolist() == [0, 1]
    test = read_torchvision("Toy", "test", search_path)
    # Its classes have no names, and only the training images show that there are two.
    assert test.labels.tolist() == [0] and test.classes == ("0", "1")
    parts["trainval"] = TRAIN + TEST
    assert read_torchvision("Toy", "train", search_path).labels.tolist() == [0, 1, 1]


def test_a_fifth_is_held_out_where_there_are_no_parts(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example is in exactly one part, with its label."""

    class Whole(Toy):
        def __init__(self) -> None:
            super().__init__([(grey(value), value % 3) for value in range(20)])

    install(monkeypatch, Whole)
    train, test = (read_torchvision("Toy", part, search_path) for part in ("train", "test"))
    assert len(test.labels) == 4
    values = [*pixels(train)[:, 0, 0, 0], *pixels(test)[:, 0, 0, 0]]
    assert sorted(values) == list(range(20))
    assert test.labels.tolist() == [value % 3 for value in pixels(test)[:, 0, 0, 0]]
    assert train.classes == test.classes == ("0", "1", "2")


def fixed(monkeypatch: pytest.MonkeyPatch, examples: Examples) -> None:
    """Add a class Toy with these examples, of two classes, in each part."""

    class Fixed(Toy):
        classes = ["zero", ("one", "uno")]

        def __init__(self, train: bool = True) -> None:
            super().__init__(examples)

    install(monkeypatch, Fixed)


def test_one_coloured_picture_gives_all_three_channels(
    search_path: SearchPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grey pictures repeat their value."""
    fixed(monkeypatch, [(grey(5), 0), (Image.new("RGB", (3, 2), (7, 8, 9)), 1)])
    train = read_torchvision("Toy", "train", search_path)
    assert train.images.shape == (2, 3, 2, 3)
    assert pixels(train)[:, :, 0, 0].tolist() == [[5, 5, 5], [7, 8, 9]]
    assert train.classes == ("zero", "one, uno")


def test_pictures_of_different_sizes_need_a_size(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the option to set, and setting it helps."""
    fixed(monkeypatch, [(grey(5), 0), (grey(6, width=9), 1)])
    with pytest.raises(DataError, match=r"\(2, 3\) and \(2, 9\). Set image_size"):
        read_torchvision("Toy", "train", search_path)
    assert read_torchvision("Toy", "train", search_path, image_size=(4, 4)).images.shape == (2, 1, 4, 4)


@pytest.mark.parametrize(
    ("examples", "complaint"),
    [
        ([], "is empty"),
        ([(grey(1), 2)], "label 2; expected \\[0, 2\\)"),
        ([(grey(1), -1)], "label -1"),
        ([(grey(1), None)], "image 0 is not a picture with a class label"),
        ([(grey(1), [0, 1])], "image 0 is not a picture with a class label"),
        ([(b"bytes", 0)], "image 0 is not a picture with a class label"),
        ([(grey(1), 0, 0)], "image 0 is not a picture with a class label"),
        ([(Image.new("F", (1, 1)), 0)], "image 0 has 32-bit numbers"),
    ],
)
def test_examples_that_are_no_labelled_pictures_are_refused(
    examples: Examples, complaint: str, search_path: SearchPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data sets for detection, regression and the like are refused."""
    fixed(monkeypatch, examples)
    with pytest.raises(DataError, match=f"torchvision:Toy.*{complaint}"):
        read_torchvision("Toy", "train", search_path)


def test_a_damaged_image_is_named(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the class while it reads an example becomes a DataError."""

    class Damaged(OnDisk):
        def __getitem__(self, index: int) -> tuple[Any, Any]:
            if index == 1:
                raise OSError("image file is truncated")
            return super().__getitem__(index)

    install(monkeypatch, Damaged)
    with pytest.raises(DataError, match="torchvision:Toy: image 1 cannot be read .image file is truncated"):
        read_torchvision("Toy", "train", search_path)


@pytest.mark.parametrize(("name", "nearest"), [("cifar10", "CIFAR10"), ("FashonMNIST", "FashionMNIST")])
def test_an_unknown_name_gets_the_nearest(name: str, nearest: str, search_path: SearchPath) -> None:
    """The suggestion ignores upper and lower case."""
    with pytest.raises(DataError, match=f"no torchvision data set '{name}'. Did you mean {nearest}"):
        read_torchvision(name, "train", search_path)


@pytest.mark.parametrize("name", ["ImageFolder", "CIFAR10", "Kinetics", "EMNIST"])
def test_a_real_class_without_its_files_is_an_error(name: str, search_path: SearchPath) -> None:
    """Any error of the class becomes a DataError."""
    with pytest.raises(DataError, match=f"torchvision:{name} cannot be had"):
        read_torchvision(name, "train", search_path, download=False)


def test_torchvisions_own_fake_data_is_read(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """FakeData, which takes neither a folder nor a part, is read."""
    from torchvision import datasets

    monkeypatch.setattr(datasets.FakeData.__init__, "__defaults__", (10, (3, 4, 5), 2, None, None, 0))
    train = read_torchvision("FakeData", "train", search_path)
    assert train.images.shape == (8, 3, 4, 5)
    assert pixels(train).std() > 30
