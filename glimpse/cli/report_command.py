"""`glimpse report`: write a run's report and pictures."""

import argparse
from pathlib import Path

from glimpse.cli.option_types import count_up_to
from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = "report runs/mnist-ram-seed0\nreport runs/mnist-ram-seed0 --output pictures --episodes 8"
    parser = add_command(commands, "report", _run, "Write a run's report and pictures", examples)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where to write (default: RUN/report)")
    parser.add_argument(
        "--episodes", type=count_up_to(10_000), default=16, metavar="N", help="examples shown (default: 16)"
    )


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.reporting.report import report_command

    report_command(arguments.run, arguments.output, arguments.episodes)
