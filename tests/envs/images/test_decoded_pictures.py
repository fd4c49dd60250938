"""Tests of the cache of decoded pictures: what is kept, that it is the same as in memory, and what goes wrong."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from glimpse.envs.data.decoded_cache import clear_decoded, decoded_folder, list_decoded
from glimpse.envs.data.file_digests import noting_files
from glimpse.envs.errors import DataError
from glimpse.envs.images import decoded_pictures, picture_set, stored_pictures
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.envs.images.options import AugmentOptions
from glimpse.envs.images.picture_files import opened_picture
from glimpse.envs.images.picture_meaning import PictureMeaning
from glimpse.envs.images.picture_set import PictureSet
from glimpse.runs.content_digest import content_digest
from tests import forked


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of the test's own, in which even few pictures are kept."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoded_pictures, "_KEPT", 1)
    monkeypatch.setattr(decoded_pictures, "_MEASURED", 1)
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of two classes with pictures of several sizes; one is turned, one is transparent."""
    generator, path = np.random.default_rng(3), tmp_path / "photos"
    for part, count in (("train", 12), ("test", 3)):
        for name in ("cat", "owl"):
            (path / part / name).mkdir(parents=True)
            for number in range(count):
                size = (30 + 3 * number, 24 + number, 4 if number == 1 else 3)
                picture = Image.fromarray(generator.integers(0, 256, size, dtype=np.uint8))
                exif = Image.Exif()
                exif[0x0112] = 6 if number == 2 else 1
                picture.save(path / part / name / f"{number:02}.png", exif=exif)
    return path


def table_of(folder: Path) -> Path:
    """Write a table of the training pictures with their classes, each of them twice."""
    files = sorted((folder / "train").rglob("*.png"))
    rows = [f"{file.relative_to(folder)},{file.parent.name}" for file in [*files, *files]]
    (folder / "table.csv").write_text("\n".join(["file,label", *rows]))
    return folder / "table.csv"


def fresh(data: str, split: Any = "train", **options: Any) -> ImageData:
    """Load a split as a new process does."""
    for known in (load_images.__globals__["_train_and_validation"], load_images.__globals__["_test"]):
        known.cache_clear()
    return load_images(data, split, **options)


def pixels_of(data: ImageData) -> Tensor:
    """Return all images as a tensor."""
    return data.images if isinstance(data.images, Tensor) else data.images[torch.arange(len(data.images))]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("size", [None, (17, 21)])
