"""Tests of the command's streams: closed, full or without letters, and of Ctrl-C from the first import to the end."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import glimpse
from glimpse.cli.command_line import main
from glimpse.cli.standard_streams import print_problem
from glimpse.envs import ENVIRONMENTS
from glimpse.errors import UserError
from tests import forked

_KILL = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.01)\n"


def glimpse_process(
    words: str, path: Sequence[Path] = (), redirect: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `glimpse` in a process of its own, by a shell that redirects its streams."""
    home = str(Path(glimpse.__file__).parent.parent)
    return subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m glimpse {words} {redirect}'],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), home]), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("words", "redirect", "code", "err"),
    [
        ("list cores", ">&-", 0, ""),
        ("list cores", ">&- 2>&- <&-", 0, ""),
        ("list cores", ">/dev/full", 2, "error: writing: No space left on device\n"),
        ("list cores", "| head -1 >/dev/null; exit ${PIPESTATUS[0]}", 141, ""),
        ("list --help", ">/dev/full", 2, "error: writing: No space left on device\n"),
        ("config show nothing", "2>/dev/full", 2, ""),
    ],
)
def test_streams_may_be_closed_or_full(words: str, redirect: str, code: int, err: str) -> None:
    """A closed stream drops what is printed, a full disk is an error, and a reader that ends is none."""
    if words == "list cores" and "head" in redirect:
        words = "config schema"  # More than a pipe holds, so that the reader has gone.
    done = glimpse_process(words, redirect=redirect, PYTHONUNBUFFERED="1")
    assert (done.returncode, done.stderr) == (code, err)


def test_no_file_takes_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """With closed streams, what is printed goes nowhere, and into no file that the command writes."""

    def with_closed_streams() -> int:
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            os.close(number)
            setattr(sys, name, None)  # As Python begins without them.
        return forked.glimpse("masks", "causal", "--size", 4, "--output", tmp_path / "mask.svg")

    assert forked.run(with_closed_streams) == 0
    text = (tmp_path / "mask.svg").read_text()
    assert text.startswith("<svg") and text.rstrip().endswith("</svg>") and str(tmp_path) not in text


