"""Tests of checkpoints against kills, damage, hostile content and full disks."""

import errno
import hashlib
import io
import json
import os
import pickle
import resource
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from glimpse.errors import UserError
from glimpse.runs import checkpoint
from glimpse.runs.checkpoint import (
    MANIFEST,
    STATE,
    WEIGHTS,
    Checkpoint,
    CheckpointError,
    OtherFormatError,
    load_averaged,
    load_checkpoint,
    load_newest,
    save_checkpoint,
)
from glimpse.runs.durable import read_file
from tests import forked

FILES = (WEIGHTS, STATE, MANIFEST)


def small(step: int, value: float = 0.5) -> Checkpoint:
    """Return a checkpoint whose tensors identify its step."""
    return Checkpoint(step, {"w": torch.full((3,), step + value)}, {"best": value, "seen": [step]})


def names(folder: Path) -> list[str]:
    """Return the sorted names in a folder."""
    return sorted(os.listdir(folder))


def newest(folder: Path, **options: bool) -> tuple[int | None, list[str]]:
    """Return the newest step that loads, and the warnings."""
    warnings: list[str] = []
    found = load_newest(folder, warnings.append, **options)
    return (found.step if found else None), warnings


def flip(path: Path, position: int, bit: int = 0) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


def replace_state(path: Path, state: bytes) -> None:
    """Replace the state file by other bytes, with a manifest that matches them."""
    (path / STATE).write_bytes(state)
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["files"][STATE] = {"bytes": len(state), "sha256": hashlib.sha256(state).hexdigest()}
    (path / MANIFEST).write_text(json.dumps(manifest))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Simulate a full disk: writing a file beyond `size` bytes fails half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_checkpoint_is_restored_exactly(tmp_path: Path) -> None:
    """Tensors of odd shapes and types, NaN, big integers and an optimiser's state are restored exactly."""
    parameter = torch.tensor([1.0, -2.0], requires_grad=True)
    optimiser = torch.optim.Adam([parameter], lr=0.1)
    parameter.grad = torch.tensor([0.3, 0.7])
    optimiser.step()
    weights = {
        "p": parameter,
        "transposed": torch.arange(6.0).reshape(2, 3).T,
        "half": torch.tensor([1.5], dtype=torch.bfloat16),
        "flag": torch.tensor(True),
        "nothing": torch.zeros(0, 4),
        "nan": torch.tensor([float("nan"), float("inf"), -0.0]),
    }
    state = {"optimiser": optimiser.state_dict(), "counter": 2**100, "name": "x", "none": None, "t": (1, 2.5)}
    loaded = load_checkpoint(save_checkpoint(tmp_path, Checkpoint(7, weights, state), keep=1))

    assert loaded.step == 7
    assert loaded.weights.keys() == weights.keys()
    for name, tensor in weights.items():
        assert loaded.weights[name].dtype == tensor.dtype
        torch.testing.assert_close(
            loaded.weights[name], tensor.detach(), rtol=0, atol=0, equal_nan=True, check_stride=False
        )
    assert {key: loaded.state[key] for key in ("counter", "name", "none", "t")} == {
        "counter": 2**100,
        "name": "x",
        "none": None,
        "t": (1, 2.5),
    }
    copy = loaded.weights["p"].requires_grad_()
    resumed = torch.optim.Adam([copy], lr=0.1)
    resumed.load_state_dict(loaded.state["optimiser"])
    parameter.grad = copy.grad = torch.tensor([-1.0, 0.2])
    optimiser.step()
    resumed.step()
    assert torch.equal(parameter, copy)


def test_an_agent_without_weights_has_checkpoints_too(tmp_path: Path) -> None:
    """An agent without weights, such as the random control, can be saved and loaded."""
    loaded = load_checkpoint(save_checkpoint(tmp_path, Checkpoint(0, {}, {}), keep=1))
    assert loaded == Checkpoint(0, {}, {})


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    """Tied weights are saved under both names and can be loaded into tied modules."""
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    second.weight = first.weight
    tied = torch.nn.Sequential(first, second)
    before = first.weight.detach().clone()
    path = save_checkpoint(tmp_path, Checkpoint(1, tied.state_dict(), {}), keep=1)
    torch.nn.init.zeros_(first.weight)
    tied.load_state_dict(load_checkpoint(path).weights)
    assert torch.equal(first.weight, before)
    assert first.weight is second.weight


