"""Tests of lines for people: divided between words on a terminal, whole elsewhere."""

import io

import pytest

from glimpse.cli.command_line import main
from glimpse.envs.printed_lines import print_line, wrapped


class _Terminal(io.StringIO):
    """Stream that is a terminal, without a size of its own."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 8, ["one two", "three"]),
        ("one two three", None, ["one two three"]),
        ("one two", 7, ["one two"]),
        ("first\n  - one two\nlast", 7, ["first", "  - one", "  two", "last"]),
        ("no averylongword here", 6, ["no", "averylongword", "here"]),
        ("\u4e00\u4e8c \u4e09", 6, ["\u4e00\u4e8c", "\u4e09"]),  # A Chinese letter has two cells.
        ("a   b", 5, ["a   b"]),
        ("", 5, [""]),
    ],
)
def test_lines_are_divided_between_words(text: str, width: int | None, lines: list[str]) -> None:
    """Lines that are too wide are divided, each with its indent; others stay as they are."""
    assert wrapped(text, width).split("\n") == lines


def test_only_a_terminal_has_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has whole lines whatever COLUMNS says; a terminal has it, or the size that it tells."""
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    monkeypatch.setenv("COLUMNS", "8")
    for file, printed in ((io.StringIO(), "one two three\n"), (_Terminal(), "one two\nthree\n")):
        print_line("one two three", file)
        assert file.getvalue() == printed
    monkeypatch.setenv("COLUMNS", "")
    print_line("one two three", unknown := _Terminal())
    assert unknown.getvalue() == "one two three\n"


@pytest.mark.parametrize("words", ["train digits-ram train.stesp=3 agnet.name=ram", "evaluate --devise cpu --splt"])
def test_errors_are_divided_too(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mistakes of a config and of the command line fit a narrow terminal."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "40")
    assert main(words.split()) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 2 and [line for line in lines if len(line) > 40 and len(line.split()) > 1] == []
