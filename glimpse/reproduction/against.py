"""`glimpse reproduce --against DIR`: whether new rows agree with those of another folder, within their intervals."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

from glimpse.evaluation.split_score import wilson_interval
from glimpse.reproduction.result_files import read_table_rows
from glimpse.reproduction.table_entries import row_name
from glimpse.runs.results import Row


def compare_with(names: Sequence[str], output: Path, known: Path, only: Sequence[str] = ()) -> int:
    """Print how the rows of tables agree with known ones, and return 1 if a line differs, else 0.

    Args:
        names: the tables.
        output: folder of the new rows.
        known: folder of the rows that they are compared with.
        only: configs of the lines that are compared; by default all.
    """
    wrong, count = 0, 0
    lines = [Path(config).name.removesuffix(".yaml") for config in only]
    for name in names:
        earlier = {_key(row): row for row in read_table_rows(known, name)}
        for row in read_table_rows(output, name):
            if _key(row) in earlier and (not lines or row_name(row) in lines):
                found = list(_disagreements(row, earlier[_key(row)]))
                wrong, count = wrong + bool(found), count + 1
                for told in found:
                    print(f"{name}: {row_name(row)}, {row['metric']}: {told}")
    print(
        f"{count - wrong} of {count} rows agree with those of {known}"
        if count
        else f"{known} has no row of these lines"
    )
    return int(wrong > 0 or count == 0)


def _key(row: Row) -> tuple[str, str]:
    return row_name(row), row["metric"]


def _disagreements(row: Row, known: Row) -> Iterator[str]:
    """Yield what is wrong with a row if its interval and the known one, with the range of seeds, lie apart."""
    ours, theirs = _ends(row), _ends(known)
    if ours is None or theirs is None:
        return
    if ours[0] > theirs[1] or ours[1] < theirs[0]:
        told = [f"{low:.2f} to {high:.2f}" for low, high in (ours, theirs)]
        yield f"{mean(row['values']):.2f} ({told[0]}), and {mean(known['values']):.2f} ({told[1]}) before"


def _ends(row: Row) -> tuple[float, float] | None:
    """Return the interval of a row, widened to its runs; None if it has none.

    Of a percentage that is no error of examples, such as an F1, Wilson's interval is a bound that is wide enough.
    """
    interval, examples = row.get("interval"), row.get("examples")
    if not isinstance(interval, list):
        is_share = row["metric"].endswith(("_f1", "_recall", "_precision")) and isinstance(examples, int)
        if not is_share:
            return None
        interval = list(wilson_interval(mean(row["values"]) / 100, int(examples or 1)))
    ends = [*interval, *row["values"]]
    return min(ends), max(ends)
