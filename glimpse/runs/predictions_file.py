"""What a run answered to each example of an evaluation, in a file beside evaluation.json, so that runs can be compared.

The file is of the safetensors format, which holds nothing but numbers. Its digest is in the record of the evaluation.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from glimpse.envs.core import identifies_examples
from glimpse.errors import UserError
from glimpse.runs.content_digest import content_digest
from glimpse.runs.durable import read_file, replace_file, reporting_read_errors, reporting_write_errors

Columns = Mapping[str, NDArray[Any]]
_NAME = "predictions-{}.safetensors"


def examples_digest(env: Any, seed: int) -> str:
    """Return what two evaluations of the same examples have in common; "" if the environment cannot tell.

    Args:
        env: environment that shows the examples.
        seed: seed of the evaluation, by which canvases are drawn.
    """
    return content_digest([env.shown_examples(), seed]) if identifies_examples(env) else ""


def write_predictions(folder: Path, measured: str, columns: Columns, examples: str) -> dict[str, Any]:
    """Write columns of N examples into a run's folder.

    Args:
        folder: the folder.
        measured: key of the evaluation's record.
        columns: arrays of N rows by name.
        examples: see `examples_digest`.

    Returns:
        Entry of the record, from which `read_predictions` finds the file.

    Raises:
        UserError: if the file cannot be written.
    """
    plain = measured in ("test", "validation")
    path = folder / _NAME.format(measured if plain else hashlib.sha256(measured.encode()).hexdigest()[:16])
    data = safetensors.numpy.save({name: np.ascontiguousarray(column) for name, column in columns.items()})
    with reporting_write_errors(path):
        replace_file(path, data)
    return {"file": path.name, "sha256": hashlib.sha256(data).hexdigest(), "examples_sha256": examples}


def read_predictions(folder: Path, record: Mapping[str, Any]) -> dict[str, NDArray[Any]] | None:
    """Read the columns that belong to a record of an evaluation; None if it has none.

    Raises:
        UserError: if the file is missing, damaged or of another evaluation.
    """
    entry = record.get("predictions")
    if entry is None:
        return None
    again = f"Measure again: glimpse evaluate {folder}"
    name = entry.get("file") if isinstance(entry, dict) else None
    if not isinstance(name, str) or os.path.basename(name) != name or not name.startswith("predictions-"):
        raise UserError(f"the evaluation of {folder} names no file of predictions (got {name!r}). {again}")
    path = folder / name
    with reporting_read_errors(path):
        data = read_file(path)
    if hashlib.sha256(data).hexdigest() != entry.get("sha256"):
        raise UserError(f"{path} is damaged, or of another evaluation than the record. {again}")
    try:
        return dict(safetensors.numpy.load(data))
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not what glimpse evaluate writes. {again}") from None
