"""`glimpse train`: train an agent, or resume a run."""

import argparse
from pathlib import Path

from glimpse.cli.subcommand import Commands, add_command, add_overrides


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """train digits-ram
                  train --resume runs/digits-ram-seed0 train.steps=3000"""
    parser = add_command(commands, "train", _run, "Train an agent, or resume a run", examples, words="overrides")
    parser.add_argument("config", metavar="CONFIG", help="config file or shipped config; with --resume a run's folder")
    add_overrides(parser)
    parser.add_argument("--folder", type=Path, metavar="DIR", help="folder of the run (default: runs/CONFIG-seedN)")
    # The older spelling; torchrun, which reads the words after the module's name as well, takes it for one of its own.
    parser.add_argument("--run", type=Path, dest="folder", help=argparse.SUPPRESS)
    parser.add_argument(
        "--resume", action="store_true", help="continue where the run was stopped, or train on with a larger budget"
    )


def _run(arguments: argparse.Namespace) -> int:
    from glimpse.training.torchrun import is_leader

    if not is_leader():
        from glimpse.training.follow import follow_command

        return follow_command()
    from glimpse.cli.named_experiment import new_run, resumed_run

    experiment, run = resumed_run(arguments) if arguments.resume else new_run(arguments)
    # Torch takes seconds to import, and mistakes in the config are known by now.
    from glimpse.training.train import train_command

    return train_command(experiment, run, arguments.resume)
