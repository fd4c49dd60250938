"""Tables of results in the terminal, with all of their numbers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def print_whole(table: "Table") -> None:
    """Print a table; where it is wider than the terminal, its lines are, so that no name or number is cut."""
    from rich.console import Console

    console = Console()
    wide = Console(width=100_000)
    console.width = max(console.width, wide.measure(table).maximum)
    console.print(table, soft_wrap=False, crop=False)
