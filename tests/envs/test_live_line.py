"""Tests of the line that shows how far something is, by what a terminal would show."""

import re
import sys
import time

import pytest
from rich.cells import cell_len

from glimpse.envs.live_line import LiveLine, clear_line, clock, counting, fitting, percent, progress_of

Capture = pytest.CaptureFixture[str]


def make_terminal(patch: pytest.MonkeyPatch, width: int = 80) -> None:
    """Make standard error a terminal of some width, on which each state of a line is drawn."""
    patch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    patch.setattr("glimpse.envs.live_line._REDRAWN", 0.0)
    patch.setenv("TERM", "xterm-256color")
    patch.setenv("COLUMNS", str(width))


def states(written: str) -> list[str]:
    """Return what was in the line, one state after the other, without colours."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", written)
    return [state.strip() for state in plain.split("\x1b[2K") if state.strip()]


def screen(written: str) -> list[str]:
    """Return the lines that a terminal shows in the end, without colours; it knows what rich writes and no more."""
    rows, row, column = [""], 0, 0
    for code, up, text in re.findall(r"(\r|\n|\x1b\[2K)|\x1b\[(\d*)A|((?:(?!\x1b\[\d*A|\x1b\[2K)[^\r\n])+)", written):
        if code == "\n":
            row += 1
            rows += [""] * (row == len(rows))
        elif code == "\r":
            column = 0
        elif code:
            rows[row] = ""
        elif up:
            row -= int(up)
        else:
            text = re.sub(r"\x1b\[[\d;]*m", "", text)
            rows[row] = rows[row][:column].ljust(column) + text + rows[row][column + len(text) :]
            column += len(text)
    assert "\x1b[?25l" not in written, "a process that is killed would leave no cursor"
    return [text for text in rows if text]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_the_line_fits_and_is_gone_in_the_end(width: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """No state is wider than the terminal, nor in two lines; what is printed meanwhile stays."""
    make_terminal(monkeypatch, width)
    with progress_of("pictures of 训练 read", 2_000, after=0.0) as advance:
        for _ in counting(range(4), lambda count: advance(500 * count)):
            pass
        print("a warning", file=sys.stderr)
    shown = capsys.readouterr().err
    assert screen(shown) == ["a warning"]
    for state in states(shown):
        assert all(cell_len(line) < width for line in state.splitlines())
    assert any("25 %" in state for state in states(shown)) and any("100 %" in state for state in states(shown))
    assert any("━" in state for state in states(shown)) == (width >= 40)


def test_what_was_begun_last_is_shown(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one line: that of a training makes room for that of its evaluation, and comes back."""
    make_terminal(monkeypatch)
    outer = LiveLine()
    outer.show(["step 1"])
    with progress_of("episodes", 10, after=0.0) as advance:
        advance(5)
        outer.show(["step 2"])
    outer.show(["step 3"])
    outer.close()
    shown = capsys.readouterr().err
    assert screen(shown) == []
    order = [re.split(r"\s{2,}|\s*━", state)[0] for state in states(shown)]
    assert list(dict.fromkeys(order)) == ["step 1", "episodes", "step 3"]


def test_nothing_is_left_after_an_error(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is removed before a message is printed, however the work has ended."""
    make_terminal(monkeypatch)
    with pytest.raises(KeyboardInterrupt), progress_of("episodes", 10, after=0.0) as advance:
        advance(5)
        raise KeyboardInterrupt
    lost = LiveLine()  # Nobody closes it.
    lost.show(["step 1"])
    clear_line()
    print("interrupted", file=sys.stderr)
    assert screen(capsys.readouterr().err) == ["interrupted"]
    lost.close()


def test_short_work_shows_nothing(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends within a second draws no line."""
    make_terminal(monkeypatch)
    with progress_of("episodes", 10, after=3600.0) as advance:
        advance(10)
    assert capsys.readouterr().err == ""


def test_without_colours(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """NO_COLOR is honoured: the line is drawn without colours; a dumb terminal has no line."""
    make_terminal(monkeypatch)
    for no_color, coloured in (("", True), ("1", False)):
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("NO_COLOR", no_color)
        with progress_of("episodes", 10, after=0.0) as advance:
            advance(5)
        assert bool(re.search(r"\x1b\[[\d;]+m", capsys.readouterr().err)) == coloured
    monkeypatch.setenv("TERM", "dumb")
    with progress_of("episodes", 10, after=0.0) as advance:
        advance(5)
    assert capsys.readouterr().err == ""


def test_a_file_has_plain_lines_now_and_then(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal, a line is printed each minute, with the time that is left."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    with progress_of("train/file", 4_000_000, unit="bytes") as advance:
        for _ in range(4):
            now[0] += 40
            advance(1_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "train/file  50 %  2.0/4.0 MB  1:20 left",
        "train/file  100 %  4.0/4.0 MB  0:00 left",
    ]
    with progress_of("inputs answered") as advance:
        now[0] += 60
        advance(1234)
    assert capsys.readouterr().err == "inputs answered  1,234\n"


def test_parts_are_left_out_from_the_end() -> None:
    """Parts are whole; a later one that would fit takes no earlier one's place, but that of one too wide for all."""
    assert fitting(["ab", "cdefgh", "i"], 8) == ["ab"]
    assert fitting(["ab", "cd", "i"], 9) == ["ab", "cd", "i"]
    assert fitting(["abcdef", "gh"], 3) == ["gh"]
    assert fitting(["训练", "a"], 6) == ["训练"] and fitting(["训练", "a"], 7) == ["训练", "a"]


def test_units() -> None:
    """Only what is done is 100 %; durations have hours where there are any."""
    assert [percent(share) for share in (0.0, 0.999, 1.0)] == ["0 %", "99 %", "100 %"]
    assert [clock(seconds) for seconds in (5, 125.9, 3725)] == ["0:05", "2:05", "1:02:05"]