def test_state_that_could_not_be_loaded_is_refused_when_saved(tmp_path: Path) -> None:
    """State that could not be loaded again is refused when saved, and the earlier checkpoint stays."""
    save_checkpoint(tmp_path, small(1), keep=1)
    with pytest.raises(TypeError, match="plain data"):
        save_checkpoint(tmp_path, Checkpoint(2, {}, {"path": Path("x")}), keep=1)
    assert names(tmp_path) == ["step-000000001"]


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    """Only the `keep` newest checkpoints remain, ordered by number beyond nine digits too."""
    for step in (9, 10, 999_999_999, 1_000_000_000):
        save_checkpoint(tmp_path, small(step), keep=2)
    assert names(tmp_path) == ["step-1000000000", "step-999999999"]
    assert newest(tmp_path) == (1_000_000_000, [])
    with pytest.raises(ValueError, match="keep"):
        save_checkpoint(tmp_path, small(5), keep=0)


def test_the_newest_checkpoints_are_averaged(tmp_path: Path) -> None:
    """`load_averaged` averages the floats of the K newest checkpoints and takes other tensors from the newest."""
    for step in (1, 2, 4):
        weights = {"w": torch.full((3,), float(step)), "seen": torch.tensor(step)}
        save_checkpoint(tmp_path, Checkpoint(step, weights, {}), 5)
    mean = load_averaged(tmp_path, 2)
    assert mean.step == 4 and mean.weights["w"].tolist() == [3.0] * 3 and mean.weights["seen"] == 4
    assert torch.equal(load_averaged(tmp_path, 1).weights["w"], torch.full((3,), 4.0))
    with pytest.raises(CheckpointError, match=r"has 3 of the 4 checkpoints .* train\.keep=4"):
        load_averaged(tmp_path, 4)


def test_a_step_saved_again_is_replaced(tmp_path: Path) -> None:
    """A step that is saved again replaces the earlier checkpoint of that step."""
    for value in (0.1, 0.2, 0.3):
        path = save_checkpoint(tmp_path, small(5, value), keep=2)
        assert names(tmp_path) == [path.name]
    found = load_newest(tmp_path, pytest.fail)
    assert found is not None and found.state["best"] == 0.3


def test_saving_an_earlier_step_removes_later_ones(tmp_path: Path) -> None:
    """Saving an earlier step removes later ones, so a best that the resumed run lacks cannot hide a new best."""
    save_checkpoint(tmp_path, small(150), keep=1)
    save_checkpoint(tmp_path, small(140), keep=1)
    assert names(tmp_path) == ["step-000000140"]


def test_no_checkpoint(tmp_path: Path) -> None:
    """A missing or foreign folder has no checkpoint; loading one by name is an error."""
    assert newest(tmp_path / "missing") == (None, [])
    (tmp_path / "notes").mkdir()
    (tmp_path / "step-x").mkdir()
    assert newest(tmp_path) == (None, [])
    with pytest.raises(CheckpointError, match=r"step-000000001 is damaged: it has no file manifest\.json"):
        load_checkpoint(tmp_path / "step-000000001")


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    """A flipped bit is found in any byte of the manifest and at many positions of the other files."""
    path = save_checkpoint(tmp_path, small(1), keep=1)
    for name in FILES:
        original = (path / name).read_bytes()
        for position in range(0, len(original), 1 if name == MANIFEST else 29):
            flip(path / name, position, position % 8)
            with pytest.raises(CheckpointError, match="step-000000001"):
                load_checkpoint(path)
            (path / name).write_bytes(original)
    assert load_checkpoint(path).step == 1


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("fault", ["truncated", "empty", "missing", "folder", "longer"])
def test_a_damaged_newest_is_set_aside_and_the_one_before_it_used(tmp_path: Path, name: str, fault: str) -> None:
    """A damaged newest checkpoint is set aside with a warning, and the one before it is loaded."""
    save_checkpoint(tmp_path, small(1), keep=3)
    file = save_checkpoint(tmp_path, small(2), keep=3) / name
    data = file.read_bytes()
    file.unlink()
    if fault == "folder":
        file.mkdir()
    elif fault != "missing":
        file.write_bytes({"truncated": data[:-1], "empty": b"", "longer": data + b"x"}[fault])

    with pytest.raises(CheckpointError, match=f"step-000000002 is damaged: .*{name}"):
        load_checkpoint(file.parent)
    step, warnings = newest(tmp_path)
    assert step == 1
    assert len(warnings) == 1 and name in warnings[0] and ".bad-step-000000002" in warnings[0]
    assert names(tmp_path) == [".bad-step-000000002", "step-000000001"]
    assert newest(tmp_path) == (1, [])

    assert save_checkpoint(tmp_path, small(2), keep=3).name == "step-000000002"
    assert newest(tmp_path) == (2, [])


