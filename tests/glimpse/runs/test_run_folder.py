"""Tests of a run's folder, its lock and its metrics against kills, full disks and second processes."""

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from glimpse.errors import UserError
from glimpse.runs.metrics_log import MetricsLog, read_metrics
from glimpse.runs.run_folder import RunFolder


def test_a_run_is_made_and_found_again(tmp_path: Path) -> None:
    """A run is created in a new or an empty folder, and opening it returns its config unchanged."""
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new/deep"):
        made = RunFolder.create(tmp_path / name, "name: é\n")
        assert RunFolder.open(tmp_path / name) == made
        assert made.config_text == "name: é\n"


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    """Creating a run where one exists is refused, with a hint at --resume and --folder."""
    run = RunFolder.create(tmp_path / "a", "old")
    MetricsLog(run.metrics_path).write({"step": 1})
    with pytest.raises(UserError, match=r"already holds a run.*--resume.*--folder"):
        RunFolder.create(tmp_path / "a", "new")
    assert run.config_text == "old"


def test_a_run_without_a_step_is_begun_anew(tmp_path: Path) -> None:
    """What a start has left that was killed before its first step is replaced; a config of the user's own is not."""
    run = RunFolder.create(tmp_path / "a", "old")
    run.meaning_path.write_text("{}")
    run.steps_path.write_text("{}")
    again = RunFolder.create(tmp_path / "a", "new")
    assert again.config_text == "new" and {file.name for file in again.path.iterdir()} <= {
        "config.yaml",
        "lock",
        "lock.holder",
    }
    (tmp_path / "b").mkdir()
    (tmp_path / "b/config.yaml").write_text("mine")
    with pytest.raises(UserError, match="already holds a run"):
        RunFolder.create(tmp_path / "b", "new")
    assert (tmp_path / "b/config.yaml").read_text() == "mine"


def test_a_start_that_failed_leaves_what_was_there(tmp_path: Path) -> None:
    """A folder that the start made goes with it; an empty one that was there stays, and can be used again."""
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new"):
        RunFolder.create(tmp_path / name, "config").give_back()
    assert os.listdir(tmp_path) == ["empty"] and os.listdir(tmp_path / "empty") == []


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    """A file or a folder with foreign content is refused and left unchanged."""
    (tmp_path / "thesis.txt").write_text("x")
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(UserError, match=r"is not an empty folder.*--folder"):
            RunFolder.create(path, "config")
    assert os.listdir(tmp_path) == ["thesis.txt"]


def test_a_killed_start_can_be_repeated(tmp_path: Path) -> None:
    """A lock or a half-written config from a killed start does not prevent a new one."""
    for name in ("lock", "lock.holder", ".tmp-config.yaml"):
        (tmp_path / name).write_text("")
    assert RunFolder.create(tmp_path, "config").config_text == "config"


@pytest.mark.parametrize("broken", ["open", "mkdir", "replace"])
def test_a_read_only_folder_is_found_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Creating a run in a read-only folder gives one error that names the reason."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, broken, refuse)
    with pytest.raises(UserError, match="cannot write .*: Read-only file system"):
        RunFolder.create(tmp_path / "a", "config")
    assert not (tmp_path / "a" / "config.yaml").exists()


def test_a_missing_run_names_the_nearest(tmp_path: Path) -> None:
    """A missing run is answered with the nearest runs beside it or one folder deeper."""
    with pytest.raises(UserError, match="holds no run.*there is no run nearby"):
        RunFolder.open(tmp_path / "mnist-1")
    for name in ("mnist-2", "cluttered-7", "deep/mnist-1"):
        RunFolder.create(tmp_path / name, "")
    with pytest.raises(UserError, match=r"the nearest runs are \S*mnist-2, \S*deep.mnist-1, \S*cluttered-7"):
        RunFolder.open(tmp_path / "mnist-1")


