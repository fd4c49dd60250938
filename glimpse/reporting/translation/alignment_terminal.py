"""Alignments in the terminal: a row for each target token, a column for each source token."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text as Line

from glimpse.reporting.drawing.svg import printable
from glimpse.reporting.text.text_terminal import background, encodable
from glimpse.reporting.translation.alignment import Alignment

_SHADES = " \u2591\u2592\u2593\u2588"


def print_alignment(one: Alignment, heads: bool = False) -> None:
    """Print the mean over the last layer's heads, or each head: as colours in a terminal, else as characters."""
    if one.mean is None:
        print("this decoder has no attention")
    elif not heads or len(one.maps) == 1:
        _print_map(one, one.mean)
    else:
        for name, weights in one.maps.items():
            print(name)
            _print_map(one, weights)


def _print_map(one: Alignment, weights: NDArray[np.float32]) -> None:
    """Print one map (M, L) with the tokens of both texts."""
    console = Console(highlight=False)
    coloured = console.is_terminal and not console.no_color and console.color_system is not None
    width = max(map(cell_len, map(printable, one.target)), default=0)
    for line in _column_names(one.source, width):
        print(line)
    for name, row in zip(one.target, weights, strict=True):
        shown = printable(name)
        lead = " " * (width - cell_len(shown)) + shown + " "
        if coloured:
            cells = Line(lead)
            for share in row.tolist():
                cells.append("  ", background(console, share, "heat"))
            console.print(cells, soft_wrap=True)
        else:
            print((lead + "".join(2 * _shade(share) for share in row.tolist())).rstrip())


def _column_names(names: Sequence[str], width: int) -> Iterator[str]:
    """Yield lines with the names of columns, written downwards, each two characters wide."""
    rows = max(map(len, names), default=0)
    for at in range(rows):
        letters = (name[at - rows + len(name)] if at >= rows - len(name) else " " for name in map(printable, names))
        yield (" " * (width + 1) + "".join(f"{letter:<2}" for letter in letters)).rstrip()


def _shade(share: float) -> str:
    """Return the character for a weight in [0, 1]."""
    level = round(float(np.clip(share, 0, 1)) * (len(_SHADES) - 1))
    return encodable(_SHADES[level], " .:o#"[level])