def test_damaged_twice(tmp_path: Path) -> None:
    """Several damaged checkpoints of one step are set aside under different names, and none is loaded."""
    for _ in range(3):
        (save_checkpoint(tmp_path, small(2), keep=3) / STATE).unlink()
        assert newest(tmp_path)[0] is None
    bad = ".bad-step-000000002"
    assert names(tmp_path) == [bad, f"{bad}-1", f"{bad}-2"]


@pytest.mark.parametrize(
    "manifest",
    [
        "{}",
        "[]",
        "1",
        "null",
        '{"format": 2}',
        '{"format": 2, "step": 1, "files": []}',
        "[" * 100_000,
        "\xff",
        "{",
    ],
)
def test_a_manifest_of_garbage_is_damage(tmp_path: Path, manifest: str) -> None:
    """A manifest with any unexpected content is reported as damage."""
    path = save_checkpoint(tmp_path, small(1), keep=1)
    (path / MANIFEST).write_bytes(manifest.encode("latin-1"))
    with pytest.raises(CheckpointError, match=MANIFEST):
        load_checkpoint(path)


def test_the_step_of_the_manifest_must_be_that_of_the_state(tmp_path: Path) -> None:
    """A manifest whose step differs from the state's is refused."""
    path = save_checkpoint(tmp_path, small(1), keep=1)
    (path / MANIFEST).write_text((path / MANIFEST).read_text().replace('"step": 1', '"step": 2'))
    with pytest.raises(CheckpointError, match=r"state\.pt is of step 1, manifest\.json of step 2"):
        load_checkpoint(path)


def test_another_format_is_named(tmp_path: Path) -> None:
    """A checkpoint of another format is reported as such, not as damaged, and is neither passed over nor renamed."""
    path = save_checkpoint(tmp_path, small(1), keep=1)
    (path / MANIFEST).write_text((path / MANIFEST).read_text().replace('"format": 2', '"format": 3'))
    with pytest.raises(CheckpointError, match=r"has format 3; this version of glimpse reads format 2"):
        load_checkpoint(path)
    with pytest.raises(OtherFormatError, match="has format 3"):
        load_newest(tmp_path, pytest.fail)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


class Payload:
    """Object whose pickle makes a folder when it is loaded without protection."""

    def __init__(self, marker: Path) -> None:
        """Remember the folder to make."""
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Tell pickle to call os.mkdir."""
        return os.mkdir, (str(self.marker),)


def hostile_states(marker: Path) -> list[bytes]:
    """Return the payload as a bare pickle and in both of torch's file formats."""
    wrapped = {"step": 1, "state": {"x": Payload(marker)}}
    states = [pickle.dumps(wrapped, protocol=2)]
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save(wrapped, buffer, _use_new_zipfile_serialization=zipped)
        states.append(buffer.getvalue())
    return states


