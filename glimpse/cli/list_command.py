"""`glimpse list`: environments, agents and configs."""

import argparse

from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    parser = add_command(commands, "list", _run, "List worlds, agents and configs", "list\nlist worlds")
    what = ("worlds", "agents", "configs")
    parser.add_argument("what", nargs="?", choices=what, metavar="|".join(what), help="default: all of them")


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.cli.listing import list_command

    list_command(arguments.what)
