"""The evaluations in a run's folder, in evaluation.json, which may be damaged or written by somebody else."""

import json
import os
from pathlib import Path
from typing import Any

from glimpse.errors import UserError
from glimpse.runs.durable import read_file, reporting_read_errors


def read_evaluation_file(path: Path) -> dict[str, dict[str, Any]]:
    """Read a run's evaluation.json: the record of each split by its name; empty if the file is missing.

    Raises:
        UserError: if it cannot be read, is a link, or is no object of objects, as `glimpse evaluate` writes it.
    """
    with reporting_read_errors(path):
        text = read_file(path) if os.path.lexists(path) else b"{}"
    try:
        known = json.loads(text)
    except (ValueError, RecursionError):
        known = None
    if not isinstance(known, dict) or not all(isinstance(record, dict) for record in known.values()):
        raise not_an_evaluation(path)
    return known


def not_an_evaluation(path: Path) -> UserError:
    """Return the error of an evaluation.json that `glimpse evaluate` did not write."""
    return UserError(
        f"{path} is not what glimpse evaluate writes. Remove it and measure again: glimpse evaluate {path.parent}"
    )
