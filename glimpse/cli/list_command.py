"""`glimpse list`: environments, agents, attention mechanisms, recurrent cores, glimpse encoders, configs and runs."""

import argparse
from pathlib import Path

from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    summary = "List environments, agents, attention mechanisms, recurrent cores, glimpse encoders and configs, or runs"
    examples = """list agents
                  list runs"""
    parser = add_command(commands, "list", _run, summary, examples, light=True)
    what = ("environments", "agents", "attention", "cores", "encoders", "configs", "runs")
    parser.add_argument("what", nargs="?", choices=what, metavar="|".join(what), help="default: all but runs")
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="folder of runs (default: runs)")
    parser.add_argument("--json", action="store_true", help="as JSON, with more columns")


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.cli import listing

    if arguments.what == "runs":
        return listing.list_runs(arguments.folder or Path("runs"), arguments.json)
    if arguments.folder:
        arguments.parser.error(f"{arguments.what} are not in a folder: leave {str(arguments.folder)!r} out")
    listing.list_command(arguments.what, arguments.json)
