"""Command `glimpse`: parses its arguments, runs a subcommand, and turns errors into an exit code."""

import argparse
import difflib
import errno
import io
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from glimpse import __version__
from glimpse.agents.errors import AgentError
from glimpse.cli import (
    bench_command,
    config_command,
    data_command,
    evaluate_command,
    list_command,
    masks_command,
    report_command,
    reproduce_command,
    train_command,
    translate_command,
)
from glimpse.envs.errors import DataError
from glimpse.errors import UserError

_EXAMPLES = """examples:
  glimpse list
  glimpse train configs/images/mnist-ram.yaml
  glimpse train configs/images/mnist-ram.yaml train.minutes=3 seed=1 --run runs/short
  glimpse train --resume runs/short
  glimpse evaluate runs/short
  glimpse report runs/short
"""

_COMMANDS = (
    train_command,
    evaluate_command,
    translate_command,
    report_command,
    masks_command,
    data_command,
    list_command,
    config_command,
    bench_command,
    reproduce_command,
)
"""The subcommands, in the order of `glimpse --help`. Each imports what it needs when it is run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        The exit code: 0, or 2 after a mistake of the user, 130 after Ctrl-C, 143 after SIGTERM.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal with an 8-bit encoding shows other characters by their numbers, as standard error does.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:  # The reader, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    return code


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = _parse(argv)
        return int(arguments.handler(arguments) or 0)
    except SystemExit as stop:  # argparse has printed help, the version or a mistake.
        return int(stop.code or 0)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (UserError, DataError, AgentError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if isinstance(error, BrokenPipeError) or not _is_of_the_machine(error):
            raise
        print(f"error: {error.filename or 'writing'}: {error.strerror}", file=sys.stderr)
        return 2


def _is_of_the_machine(error: OSError) -> bool:
    """Return True if a file or the disk is at fault, which the user can put right."""
    return error.filename is not None or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class _Parser(argparse.ArgumentParser):
    """argparse's parser, which suggests the nearest right word after a wrong one."""

    def error(self, message: str) -> NoReturn:
        """Print how the command is used and what is wrong, and exit with code 2."""
        wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if wrong:
            near = difflib.get_close_matches(wrong[1], re.findall(r"[\w-]+", wrong[2]), n=1)
            message += f"; did you mean {near[0]!r}?" if near else ""
        super().error(message)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    arguments, rest = _parser().parse_known_args(argv)
    # argparse fills a list of words at one position only; words after an option are left over.
    if rest and arguments.words and not any(word.startswith("-") for word in rest):
        setattr(arguments, arguments.words, [*getattr(arguments, arguments.words), *rest])
    elif rest:
        arguments.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="glimpse",
        description="Train and study agents that decide where to look.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"glimpse {__version__}")
    parser.set_defaults(handler=lambda _: parser.print_help(), parser=parser, words=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser
