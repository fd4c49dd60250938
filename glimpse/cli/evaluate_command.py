"""`glimpse evaluate`: measure a run beside its controls, or answer a text."""

import argparse
from pathlib import Path

from glimpse.cli.option_types import count_up_to, fraction
from glimpse.cli.subcommand import Commands, add_average, add_command, add_device


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """evaluate runs/digits-ram-seed0
                  evaluate runs/digits-ram-seed0 --split validation --copies 1"""
    parser = add_command(
        commands, "evaluate", _run, "Measure a run beside its controls, or answer a text", examples, "overrides"
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    told = "other data of the run's classes: overrides of its task, such as task.data=folder:PATH"
    parser.add_argument("overrides", nargs="*", default=[], metavar="task.KEY=VALUE", help=told)
    told = "default: test for a run of a shipped config, and for data of another source; else validation"
    parser.add_argument("--split", choices=("test", "validation"), help=told)
    parser.add_argument("--copies", type=count_up_to(10_000), metavar="M", help="rollouts averaged for each example")
    parser.add_argument("--batch", type=count_up_to(1_000_000), metavar="B", help="examples in a batch")
    parser.add_argument(
        "--keep-rate",
        type=fraction,
        metavar="S",
        help="fraction of words in the predicted rationale, for data with human ones",
    )
    add_average(parser)
    told = "answer this text and show what was read and attended to; may be given several times; nothing is measured"
    parser.add_argument("--text", metavar="TEXT", action="append", help=told)
    parser.add_argument("--text2", metavar="TEXT", action="append", help="the second text of a pair, for each --text")
    add_device(parser, None)


def _run(arguments: argparse.Namespace) -> None:
    if arguments.text is None:
        if arguments.text2 is not None:
            arguments.parser.error("--text2 needs --text")
        from glimpse.evaluation.evaluate import evaluate_command

        return evaluate_command(
            arguments.run,
            arguments.split,
            arguments.copies,
            arguments.batch,
            arguments.device,
            arguments.keep_rate,
            arguments.average_checkpoints,
            arguments.overrides,
        )
    if arguments.overrides:
        arguments.parser.error("--text measures nothing, so it takes no data")
    for option in ("split", "copies", "batch", "keep_rate", "average_checkpoints"):
        if getattr(arguments, option) is not None:
            arguments.parser.error(f"--text measures nothing, so it takes no --{option.replace('_', '-')}")
    from glimpse.reporting.own_examples import answer_own

    answer_own("text", arguments.run, arguments.text, arguments.text2 or [], arguments.device)
