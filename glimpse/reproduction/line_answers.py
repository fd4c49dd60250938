"""What the runs of a line answered to each test example, in `results/answers/CONFIG.npz`, for tests between lines.

Axes: S runs (seeds), N test examples, K numbers of an example.
"""

import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.errors import UserError
from glimpse.runs.durable import read_file, replace_file, reporting_read_errors, reporting_write_errors

FOUND = ("found_at_", "f1_first_")
"""Beginnings of the names of what is found for each question."""
ANSWERS = "answers"
"""Folder of the files, in that of the results."""


@dataclass(frozen=True)
class LineAnswers:
    """Answers of a line.

    examples: digest of the examples of each run; "" where they cannot be told apart from others.
    numbers: arrays of S runs by name. Classes: `wrong` (S, N), whether the averaged answer is wrong, and `single`
        (S, N), the share of single episodes that are. Scores: `true` and `predicted` (S, N). Translations: `bleu`
        (S, N, 10), counts. Else `reward` (S, N). Where documents are searched, also `found_at_2` and so on, (S, N):
        whether the evidence is complete when so many sentences are opened on average, and `f1_first_2` and so on, F1 of
        the first ones.
    """

    examples: tuple[str, ...]
    numbers: Mapping[str, NDArray[Any]]


def answers_of(columns: Sequence[Mapping[str, NDArray[Any]]], examples: Sequence[str]) -> LineAnswers | None:
    """Return the answers of runs from what their evaluations kept, if all kept them of as many examples.

    Args:
        columns: arrays of N examples of each run, as in `answered_examples.Columns`; translations have `bleu`.
        examples: digest of the examples of each run.
    """
    runs = [_numbers(one) for one in columns]
    names = set(runs[0]) if runs else set()
    if not names or any(set(run) != names for run in runs):
        return None
    if any(len({run[name].shape for run in runs}) > 1 for name in names):
        return None
    return LineAnswers(tuple(examples), {name: np.stack([run[name] for run in runs]) for name in sorted(names)})


def _numbers(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the few numbers of each example by which lines are compared, in small types."""
    found = {name: columns[name].astype(np.float16) for name in columns if name.startswith(FOUND)}
    return {**_answered(columns), **found}


def _answered(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return what was answered to each example."""
    if "answer" in columns and "single_wrong" in columns:
        wrong = (columns["label"] != columns["answer"]).reshape(len(columns["label"]), -1).any(-1)
        return {"wrong": wrong, "single": columns["single_wrong"].astype(np.float16)}
    if "predicted" in columns:
        return {name: columns[name].astype(np.float32) for name in ("true", "predicted")}
    if "bleu" in columns:
        return {"bleu": columns["bleu"].astype(np.int16)}
    return {"reward": columns["reward"].astype(np.float32)} if "reward" in columns else {}


def write_answers(results: Path, config: str, answers: LineAnswers | None) -> None:
    """Write the answers of a line, or remove those of earlier runs if there are none.

    Raises:
        UserError: if the file cannot be written.
    """
    path = results / ANSWERS / f"{config}.npz"
    with reporting_write_errors(path):
        if answers is None:
            path.unlink(missing_ok=True)
            return
        data = io.BytesIO()
        named = np.array(answers.examples, dtype="S64")
        np.savez_compressed(data, allow_pickle=False, examples=named, **answers.numbers)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data.getvalue())


def read_answers(results: Path, config: str) -> LineAnswers | None:
    """Read the answers of a line; None where there are none.

    Raises:
        UserError: if the file is damaged.
    """
    path = results / ANSWERS / f"{config}.npz"
    if not os.path.lexists(path):
        return None
    with reporting_read_errors(path):
        data = read_file(path)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            numbers = {name: found[name] for name in found.files}
        examples = tuple(name.decode() for name in numbers.pop("examples").tolist())
    except (ValueError, KeyError, OSError, EOFError, AttributeError, zipfile.BadZipFile):
        raise UserError(f"{path} is not what glimpse reproduce writes. Remove it, and reproduce the line") from None
    return LineAnswers(examples, numbers)
