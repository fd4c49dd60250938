"""torchvision's data sets are asked for by their signatures; toy classes stand in for them."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from glimpse.envs.data.sources import Places
from glimpse.envs.errors import DataError
from glimpse.envs.images.torchvision_images import read_torchvision

Examples = list[tuple[Any, Any]]


def grey(value: int, width: int = 3, height: int = 2) -> Image.Image:
    """A picture of one value."""
    return Image.new("L", (width, height), value)


TRAIN: Examples = [(grey(1), 0), (grey(2), 1)]
TEST: Examples = [(grey(3), 1)]


class Toy:
    """The part of a data set that is read."""

    def __init__(self, examples: Examples) -> None:
        """Hold these examples."""
        self.examples = examples

    def __len__(self) -> int:
        """How many there are."""
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """One of them."""
        return self.examples[index]


class OnDisk(Toy):
    """Takes `train=`, and needs a file that its download writes."""

    classes = ["zero", "one"]

    def __init__(self, root: str, train: bool = True, download: bool = False) -> None:
        """Look for the file, as torchvision's classes do."""
        if download:
            Path(root, "file").write_text("content")
        if not Path(root, "file").is_file():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        super().__init__(TRAIN if train else TEST)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A data folder and a cache that are not there yet."""
    return Places(tmp_path / "data", tmp_path / "cache")


def install(monkeypatch: pytest.MonkeyPatch, toy: type[Toy]) -> None:
    """Let torchvision have the class under the name Toy."""
    from torchvision import datasets

    monkeypatch.setattr(datasets, "Toy", toy, raising=False)


def test_a_data_set_is_fetched_into_the_cache(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parts are fetched, and then read without asking again."""
    install(monkeypatch, OnDisk)
    train = read_torchvision("Toy", "train", places)
    assert train.images.tolist() == [[[[1] * 3] * 2], [[[2] * 3] * 2]]
    assert train.labels.tolist() == [0, 1] and train.classes == ("zero", "one")
    assert read_torchvision("Toy", "test", places, download=False).images.max() == 3
    assert [path.name for path in (places.cache / "torchvision").iterdir()] == ["Toy"]


