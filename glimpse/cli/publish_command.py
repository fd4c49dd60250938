"""`glimpse publish`: pack a trained agent with a card, for other people."""

import argparse
from pathlib import Path

from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """publish runs/digits-ram-seed0 published/digits-ram
                  publish runs/digits-ram-seed0 published/smaller --half"""
    summary = "Pack a trained agent with a card, into a folder or the Hugging Face Hub"
    parser = add_command(commands, "publish", _run, summary, examples, words="words")
    told = "folders of evaluated runs of one config with different seeds: the best on validation data is published; "
    told += "or of one run that was published before; and where to: a new folder, or hf:OWNER/NAME"
    parser.add_argument("words", nargs="+", metavar="RUN... TARGET", help=told)
    parser.usage = "glimpse publish [-h] [--bits {8,16,32} | --half] [--private] RUN [RUN ...] TARGET"
    precision = parser.add_mutually_exclusive_group()
    told = "bits of a weight (default: as they are). With fewer, weights are rounded and measured anew: 16 is half "
    told += "precision; 8 gives matrices whole numbers with a scale for each row, in a quarter of the size of 32"
    precision.add_argument("--bits", type=int, choices=(8, 16, 32), help=told)
    precision.add_argument("--half", dest="bits", action="store_const", const=16, help="the same as --bits 16")
    parser.add_argument("--private", action="store_true", help="a new repository is visible to its owner alone")


def _run(arguments: argparse.Namespace) -> None:
    if len(arguments.words) < 2:
        arguments.parser.error("publish takes the folder of a run, and where to: a new folder, or hf:OWNER/NAME")
    from glimpse.publishing.publish import publish_command

    *runs, target = arguments.words
    publish_command([Path(run) for run in runs], target, arguments.bits, arguments.private)
