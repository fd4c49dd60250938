"""`glimpse zoo`: list the trained agents that come with glimpse."""

import argparse

from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """zoo
                  zoo mnist-ram"""
    parser = add_command(commands, "zoo", _run, "List the trained agents that come with glimpse", examples)
    parser.add_argument("name", nargs="?", metavar="NAME", help="print the card of this one")
    parser.add_argument("--json", action="store_true", help="the cards' facts as JSON")


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.cli.zoo_listing import list_zoo

    list_zoo(arguments.name, arguments.json)
