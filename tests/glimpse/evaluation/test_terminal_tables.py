"""Tests that tables fit any terminal, with all of their values or with the names of what was left out."""

import random
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

import glimpse
from glimpse.benchmarks.stopwatch import result_line
from glimpse.evaluation.terminal_tables import TableConsole

Capture = pytest.CaptureFixture[str]
COLUMNS = ["agent", "greedy", "M = 10", "95 %", "glimpses"]
ROWS = [
    ["ram", "0.50", "0.46", "0.40 to 0.55", "6.00"],
    ["its own mean scanpath", "81.20", "80.59", "80 to 81", "6.00"],
]
OPTIONAL = ["glimpses", "greedy", "95 %"]


def make_terminal(patch: pytest.MonkeyPatch, width: int) -> None:
    """Make standard output a terminal of some width."""
    patch.setenv("TTY_COMPATIBLE", "1")
    patch.setenv("NO_COLOR", "1")
    patch.setenv("TERM", "xterm")
    patch.setenv("COLUMNS", str(width))


def printed(capsys: Capture) -> str:
    """Return what was printed, without styles."""
    return re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)


@pytest.mark.parametrize("bordered", [False, True])
@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (80, []),
        (60, ["glimpses"]),
        (50, ["greedy", "glimpses"]),
        (36, ["greedy", "95 %", "glimpses"]),
    ],
)
def test_the_least_important_columns_are_left_out_first(
    width: int, left_out: list[str], bordered: bool, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The table has the columns that fit, whole, and says which ones it does not have."""
    make_terminal(monkeypatch, width)
    TableConsole().print_table(COLUMNS, ROWS, title="errors", optional=OPTIONAL, right=COLUMNS[1:], bordered=bordered)
    title, *lines = printed(capsys).splitlines()
    assert title == "errors" and max(map(cell_len, lines)) <= width
    kept = [at for at, column in enumerate(COLUMNS) if column not in left_out]
    for cells in ([COLUMNS[at] for at in kept], *([row[at] for at in kept] for row in ROWS)):
        assert any(" ".join(line.replace("│", " ").replace("┃", " ").split()) == " ".join(cells) for line in lines)
    told = " ".join(lines).partition("Left out, for a wider terminal: ")[2]
    assert " ".join(told.split()) == ", ".join(left_out)


@pytest.mark.parametrize("width", [80, 20, 12])
def test_groups_have_one_layout(width: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Tables of a listing have the same columns, or all of them are lines: it is decided once."""
    make_terminal(monkeypatch, width)
    groups = [("short", [["a", "1", "x"]]), ("long", [["a long name", "123456789", "y"]])]
    TableConsole().print_grouped(["name", "id", "what"], groups, optional=["id"])
    assert [line.rstrip() for line in printed(capsys).splitlines()] == {
        80: [
            "short",
            "name  id  what",
            "a     1   x",
            "long",
            "name         id         what",
            "a long name  123456789  y",
        ],
        20: ["short", "name  what", "a     x", "long", "name         what", "a long name  y"]
        + ["Left out, for a", "wider terminal: id"],
        12: ["short", "a", "  id: 1;", "  what: x", "long", "a long name", "  id:", "  123456789;", "  what: y"],
    }[width]


def test_rows_are_lines_where_nothing_else_fits(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """In 20 columns each row has all of its values, with their names, in a few lines."""
    make_terminal(monkeypatch, 20)
    TableConsole().print_table(COLUMNS, ROWS[1:], optional=OPTIONAL, bordered=True)
    assert printed(capsys).splitlines() == [
        "its own mean scanpath",
        "  greedy: 81.20; M =",
        "  10: 80.59; 95 %:",
        "  80 to 81;",
        "  glimpses: 6.00",
    ]


def test_a_file_has_everything_in_one_line_each(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Without a terminal no column is left out, whatever COLUMNS says."""
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    monkeypatch.setenv("COLUMNS", "20")
    TableConsole().print_table(COLUMNS, ROWS, optional=OPTIONAL)
    assert [line.split("  ")[0] for line in printed(capsys).splitlines()] == [
        "agent",
        "ram",
        "its own mean scanpath",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_value_is_cut_or_lost(width: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """In tables of random words, wide characters too, each value of a column that is shown stands there whole."""
    make_terminal(monkeypatch, width)
    drawn = random.Random(width)
    for _ in range(30):
        columns = [f"column {at}" for at in range(drawn.randint(2, 8))]
        rows = [["".join(drawn.choices("abc训练.", k=drawn.randint(1, 15))) for _ in columns] for _ in range(3)]
        optional = drawn.sample(columns[1:], drawn.randint(0, len(columns) - 1))
        TableConsole().print_table(columns, rows, optional=optional, bordered=drawn.random() < 0.5)
        shown = printed(capsys)
        assert "…" not in shown and max(map(cell_len, shown.splitlines())) <= width
        left_out = " ".join(shown.partition("Left out")[2].split())
        at = [at for at, column in enumerate(columns) if column not in left_out]
        assert all(column in optional for column in columns if column in left_out)
        assert all(row[one] in shown for row in rows for one in at)


def test_a_result_of_the_bench_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is too wide is broken between words, with its value whole."""
    given = ("training", "batch 512, 1 thread, float32, not compiled", "12,345", "images/s")
    make_terminal(monkeypatch, 40)
    assert result_line(*given) == ("training, batch 512, 1 thread, float32,\n  not compiled\n  12,345 images/s")
    make_terminal(monkeypatch, 120)
    assert result_line(*given).split() == " ".join(given).split() and "\n" not in result_line(*given)


def test_tables_are_made_here_alone() -> None:
    """No other module makes a table of rich's, which would cut its cells."""
    folder = Path(glimpse.__path__[0])
    importers = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if "rich.table" in path.read_text(encoding="utf-8")
    }
    assert importers == {"evaluation/terminal_tables.py"}
