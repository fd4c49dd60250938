"""`glimpse compare`: print what differs between runs, and write it as a page or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.reporting.comparison import Comparison, compare_runs
from glimpse.reporting.comparison_page import comparison_page
from glimpse.reporting.comparison_tables import NOTE, ComparisonTable, comparison_notes, comparison_tables
from glimpse.reporting.drawing.svg import printable
from glimpse.runs.results import write_text


def compare_command(folders: Sequence[Path], page: Path | None = None, data: Path | None = None) -> None:
    """Compare runs and print tables.

    Args:
        folders: folders of two runs or more.
        page: file of an HTML page; None for none.
        data: file of all results as JSON; None for none.

    Raises:
        UserError: as `compare_runs`; or if a file cannot be written.
    """
    found = compare_runs(folders)
    for table in comparison_tables(found):
        _print(table)
    if any(pair.tests for pair in found.pairs):
        print_line(NOTE)
    for note in comparison_notes(found):
        print_line(f"note: {printable(note)}")
    if page is not None:
        write_text(page, comparison_page(found))
    if data is not None:
        write_text(data, json.dumps(_plain(found), indent=1, ensure_ascii=False) + "\n")
    for path in filter(None, (page, data)):
        print_line(f"written to {path}")


def _print(table: ComparisonTable) -> None:
    """Print a table with numbers at the right."""
    TableConsole().print_table(
        table.headings,
        [[printable(cell) for cell in row] for row in table.rows],
        title=printable(table.title),
        optional=table.optional,
        right=() if table.title == "Runs" else table.headings[1:],
        bordered=True,
    )


def _plain(found: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data."""
    runs = [
        {"run": run.letter, "folder": str(run.folder), "config": run.experiment.model_dump(mode="json")}
        for run in found.runs
    ]
    return {
        "runs": runs,
        "differences": found.differences,
        "metrics": found.metrics,
        "tests": [asdict(pair) for pair in found.pairs],
        "curves": found.curves,
    }
