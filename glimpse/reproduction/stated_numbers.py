"""Numbers that the header of a config states as results, and whether a result row has them."""

import re
from collections.abc import Iterable, Sequence
from statistics import mean

from glimpse.runs.results import Row

IN_NO_TABLE = "in no table"
"""Words by which a header says that no result row has its numbers."""
_COUNTS = r"\b\d+(?:\.\d+)? (?:to \d+ )?(?:minutes?|seconds?|bits)\b"
_OTHERS = (
    _COUNTS,
    r"\([-+.\d]+, [-+.\d]+\)",
    r"[Vv]alidation[^;,.]*? [-\d.]+\d %?",
    r"the (?:paper has|best policy reads) [\d.]+",
)
"""What is no result on the test set: durations, locations, validation results, published numbers."""
_RESULT = re.compile(r"^# (?:.*\b[Tt]est\b|Balls caught)")
_NUMBER = re.compile(r"(?<![\w.=])\d+\.\d+(?![\w.]*\d)|(?<![\w.=,])\d+(?= %)")


def numbers_without_row(text: str, rows: Sequence[Row]) -> list[str]:
    """Return the results in the header of a config that none of its rows has, as they are written.

    A row has a number that is the rounding of its mean, of one of its values, or of 100 less one: a header may state
    the error where the row has the accuracy. A header that says that it is in no table is not looked at.

    Args:
        text: the config file.
        rows: the config's rows in all tables.
    """
    header = [line for line in text.splitlines() if line.startswith("#")]
    start = next((number for number, line in enumerate(header) if _RESULT.match(line)), None)
    if start is None or IN_NO_TABLE in " ".join(header):
        return []
    told = " ".join(line.lstrip("# ") for line in header[start:])
    for pattern in _OTHERS:
        told = re.sub(pattern, "", told)
    known = [value for row in rows for value in _values(row)]
    return [number for number in dict.fromkeys(_NUMBER.findall(told)) if not _is_among(number, known)]


def _values(row: Row) -> Iterable[float]:
    """Return the numbers of a row that a header may state."""
    values = [float(value) for value in (mean(row["values"]), *row["values"])]
    return [*values, *(100 - value for value in values if row["metric"].startswith("test_"))]


def _is_among(number: str, known: Iterable[float]) -> bool:
    """Return whether a number is the rounding of a known one to as many decimals; both roundings of a half count."""
    digits = len(number.partition(".")[2])
    return any(abs(float(number) - value) <= 0.5001 * 10**-digits for value in known)
