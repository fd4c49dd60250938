"""Writers of predictions: lines for people, JSON lines, and tables that keep the input's columns."""

import csv
import json
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from glimpse.errors import UserError
from glimpse.inference.given_inputs import GivenInput
from glimpse.inference.predictions import Prediction

Writer = Callable[[GivenInput, Prediction], None]


def json_writer(file: TextIO) -> Writer:
    """Return a writer of one JSON object a line: the input's row, and `prediction` with all that is known of it."""

    def write(given: GivenInput, prediction: Prediction) -> None:
        _refuse_taken_names(given.row, ("prediction",))
        file.write(json.dumps({**given.row, "prediction": prediction.to_dict()}, ensure_ascii=False) + "\n")

    return write


def table_writer(file: TextIO, mark: str) -> Writer:
    """Return a writer of a table: the input's columns, and those of `Prediction.cells`."""
    lines = csv.writer(file, delimiter=mark, lineterminator="\n")
    columns: list[str] = []

    def write(given: GivenInput, prediction: Prediction) -> None:
        cells = prediction.cells()
        _refuse_taken_names(given.row, tuple(cells))
        whole = {**given.row, **cells}
        if not columns:
            columns.extend(whole)
            lines.writerow(columns)
        if other := [name for name in whole if name not in columns]:
            raise UserError(f"{given.where} has columns that the first row lacks: {', '.join(other)}; use --json")
        lines.writerow([_cell(whole.get(name)) for name in columns])

    return write


def line_writer(file: TextIO) -> Writer:
    """Return a writer of a line for each input: the answer, its probability if it has one, and the input.

    Below it, indented, are the sentences that were opened where documents are searched.

    Without any of several labels the answer is `-`.
    """

    def write(given: GivenInput, prediction: Prediction) -> None:
        cells = prediction.cells()
        chance = [] if cells.get("probability") is None else [f"{cells['probability']:.3f}"]
        answer = cells["prediction"]
        shown = [f"{answer:.6g}" if isinstance(answer, float) else str(answer) or "-", *chance, given.where]
        file.write("\t".join(" ".join(part.split()) for part in shown) + "\n")
        file.writelines(f"  {line}\n" for line in prediction.lines_below())

    return write


def _refuse_taken_names(row: Mapping[str, Any], added: tuple[str, ...]) -> None:
    """Raise UserError if a column that is added is in the input already."""
    for name in added:
        if name in row:
            raise UserError(f"the input has a column {name!r} already, which predictions are written to: rename it")


def _cell(value: Any) -> Any:
    """Return a value as a table's cell."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple | dict) else value
