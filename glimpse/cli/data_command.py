"""`glimpse data`: list, fetch or check data sets, build stores of documents, list or clear what is kept of them."""

import argparse

from glimpse.cli.subcommand import Commands, add_command

_VECTORS = "hashing"


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """data list
                  data store papers"""
    summary = "List, fetch or check data sets, build a store of documents, or see what is kept of them"
    parser = add_command(commands, "data", _run, summary, examples, words="names")
    actions = ("list", "fetch", "verify", "store", "cache")
    parser.add_argument("action", choices=actions, metavar="list|fetch|verify|store|cache")
    told = "data sets (default: all known by name); or the folder of documents of a store"
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help=told)
    parser.add_argument("--root", metavar="DIR", help="data folder (default: GLIMPSE_DATA, then the cache)")
    parser.add_argument("--force", action="store_true", help="fetch, or build, again what is there already")
    parser.add_argument(
        "--clear",
        action="store_true",
        help="cache: remove decoded pictures and words, and stores (of NAME), no downloads",
    )
    told = "vectors of a store's sentences, as task.sentence_vectors (default: hashing)"
    parser.add_argument("--vectors", metavar="KIND", help=told)


def _run(arguments: argparse.Namespace) -> None:
    if arguments.clear and arguments.action != "cache":
        arguments.parser.error("--clear belongs to cache: glimpse data cache --clear")
    if arguments.action == "store":
        _store(arguments)
        return
    from glimpse.cli.data_sets import fetch, list_data, verify
    from glimpse.cli.decoded_data import clear_cache, list_cache

    if arguments.vectors is not None:
        arguments.parser.error("--vectors applies to store only")
    if arguments.names and arguments.action == "list":
        arguments.parser.error("list takes no names")
    if arguments.names and arguments.action == "cache" and not arguments.clear:
        arguments.parser.error("cache takes names only with --clear: glimpse data cache --clear NAME")
    if arguments.action == "fetch":
        fetch(arguments.names, arguments.root, arguments.force)
    elif arguments.action == "verify":
        verify(arguments.names, arguments.root)
    elif arguments.action == "list":
        list_data(arguments.root)
    elif arguments.clear:
        clear_cache(arguments.names)
    else:
        list_cache()


def _store(arguments: argparse.Namespace) -> None:
    from glimpse.cli.document_stores import show_store

    if len(arguments.names) != 1:
        arguments.parser.error("store takes one folder of documents: glimpse data store DIR")
    show_store(arguments.names[0], arguments.vectors or _VECTORS, arguments.root, arguments.force)
