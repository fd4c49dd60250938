"""Solar cells: read from an installed package, of which a stand-in has four pictures; and the list of the test part."""

import dataclasses
import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from glimpse.envs.data.listed_files import listed_checksums, listed_test_files
from glimpse.envs.data.registry import DATA_SETS, IMAGE_SETS
from glimpse.envs.data.sources import FileSet
from glimpse.envs.errors import DataError
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import load_images
from glimpse.envs.images.solar_cells import parse_labels

ELPV = IMAGE_SETS["elpv"]
ROWS = {"cell0001": 1.0, "cell0002": 0.3333333333333333, "cell0003": 0.6666666666666666, "cell0004": 0.0}
"""Cells of the stand-in, of which the list puts the first and the third into the test part; each has one grey."""
MORE = {"cell0006": 0.0, "cell0007": 1.0}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the data folder of an installed package with a few cells, which is the data set `elpv`."""
    monkeypatch.delenv("GLIMPSE_DATA", raising=False)
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "site" / "elpv_dataset-1.0.0.post1.dist-info").mkdir(parents=True)
    metadata = tmp_path / "site" / "elpv_dataset-1.0.0.post1.dist-info" / "METADATA"
    metadata.write_text("Name: elpv-dataset\nVersion: 1.0.0.post1\n")
    data = tmp_path / "site" / "elpv_dataset" / "data"
    (data / "images").mkdir(parents=True)
    cells = {**ROWS, **MORE}
    for name in cells:
        Image.new("L", (300, 300), int(name[-1]) * 10).save(data / "images" / f"{name}.png")
    lines = "".join(f"images/{name}.png  {probability}  mono\n" for name, probability in cells.items())
    (data / "labels.csv").write_text(lines)
    monkeypatch.syspath_prepend(tmp_path / "site")
    names = ["labels.csv", *(f"images/{name}.png" for name in cells)]
    md5 = {name: hashlib.md5((data / name).read_bytes()).hexdigest() for name in names}
    assert ELPV.files is not None
    monkeypatch.setitem(DATA_SETS, "elpv", dataclasses.replace(ELPV, files=dataclasses.replace(ELPV.files, md5=md5)))
    return data


def test_a_package_is_read(package: Path) -> None:
    """Cells above a half are defective; those of the list are the test part, and one of the others validates."""
    chosen = listed_test_files("elpv")
    train, validation, test = (load_images("elpv", split) for split in ("train", "validation", "test"))
    cells = {int(name[-1]) * 10: probability > 0.5 for name, probability in {**ROWS, **MORE}.items()}
    for split in (train, validation, test):
        assert split.images.shape[1:] == (1, 300, 300) and split.classes == ("functional", "defective")
        greys = split.images.flatten(1).unique(dim=1).squeeze(1).tolist()
        assert [bool(label) for label in split.labels] == [cells[grey] for grey in greys]
        assert all((f"images/cell000{grey // 10}.png" in chosen) == (split is test) for grey in greys)
    assert [len(one.labels) for one in (train, validation, test)] == [2, 1, 3]


def test_an_environment_shows_cells(package: Path) -> None:
    """A glance and a coarse look of a cell of one grey have this grey."""
    task = {"name": "images", "data": "elpv", "retina": {"patch": 8}, "zoom": {"levels": 3}, "glance": 16}
    options = ClassificationOptions.model_validate({**task, "initial_location": "centre"})
    env = Classification(options, Classification.load_data(options, "test"))
    seen = env.reset(torch.arange(3), torch.arange(3))
    greys = env.picture()[:, 0, 0, 0] / 255
    for part, sides in (("glimpse", (1, 1, 8, 8)), ("glance", (1, 16, 16))):
        torch.testing.assert_close(seen[part], greys.view(3, *([1] * len(sides))).expand(3, *sides))


def test_without_the_package_the_error_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one message, with a few of the 1,969 files that are missing."""
    monkeypatch.delenv("GLIMPSE_DATA", raising=False)
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path))
    assert ELPV.files is not None and ELPV.files.wheel is not None
    gone = dataclasses.replace(ELPV.files.wheel, name="no-such-distribution-here")
    absent = dataclasses.replace(ELPV, files=dataclasses.replace(ELPV.files, wheel=gone))
    monkeypatch.setitem(DATA_SETS, "elpv", absent)
    with pytest.raises(DataError, match=r"`pip install 'glimpse-rl\[pictures\]'`") as caught:
        load_images("elpv", "train")
    assert "images/cell0006.png and 1,965 more" in str(caught.value) and len(str(caught.value)) < 800


@pytest.mark.parametrize("line", ["images/cell0001.png high mono", "images/cell0001.png 1.0"])
def test_a_label_that_is_none_is_refused(line: str) -> None:
    """The error says which line it is."""
    with pytest.raises(DataError, match="labels.csv: line 2 should be a file, a probability and a type"):
        parse_labels(f"images/cell0002.png 0.0 mono\n{line}\n".encode(), Path("labels.csv"))


def test_the_lists_fit_each_other() -> None:
    """There are 2,624 cells and a file of labels; 656 of the cells are the test part, 1,968 the others."""
    known = listed_checksums("elpv")
    assert ELPV.files == dataclasses.replace(ELPV.files or FileSet("", {}), md5=known)
    assert len(known) == 2_625 and len(listed_test_files("elpv")) == ELPV.test
    assert listed_test_files("elpv") <= known.keys() and len(known) - 1 - ELPV.test == ELPV.train


@pytest.mark.skipif(find_spec("elpv_dataset") is None, reason="the package elpv-dataset is not installed")
def test_the_list_follows_its_rule() -> None:
    """Of each class a quarter, rounded, in a fixed order, is the test part: 451 functional and 205 defective cells."""
    spec = find_spec("elpv_dataset")
    assert spec is not None and spec.origin is not None
    file = Path(spec.origin).parent / "data" / "labels.csv"
    labels = parse_labels(file.read_bytes(), file)
    chosen = []
    for label, count in ((0, 451), (1, 205)):
        members = [name for name, given in labels.items() if given == label]
        order = np.random.RandomState(20140624).permutation(len(members))
        chosen += [members[number] for number in order[: round(len(members) / 4)]]
        assert sum(labels[name] == label for name in chosen) == count
    assert sorted(chosen) == sorted(listed_test_files("elpv"))
