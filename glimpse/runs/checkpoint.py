"""Checkpoints that survive a crash at any moment, are verified before use, and never run code.

A checkpoint is a folder ``step-000000123`` with three files: ``weights.safetensors`` (the agent's state
dict), ``state.pt`` (whatever else training needs; loaded with weights only) and ``manifest.json`` (the size
and sha256 of both). That of a published run, from which nothing is resumed, has ``state.json`` in place of
``state.pt``, which also says how its weights are rounded. It is written under a temporary name, synced, and
then renamed, so that a visible checkpoint is a complete one. A step that is saved again gets a revision,
``step-000000123.1``, because a folder cannot be replaced in one step.
"""

import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from glimpse.errors import UserError
from glimpse.runs.durable import (
    TEMPORARY,
    read_file,
    reporting_read_errors,
    reporting_write_errors,
    sync_folder,
)
from glimpse.runs.links import make_folder, open_folder, refuse_link
from glimpse.runs.run_folder import PLAIN_STATE
from glimpse.runs.stored_weights import Bits, restore_weights, store_weights, stored_bits

FORMAT = 2
WEIGHTS = "weights.safetensors"
STATE = "state.pt"
MANIFEST = "manifest.json"
QUARANTINE = ".bad-"
_NAME = re.compile(r"step-(\d{9,})(?:\.(\d+))?")


class CheckpointError(UserError):
    """A checkpoint is missing, damaged, or not one that this version writes."""


class OtherFormatError(CheckpointError):
    """A checkpoint was written by another version; it is intact, and no earlier one would do."""


