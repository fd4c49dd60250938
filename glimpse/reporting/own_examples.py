"""Dispatch of examples from the command line to the function of the run's family that answers them."""

from pathlib import Path
from typing import Any

from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.families import FAMILIES, family_of, family_part
from glimpse.runs.memory import reporting_memory_errors
from glimpse.runs.precision_errors import reporting_precision_errors
from glimpse.runs.run_folder import CONFIG, RunFolder
from glimpse.runs.run_source import find_run


def answer_own(command: str, run: Path, *given: Any, **options: Any) -> None:
    """Let a run's agent answer examples that the user gives.

    Args:
        command: a key of `Family.commands`.
        run: the run's folder.
        *given: the examples, passed on to the family's function.
        **options: options, passed on to the family's function.

    Raises:
        UserError: if there is no run, or its family has no such command.
    """
    task = load_experiment(RunFolder.open(find_run(run)).config_path).task
    name = family_of(task.name).commands.get(command)
    if name is None:
        fit = " or ".join(name for name, family in FAMILIES.items() if command in family.commands)
        raise UserError(f"{run} cannot answer texts: only runs of the family {fit} can, and its task is {task.name!r}")
    remedy = f"Set evaluate.precision: float32 in {run / CONFIG}"
    with (
        reporting_memory_errors("Lower --beam, --n-best or --batch, or give shorter texts"),
        reporting_precision_errors("evaluate.precision", remedy),
    ):
        family_part(name)(run, *given, **options)
