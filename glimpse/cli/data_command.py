"""`glimpse data`: list, fetch or check data sets; list or clear the cache of decoded data."""

import argparse

from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """data list
                  data cache"""
    summary = "List, fetch or check data sets, or see what is kept decoded"
    parser = add_command(commands, "data", _run, summary, examples, words="names")
    actions = ("list", "fetch", "verify", "cache")
    parser.add_argument("action", choices=actions, metavar="list|fetch|verify|cache")
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help="data sets (default: all known by name)")
    parser.add_argument("--root", metavar="DIR", help="data folder (default: GLIMPSE_DATA, then the cache)")
    parser.add_argument("--force", action="store_true", help="fetch again what is there already")
    parser.add_argument("--clear", action="store_true", help="cache: remove decoded pictures and words, not downloads")


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.cli.data_sets import fetch, list_data, verify
    from glimpse.cli.decoded_data import clear_cache, list_cache

    if arguments.clear and arguments.action != "cache":
        arguments.parser.error("--clear belongs to cache: glimpse data cache --clear")
    if arguments.names and arguments.action in ("list", "cache"):
        arguments.parser.error(f"{arguments.action} takes no names")
    if arguments.action == "fetch":
        fetch(arguments.names, arguments.root, arguments.force)
    elif arguments.action == "verify":
        verify(arguments.names, arguments.root)
    elif arguments.action == "list":
        list_data(arguments.root)
    elif arguments.clear:
        clear_cache()
    else:
        list_cache()
