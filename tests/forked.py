"""Work in a child process that is forked from the test's own, where all imports are made: a new one takes seconds."""

import os
import runpy
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TextIO

from glimpse.cli.command_line import main
from glimpse.sweeps.jobs import Job


def begin(work: Callable[[], object]) -> int:
    """Begin work in a child process, and return its id.

    The child prints where the test prints. It ends with the exit code that the work returns or exits with, None is 0;
    an exception is printed and gives 1. `join` waits for it.
    """
    with warnings.catch_warnings():
        # Python warns of other threads that may hold a lock: those of pytest-xdist wait, and hold none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        code = _exit_code(work)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)  # Without what the test's process does at its end.


def take_streams(*descriptors: int) -> None:
    """Use these files as standard input, output and error, from Python and from what it starts."""
    names = {"stdin": "r", "stdout": "w", "stderr": "w"}
    for number, (descriptor, (name, mode)) in enumerate(zip(descriptors, names.items(), strict=True)):
        os.dup2(descriptor, number)
        setattr(sys, name, os.fdopen(number, mode, closefd=False))


def forget(*packages: str) -> None:
    """Let packages be imported anew, as by a new process."""
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


def show_warnings() -> None:
    """Print warnings, which pytest collects or raises."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))

    warnings.simplefilter("default")
    warnings.showwarning = show


def run_script(file: Path) -> int:
    """Run a script that imports glimpse anew and finds what lies in its folder; return its exit code."""

    def script() -> None:
        forget("glimpse")
        sys.path.insert(0, str(file.parent))
        runpy.run_path(str(file), run_name="__main__")

    return run(script)


def join(child: int) -> int:
    """Wait until a child process ends, and return its exit code, or the negative number of the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(work: Callable[[], object]) -> int:
    """Run work in a child process, and return its exit code, or the negative number of the signal that ended it."""
    return join(begin(work))


def glimpse(*words: object) -> int:
    """Run the command `glimpse` as its own process does, where the words and the signals are the process's."""
    sys.argv = ["glimpse", *map(str, words)]
    return main()


class Training:
    """A training that a worker makes, in place of `start_training`: in a child process without imports of its own."""

    def __init__(self, job: Job) -> None:
        """Begin or resume it."""
        self._child = begin(partial(_train, job))
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        if self._code is None:
            ended, status = os.waitpid(self._child, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if ended else None
        return self._code

    def wait(self) -> int:
        """Return the exit code, as soon as it has ended."""
        self._code = join(self._child) if self._code is None else self._code
        return self._code

    def terminate(self) -> None:
        """Ask it to stop."""
        if self.poll() is None:
            os.kill(self._child, signal.SIGTERM)


def _train(job: Job) -> int:
    with job.log.open("ab") as log, open(os.devnull, "rb") as nothing:
        take_streams(nothing.fileno(), log.fileno(), log.fileno())
        return glimpse(*job.command()[3:])


def _exit_code(work: Callable[[], object]) -> int:
    try:
        done = work()
    except SystemExit as stop:
        done = stop.code
    except BaseException:
        traceback.print_exc()
        return 1
    return done if isinstance(done, int) else 0
