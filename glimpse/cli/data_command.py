"""`glimpse data`: list, fetch or check data sets."""

import argparse

from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """data list
                  data verify digits"""
    parser = add_command(commands, "data", _run, "List, fetch or check data sets", examples, words="names")
    parser.add_argument("action", choices=("list", "fetch", "verify"), metavar="list|fetch|verify")
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help="data sets (default: all known by name)")
    parser.add_argument("--root", metavar="DIR", help="data folder (default: GLIMPSE_DATA, then the cache)")
    parser.add_argument("--force", action="store_true", help="fetch again what is there already")


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.cli.data_sets import fetch, list_data, verify

    if arguments.action == "fetch":
        fetch(arguments.names, arguments.root, arguments.force)
    elif arguments.action == "verify":
        verify(arguments.names, arguments.root)
    elif arguments.names:
        arguments.parser.error("list takes no names")
    else:
        list_data(arguments.root)
