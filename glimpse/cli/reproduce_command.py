"""`glimpse reproduce`: train, evaluate and tabulate a table's runs."""

import argparse
from pathlib import Path

from glimpse.cli.option_types import count_up_to
from glimpse.cli.subcommand import Commands, add_command, add_overrides, add_workers


def add(commands: Commands) -> None:
    """Add the subcommand."""
    from glimpse.reproduction.tables import TABLES

    examples = """reproduce mnist --quick
                  reproduce mnist threads=1 --only mnist-ram mnist-random --seeds 1"""
    parser = add_command(commands, "reproduce", _run, "Make a table of results", examples, words="overrides")
    parser.add_argument("table", metavar="TABLE", help=", ".join(TABLES))
    add_overrides(parser)
    parser.add_argument("--only", nargs="+", default=[], metavar="CONFIG", help="only the rows of these configs")
    parser.add_argument("--seeds", type=count_up_to(1000), metavar="N", help="seeds of each row (default: the table's)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="run folders (default: runs)")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    add_workers(parser)
    parser.add_argument("--quick", action="store_true", help="a smoke run, written to TABLE-quick: one seed, 30 steps")


def _run(arguments: argparse.Namespace) -> int:
    from glimpse.reproduction.reproduce import reproduce_command
    from glimpse.sweeps.choose_workers import choose_workers

    # argparse takes overrides after --only for its values.
    only = [word for word in arguments.only if "=" not in word]
    overrides = [*arguments.overrides, *(word for word in arguments.only if "=" in word)]
    return reproduce_command(
        arguments.table,
        arguments.runs,
        arguments.output,
        seeds=arguments.seeds,
        only=only,
        quick=arguments.quick,
        overrides=overrides,
        workers=choose_workers(arguments.workers, arguments.ray) if arguments.workers or arguments.ray else None,
    )