def test_a_config_that_is_no_text_is_a_user_error(tmp_path: Path) -> None:
    """A run's config with damaged bytes gives an error that a user understands."""
    run = RunFolder.create(tmp_path / "a", "config")
    run.config_path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is not a text file"):
        _ = run.config_text


HOLD_THE_LOCK = """
import sys
from pathlib import Path
from glimpse.runs.run_folder import RunFolder
with RunFolder.open(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    """A second process is refused with the holder's name; after kill -9 of the holder the folder is free."""
    run = RunFolder.create(tmp_path / "a", "config")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(run.path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, env=environment
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        for _ in range(2):  # The first refusal must not erase the holder's name.
            with pytest.raises(UserError, match=f"a is in use by process {other.pid} on "), run.lock():
                pytest.fail("the lock was given twice")
        other.kill()
    with run.lock():
        pass


def test_the_lock_is_released_when_training_fails(tmp_path: Path) -> None:
    """The lock is given once within a process, and is released when training raises."""
    run = RunFolder.create(tmp_path / "a", "config")
    with pytest.raises(ZeroDivisionError), run.lock():
        with pytest.raises(UserError, match=f"in use by process {os.getpid()}"), run.lock():
            pytest.fail("the lock was given twice")
        raise ZeroDivisionError
    with run.lock():
        pass


def test_metrics_are_lines_of_valid_json(tmp_path: Path) -> None:
    """NaN and infinity are written as null, and a row without a step is an error."""
    log = MetricsLog(tmp_path / "metrics.jsonl")
    assert read_metrics(log.path) == []
    log.write({"step": 1, "loss": 0.5, "phase": "train\n"})
    log.write({"step": 2, "loss": float("nan"), "return": float("-inf")})
    assert log.path.read_text().splitlines() == [
        '{"step": 1, "loss": 0.5, "phase": "train\\n"}',
        '{"step": 2, "loss": null, "return": null}',
    ]
    assert read_metrics(log.path)[1] == {"step": 2, "loss": None, "return": None}
    with pytest.raises(ValueError, match="integer step"):
        log.write({"loss": 0.5})


def test_resuming_drops_the_rows_after_the_checkpoint(tmp_path: Path) -> None:
    """Resuming removes later rows and a torn last line, and leaves the other rows' bytes unchanged."""
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.truncate_after(5)
    assert not log.path.exists()
    for step in (0, 10, 10, 20):
        log.write({"step": step, "loss": step / 3})
    kept = b"".join(log.path.read_bytes().splitlines(keepends=True)[:3])
    with log.path.open("ab") as file:
        file.write(b'{"step": 5, "lo')
    assert [row["step"] for row in read_metrics(log.path)] == [0, 10, 10, 20]
    log.truncate_after(10)
    assert log.path.read_bytes() == kept
    log.write({"step": 20})
    assert [row["step"] for row in read_metrics(log.path)] == [0, 10, 10, 20]
    log.truncate_after(-1)
    assert read_metrics(log.path) == []


@pytest.mark.parametrize("line", ["half a row", "[1]", ""])
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, line: str) -> None:
    """A broken line in the middle is an error with its number, and the file stays as it is."""
    path = tmp_path / "metrics.jsonl"
    text = f'{{"step": 1}}\n{line}\n{{"step": 2}}\n'
    path.write_text(text)
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 2,"):
        read_metrics(path)
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 2,"):
        MetricsLog(path).truncate_after(1)
    assert path.read_text() == text


def test_a_full_disk_leaves_no_half_row(tmp_path: Path) -> None:
    """A row that does not fit on the disk is removed again, so that the next row starts on its own line."""
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.write({"step": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.path.stat().st_size + 5, hard))
    try:
        with pytest.raises(UserError, match=r"cannot write .*metrics\.jsonl: File too large"):
            log.write({"step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.path.read_text() == '{"step": 1}\n'
    log.write({"step": 3})
    assert [json.loads(line) for line in log.path.read_text().splitlines()] == [{"step": 1}, {"step": 3}]