def test_the_data_folder_comes_first(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that torchvision has put there are read where they are."""
    install(monkeypatch, OnDisk)
    assert places.named is not None
    places.named.mkdir()
    (places.named / "file").write_text("content")
    assert len(read_torchvision("Toy", "train", places).labels) == 2
    assert not places.cache.exists()


def test_nothing_half_is_left(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that fails in its second part leaves nothing; each attempt is told."""

    class Interrupted(OnDisk):
        def __init__(self, root: str, train: bool = True, download: bool = False) -> None:
            super().__init__(root, train, download)
            if download and not train:
                raise OSError("the connection broke off")

    install(monkeypatch, Interrupted)
    with pytest.raises(DataError) as error:
        read_torchvision("Toy", "train", places)
    lines = str(error.value).splitlines()
    assert lines[0] == "torchvision:Toy cannot be had. Tried, in this order:"
    assert lines[1].startswith(f"  - {places.named}: RuntimeError: Dataset not found")
    assert lines[3] == "  - torchvision's download: OSError: the connection broke off"
    assert list((places.cache / "torchvision").iterdir()) == []


def test_without_downloads_nothing_is_fetched(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written either."""
    install(monkeypatch, OnDisk)
    with pytest.raises(DataError, match="downloads are switched off"):
        read_torchvision("Toy", "train", places, download=False)
    assert not places.cache.exists()


def test_splits_are_asked_for_by_name(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among the names that a class knows, the one with the most images is taken."""
    parts = {"train": TRAIN, "val": [(grey(3), 0)]}

    class Splits(Toy):
        def __init__(self, root: str, split: str = "train") -> None:
            if split not in parts:
                raise ValueError(f"Unknown value '{split}' for argument split.")
            super().__init__(parts[split])

    install(monkeypatch, Splits)
    assert read_torchvision("Toy", "train", places).labels.tolist() == [0, 1]
    test = read_torchvision("Toy", "test", places)
    # Its classes have no names, and only the training images show that there are two.
    assert test.labels.tolist() == [0] and test.classes == ("0", "1")
    parts["trainval"] = TRAIN + TEST
    assert read_torchvision("Toy", "train", places).labels.tolist() == [0, 1, 1]


def test_a_fifth_is_held_out_where_there_are_no_parts(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example is in one part only, with its label."""

    class Whole(Toy):
        def __init__(self) -> None:
            super().__init__([(grey(value), value % 3) for value in range(20)])

    install(monkeypatch, Whole)
    train, test = (read_torchvision("Toy", part, places) for part in ("train", "test"))
    assert len(test.labels) == 4
    values = [*train.images[:, 0, 0, 0], *test.images[:, 0, 0, 0]]
    assert sorted(values) == list(range(20))
    assert test.labels.tolist() == [value % 3 for value in test.images[:, 0, 0, 0]]
    assert train.classes == test.classes == ("0", "1", "2")


def fixed(monkeypatch: pytest.MonkeyPatch, examples: Examples) -> None:
    """Let Toy give these examples, of two classes, in each part."""

    class Fixed(Toy):
        classes = ["zero", ("one", "uno")]

        def __init__(self, train: bool = True) -> None:
            super().__init__(examples)

    install(monkeypatch, Fixed)


def test_one_coloured_picture_gives_all_three_channels(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grey ones repeat their value."""
    fixed(monkeypatch, [(grey(5), 0), (Image.new("RGB", (3, 2), (7, 8, 9)), 1)])
    train = read_torchvision("Toy", "train", places)
    assert train.images.shape == (2, 3, 2, 3)
    assert train.images[:, :, 0, 0].tolist() == [[5, 5, 5], [7, 8, 9]]
    assert train.classes == ("zero", "one, uno")


def test_pictures_of_different_sizes_need_a_size(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which option to set, and that helps."""
    fixed(monkeypatch, [(grey(5), 0), (grey(6, width=9), 1)])
    with pytest.raises(DataError, match=r"\(2, 3\) and \(2, 9\). Set image_size"):
        read_torchvision("Toy", "train", places)
    assert read_torchvision("Toy", "train", places, image_size=(4, 4)).images.shape == (2, 1, 4, 4)


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
        ([(Image.new("I;16", (1, 1)), 0)], "image 0 has more than 8 bits"),
    ],
)
def test_what_is_no_labelled_picture_is_refused(
    examples: Examples, complaint: str, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detection, regression and the like are told apart from classification."""
    fixed(monkeypatch, examples)
    with pytest.raises(DataError, match=f"torchvision:Toy.*{complaint}"):
        read_torchvision("Toy", "train", places)


def test_a_damaged_image_is_named(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the class raises while it reads one example becomes one kind of error."""

    class Damaged(OnDisk):
        def __getitem__(self, index: int) -> tuple[Any, Any]:
            if index == 1:
                raise OSError("image file is truncated")
            return super().__getitem__(index)

    install(monkeypatch, Damaged)
    with pytest.raises(DataError, match="torchvision:Toy: image 1 cannot be read .image file is truncated"):
        read_torchvision("Toy", "train", places)


@pytest.mark.parametrize(("name", "nearest"), [("cifar10", "CIFAR10"), ("FashonMNIST", "FashionMNIST")])
def test_an_unknown_name_gets_the_nearest(name: str, nearest: str, places: Places) -> None:
    """Capitals do not matter for nearness."""
    with pytest.raises(DataError, match=f"no torchvision data set '{name}'. Did you mean {nearest}"):
        read_torchvision(name, "train", places)


@pytest.mark.parametrize("name", ["ImageFolder", "CIFAR10", "Kinetics", "EMNIST"])
def test_a_real_class_without_its_files_is_an_error(name: str, places: Places) -> None:
    """Whatever the class itself raises becomes one kind of error."""
    with pytest.raises(DataError, match=f"torchvision:{name} cannot be had"):
        read_torchvision(name, "train", places, download=False)


def test_torchvisions_own_fake_data_is_read(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes neither a folder nor a part."""
    from torchvision import datasets

    monkeypatch.setattr(datasets.FakeData.__init__, "__defaults__", (10, (3, 4, 5), 2, None, None, 0))
    train = read_torchvision("FakeData", "train", places)
    assert train.images.shape == (8, 3, 4, 5)
    assert train.images.std() > 30
