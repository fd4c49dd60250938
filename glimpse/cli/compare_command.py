"""`glimpse compare`: show what differs between runs, with paired tests."""

import argparse
from pathlib import Path

from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """compare runs/digits-ram-seed0 runs/digits-ram-seed1
                  compare mnist-ram cluttered-ram --html comparison.html"""
    summary = "Compare evaluated runs: configs, metrics with paired tests, and learning curves"
    parser = add_command(commands, "compare", _run, summary, examples, words="runs")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of two runs or more")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with tables and learning curves")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results as JSON")


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.reporting.compare import compare_command

    compare_command([Path(run) for run in arguments.runs], arguments.html, arguments.json)
