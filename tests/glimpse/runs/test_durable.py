"""Tests of replacing a file in one step."""

import errno
import os
from pathlib import Path

import pytest

from glimpse.errors import UserError
from glimpse.runs.durable import replace_file, reporting_write_errors


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    """Replacing a file leaves only the new content in the folder."""
    path = tmp_path / "a.json"
    replace_file(path, b"old")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """If the disk is full at the write or at the rename, the old file stays."""
    path = tmp_path / "a.json"
    replace_file(path, b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, broken, fail)
    with (
        pytest.raises(UserError, match=r"cannot write .*a\.json: No space left"),
        reporting_write_errors(path),
    ):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]
