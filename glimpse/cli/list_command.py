"""`glimpse list`: environments, agents, attention mechanisms, recurrent cores and configs."""

import argparse

from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    summary = "List environments, agents, attention mechanisms, recurrent cores and configs"
    parser = add_command(commands, "list", _run, summary, "list\nlist environments\nlist attention")
    what = ("environments", "agents", "attention", "cores", "configs")
    parser.add_argument("what", nargs="?", choices=what, metavar="|".join(what), help="default: all of them")


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.cli.listing import list_command

    list_command(arguments.what)