@dataclass(frozen=True)
class Checkpoint:
    """Complete state of a run, from which it resumes exactly.

    All tensors of a loaded checkpoint are on the CPU; `load_state_dict` copies them where they belong.
    """

    step: int
    """Number of updates made."""
    weights: dict[str, Tensor]
    """The agent's state dict. Tied weights are written once for each of their names."""
    state: dict[str, Any]
    """Optimiser, averaged weights, counters: tensors, numbers, strings, None, and lists and dicts of them."""
    bits: Bits = 32
    """Bits of a weight in the file that it was loaded from; fewer than 32 only of a published run."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int, published_bits: Bits | None = None) -> Path:
    """Save a checkpoint in `folder` and remove all but the `keep` newest.

    A crash at any moment leaves at least one complete checkpoint where there was one, so with `keep` 1 a
    folder of its own holds the best. Checkpoints of later steps are removed: they belong to a future that
    was given up when the run went back. Only the holder of the run's lock may call this.

    Args:
        folder: Where the run keeps checkpoints; made if missing.
        checkpoint: What to save.
        keep: Number of checkpoints left in `folder`, at least 1.
        published_bits: For a published run, to how many bits its weights are rounded, see `store_weights`. The state is
            written as JSON then, and must hold no tensors. None for a run that is trained.

    Returns:
        The checkpoint's own folder.

    Raises:
        UserError: It cannot be written (full disk, read-only folder), or a weight is too large to be rounded. Earlier
            ones are intact.
        TypeError: The state holds something that could not be loaded again with weights only.
    """
    if keep < 1:
        raise ValueError(f"keep must be at least 1, got {keep}")
    files = _to_bytes(checkpoint, published_bits)
    with reporting_write_errors(folder):
        make_folder(folder)
        sync_folder(folder.parent)
        _remove_leftovers(folder)
        path = _publish(folder, checkpoint.step, files)
        _prune(folder, path, keep)
    return path


def load_checkpoint(path: Path) -> Checkpoint:
    """Verify one checkpoint's folder and load it, to the CPU, without ever running code from it.

    Raises:
        CheckpointError: It is missing, damaged, of another format, or holds more than plain data.
        UserError: It cannot be read (permissions, a failing disk).
    """
    step, weights, (name, state) = _verified_files(path)
    try:
        saved, tensors = _parse_state(step, name, state), safetensors.torch.load(weights)
        restored = restore_weights(tensors, saved["stored"]) if "stored" in saved else tensors
        return Checkpoint(step, restored, saved["state"], stored_bits(tensors))
    except MemoryError:
        raise
    except Exception as error:  # Bytes from outside may break the two parsers in any way.
        raise CheckpointError(
            f"checkpoint {path} holds something that glimpse does not load: {error}. {_remedy(path)}"
        ) from error


def load_newest(folder: Path, warn: Callable[[str], None], read_only: bool = False) -> Checkpoint | None:
    """Load the newest good checkpoint in `folder`; None where there is none.

    Damaged ones are passed over with a warning and renamed to ``.bad-NAME``, so that nothing trips over them
    again and somebody can look at them.

    Args:
        folder: Where a run keeps checkpoints.
        warn: Told about each damaged one.
        read_only: Rename and remove nothing. For those who do not hold the run's lock: the run may be going
            on, saving and removing checkpoints meanwhile.

    Raises:
        OtherFormatError: The newest one was written by another version.
        CheckpointError: The only one of a published run is damaged.
        UserError: A checkpoint cannot be read, or a damaged one cannot be renamed.
    """
    if not read_only:
        _remove_leftovers(folder)
    passed_over: set[Path] = set()
    while True:
        with reporting_read_errors(folder):
            remaining = [path for path in _published(folder) if path not in passed_over]
        if not remaining:
            return None
        newest = remaining[-1]
        try:
            return load_checkpoint(newest)
        except OtherFormatError:
            raise
        except CheckpointError as error:
            if os.path.lexists(newest / PLAIN_STATE):
                raise  # A published run has no other one.
            if read_only and not newest.exists():
                continue  # The run has just removed it, since it saved a newer one.
            passed_over.add(newest)
            aside = "" if read_only else f" and kept as {_quarantine(newest).name}"
            warn(f"{error} (passed over{aside})")


def holds_damaged(folder: Path) -> bool:
    """Return whether a folder of checkpoints holds one that is damaged, set aside or not, as far as names tell."""
    return folder.is_dir() and any(
        path.name.startswith(QUARANTINE) or _NAME.fullmatch(path.name) for path in folder.iterdir()
    )


def load_averaged(folder: Path, count: int) -> Checkpoint:
    """Load the newest checkpoint in `folder`, with the mean weights of the `count` newest (Vaswani et al., 2017, 6.1).

    Numbers that are no floats, such as counters, are those of the newest.

    Raises:
        CheckpointError: There are fewer, or one of them is damaged.
        UserError: One cannot be read.
    """
    with reporting_read_errors(folder):
        newest = _published(folder)[-count:]
    if len(newest) < count:
        raise CheckpointError(
            f"{folder} has {len(newest)} of the {count} checkpoints whose mean is asked for. "
            f"Train with train.keep={count}, and with train.save_every as far apart as they should be"
        )
    *others, last = (load_checkpoint(path) for path in newest)
    weights = {
        name: torch.stack([value, *(one.weights[name] for one in others)]).mean(0)
        if value.is_floating_point()
        else value
        for name, value in last.weights.items()
    }
    return replace(last, weights=weights)


def _to_bytes(checkpoint: Checkpoint, published_bits: Bits | None) -> dict[str, bytes]:
    """Return the content of each file."""
    weights, state = checkpoint.weights, {"step": checkpoint.step, "state": checkpoint.state}
    if published_bits:
        weights, form = store_weights(weights, published_bits)
        state["stored"] = form.model_dump(mode="json", exclude_defaults=True)
    # Cloning gives tied weights storages of their own, which safetensors asks for.
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in weights.items()
    }
    name = PLAIN_STATE if published_bits else STATE
    try:
        written = _state_bytes(state, published_bits is not None)
        _parse_state(checkpoint.step, name, written)
    except Exception as error:  # Better now than when the run is to be resumed.
        raise TypeError(f"the state of a checkpoint must be plain data: {error}") from error
    files = {WEIGHTS: safetensors.torch.save(tensors), name: written}
    return files | {MANIFEST: json.dumps(_manifest(checkpoint.step, files), indent=2).encode()}


def _state_bytes(state: dict[str, Any], plain: bool) -> bytes:
    """Write a state as JSON, or as torch does."""
    if plain:
        return (json.dumps(state, allow_nan=False) + "\n").encode()
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def _parse_state(step: int, name: str, data: bytes) -> dict[str, Any]:
    """Return what a file of the state holds, which must be that of `step`; raises whatever the parser raises."""
    plain = name == PLAIN_STATE
    saved = json.loads(data) if plain else torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    if saved["step"] != step:
        raise ValueError(f"{name} is of step {saved['step']}, {MANIFEST} of step {step}")
    return {**saved, "state": dict(saved["state"])}


def _manifest(step: int, files: dict[str, bytes]) -> dict[str, Any]:
    """Describe the files of a checkpoint."""
    sums = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    return {"format": FORMAT, "step": step, "files": sums}


def _verified_files(path: Path) -> tuple[int, bytes, tuple[str, bytes]]:
    """Return the step, the weights, and the name and content of the state, if they are what the manifest says."""
    text = _read(path, MANIFEST)
    state = PLAIN_STATE if os.path.lexists(path / PLAIN_STATE) else STATE
    files = {name: _read(path, name) for name in (WEIGHTS, state)}
    try:
        manifest = json.loads(text)
        step, version = manifest["step"], manifest["format"]
        if type(step) is not int or type(version) is not int or not 0 <= step < 2**63:
            raise ValueError("step and format should be integers")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(path, f"{MANIFEST} is not a manifest") from error
    if version != FORMAT:
        raise OtherFormatError(
            f"checkpoint {path} has format {version}; this version of glimpse reads format {FORMAT}. "
            "Train anew, or use the version that wrote it"
        )
    expected = _manifest(step, files)
    if manifest != expected:
        wrong = [name for name in files if expected["files"][name]["sha256"].encode() not in text]
        raise _damaged(path, f"{' and '.join(wrong) or 'the list of files'} differs from {MANIFEST}")
    return step, files[WEIGHTS], (state, files[state])


def _read(path: Path, name: str) -> bytes:
    """Return the content of one file of a checkpoint."""
    # Other errors of the system say nothing about the checkpoint, which must not be set aside for them.
    with reporting_read_errors(path / name):
        try:
            refuse_link(path)
            return read_file(path / name)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise _damaged(path, f"it has no file {name}") from error


def _damaged(path: Path, what: str) -> CheckpointError:
    """Return the error that names the checkpoint, what is wrong with it, and what to do."""
    return CheckpointError(f"checkpoint {path} is damaged: {what}. {_remedy(path)}")


def _remedy(path: Path) -> str:
    """Say what to do about a checkpoint that is damaged."""
    published = os.path.lexists(path / PLAIN_STATE)
    return "Put the published run back from a copy, or fetch it again" if published else "Use an earlier one"


def _published(folder: Path) -> list[Path]:
    """Return the checkpoints in `folder` from the oldest to the newest; unverified."""
    refuse_link(folder)
    names = folder.iterdir() if folder.is_dir() else ()
    return sorted((path for path in names if _NAME.fullmatch(path.name)), key=_step_and_revision)


def _step_and_revision(path: Path) -> tuple[int, int]:
    """Read a checkpoint's name."""
    step, _, revision = path.name.removeprefix("step-").partition(".")
    return int(step), int(revision or 0)


