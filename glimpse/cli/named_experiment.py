"""Experiment and run folder that the arguments of `glimpse train` name."""

import argparse
import sys
from pathlib import Path

from glimpse.config.differences import differing_keys
from glimpse.config.experiment import Experiment
from glimpse.config.files import find_config, load_experiment, read_experiment
from glimpse.errors import UserError
from glimpse.runs.run_folder import RunFolder


def named_experiment(arguments: argparse.Namespace) -> Experiment:
    """Read the experiment of CONFIG and overrides, and print which keys were dropped."""
    experiment, notes = read_experiment(arguments.config, arguments.overrides)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    return experiment


def new_run(arguments: argparse.Namespace) -> tuple[Experiment, Path]:
    """Return the experiment of a new run and the folder for it."""
    experiment = named_experiment(arguments)
    return experiment, arguments.run or Path("runs") / f"{Path(arguments.config).stem}-seed{experiment.seed}"


def resumed_run(arguments: argparse.Namespace) -> tuple[Experiment, Path]:
    """Return the experiment and folder of a run to resume, named by its folder or by the command that began it.

    Raises:
        UserError: if there is no such run, or it was begun with other values.
    """
    run = Path(arguments.config)
    if run.is_dir() or not _is_config(arguments.config):
        if arguments.run or arguments.overrides:
            raise UserError(f"--resume {run} takes the config from that folder: give no --run and no overrides")
        return load_experiment(RunFolder.open(run).config_path), run
    given, run = new_run(arguments)
    kept = load_experiment(RunFolder.open(run).config_path)
    if given != kept:
        raise UserError(
            f"{run} was begun with other values of {', '.join(differing_keys(kept, given))}. "
            f"Resume it as it was begun with: glimpse train --resume {run}"
        )
    return kept, run


def _is_config(name: str) -> bool:
    try:
        return find_config(name).is_file()
    except UserError:
        return False
