"""Tests that tables of results are printed whole."""

import pytest
from rich.table import Table

from glimpse.evaluation.whole_table import print_whole


@pytest.mark.parametrize("columns", ["20", "60", "200"])
def test_no_cell_is_cut(columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each row is one line with all names and numbers, however narrow the terminal is; so is an output without one."""
    cells = ["its own mean scanpath", "80.59 to 88.04", "100.00", "123,456"]
    for terminal in ("1", "0"):
        monkeypatch.setenv("TTY_COMPATIBLE", terminal)
        monkeypatch.setenv("COLUMNS", columns)
        table = Table("agent", "95 %", "error", "parameters", title="test error")
        table.add_row(*cells)
        print_whole(table)
        line = next(line for line in capsys.readouterr().out.splitlines() if "mean" in line)
        assert [cell.strip() for cell in line.strip("│ ").split("│")] == cells
