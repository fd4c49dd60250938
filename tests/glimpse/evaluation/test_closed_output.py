"""Work ends although nobody reads its output."""

import io
import sys

import pytest

from glimpse.evaluation.closed_output import surviving_closed_output


class _Closed(io.StringIO):
    """Stream whose reader goes after the first line."""

    def write(self, text: str) -> int:
        """Take one line."""
        if self.getvalue().endswith("\n"):
            raise BrokenPipeError
        return super().write(text)


def test_work_ends_before_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is computed and the stream is put back, then the closed pipe is told; what was read stays."""
    done, stream = [], _Closed()
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(BrokenPipeError), surviving_closed_output():
        for number in range(3):
            print(number)
            done.append(number)
    assert done == [0, 1, 2] and stream.getvalue() == "0\n" and sys.stdout is stream


def test_errors_of_the_work_come_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An error inside is raised as it is, and without one nothing changes."""
    with surviving_closed_output():
        print("whole")
    assert capsys.readouterr().out == "whole\n"
    monkeypatch.setattr(sys, "stdout", _Closed())
    with pytest.raises(ZeroDivisionError), surviving_closed_output():
        print("a\nb")
        print("c")
        raise ZeroDivisionError
