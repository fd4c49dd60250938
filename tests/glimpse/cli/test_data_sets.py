"""Tests of `glimpse data list`, `fetch` and `verify`: their output and their errors."""

import dataclasses
import gzip
import hashlib
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from glimpse.cli.data_sets import fetch, list_data, verify
from glimpse.envs.data.registry import IMAGE_SETS, PARALLEL_SETS, TEXT_SETS
from glimpse.envs.data.sources import FileSet
from glimpse.envs.errors import DataError

FILES = {"one": b"content of one", "two": b"content of two"}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data folder with an image data set, `toy`, beside a text data set, `says`; no source delivers them."""
    from torchvision import datasets

    monkeypatch.setattr(datasets.MNIST, "mirrors", [])
    monkeypatch.delenv("GLIMPSE_DATA", raising=False)
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in FILES.items()}
    known = {
        "digits": IMAGE_SETS["digits"],
        "toy": dataclasses.replace(IMAGE_SETS["mnist"], files=FileSet("toy", md5, torchvision="MNIST")),
        "says": dataclasses.replace(TEXT_SETS["trec"], files=FileSet("says", {"train.tsv": md5["one"]})),
        **PARALLEL_SETS,
    }
    (tmp_path / "data" / "toy").mkdir(parents=True)
    for name, content in FILES.items():
        (tmp_path / "data" / "toy" / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr("glimpse.cli.data_sets.DATA_SETS", known)
    monkeypatch.setattr("glimpse.envs.data.registry.DATA_SETS", known)
    return tmp_path / "data"


def test_the_list_says_where_each_set_is(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list shows each data set's size and whether it is found, incomplete, or missing."""
    list_data(str(data))
    printed = capsys.readouterr().out
    toy = next(line for line in printed.splitlines() if " toy " in line)
    assert "60,000 + 10,000" in toy and " 10 " in toy and "28 x 28" in toy
    assert str(data / "toy") in printed.replace("\n", "")
    assert "comes with scikit-learn" in printed
    (data / "toy" / "one.gz").unlink()
    list_data(str(data))
    assert "incomplete; glimpse data fetch toy" in capsys.readouterr().out
    list_data(None)
    assert "not here; glimpse data fetch toy" in capsys.readouterr().out


