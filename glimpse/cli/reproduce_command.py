"""`glimpse reproduce`: train, evaluate and tabulate the runs of tables, or check what is stated of them."""

import argparse
from pathlib import Path

from glimpse.cli.option_types import count_up_to
from glimpse.cli.subcommand import Commands, add_command, add_workers


def add(commands: Commands) -> None:
    """Add the subcommand."""
    from glimpse.reproduction.tables import TABLES

    examples = """reproduce mnist --quick
                  reproduce mnist threads=1 --only mnist-ram mnist-random --seeds 1"""
    parser = add_command(commands, "reproduce", _run, "Make tables of results", examples, words="asked")
    told = f"tables: {', '.join(TABLES)}; and overrides a.b=c of the configs' values"
    parser.add_argument("asked", nargs="*", default=[], metavar="TABLE", help=told)
    parser.add_argument("--only", nargs="+", default=[], metavar="CONFIG", help="only the rows of these configs")
    parser.add_argument("--seeds", type=count_up_to(1000), metavar="N", help="seeds of each row (default: the table's)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="run folders (default: runs)")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    add_workers(parser)
    told = "train nothing: check that every number on pages, in READMEs, configs and cards is that of a row of --output"
    parser.add_argument("--check", action="store_true", help=told)
    told = "then compare with the rows in DIR: exit code 1 where a line's interval lies apart; DIR is not --output"
    parser.add_argument("--against", type=Path, metavar="DIR", help=told)
    parser.add_argument("--quick", action="store_true", help="a smoke run, written to TABLE-quick: one seed, 30 steps")


def _run(arguments: argparse.Namespace) -> int:
    # argparse takes overrides after --only for its values.
    only = [word for word in arguments.only if "=" not in word]
    overrides = [word for word in (*arguments.asked, *arguments.only) if "=" in word]
    tables = [word for word in arguments.asked if "=" not in word]
    if arguments.check:
        if tables or overrides or only:
            arguments.parser.error("--check reads the rows of all tables, so it takes no table, override or line")
        from glimpse.reproduction.check import check_command

        return check_command(arguments.output)
    if not tables:
        arguments.parser.error("name a table, or use --check")
    if arguments.against is not None and arguments.against.resolve() == arguments.output.resolve():
        arguments.parser.error("--against names the folder of --output, whose rows are written anew; name another one")
    from glimpse.reproduction.tables import TABLES

    for name in tables:
        if name not in TABLES:
            arguments.parser.error(f"unknown table: invalid choice: {name!r} (choose from {', '.join(TABLES)})")
    from glimpse.reproduction.reproduce import reproduce_tables
    from glimpse.sweeps.choose_workers import choose_workers

    code = reproduce_tables(
        tables,
        arguments.runs,
        arguments.output,
        seeds=arguments.seeds,
        only=only,
        quick=arguments.quick,
        overrides=overrides,
        workers=choose_workers(arguments.workers, arguments.ray) if arguments.workers or arguments.ray else None,
    )
    if code or arguments.against is None:
        return code
    from glimpse.reproduction.against import compare_with

    return compare_with(tables, arguments.output, arguments.against, only)
