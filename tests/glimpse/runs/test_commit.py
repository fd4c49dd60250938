"""Tests of the commit that records name: of a checkout, of an installation, and of runs that two commits trained."""

import subprocess
from pathlib import Path

import pytest

import glimpse
from glimpse.runs import commit


@pytest.fixture(autouse=True)
def anew() -> None:
    """Forget what was found before."""
    commit.code_commit.cache_clear()


def test_a_checkout_tells_its_commit_and_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that differs adds a +; a file that git does not know does not."""
    (tmp_path / "glimpse").mkdir()
    source = tmp_path / "glimpse" / "__init__.py"
    source.write_text("1\n")
    for words in ("init -q", "add .", "-c user.name=a -c user.email=b commit -qm first"):
        subprocess.run(["git", "-C", str(tmp_path), *words.split()], check=True)
    monkeypatch.setattr(glimpse, "__file__", str(source))
    clean = commit.code_commit()
    assert len(clean) >= 10 and int(clean, 16)
    (tmp_path / "unknown.txt").write_text("2\n")
    commit.code_commit.cache_clear()
    assert commit.code_commit() == clean
    source.write_text("2\n")
    commit.code_commit.cache_clear()
    assert commit.code_commit() == clean + "+"


def test_an_installation_tells_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no repository."""
    monkeypatch.setattr(glimpse, "__file__", str(tmp_path / "glimpse" / "__init__.py"))
    assert commit.code_commit() in (f"version {glimpse.__version__}", "unknown")


def test_commits_of_a_resumed_run_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, in order."""
    monkeypatch.setattr(commit, "code_commit", lambda: "b2")
    assert [commit.with_commit(known) for known in ("", "a1", "b2", "a1, then b2")] == [
        "b2",
        "a1, then b2",
        "b2",
        "a1, then b2",
    ]