def test_good_files_are_ok(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`verify` prints one line with ok for each undamaged file."""
    verify(["toy", "digits"], str(data))
    assert capsys.readouterr().out.splitlines() == [
        f"{data}/toy/one.gz: ok",
        f"{data}/toy/two.gz: ok",
        "digits: ok, 1,438 + 359 images of 1 x 8 x 8, 10 classes",
    ]


def test_every_file_is_checked_after_a_damaged_one(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`verify` checks the remaining files after it finds a damaged one."""
    (data / "toy" / "one.gz").write_bytes(b"damaged")
    with pytest.raises(DataError, match="1 file is damaged or missing"):
        verify(["toy"], str(data))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{data}/toy/one.gz is damaged")
    assert second == f"{data}/toy/two.gz: ok"


def test_a_damaged_copy_in_the_cache_is_found(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`verify` also checks the cached copy of a file, which would be read if the first were removed."""
    cached = data.parent / "cache" / "toy" / "two"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"damaged")
    with pytest.raises(DataError, match="1 file is"):
        verify([], str(data))
    assert f"{cached} is damaged" in capsys.readouterr().out


def test_verify_lists_missing_sets(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`verify` lists missing data sets; one is an error only if it was named on the command line."""
    verify([], None)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "toy: not here; glimpse data fetch toy",
        "says: not here; put its files into FOLDER/says (GLIMPSE_DATA=FOLDER)",
        "multi30k: not here; put its files into FOLDER/multi30k (GLIMPSE_DATA=FOLDER)",
        "glove: not here; pip install 'glimpse-rl[text]'",
    ]
    with pytest.raises(DataError, match="2 files are damaged or missing"):
        verify(["toy"], None)
    assert "toy: one is not here; glimpse data fetch toy" in capsys.readouterr().out


def test_fetch_downloads_nothing_that_is_present(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`fetch` downloads no data set that is present, and creates no cache for it."""
    fetch([], str(data), force=False)
    assert capsys.readouterr().out.splitlines() == [
        "digits: comes with scikit-learn, nothing to fetch",
        f"toy: {data / 'toy'}",
        "says: not here; put its files into FOLDER/says (GLIMPSE_DATA=FOLDER)",
        "multi30k: not here; put its files into FOLDER/multi30k (GLIMPSE_DATA=FOLDER)",
        "glove: not here; pip install 'glimpse-rl[text]'",
    ]
    assert not (data.parent / "cache").exists()


def test_fetch_finds_a_damaged_file(data: Path) -> None:
    """`fetch` checks the files that are present."""
    (data / "toy" / "two.gz").write_bytes(b"")
    with pytest.raises(DataError, match="toy/two.gz is empty"):
        fetch(["toy"], str(data), force=False)


def test_fetch_fills_the_cache(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fetch` downloads into the cache, and replaces a damaged cached file only with `--force`."""
    from torchvision import datasets

    # urllib opens file: addresses, so the data folder can stand in for the official source.
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{(data / 'toy').as_uri()}/"])
    fetch(["toy"], None, force=False)
    cached = data.parent / "cache" / "toy" / "one.gz"
    assert gzip.decompress(cached.read_bytes()) == FILES["one"]
    cached.write_bytes(b"damaged")
    with pytest.raises(DataError, match="one.gz is damaged.*--force"):
        fetch(["toy"], None, force=False)
    fetch(["toy"], None, force=True)
    assert gzip.decompress(cached.read_bytes()) == FILES["one"]


def test_fetch_reports_why_it_failed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed download is reported with its address and the reason."""
    from torchvision import datasets

    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{(data / 'nowhere').as_uri()}/"])
    with pytest.raises(DataError, match="toy could not be fetched:\n  - official source file:.*No such file"):
        fetch(["toy"], None, force=False)


def test_an_image_folder_is_verified_whole(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`verify` decodes every picture of an image folder."""
    for name in ("train/a/1.png", "train/a/2.png", "test/a/3.png"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 2)).save(data / name)
    verify([f"folder:{data}"], None)
    assert capsys.readouterr().out == f"folder:{data}: ok, 2 + 1 images of 1 x 2 x 4, 1 classes\n"
    (data / "test" / "a" / "3.png").write_bytes(b"?")
    with pytest.raises(DataError, match="test/a/3.png cannot be read"):
        verify([f"folder:{data.rename(data.parent / 'elsewhere')}"], None)


@pytest.mark.parametrize("command", [lambda names: fetch(names, None, False), lambda names: verify(names, None)])
def test_an_unknown_name_gets_the_nearest(command: Callable[[list[str]], None], data: Path) -> None:
    """An unknown data set is answered with the nearest name, before anything is done for the others."""
    with pytest.raises(DataError, match="no data set 'digts'. Did you mean digits"):
        command(["toy", "digts"])


def test_text_sets_are_listed_and_verified(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list shows a text data set's counts, unit and folder, and `verify` finds a truncated file."""
    (data / "says").mkdir()
    (data / "says" / "train.tsv.xz").write_bytes(lzma.compress(FILES["one"]))
    list_data(str(data))
    row = next(line for line in capsys.readouterr().out.splitlines() if " says " in line)
    assert "5,452 + 500" in row and "sentence" in row and "6 classes" in row and str(data / "says") in row
    verify(["says"], str(data))
    assert capsys.readouterr().out == f"{data}/says/train.tsv.xz: ok\n"
    (data / "says" / "train.tsv.xz").write_bytes(lzma.compress(FILES["one"])[:-9])
    with pytest.raises(DataError, match="1 file is damaged"):
        verify(["says"], str(data))
    assert "train.tsv.xz is damaged: it is no whole xz file" in capsys.readouterr().out


def test_a_set_without_a_source_cannot_be_fetched(data: Path) -> None:
    """For a data set without a source, `fetch` says how to get it instead."""
    with pytest.raises(DataError, match=r"says is not here; put its files into FOLDER/says \(GLIMPSE_DATA=FOLDER\)"):
        fetch(["says"], None, force=True)
    with pytest.raises(DataError, match=r"glove is not here; pip install 'glimpse-rl\[text\]'"):
        fetch(["glove"], None, force=False)
