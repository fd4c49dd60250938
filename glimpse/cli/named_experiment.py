"""Experiment and run folder that the arguments of `glimpse train` name."""

import argparse
import re
from itertools import count
from pathlib import Path

from glimpse.config.differences import differing_keys
from glimpse.config.experiment import Experiment
from glimpse.config.files import find_config, load_experiment, read_experiment
from glimpse.envs.printed_lines import print_error_line
from glimpse.errors import UserError
from glimpse.runs.run_folder import RunFolder

_CHANGEABLE = (
    "train.steps",
    "train.minutes",
    "train.log_every",
    "train.evaluate_every",
    "train.patience",
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
        print_error_line(f"note: {note}")
    return experiment


def new_run(arguments: argparse.Namespace) -> tuple[Experiment, Path]:
    """Return the experiment of a new run and the folder for it."""
    experiment = named_experiment(arguments)
    return experiment, arguments.folder or _free_folder(_default_folder(arguments, experiment), experiment)


def _default_folder(arguments: argparse.Namespace, experiment: Experiment) -> Path:
    """Return the folder that a run has by default: named by its config, by other data than those, and its seed."""
    name = Path(arguments.config).stem
    data = experiment.task.data_title
    if data is not None and any(override.startswith("task.") for override in arguments.overrides):
        try:
            own = read_experiment(arguments.config)[0].task.data_title
        except UserError:  # The file is complete with the overrides only.
            own = None
        if data != own:
            name += "-" + re.sub(r"[^\w.]+", "-", data).strip("-.")
    return Path("runs") / f"{name}-seed{experiment.seed}"


def _free_folder(folder: Path, experiment: Experiment) -> Path:
    """Return the folder, or the first free one of FOLDER-2, FOLDER-3, ..., and say why it is another one."""
    if not _holds_run(folder):
        return folder
    free = next(path for number in count(2) if not _holds_run(path := folder.with_name(f"{folder.name}-{number}")))
    try:
        kept = load_experiment(RunFolder.open(folder).config_path)
        other = differing_keys(kept, experiment)
    except UserError:  # It was written by another version, or is damaged.
        other = ["its format"]
    holds = f"a run with other {', '.join(other)}" if other else "a run of this very config"
    hint = "" if other else f"; to continue that one: glimpse train --resume {folder}"
    print_error_line(f"note: {folder} holds {holds}, so this one goes to {free}{hint}")
    return free


def _holds_run(folder: Path) -> bool:
    """Return whether a run is in a folder that has made a step, or anything else is there."""
    run = RunFolder(folder)
    return run.has_begun or (folder.exists() and not folder.is_dir())


def resumed_run(arguments: argparse.Namespace) -> tuple[Experiment, Path]:
    """Return the experiment and folder of a run to resume, named by its folder or by the command that began it.

    What `_CHANGEABLE` names may be given anew; it replaces what the run was begun with.

    Raises:
        UserError: if there is no such run, or other values than these are to be changed.
    """
    run = Path(arguments.config)
    if run.is_dir() or not _is_config(arguments.config):
        if arguments.folder:
            raise UserError(f"--resume {run} resumes the run in that folder: give no --folder")
        config = RunFolder.open(run).config_path
        kept, (given, notes) = load_experiment(config), read_experiment(config, arguments.overrides)
        begin_anew = f"begin a new run with: glimpse train {config} {' '.join(arguments.overrides)} --folder OTHER"
    else:
        given = named_experiment(arguments)
        run = arguments.folder or _default_folder(arguments, given)
        kept, notes = load_experiment(RunFolder.open(run).config_path), []
        begin_anew = f"resume it as it was begun with: glimpse train --resume {run}"
    for note in notes:
        print_error_line(f"note: {note}")
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