@pytest.mark.parametrize("form", [0, 1, 2])
def test_a_hostile_pickle_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: int) -> None:
    """A hostile pickle is not run, even with a matching manifest and torch's protection turned off by the user."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    marker = tmp_path / "executed"
    state = hostile_states(marker)[form]
    with suppress(RuntimeError):
        torch.load(io.BytesIO(state), weights_only=False)
    marker.rmdir()  # The payload works: the unprotected load has made the folder.

    path = save_checkpoint(tmp_path / "run", small(1), keep=1)
    replace_state(path, state)
    with pytest.raises(CheckpointError, match="does not load"):
        load_checkpoint(path)
    assert newest(tmp_path / "run")[0] is None
    assert not marker.exists()


def test_state_of_another_shape_is_refused(tmp_path: Path) -> None:
    """Harmless state without the expected keys and types is refused."""
    path = save_checkpoint(tmp_path, small(1), keep=1)
    for content in ([1], {"step": 1}, {"step": 1, "state": 3}):
        buffer = io.BytesIO()
        torch.save(content, buffer)
        replace_state(path, buffer.getvalue())
        with pytest.raises(CheckpointError, match="does not load"):
            load_checkpoint(path)


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path) -> None:
    """A pickle in the weights file is refused and not run."""
    path = save_checkpoint(tmp_path, small(1), keep=1)
    old = hashlib.sha256((path / WEIGHTS).read_bytes()).hexdigest()
    size = len((path / WEIGHTS).read_bytes())
    data = hostile_states(tmp_path / "executed")[0].ljust(size, b"\0")[:size]
    (path / WEIGHTS).write_bytes(data)
    text = (path / MANIFEST).read_text().replace(old, hashlib.sha256(data).hexdigest())
    (path / MANIFEST).write_text(text)
    with pytest.raises(CheckpointError, match="does not load"):
        load_checkpoint(path)
    assert not (tmp_path / "executed").exists()


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    """On a full disk saving fails with one error, leaves the earlier checkpoint, and works again with room."""
    save_checkpoint(tmp_path, small(1), keep=1)
    big = Checkpoint(2, {"w": torch.zeros(10_000)}, {})
    with largest_file(4096), pytest.raises(UserError, match="cannot write .*File too large"):
        save_checkpoint(tmp_path, big, keep=1)
    assert names(tmp_path) == ["step-000000001"]
    assert newest(tmp_path) == (1, [])
    save_checkpoint(tmp_path, big, keep=1)
    assert newest(tmp_path) == (2, [])


@pytest.mark.parametrize("broken", ["mkdir", "fsync", "rename"])
def test_a_read_only_folder_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """A read-only folder gives one error that names it, at whichever system call it appears."""
    folder = tmp_path / "checkpoints"
    save_checkpoint(folder, small(1), keep=1)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(os, broken, refuse)
        with pytest.raises(UserError, match="cannot write .*checkpoints: Read-only file system"):
            save_checkpoint(folder, small(2), keep=1)
    assert names(folder) == ["step-000000001"]
    assert newest(folder) == (1, [])


def test_a_file_that_cannot_be_read_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read error of the disk is not taken for damage, so the checkpoint stays."""
    save_checkpoint(tmp_path, small(1), keep=1)

    def fail(_: Path) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "read_file", fail)
        with pytest.raises(UserError, match="cannot read .*Input/output error") as caught:
            load_newest(tmp_path, pytest.fail)
    assert not isinstance(caught.value, CheckpointError)
    assert newest(tmp_path) == (1, [])


def test_leftovers_are_removed(tmp_path: Path) -> None:
    """Half-written checkpoints are removed by the next save or load, but not by a read-only load."""
    leftover = tmp_path / ".tmp-step-000000003"
    save_checkpoint(tmp_path, small(1), keep=1)
    leftover.mkdir()
    assert newest(tmp_path, read_only=True) == (1, [])
    assert leftover.exists()
    assert newest(tmp_path) == (1, [])
    assert not leftover.exists()
    leftover.mkdir()
    save_checkpoint(tmp_path, small(3), keep=1)
    assert names(tmp_path) == ["step-000000003"]


def test_a_read_only_load_renames_nothing(tmp_path: Path) -> None:
    """A read-only load skips a damaged checkpoint and leaves it where it is."""
    save_checkpoint(tmp_path, small(1), keep=2)
    (save_checkpoint(tmp_path, small(2), keep=2) / STATE).write_bytes(b"")
    before = names(tmp_path)
    step, warnings = newest(tmp_path, read_only=True)
    assert (step, len(warnings)) == (1, 1)
    assert names(tmp_path) == before


def test_a_checkpoint_removed_while_it_is_read_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a running training replaces the checkpoint that is being read, the new one is loaded without a warning."""
    save_checkpoint(tmp_path, small(1), keep=1)

    def read_late(path: Path) -> bytes:
        monkeypatch.setattr(checkpoint, "read_file", read_file)
        save_checkpoint(tmp_path, small(2), keep=1)
        return read_file(path)

    monkeypatch.setattr(checkpoint, "read_file", read_late)
    assert newest(tmp_path, read_only=True) == (2, [])


def test_files_are_synced_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files and their folder are synced before the rename, and the parent folder after it."""
    synced: list[int] = []
    synced_before_rename: list[int] = []
    fsync, rename = os.fsync, os.rename

    def record_sync(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    def record_rename(source: Path, target: Path) -> None:
        synced_before_rename.extend(synced)
        synced.clear()
        rename(source, target)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(os, "rename", record_rename)
    path = save_checkpoint(tmp_path, small(1), keep=1)
    assert {item.stat().st_ino for item in (path, *path.iterdir())} <= set(synced_before_rename)
    assert tmp_path.stat().st_ino in synced


def die_at(point: int, folder: Path) -> None:
    """Count the calls that open, make, rename, remove or sync something, and die before number `point`."""
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: Any) -> None:
        opened = event == "open" and str(folder) in str(arguments[0])
        if opened or event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir"):
            tick()

    def sync(fd: Any) -> None:
        tick()
        fsync(fd)

    fsync = os.fsync
    sys.addaudithook(hook)
    os.fsync = sync


def save_and_die_at_each_point(template: Path, target: Path, step: int, keep: int) -> None:
    """Save into a copy of the template and die, at the first point, at the second, and so on until the save is done."""
    for point in range(1, 1000):
        folder = target / str(point)
        shutil.copytree(template, folder)

        def save(point: int = point, folder: Path = folder) -> None:
            die_at(point, folder)
            save_checkpoint(folder, small(step, 0.75), keep)

        code = forked.run(save)
        if code == 0:
            return
        assert code == -signal.SIGKILL


def test_killed_at_any_point_of_a_save(tmp_path: Path) -> None:
    """After kill -9 at any point of a save, the old or the new checkpoint is whole and the run can save again."""
    cases = {  # Present steps, the step that is saved, and how many are kept.
        "best": ([2], 3, 1),
        "again": ([1, 2], 2, 2),
        "earlier": ([4], 3, 1),
    }
    for name, (present, step, keep) in cases.items():
        for old in present:
            save_checkpoint(tmp_path / "templates" / name, small(old, 0.25), keep=2)
        (tmp_path / name).mkdir()
        save_and_die_at_each_point(tmp_path / "templates" / name, tmp_path / name, step, keep)

    for name, (present, step, keep) in cases.items():
        points = sorted((tmp_path / name).iterdir(), key=lambda folder: int(folder.name))
        assert len(points) > 15  # One folder for each kill, and the last one, where the save succeeded.
        found = [whole_checkpoint_after_a_kill(folder) for folder in points]
        assert set(found) == {(present[-1], 0.25), (step, 0.75)}
        assert found[0] == (present[-1], 0.25) and found[-1] == (step, 0.75)
        for folder in points:
            save_checkpoint(folder, small(step, 0.75), keep)
            assert all(left.startswith("step-") for left in names(folder))
            assert newest(folder) == (step, [])


def whole_checkpoint_after_a_kill(folder: Path) -> tuple[int, float]:
    """Return step and value of the newest checkpoint, which must be the same for readers and the lock's holder."""
    found = [load_newest(folder, pytest.fail, read_only=read_only) for read_only in (True, False)]
    assert found[0] is not None and found[1] is not None and found[0].step == found[1].step
    step, value = found[1].step, float(found[1].state["best"])
    assert found[1].weights["w"].tolist() == [step + value] * 3
    return step, value
