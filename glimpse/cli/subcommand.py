"""Common parts of subcommands: their parser, and options that several have."""

import argparse
from collections.abc import Callable
from typing import Any, TypeAlias

from glimpse.cli.option_types import count_up_to, device

Commands: TypeAlias = "argparse._SubParsersAction[Any]"


def add_command(
    commands: Commands,
    name: str,
    handler: Callable[[argparse.Namespace], int | None],
    summary: str,
    examples: str,
    words: str | None = None,
    *,
    light: bool = False,
) -> argparse.ArgumentParser:
    """Add a subcommand.

    Args:
        commands: those of the parser.
        name: its name.
        handler: runs it.
        summary: what it does, for its help.
        examples: lines of arguments.
        words: name of its positional list, if it has one.
        light: whether it makes no environment, so that Gymnasium is not imported for it.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary[0].lower() + summary[1:],
        description=f"{summary}.",
        epilog="examples:\n" + "\n".join(f"  glimpse {line.strip()}" for line in examples.splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=handler, parser=parser, words=words, light=light)
    return parser


def command_parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each subcommand of `glimpse` by its name, in the order of its help."""
    return next(dict(action.choices) for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add the overrides `a.b=c` of a config."""
    parser.add_argument("overrides", nargs="*", default=[], metavar="a.b=c", help="overrides of the config's values")


def add_device(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Add `--device`."""
    parser.add_argument("--device", type=device, default=default, metavar="D", help="auto, cpu, cuda or cuda:N")


def add_average(parser: argparse.ArgumentParser) -> None:
    """Add `--average-checkpoints`."""
    told = "average the weights of the K newest checkpoints (train.keep) instead of taking the best on validation data"
    parser.add_argument("--average-checkpoints", type=count_up_to(10_000), metavar="K", help=told)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add `--workers` and `--ray`."""
    parser.add_argument("--workers", type=count_up_to(1_000), metavar="N", help="runs at once (default: 1)")
    parser.add_argument("--ray", metavar="ADDRESS", help="train on a Ray cluster: its address, auto, or local")
