"""`glimpse translate`: translate texts with a trained run."""

import argparse
from pathlib import Path

from glimpse.cli.option_types import count_up_to, length_penalty
from glimpse.cli.subcommand import Commands, add_average, add_command, add_device


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """translate multi30k-transformer-relative 'two dogs play in the snow' --show
                  translate multi30k-transformer-relative < texts.txt > translations.txt"""
    parser = add_command(
        commands, "translate", _run, "Translate texts, or standard input line by line", examples, "texts"
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("texts", nargs="*", default=[], metavar="TEXT", help="default: the lines of standard input")
    parser.add_argument("--beam", type=count_up_to(1000), metavar="K", help="beam size; 1 is greedy search")
    parser.add_argument(
        "--length-penalty",
        type=length_penalty,
        metavar="A",
        help="length penalty; larger is longer",
    )
    parser.add_argument(
        "--n-best", type=count_up_to(1000), default=1, metavar="N", help="print N translations with their scores"
    )
    parser.add_argument("--prefix", default="", metavar="TEXT", help="words with which all translations begin")
    parser.add_argument("--no-repeat", type=count_up_to(1000), metavar="N", help="no N tokens in a row come twice")
    parser.add_argument("--given", metavar="TEXT", help="print the log-probability of this translation of one TEXT")
    parser.add_argument(
        "--batch", type=count_up_to(10_000), default=1, metavar="B", help="texts in a batch (default: 1)"
    )
    parser.add_argument("--show", action="store_true", help="print the attention below each translation")
    parser.add_argument("--heads", action="store_true", help="print each head, not the last layer's mean")
    parser.add_argument("--output", type=Path, metavar="FILE", help="draw each head's attention into this .svg or .png")
    add_average(parser)
    add_device(parser, None)


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.reporting.own_examples import answer_own

    answer_own(
        "translate",
        arguments.run,
        arguments.texts,
        beam=arguments.beam,
        length_penalty=arguments.length_penalty,
        batch=arguments.batch,
        show=arguments.show or arguments.heads,
        heads=arguments.heads,
        output=arguments.output,
        device=arguments.device,
        average=arguments.average_checkpoints,
        n_best=arguments.n_best,
        prefix=arguments.prefix,
        no_repeat=arguments.no_repeat,
        given=arguments.given,
    )
