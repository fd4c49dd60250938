"""Rows of `results/NAME.json`, and Markdown tables; both are written by commands, never by hand."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from glimpse.errors import UserError
from glimpse.runs.durable import read_file, replace_file, reporting_read_errors, reporting_write_errors
from glimpse.runs.processor import describe_processor

Row = dict[str, Any]


def describe_device(device: torch.device) -> str:
    """Describe the machine in words, for a row's `device`."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{describe_processor()}, {threads} thread{'s' * (threads > 1)}"


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as JSON, one a line, in one step.

    Raises:
        UserError: if the file cannot be written.
    """
    write_text(path, "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n")


def read_rows(path: Path, command: str, named: str) -> list[Row]:
    """Read the rows that `command` wrote earlier, each with a key `named`; none where there is no file.

    Raises:
        UserError: if the file cannot be read, or is not a list of rows.
    """
    with reporting_read_errors(path):
        text = read_file(path) if os.path.lexists(path) else b"[]"
    try:
        return [{**row, named: str(row[named])} for row in json.loads(text)]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UserError(f"{path} is not what {command} writes. Move it away") from None


def write_text(path: Path, text: str) -> None:
    """Write a file in one step, making its folder. Raises UserError if it cannot be written."""
    with reporting_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())


def markdown_table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table; the first column is text, the others are numbers."""
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [headings, rule, *lines]) + "\n"
