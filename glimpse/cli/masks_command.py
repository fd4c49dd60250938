"""`glimpse masks`: draw masks of attention."""

import argparse
from pathlib import Path

from glimpse.cli.option_types import count_up_to
from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """masks causal '{kind: window, width: 2}' --size 12
                  masks '{kind: any_of, masks: [{kind: window, width: 1}, {kind: global}]}' --output mask.svg"""
    parser = add_command(commands, "masks", _run, "Draw masks of attention", examples, words="masks")
    told = "as in a config, or the kind alone (default: all that there are)"
    parser.add_argument("masks", nargs="*", default=[], metavar="MASK", help=told)
    parser.add_argument(
        "--size", type=count_up_to(1_000_000), default=8, metavar="N", help="tokens on each side (default: 8)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="draw into this file, .svg or .png, instead")


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.reporting.text.drawn_masks import masks_command

    masks_command(arguments.masks, arguments.size, arguments.output)
