"""Earlier run with whose weights a training begins, `init: RUN` in a config; nothing in its folder is changed."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.envs.meaning import Meaning
from glimpse.errors import UserError
from glimpse.runs.content_digest import content_digest
from glimpse.runs.kept_data import Origin, read_kept_data
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.run_source import find_run
from glimpse.runs.trained_run import chosen_checkpoint, refuse_weights_not_finite


@dataclass(frozen=True)
class EarlierRun:
    """Trained run from which another one begins.

    name: what the config names it by.
    experiment: its config.
    meaning: what its observations and answers mean.
    weights: state dict of its agent, on the CPU.
    chosen: which weights these are, in words.
    origin: what the other run keeps of it.
    """

    name: str
    experiment: Experiment
    meaning: Meaning
    weights: dict[str, Tensor]
    chosen: str
    origin: Origin


def earlier_run_of(experiment: Experiment, folder: RunFolder, say: Callable[[str], None]) -> EarlierRun | None:
    """Read the run with whose weights a training begins, as its config's `init` says.

    Args:
        experiment: config of the training.
        folder: its folder.
        say: prints a line for the user.

    Returns:
        The run; None without `init`, or if the training has saved weights of its own already.

    Raises:
        UserError: if there is no such run, or it cannot be read.
    """
    if experiment.init is None or folder.has_checkpoints:
        return None
    try:
        return _read(experiment.init, say)
    except UserError as problem:
        raise UserError(f"init: {problem}") from None


def _read(source: str, say: Callable[[str], None]) -> EarlierRun:
    folder = RunFolder.open(find_run(source))
    experiment = load_experiment(folder.config_path)
    kept = read_kept_data(folder, experiment)
    checkpoint, chosen = chosen_checkpoint(folder, None, say)
    refuse_weights_not_finite(checkpoint, folder)
    digest = content_digest(dict(sorted(checkpoint.weights.items())))
    origin = Origin(run=folder.path.resolve().name, step=checkpoint.step, weights=digest)
    return EarlierRun(source, experiment, kept.meaning, checkpoint.weights, chosen, origin)
