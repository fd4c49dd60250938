"""Tests of the digests of files that are read, and of readers that remember what they have read."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces

from glimpse.envs.data.file_contents import uncompressed
from glimpse.envs.data.file_digests import CachedReader, FileDigest, note_folder, noting_files
from glimpse.envs.data.kept_classes import number_as_kept
from glimpse.envs.errors import DataError
from glimpse.envs.meaning import Meaning, SpacesMeaning, env_meaning
from glimpse.runs.content_digest import content_digest


def digest(name: str, content: bytes) -> FileDigest:
    """Return the digest of a file by its content."""
    return FileDigest(name, len(content), hashlib.sha256(content).hexdigest())


def test_a_digest_is_that_of_the_uncompressed_content(tmp_path: Path) -> None:
    """A file and its compressed copy have one name and one digest, without the folder."""
    (tmp_path / "a.txt").write_bytes(b"abc")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"abc"))
    for name in ("a.txt", "a.txt.gz"):
        with noting_files() as noted:
            uncompressed(tmp_path / name)
        assert noted.digests == [digest("a.txt", b"abc")]


def test_a_reader_reads_again_where_a_file_has_changed(tmp_path: Path) -> None:
    """An unchanged file is read once; a changed, replaced or missing one again, and a folder with another file."""
    calls = list[Path]()

    def read(path: Path) -> list[bytes]:
        calls.append(path)
        note_folder(path)
        return [uncompressed(file) for file in sorted(path.iterdir())]

    reader = CachedReader(read)
    (tmp_path / "a").write_bytes(b"1")
    assert reader(tmp_path) == reader(tmp_path) == [b"1"] and len(calls) == 1
    (tmp_path / "a").write_bytes(b"22")
    assert reader(tmp_path) == [b"22"]
    (tmp_path / "new").write_bytes(b"33")
    os.replace(tmp_path / "new", tmp_path / "a")
    assert reader(tmp_path) == [b"33"]
    (tmp_path / "b").write_bytes(b"4")
    assert reader(tmp_path) == [b"33", b"4"] and len(calls) == 4
    (tmp_path / "b").write_bytes(b"")
    for _ in range(2):  # An error is not remembered.
        with pytest.raises(DataError, match="is empty"):
            reader(tmp_path)
    assert len(calls) == 6


def test_a_remembered_result_has_its_files_noted_again(tmp_path: Path) -> None:
    """Readers that call readers note all files, at the first call and at later ones."""
    (tmp_path / "inner").write_bytes(b"i")
    (tmp_path / "outer").write_bytes(b"o")
    inner = CachedReader(lambda: uncompressed(tmp_path / "inner"))
    outer = CachedReader(lambda: inner() + uncompressed(tmp_path / "outer"))
    assert inner() == b"i"  # Read before anybody asked for digests.
    for _ in range(2):
        with noting_files() as noted:
            assert outer() == b"io"
        assert noted.digests == [digest("inner", b"i"), digest("outer", b"o")]


def test_labels_get_the_numbers_of_their_names() -> None:
    """Labels are given by the names of their classes; a class without examples need not be known."""
    label = np.array([0, 2, 2, 0])
    assert number_as_kept(label, ("z", "unused", "a"), ("a", "b", "z"), "data").tolist() == [2, 0, 0, 2]
    with pytest.raises(DataError, match=r"data: class 'z' is none of the run's classes, which are 'a', 'b'\."):
        number_as_kept(label, ("z", "unused", "a"), ("a", "b"), "data")


def test_content_digests_tell_contents_apart() -> None:
    """Values, types, shapes and the borders of parts count; where the data lie does not."""
    one = {"a": torch.arange(4), "b": ["x", "y"]}
    same = {"a": np.arange(4), "b": ["x", "y"]}
    others = [
        {"a": torch.arange(4).flip(0), "b": ["x", "y"]},
        {"a": torch.arange(4).view(2, 2), "b": ["x", "y"]},
        {"a": torch.arange(4).int(), "b": ["x", "y"]},
        {"a": torch.arange(4), "b": ["xy", ""]},
        {"a": torch.arange(4), "b": ["x", "y", None]},
        [torch.arange(4), ["x", "y"]],
    ]
    assert content_digest(one) == content_digest(same)
    assert len({content_digest(data) for data in (one, *others)}) == 1 + len(others)


def test_an_environment_without_a_meaning_of_its_own_has_its_classes_and_spaces() -> None:
    """Other classes and other spaces contradict it; observations that differ between the splits do not."""

    class Foreign:
        classes = ("a", "b")
        observation_space = spaces.Dict({"x": spaces.Box(0, 1, (3,))})
        action_space = spaces.Dict({"answer": spaces.Discrete(2)})

    kept = env_meaning(Foreign())
    assert kept.classes == ("a", "b") and kept.contradiction(env_meaning(Foreign())) is None
    other = kept.model_copy(update={"classes": ("b", "a")})
    assert kept.contradiction(other) == "the classes are 'b', 'a', and those of the run are 'a', 'b'"
    wider = kept.model_copy(update={"observation_space": "wider"})
    assert isinstance(kept, SpacesMeaning) and "the observations are wider" in str(kept.contradiction(wider))
    assert kept.common(wider).contradiction(kept) is None
    assert kept.contradiction(Meaning(classes=("a", "b"))) is not None
