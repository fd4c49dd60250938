"""Size of a report: as many examples, and as large pictures, as fit into it."""

import math
from collections.abc import Callable

MOST_BYTES = 2_000_000
"""Largest report, all files together."""
MOST_SHOWN = 200
"""Most examples that a report shows."""
_LEAST_DETAIL = 0.5
_SPARE = 0.9
"""Share of what should fit that is tried: sizes of files are not quite proportional to what they show."""

Write = Callable[[int, float], dict[str, bytes]]
"""Returns a report's files by name, for a number of examples and a detail in (0, 1], a factor of sides or lengths."""


def fitting_files(write: Write, examples: int) -> dict[str, bytes]:
    """Return the files of a report that is not too large: first detail is lowered, then the number of examples.

    Args:
        write: writes the report.
        examples: number of examples to show.
    """
    detail = 1.0
    while True:
        files = write(examples, detail)
        size = sum(map(len, files.values()))
        if size <= MOST_BYTES or (examples == 1 and detail <= _LEAST_DETAIL):
            return files
        if detail > _LEAST_DETAIL:
            detail = max(_LEAST_DETAIL, detail * min(_SPARE, math.sqrt(MOST_BYTES / size)))
        else:
            examples = max(1, min(examples - 1, int(_SPARE * examples * MOST_BYTES / size)))


def fewer_note(shown: int, wanted: int) -> str:
    """Return a sentence if fewer examples are shown than were wanted, which are there; else ""."""
    size = f"{MOST_BYTES / 1e6:g} MB"
    return "" if shown >= wanted else f" {wanted:,} were asked for; more do not fit into a report of {size}."
