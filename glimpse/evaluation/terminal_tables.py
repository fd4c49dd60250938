"""Tables in the terminal, in which nothing is cut or broken at any width.

Where a table is wider than the terminal, its least important columns are left out, and a line below names them. Where
the others are still too wide, each row becomes a few lines. An output that is no terminal has all columns.
"""

from collections.abc import Collection, Sequence

from rich.box import HEAVY_HEAD, Box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from glimpse.envs.printed_lines import wrapped

_LEAST = 24
"""Width of the last column from which on its words may be wrapped in it."""
_UNLIMITED = 100_000
"""Width of an output that is no terminal, so that its lines can be searched."""
_Rows = Sequence[Sequence[str]]


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
        rows: _Rows,
        *,
        title: str = "",
        caption: str = "",
        optional: Sequence[str] = (),
        right: Collection[str] = (),
        bordered: bool = False,
        first_rows: int = 0,
    ) -> None:
        """Print a table; only the words of its last column are wrapped.

        Args:
            columns: names of the columns.
            rows: cells of each row.
            title: line above it, in bold.
            caption: line below it.
            optional: columns that may be left out, the least important first.
            right: columns whose cells are at the right, as numbers are.
            bordered: whether the table has lines.
            first_rows: number of rows above a line.
        """
        self._print_groups(columns, [(title, rows)], optional, right, bordered, first_rows)
        if caption:
            self.print_text(caption)

    def print_grouped(
        self, columns: Sequence[str], groups: Sequence[tuple[str, _Rows]], *, optional: Sequence[str] = ()
    ) -> None:
        """Print a table for each group of rows, below its title; all have the same columns, or all are lines.

        Args:
            columns: names of the columns.
            groups: title and rows of each group.
            optional: columns that may be left out, the least important first.
        """
        self._print_groups(columns, groups, optional)

    def _print_groups(
        self,
        columns: Sequence[str],
        groups: Sequence[tuple[str, _Rows]],
        optional: Sequence[str],
        right: Collection[str] = (),
        bordered: bool = False,
        first_rows: int = 0,
    ) -> None:
        """Print tables of one layout, which is chosen for all of them."""
        tables = [rows for _, rows in groups]
        width, gap = (self.width - 4, 3) if bordered else (self.width, 2)
        left_out = _left_out(columns, tables, optional, width, gap)
        kept = [at for at, column in enumerate(columns) if column not in left_out]
        columns, tables = [columns[at] for at in kept], [[[row[at] for at in kept] for row in rows] for rows in tables]
        fits = all(_fits(columns, rows, width, gap) for rows in tables)
        for (title, _), rows in zip(groups, tables, strict=True):
            if title:
                self.print_text(title, "bold")
            if fits:
                self.print(_table(columns, rows, HEAVY_HEAD if bordered else None, right, first_rows))
            else:
                self._print_as_lines(columns, rows)
        if left_out:
            self.print_text(f"Left out, for a wider terminal: {', '.join(left_out)}")

    def print_text(self, text: str, style: str = "") -> None:
        """Print a text, divided between words where it is wider than the terminal; it keeps its indent."""
        for line in wrapped(text, self.width).split("\n"):
            self.print(Text(line, style), soft_wrap=True)

    def _print_as_lines(self, columns: Sequence[str], rows: _Rows) -> None:
        """Print the first cell of each row, and below it the names of the other columns with what is in them."""
        for row in rows:
            self.print(Text(row[0], "bold"), soft_wrap=True)
            given = zip(columns[1:], row[1:], strict=True)
            below = "; ".join(f"{name}: {cell}" for name, cell in given if cell)
            self.print_text(f"  {below}")


def _left_out(
    columns: Sequence[str], tables: Sequence[_Rows], optional: Sequence[str], width: int, gap: int
) -> list[str]:
    """Return the columns that have to be left out of all tables, in their order; none where even that is not enough."""
    for count in range(len(optional) + 1):
        kept = [at for at, column in enumerate(columns) if column not in optional[:count]]
        names = [columns[at] for at in kept]
        if all(_fits(names, [[row[at] for at in kept] for row in rows], width, gap) for rows in tables):
            return [column for column in columns if column in optional[:count]]
    return []


def _fits(columns: Sequence[str], rows: _Rows, width: int, gap: int) -> bool:
    """Return whether rows fit into a width, with gaps of some cells, if the words of the last column are wrapped."""
    *firsts, last = (max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True))
    longest = max((cell_len(word) for row in (columns, *rows) for word in row[-1].split()), default=0)
    return sum(firsts) + gap * len(firsts) + max(min(last, _LEAST), longest) <= width


def _table(columns: Sequence[str], rows: _Rows, box: Box | None, right: Collection[str], first_rows: int) -> Table:
    table = Table(box=box, pad_edge=box is not None)
    for name in columns:
        last = name == columns[-1]
        table.add_column(Text(name), justify="right" if name in right else "left", no_wrap=not last)
    for number, row in enumerate(rows, 1):
        table.add_row(*map(Text, row), end_section=number == first_rows)
    return table
