"""Experiment and run folder that the arguments of `glimpse train` name."""

import argparse
import sys
from pathlib import Path

from glimpse.config.differences import differing_keys
from glimpse.config.experiment import Experiment
from glimpse.config.files import find_config, load_experiment, read_experiment
from glimpse.errors import UserError
from glimpse.runs.run_folder import RunFolder

_CHANGEABLE = (
    "train.steps",
    "train.minutes",
    "train.log_every",
    "train.evaluate_every",
    "train.save_every",
    "train.keep",
    "device",
    "threads",
    "data.",
    "track.",
)
"""Keys that a resumed run may change: its length, how often it writes what, where it runs, and its tracking."""


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

    What `_CHANGEABLE` names may be given anew; it replaces what the run was begun with.

    Raises:
        UserError: if there is no such run, or other values than these are to be changed.
    """
    run = Path(arguments.config)
    if run.is_dir() or not _is_config(arguments.config):
        if arguments.run:
            raise UserError(f"--resume {run} resumes the run in that folder: give no --run")
        config = RunFolder.open(run).config_path
        kept, (given, notes) = load_experiment(config), read_experiment(config, arguments.overrides)
        begin_anew = f"begin a new run with: glimpse train {config} {' '.join(arguments.overrides)} --run OTHER"
    else:
        given, run = new_run(arguments)
        kept, notes = load_experiment(RunFolder.open(run).config_path), []
        begin_anew = f"resume it as it was begun with: glimpse train --resume {run}"
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    fixed = [key for key in differing_keys(kept, given) if not key.startswith(_CHANGEABLE)]
    if fixed:
        raise UserError(
            f"{run} was begun with other values of {', '.join(fixed)}. A resumed run may change "
            f"{', '.join(name.rstrip('.') for name in _CHANGEABLE)} only; {begin_anew}"
        )
    return given, run


def _is_config(name: str) -> bool:
    try:
        return find_config(name).is_file()
    except UserError:
        return False