def test_a_terminal_without_letters_is_printed_to() -> None:
    """Where the encoding is ASCII, everything is printed with other characters."""
    done = glimpse_process("list environments", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii() and len(done.stdout) > 100


@pytest.mark.parametrize("words", ["masks causal", "data list"])
def test_a_stream_without_letters_is_printed_to(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, where Python has opened the stream."""
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="ascii"))
    assert main(words.split()) == 0
    assert printed.getvalue().isascii() and len(printed.getvalue()) > 100


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("difflib", _KILL),  # While the command itself is imported.
        ("rich", _KILL),  # While the subcommand imports what it needs.
        (
            "rich",
            f"try:\n    {'; '.join(_KILL.splitlines())}\nexcept KeyboardInterrupt:\n    raise ImportError('numpy')\n",
        ),
        ("rich", "class Lost:\n    def __del__(self):\n        " + "; ".join(_KILL.splitlines()) + "\nLost()\n"),
        ("sitecustomize", f"import atexit\natexit.register(lambda: exec({_KILL!r}))\n"),  # When all is done.
    ],
    ids=["first import", "late import", "as another error", "where it cannot be raised", "at the end"],
)
def test_ctrl_c_prints_one_word(module: str, text: str, tmp_path: Path) -> None:
    """Ctrl-C prints a word and gives exit code 130, whatever is being imported, and whatever a library makes of it."""
    (tmp_path / f"{module}.py").write_text(text)
    done = glimpse_process("list cores", [tmp_path])
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_the_handler_of_ctrl_c_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Called from Python, the command line changes no handler of signals."""
    program = (
        "import signal, glimpse\nfrom glimpse.cli.command_line import main\nmain(['list', 'cores'])\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    )
    home = {**os.environ, "PYTHONPATH": str(Path(glimpse.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", program], env=home, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["\udcff", "a\x1b[31mb", "a\nb", "a" * 300])
def test_strange_names_are_printed_safely(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is no UTF-8, or holds control characters, is one line of an error, written by numbers."""
    assert main(["config", "show", name]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1 and err[:-1].isprintable()


def test_an_error_cannot_rewrite_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in a message, which may name what came from elsewhere, are shown and not obeyed."""
    print_problem("one\ntwo\x1b]0;title\x07 three \udcff")
    assert capsys.readouterr().err == "one\ntwo\\x1b]0;title\\x07 three \\udcff\n"


@pytest.mark.parametrize("columns", ["80", "40", "200"])
def test_lists_are_whole_at_any_width(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal of any width every name is whole, in a wide one every id, and lines are broken at spaces only."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("glimpse.cli.data_sets._where", lambda name, path: f"/a/long/path/of/folders/to/{name}")
    assert main(["list"]) == main(["data", "list"]) == 0
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    for name, entry in ENVIRONMENTS.items():
        assert re.search(rf"(?m)(^|\s){re.escape(name)}\s", shown)
        assert columns != "200" or re.search(rf"(?m)\s{re.escape(entry.id)}(;|\s|$)", shown)
    assert "/a/long/path/of/folders/to/fashion-mnist" in shown
    assert "…" not in shown


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("evaluate run --copies 99999999", "expected a whole number of at most 10000, got 99999999"),
        (
            "evaluate run --batch 9999999999999999999999999",
            "expected a whole number of at most 1000000, got 9999999999",
        ),
        ("evaluate run --copies ³", "expected a whole number of at least 1, got '³'"),
        ("evaluate run --device gpu", "expected auto, cpu, cuda or cuda:N, got 'gpu'; did you mean 'cuda'?"),
        ("evaluate run --device cuda:999999", "expected auto, cpu, cuda or cuda:N, got 'cuda:999999'"),
        ("report run --episodes 1000000", "expected a whole number of at most 10000, got 1000000"),
        ("translate run text --beam 99999999", "expected a whole number of at most 1000, got 99999999"),
        ("translate run text --length-penalty 999", "expected a number of at least 0 and at most 10, got '999'"),
        ("reproduce mnist --seeds 100000", "expected a whole number of at most 1000, got 100000"),
    ],
)
def test_absurd_options_are_refused(words: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each number of an option has an upper bound, and its error says which."""
    assert main(words.split()) == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        (
            "GLIMPSE_DATA",
            "~no-such-user/a",
            "GLIMPSE_DATA is '~no-such-user/a', but there is no home folder of '~no-such-user' here",
        ),
        (
            "GLIMPSE_CACHE",
            "~no-such-user",
            "GLIMPSE_CACHE is '~no-such-user', but there is no home folder of '~no-such-user' here",
        ),
        ("GLIMPSE_DATA", __file__, f"GLIMPSE_DATA is {__file__!r}, which is a file: give the folder"),
        ("GLIMPSE_DATA", "", ""),
        ("GLIMPSE_DATA", "some/where", ""),
    ],
)
def test_the_data_folder_is_checked(
    variable: str, value: str, problem: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A data folder that cannot be one is an error; a relative one is completed, and an empty name is none."""
    monkeypatch.setenv(variable, value)
    assert main(["data", "list"]) == (2 if problem else 0)
    shown = capsys.readouterr()
    assert problem in shown.err and shown.err.count("\n") == bool(problem)
    if not problem:
        assert f"data folder  {Path(value).absolute() if value else 'none is named'}" in shown.out


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        (
            "data.root",
            "~no-such-user/a",
            "the data folder (data.root, --root) is '~no-such-user/a', but there is no home folder",
        ),
        ("data.root", __file__, "which is a file: give the folder that holds the data sets' folders"),
        ("data.root", "''", "the data folder (data.root, --root) is empty: give a folder, or leave it out"),
        (
            "task.data",
            "folder:~no-such-user/a",
            "task.data is '~no-such-user/a', but there is no home folder of '~no-such-user' here",
        ),
    ],
)
def test_a_folder_of_a_config_is_checked(
    key: str, value: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder in a config that cannot be one is an error, and the run's folder is given back."""
    run = tmp_path / "run"
    given = ["train.steps=1", "threads=1", "track.mode=disabled", f"{key}={value}"]
    assert main(["train", "mnist-ram", *given, "--run", str(run)]) == 2
    err = capsys.readouterr().err
    assert problem in err and "Traceback" not in err
    assert not run.exists()


def test_a_text_file_at_nobodys_home_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of texts, of vectors and of pairs may not lie in a home folder that there is none of either."""
    for name, given in (
        ("trec-lstm", ["task.data=file:~no-such-user/a.csv", "task.vectors=none"]),
        ("trec-lstm", ["task.vectors=file:~no-such-user/a.txt"]),
        ("multi30k-bahdanau", ["task.data=file:~no-such-user/pairs"]),
    ):
        assert main(["train", name, "train.steps=1", *given, "--run", str(tmp_path / "run")]) == 2
        assert "but there is no home folder of '~no-such-user' here" in capsys.readouterr().err


def test_an_interrupt_of_python_code_is_one_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """KeyboardInterrupt in a subcommand gives 130; an error of the user's gives 2, as ever."""
    for fault, code, err in ((KeyboardInterrupt(), 130, "interrupted\n"), (UserError("no"), 2, "error: no\n")):

        def fail(*_: object, fault: BaseException = fault) -> None:
            raise fault

        monkeypatch.setattr("glimpse.cli.listing.list_command", fail)
        assert main(["list"]) == code
        assert capsys.readouterr().err == err
