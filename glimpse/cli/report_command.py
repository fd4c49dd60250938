"""`glimpse report`: write a run's report and pictures, or its metrics for other programs."""

import argparse
from pathlib import Path

from glimpse.cli.option_types import count_up_to
from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """report runs/digits-ram-seed0 --episodes 4
                  report mnist-ram --play ram.html"""
    parser = add_command(commands, "report", _run, "Write a run's report and pictures", examples)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder, or an agent of the zoo")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where to write (default: RUN/report)")
    parser.add_argument(
        "--episodes", type=count_up_to(10_000), default=16, metavar="N", help="examples shown (default: 16)"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the metrics as a table, and no report")
    parser.add_argument(
        "--tensorboard", type=Path, metavar="DIR", help="write the metrics for TensorBoard, and no report"
    )
    told = "write a page in which the agent looks at what is drawn, and its reader plays against it, and no report"
    parser.add_argument("--play", type=Path, metavar="FILE", help=told)


def _run(arguments: argparse.Namespace) -> None:
    if arguments.play:
        from glimpse.reporting.play.play_page import play_command

        play_command(arguments.run, arguments.play)
    if arguments.csv or arguments.tensorboard:
        from glimpse.reporting.metrics_export import write_csv, write_tensorboard

        if arguments.csv:
            write_csv(arguments.run, arguments.csv)
        if arguments.tensorboard:
            write_tensorboard(arguments.run, arguments.tensorboard)
    if arguments.play or arguments.csv or arguments.tensorboard:
        return
    from glimpse.reporting.report import report_command

    report_command(arguments.run, arguments.output, arguments.episodes)
