"""A made-up MNIST of 80 digits, and a made-up copy of AttentionMNIST on five of them."""

import dataclasses
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glimpse.envs.data.registry import DATA_SETS, IMAGE_SETS
from glimpse.envs.data.sources import FileSet

TRAIN, TEST = 60, 20
SHOWN = (3, 17, 42, 60, 79)
"""The digits that people saw, counted from 0; the last two are test images."""


def sequence(number: int, answers: list[str], clicks: list[tuple[int, int]] | None = None) -> dict[str, Any]:
    """Return a sequence on a digit, counted from 0, as AttentionMNIST writes it; clicks are (row, column)."""
    places = clicks or [(12, 14), *((4 + step, 6 + number % 10) for step in range(len(answers) - 1))]
    data = {
        f"Glimpse_{step}": {
            "x-coordinate": str(row),
            "y-coordinate": str(column),
            "Duration (seconds)": "",
            "Class": answer,
        }
        for step, ((row, column), answer) in enumerate(zip(places, answers, strict=True), 1)
    }
    return {"Stimuli": f"01_{number + 1}", "Label": str(number % 10), "Data": data}


def usual_sequences() -> list[dict[str, Any]]:
    """Return three sequences on each digit: right from the 1st, the 5th and the 9th look on."""
    found = []
    for number in SHOWN:
        label, wrong = str(number % 10), str((number + 1) % 10)
        found += [sequence(number, [wrong] * late + [label] * (12 - late)) for late in (0, 4, 8)]
    return found


def install_people(folder: Path, monkeypatch: pytest.MonkeyPatch, rows: Any = None) -> Path:
    """Write both data sets into a data folder, and read it and no cache of the user's; return the people's file."""
    images = np.zeros((TRAIN + TEST, 28, 28), np.uint8)
    for number, image in enumerate(images):
        image[4 + 2 * (number % 10) : 9 + 2 * (number % 10), 8:20] = 255
        image[0, 0] = number  # No two digits are equal.
    labels = (np.arange(TRAIN + TEST) % 10).astype(np.uint8)
    files = {}
    for prefix, part in (("train", slice(None, TRAIN)), ("t10k", slice(TRAIN, None))):
        files[f"{prefix}-images-idx3-ubyte"] = _idx(images[part])
        files[f"{prefix}-labels-idx1-ubyte"] = _idx(labels[part])
    (folder / "mnist").mkdir(parents=True)
    for name, content in files.items():
        (folder / "mnist" / name).write_bytes(content)
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    known = dataclasses.replace(IMAGE_SETS["mnist"], files=FileSet("mnist", md5), train=TRAIN, test=TEST)
    monkeypatch.setitem(DATA_SETS, "mnist", known)
    monkeypatch.setenv("GLIMPSE_DATA", str(folder))
    monkeypatch.setenv("GLIMPSE_CACHE", str(folder / "cache"))
    (folder / "human_glimpses").mkdir()
    path = folder / "human_glimpses" / "mnist.json.gz"
    path.write_bytes(gzip.compress(json.dumps(usual_sequences() if rows is None else rows).encode()))
    return path


def _idx(array: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """Return an array as an IDX file."""
    sizes = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
