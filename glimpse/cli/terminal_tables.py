"""Tables in the terminal, whole at any width: where one does not fit, each row becomes a few lines."""

import textwrap
from collections.abc import Collection, Sequence

from rich.box import HEAVY_HEAD, Box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_LEAST = 24
"""Width of the last column from which on its words may be wrapped in it."""
_UNLIMITED = 100_000
"""Width of an output that is no terminal, so that its lines can be searched."""


class TableConsole(Console):
    """Console that is never wider than its terminal, and has lines of any length elsewhere."""

    def __init__(self) -> None:
        """Find the width of the terminal, if there is one."""
        super().__init__(highlight=False)
        if not self.is_terminal:
            self.width = _UNLIMITED

    def on_broken_pipe(self) -> None:
        """Tell the caller that nobody reads on."""
        raise BrokenPipeError

    def print_table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        bordered: bool = False,
        optional: Collection[str] = (),
    ) -> None:
        """Print a table; the words of its last column are wrapped, and nothing is cut or broken.

        Args:
            columns: names of the columns.
            rows: cells of each row.
            bordered: whether the table has lines.
            optional: columns that are left out where the table does not fit.
        """
        if optional and not _fits(columns, rows, self.width - 3 * bordered * len(columns)):
            kept = [at for at, column in enumerate(columns) if column not in optional]
            columns, rows = [columns[at] for at in kept], [[row[at] for at in kept] for row in rows]
        if _fits(columns, rows, self.width - 3 * bordered * len(columns)):
            self.print(_table(columns, rows, HEAVY_HEAD if bordered else None))
            return
        for row in rows:
            self.print(Text(row[0], "bold"), soft_wrap=True)
            for line in _lines(columns[1:], row[1:], self.width):
                self.print(Text(line), soft_wrap=True)


def _fits(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Return whether rows fit into a width, without lines, if the words of the last column are wrapped."""
    *firsts, last = (max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True))
    longest = max((cell_len(word) for row in rows for word in row[-1].split()), default=0)
    return sum(firsts) + 2 * len(firsts) + max(min(last, _LEAST), longest) <= width


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], box: Box | None) -> Table:
    table = Table(*columns, box=box, pad_edge=box is not None)
    for column in table.columns[:-1]:
        column.no_wrap = True
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _lines(names: Sequence[str], cells: Sequence[str], width: int) -> list[str]:
    """Return the lines of a row below its first cell: the name of each column and what is in it."""
    given = "; ".join(f"{name}: {cell}" for name, cell in zip(names, cells, strict=True) if cell)
    return textwrap.wrap(
        given, width, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
