"""Files of a table in the folder of results: its rows in JSON, its page, and its figure."""

from collections.abc import Sequence
from pathlib import Path

from glimpse.reproduction.figures import figure_files
from glimpse.reproduction.line_answers import LineAnswers, read_answers
from glimpse.reproduction.result_rows import complete_row, published_numbers
from glimpse.reproduction.table_entries import row_name
from glimpse.reproduction.table_markdown import table_markdown
from glimpse.reproduction.tables import TABLES, Table
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.results import Row, read_rows, write_rows, write_text


def read_table_rows(results: Path, name: str) -> list[Row]:
    """Read the rows of a table; none where it has no file. Raises UserError if the file is damaged."""
    return read_rows(results / f"{name}.json", "glimpse reproduce", "config")


def ordered_rows(table: Table, rows: Sequence[Row]) -> list[Row]:
    """Return complete rows in the table's order; those of lines that it does not have are dropped."""
    return [
        {**complete_row(row), "published": published_numbers(entry.published, row["metric"])}
        for entry in table.entries
        for row in rows
        if row_name(row) == entry.name
    ]


def stored_answers(results: Path, table: Table) -> dict[str, LineAnswers]:
    """Read the answers of a table's lines that are stored, by name. Raises UserError if a file is damaged."""
    found = {entry.name: read_answers(results, entry.name) for entry in table.entries}
    return {name: answers for name, answers in found.items() if answers is not None}


def write_results(table: Table, path: Path, rows: Sequence[Row]) -> None:
    """Write a table's JSON, Markdown page and figure.

    Args:
        table: the table.
        path: the files' path without suffix.
        rows: result rows in any order; rows of lines that the table does not have are dropped.

    Raises:
        UserError: if a file cannot be written.
    """
    ordered = ordered_rows(table, rows)
    write_rows(path.with_name(f"{path.name}.json"), ordered)
    write_text(
        path.with_name(f"{path.name}.md"), table_markdown(table, ordered, path.name, stored_answers(path.parent, table))
    )
    for end, data in figure_files(table, ordered).items():
        write_picture(path.with_name(f"{path.name}.{end}"), data)


def write_picture(file: Path, data: bytes) -> None:
    """Write a picture in one step. Raises UserError if it cannot be written."""
    with reporting_write_errors(file):
        replace_file(file, data)


def renew_pages(results: Path) -> None:
    """Write the page and the figure of each table that has rows again, from these."""
    for name, table in TABLES.items():
        if rows := read_table_rows(results, name):
            write_results(table, results / name, rows)
