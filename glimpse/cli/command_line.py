"""Command `glimpse`: parses its arguments, runs a subcommand, and turns errors into an exit code."""

import argparse
import difflib
import errno
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, TextIO, cast

from glimpse import __version__
from glimpse.agents.errors import AgentError
from glimpse.cli import (
    bench_command,
    compare_command,
    completion_command,
    config_command,
    data_command,
    evaluate_command,
    export_command,
    list_command,
    masks_command,
    predict_command,
    publish_command,
    report_command,
    reproduce_command,
    sweep_command,
    train_command,
    translate_command,
    zoo_command,
)
from glimpse.cli.interrupts import INTERRUPTED, collecting_interrupts
from glimpse.cli.standard_streams import drop_output, open_closed_streams, print_problem, show_all_letters
from glimpse.envs import register_environments
from glimpse.envs.errors import DataError
from glimpse.envs.printed_lines import terminal_width, wrapped
from glimpse.errors import UserError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

_EXAMPLES = """examples:
  glimpse list
  glimpse train digits-ram
  glimpse evaluate runs/digits-ram-seed0
  glimpse report runs/digits-ram-seed0
  glimpse predict mnist-ram digit.png
"""

_COMMANDS = (
    train_command,
    sweep_command,
    evaluate_command,
    predict_command,
    translate_command,
    report_command,
    compare_command,
    export_command,
    publish_command,
    zoo_command,
    masks_command,
    data_command,
    list_command,
    config_command,
    completion_command,
    bench_command,
    reproduce_command,
)
"""The subcommands, in the order of `glimpse --help`. Each imports what it needs when it is run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        The exit code: 0, or 2 after a mistake of the user, 130 after Ctrl-C, 141 where nobody reads on, 143 after
        SIGTERM.
    """
    if argv is None:
        open_closed_streams()
    show_all_letters()
    with collecting_interrupts(of_process=argv is None) as interrupts:
        try:
            return _run(argv)
        except BrokenPipeError:  # The reader, such as `head`, has seen enough.
            drop_output()
            return 128 + 13
        except (KeyboardInterrupt, Exception) as error:
            if not interrupts and not isinstance(error, KeyboardInterrupt):
                raise
            print_problem("interrupted")
            return INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    """Run a command line; a mistake of the user becomes a message and exit code 2."""
    try:
        return _answer(argv)
    except (UserError, DataError, AgentError) as error:
        problem = str(error)
    except OSError as error:
        if isinstance(error, BrokenPipeError) or not _is_of_the_machine(error):
            raise
        problem = f"{error.filename or 'writing'}: {error.strerror}"
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()
    print_problem(f"error: {problem}")
    return 2


def _answer(argv: Sequence[str] | None) -> int:
    """Run a command line and write out what it prints."""
    try:
        arguments = _parse(argv)
        if not arguments.light:
            register_environments()
        code = int(arguments.handler(arguments) or 0)
    except SystemExit as stop:  # argparse has printed help, the version or a mistake.
        code = int(stop.code or 0)
    sys.stdout.flush()
    return code


def _is_of_the_machine(error: OSError) -> bool:
    """Return True if a file or the disk is at fault, which the user can put right."""
    return error.filename is not None or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class _Parser(argparse.ArgumentParser):
    """argparse's parser, which suggests the nearest right word after a wrong one, and tells if it cannot print."""

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        file = cast(TextIO, file or sys.stderr)
        file.write(wrapped(message, terminal_width(file)))

    def error(self, message: str) -> NoReturn:
        """Print how the command is used and what is wrong, and exit with code 2."""
        wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if wrong:
            near = difflib.get_close_matches(wrong[1], re.findall(r"[\w-]+", wrong[2]), n=1)
            # The name of the argument may be a list of all choices, which the message has anyway.
            message = re.sub(r"^argument [^: ]*\|[^: ]*: ", "", message) + (
                f"; did you mean {near[0]!r}?" if near else ""
            )
        super().error(message)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    words = sys.argv[1:] if argv is None else argv
    arguments, rest = make_parser(words[0] if words else None).parse_known_args(argv)
    # argparse fills a list of words at one position only; words after an option are left over.
    if rest and arguments.words and not any(word.startswith("-") for word in rest):
        setattr(arguments, arguments.words, [*getattr(arguments, arguments.words), *rest])
    elif rest:
        arguments.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return arguments


def make_parser(first: str | None = None) -> argparse.ArgumentParser:
    """Make the parser of `glimpse`, with its subcommands.

    Args:
        first: first word of a command line; where it is a subcommand that needs no other, the parser has it alone,
            which takes a tenth of the time.
    """
    parser = _Parser(
        prog="glimpse",
        description="Train and study agents that decide where to look.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"glimpse {__version__}")
    parser.set_defaults(handler=lambda _: parser.print_help(), parser=parser, words=None, root=parser, light=True)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    alone = [command for command in _COMMANDS if command.__name__ == f"{__package__}.{first}_command"]
    for command in _COMMANDS if first in (None, "completion") else alone or _COMMANDS:
        command.add(commands)
    return parser