def _publish(folder: Path, step: int, files: dict[str, bytes]) -> Path:
    """Write the files under a temporary name and rename their folder to a name that is free."""
    present = map(_step_and_revision, _published(folder))
    revisions = [revision for present_step, revision in present if present_step == step]
    path = folder / (f"step-{step:09d}" + (f".{max(revisions) + 1}" if revisions else ""))
    temporary = folder / (TEMPORARY + path.name)
    try:
        temporary.mkdir()
        with open_folder(temporary, follow=False) as opened:
            for name, data in files.items():
                opened.write_new(name, data)
            opened.sync()
        temporary.rename(path)
        sync_folder(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path


def _prune(folder: Path, saved: Path, keep: int) -> None:
    """Remove all but the one just saved and the `keep` - 1 newest of earlier steps."""
    step, _ = _step_and_revision(saved)
    others = [path for path in _published(folder) if path != saved]
    earlier = [path for path in others if _step_and_revision(path)[0] < step]
    kept = earlier[::-1][: keep - 1]
    for path in others:
        if path not in kept:
            # Renamed first, for a half-removed checkpoint must not look like a damaged one.
            path.rename(folder / (TEMPORARY + path.name))
    _remove_leftovers(folder)


def _remove_leftovers(folder: Path) -> None:
    """Remove what a crash left under temporary names."""
    for path in folder.glob(TEMPORARY + "*"):
        shutil.rmtree(path, ignore_errors=True)  # This follows no link.


def _quarantine(path: Path) -> Path:
    """Rename a damaged checkpoint to the first free ``.bad-NAME`` or ``.bad-NAME-n`` and return that."""
    target, n = path.with_name(QUARANTINE + path.name), 0
    while target.exists():
        n += 1
        target = path.with_name(f"{QUARANTINE}{path.name}-{n}")
    with reporting_write_errors(target):
        path.rename(target)
    return target