def test_kept_pictures_are_those_that_are_decoded_into_memory(
    split: Any, size: tuple[int, int] | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixels, labels, digests of data and of files, and fingerprints are equal: mapped, kept, and in memory alone."""
    found = []
    for resident, kept in ((0, 1), (0, 1), (10, 1), (10, 10**9)):
        monkeypatch.setattr(decoded_pictures, "_KEPT", kept)
        with noting_files() as noted:
            data = fresh(f"folder:{folder}", split, image_size=size, resident_mb=resident)
        assert isinstance(data.images, Tensor) == (resident > 0)
        options = ClassificationOptions.model_validate({"name": "images", "retina": {"patch": 4}})
        prints = Classification(options, data).fingerprints()[0].tolist()
        labels = data.labels.tolist()
        found.append((pixels_of(data).tolist(), labels, content_digest(data), noted.digests, prints, data.images.shape))
    assert found[0] == found[1] == found[2] == found[3]
    assert len(found[0][3]) == {"train": 24, "validation": 24, "test": 6}[split]


def test_pictures_are_decoded_once(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start opens no picture, and keeps the digests; one that has changed is decoded with all others."""
    first = fresh(f"folder:{folder}", resident_mb=0)
    digest = content_digest(first)
    test = fresh(f"folder:{folder}", "test", resident_mb=0).images.shape
    opened: list[Path] = []

    def note_opened(file: Path) -> Any:
        opened.append(file)
        return opened_picture(file)

    monkeypatch.setattr(decoded_pictures, "opened_picture", note_opened)
    monkeypatch.setattr(PictureSet, "content", lambda images: pytest.fail("the pictures were read"))
    assert content_digest(fresh(f"folder:{folder}", resident_mb=0)) == digest
    meaning = PictureMeaning(classes=("cat", "owl"), shape=first.images.shape[1:])
    assert fresh(f"folder:{folder}", "test", resident_mb=0, meaning=meaning).images.shape == test
    assert opened == []
    changed = folder / "train" / "cat" / "00.png"
    Image.new("RGB", (5, 5), (9, 9, 9)).save(changed)
    assert 9 in pixels_of(fresh(f"folder:{folder}", resident_mb=0))[0]
    assert set(opened) == set(folder.rglob("*.png"))
    kinds = sorted(entry.what.partition(" pictures of ")[0] for entry in list_decoded(cache))
    assert kinds == ["24", "6", "sizes of 30"]  # The older entries are gone.


@pytest.mark.parametrize("options", [{}, {"view": "whole"}, {"canvas": {"kind": "cluttered", "size": 90}}])
@pytest.mark.parametrize("augment", [None, AugmentOptions(rotation=20, elastic=1, shift=2)], ids=["plain", "warped"])
def test_episodes_of_kept_pictures_are_those_of_pictures_in_memory(
    options: dict[str, Any], augment: AugmentOptions | None, folder: Path
) -> None:
    """Observations, rewards and whole pictures are equal to the bit, after resets of some lanes too."""
    given = {"name": "images", "glimpses": 2, "retina": {"patch": 5, "scales": 2}, **options}
    checked = ClassificationOptions.model_validate(given)
    envs = [
        Classification(checked, fresh(f"folder:{folder}", resident_mb=resident), augment=augment)
        for resident in (0, 10)
    ]
    seen = []
    for env in envs:
        example, key = torch.arange(6), torch.arange(6) * 77
        observed = [env.reset(example, key)["glimpse"], env.picture()]
        action = {"look": torch.linspace(-1, 1, 12).view(6, 2), "answer": torch.zeros(6, dtype=torch.int64)}
        observed += [env.step(action).observation["glimpse"], env.step(action).reward]
        observed += [env.reset_lanes(torch.tensor([4, 1]), torch.tensor([9, 3]), torch.tensor([5, 6]))["glimpse"]]
        seen.append([*observed, env.step(action).observation["glimpse"], env.picture()])
        assert env.frame(1, [{"glimpse": observed[0][1].numpy(), "location": np.zeros(2)}]).ndim == 3
    assert all(torch.equal(one, other) for one, other in zip(*seen, strict=True))
    assert isinstance(envs[0]._images, PictureSet) and isinstance(envs[1]._images, Tensor)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_tables_are_kept_too(split: Any, folder: Path) -> None:
    """A table's splits are the same, mapped and in memory; labels of all kinds stay with their pictures."""
    task = {"name": "images", "data": f"file:{table_of(folder)}", "labels": "many", "retina": {"patch": 4}}
    options = ClassificationOptions.model_validate(task)
    mapped, known = (Classification.load_data(options, split, resident_mb=resident) for resident in (0, 10))
    assert isinstance(mapped.images, PictureSet) and isinstance(known.images, Tensor)
    assert torch.equal(pixels_of(mapped), known.images) and torch.equal(mapped.labels, known.labels)
    assert content_digest(mapped) == content_digest(known)


def test_an_outlier_costs_its_own_size(folder: Path, cache: Path) -> None:
    """One large picture widens all canvases, and the file by no more than its own pixels."""
    fresh(f"folder:{folder}", resident_mb=0)
    small = max(entry.bytes for entry in list_decoded(cache))
    Image.new("RGB", (1000, 1500), (1, 2, 3)).save(folder / "train" / "owl" / "99.png")
    data = fresh(f"folder:{folder}", resident_mb=0)
    assert data.images.shape[1:] == (3, 1500, 1000)
    large = max(entry.bytes for entry in list_decoded(cache))
    assert 3 * 1500 * 1000 <= large - small < 3 * 1500 * 1000 + 10_000


def test_an_outlier_is_digested_with_its_own_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a set whose canvases are mostly black; without an outlier, the digest stays that of the canvases."""
    even = fresh(f"folder:{folder}", resident_mb=0).images
    Image.new("RGB", (1000, 1500), (1, 2, 3)).save(folder / "train" / "owl" / "99.png")
    uneven = fresh(f"folder:{folder}", resident_mb=0).images
    assert isinstance(even, PictureSet) and isinstance(uneven, PictureSet)
    black = [sum(map(len, images.content())) for images in (even, uneven)]
    monkeypatch.setattr(picture_set, "_DIGESTED_WHOLE", 0)
    digested, (whole, after) = (sum(map(len, images.content())) for images in (even, uneven)), black
    assert next(digested) == whole >= even.shape.numel()
    own = 3 * int(uneven.sizes.prod(1).sum())
    assert own < next(digested) < own + 1000 < uneven.shape.numel() < after
    first, second = (list(uneven.select(torch.tensor(order)).content()) for order in ([0, 1], [1, 0]))
    assert first != second and first == list(uneven.select(torch.tensor([0, 1])).content())


def test_a_bad_file_is_named_and_nothing_is_left(folder: Path, cache: Path) -> None:
    """The error is that of pictures in memory."""
    bad = folder / "train" / "owl" / "05.png"
    bad.write_bytes(bad.read_bytes()[:300])
    with pytest.raises(DataError, match=r"train/owl/05.png cannot be read as an image"):
        fresh(f"folder:{folder}", resident_mb=0)
    assert not any(entry.what.startswith("24") for entry in list_decoded(cache))
    assert not list(decoded_folder(cache).glob("*.part"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_what_cannot_be_kept_stays_in_memory(
    number: int, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line says so, whether a disk is full in the middle or cannot be written at all; no half entry is left."""
    expected = pixels_of(fresh(f"folder:{folder}", resident_mb=10))
    clear_decoded(cache)

    def refuse(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(np, "save", refuse)
    data = fresh(f"folder:{folder}", resident_mb=0)
    assert isinstance(data.images, Tensor) and torch.equal(data.images, expected)
    assert (
        f"note: {cache} cannot keep the decoded pictures of {folder} ({os.strerror(number)})" in capsys.readouterr().err
    )
    assert list_decoded(cache) == [] and not list(decoded_folder(cache).glob("*-*"))


def test_a_full_disk_is_noticed_before_anything_is_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says how much is needed."""
    usage = shutil.disk_usage(folder)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert isinstance(fresh(f"folder:{folder}", image_size=(200, 200), resident_mb=0).images, Tensor)
    assert "(0.00 GB are needed)" in capsys.readouterr().err


def test_a_damaged_entry_is_written_anew(folder: Path, cache: Path) -> None:
    """A file that was cut off is noticed by its size."""
    expected = pixels_of(fresh(f"folder:{folder}", resident_mb=0))
    (pixels,) = decoded_folder(cache).glob("*/pixels.bin")
    pixels.write_bytes(pixels.read_bytes()[:-5])
    assert torch.equal(pixels_of(fresh(f"folder:{folder}", resident_mb=0)), expected)


def test_two_processes_write_one_entry(folder: Path, cache: Path) -> None:
    """Both read the same pictures, and what a process left that was killed is removed."""
    expected = content_digest(fresh(f"folder:{folder}", resident_mb=0))
    (entry,) = [one.path for one in list_decoded(cache) if one.what.startswith("24")]
    clear_decoded(cache)
    left = entry.with_name(f"{entry.name}.part")
    left.mkdir()
    (left / "pixels.bin").write_bytes(b"half")

    def work() -> bool:
        return content_digest(fresh(f"folder:{folder}", resident_mb=0)) != expected

    children = [forked.begin(work) for _ in range(2)]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert not left.exists() and sum(one.what.startswith("24") for one in list_decoded(cache)) == 1


def test_what_is_mapped_is_given_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading beyond the bound changes no pixel; the count begins again."""
    data = fresh(f"folder:{folder}", resident_mb=0)
    assert isinstance(data.images, stored_pictures.StoredPictures)
    expected = pixels_of(data)
    monkeypatch.setattr(stored_pictures, "MAPPED", 1000)
    window = data.images.windows(torch.arange(5), torch.full((5, 2), 12), 9, 9)
    assert torch.equal(window, expected[:5, :, 12:21, 12:21]) and torch.equal(pixels_of(data), expected)
    assert data.images._touched[0] < 1 << 20


def test_clearing_leaves_open_pictures_readable(folder: Path, cache: Path) -> None:
    """A process that has opened them goes on; nothing is left in the cache."""
    data = fresh(f"folder:{folder}", resident_mb=0)
    expected = pixels_of(data)
    clear_decoded(cache)
    assert list_decoded(cache) == [] and torch.equal(pixels_of(data), expected)
    assert torch.equal(pixels_of(fresh(f"folder:{folder}", resident_mb=0)), expected)
