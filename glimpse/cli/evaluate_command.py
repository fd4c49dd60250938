"""`glimpse evaluate`: measure a run beside the controls, or have it read a text."""

import argparse
from pathlib import Path

from glimpse.cli.option_types import count, share
from glimpse.cli.subcommand import Commands, add_average, add_command, add_device


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """evaluate runs/mnist-ram-seed0
                  evaluate runs/mnist-ram-seed0 --split validation --copies 1
                  evaluate runs/trec-lstm-seed0 --text "Who wrote this sentence?\""""
    parser = add_command(
        commands, "evaluate", _run, "Measure a run beside the controls, or have it read a text", examples
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("--split", choices=("test", "validation"), help="default: test")
    parser.add_argument("--copies", type=count, metavar="M", help="episodes averaged for each example")
    parser.add_argument("--batch", type=count, metavar="B", help="examples side by side")
    parser.add_argument("--share", type=share, metavar="S", help="of words, named as reasons where people marked some")
    add_average(parser)
    parser.add_argument("--text", metavar="TEXT", help="measure nothing; answer this, and show what was attended to")
    parser.add_argument("--text2", metavar="TEXT", help="the second text, where a run reads pairs")
    add_device(parser, None)


def _run(arguments: argparse.Namespace) -> None:
    if arguments.text is None:
        if arguments.text2 is not None:
            arguments.parser.error("--text2 needs --text")
        from glimpse.evaluation.evaluate import evaluate_command

        split = arguments.split or "test"
        return evaluate_command(
            arguments.run,
            split,
            arguments.copies,
            arguments.batch,
            arguments.device,
            arguments.share,
            arguments.average,
        )
    for option in ("split", "copies", "batch", "share", "average"):
        if getattr(arguments, option) is not None:
            arguments.parser.error(f"--text measures nothing, so it takes no --{option}")
    from glimpse.reporting.text.own_text import read_command

    read_command(arguments.run, arguments.text, arguments.text2, arguments.device)
