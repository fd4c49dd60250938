"""Packed run: of a run's folder, what is needed to use its agent, and nothing of its data or of its machine."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment, load_experiment
from glimpse.errors import UserError
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.publishing.earlier_card import SeedResult, read_earlier_card
from glimpse.runs.checkpoint import Checkpoint, save_checkpoint
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.evaluation_file import read_evaluation_file
from glimpse.runs.kept_data import KeptData, read_kept_data, write_kept_data
from glimpse.runs.local_paths import config_without_folders
from glimpse.runs.run_folder import LOCK, RunFolder
from glimpse.runs.stored_weights import Bits
from glimpse.runs.trained_run import BEST, chosen_checkpoint, refuse_weights_not_finite
from glimpse.runs.training_state import TrainedState, TrainingState, state_of

OWN_DATA = ("file:", "folder:")
"""Beginnings of the names of data that are a user's own."""


@dataclass(frozen=True)
class FinishedRun:
    """A run that can be published, for the first time or again.

    folder, experiment, kept: its folder, its config, and what it keeps of its data.
    checkpoint: the weights that were best on validation data.
    state: time and device of their training.
    record: their evaluation on the test set.
    seeds: its result; of one that was published before, those of all runs among which it was chosen.
    measured_as_float: the main measure before its weights were rounded; None if they are not.
    """

    folder: RunFolder
    experiment: Experiment
    kept: KeptData
    checkpoint: Checkpoint
    state: TrainedState
    record: dict[str, Any]
    seeds: tuple[SeedResult, ...]
    measured_as_float: float | None

    @property
    def has_own_data(self) -> bool:
        """Whether it was trained on a user's own data."""
        return str(getattr(self.experiment.task, "data", "")).startswith(OWN_DATA)

    @property
    def validation_error(self) -> float:
        """Lowest error on validation data."""
        return min(one.validation_error for one in self.seeds)


def read_finished_run(path: Path, say: Callable[[str], None]) -> FinishedRun:
    """Read a run that is to be published.

    Raises:
        UserError: if there is none, validation has chosen no weights, or they were not measured on the test set.
    """
    folder = RunFolder.open(path)
    experiment = load_experiment(folder.config_path)
    kept = read_kept_data(folder, experiment)
    checkpoint, chosen = chosen_checkpoint(folder, None, say)
    if chosen != BEST:
        raise UserError(f"{path}: its weights are the {chosen}; publish weights that were best on validation data")
    refuse_weights_not_finite(checkpoint, folder)
    record = read_evaluation_file(folder.evaluation_path).get("test")
    if record is None or record.get("step") != checkpoint.step:
        raise UserError(
            f"{path}: its best weights were not measured on the test set: glimpse evaluate {path} --split test"
        )
    if folder.is_published:
        card, published = read_earlier_card(folder), state_of(checkpoint, TrainedState, path)
        return FinishedRun(folder, experiment, kept, checkpoint, published, record, card.seeds, card.measured_as_float)
    state, measure = state_of(checkpoint, TrainingState, path), evaluator_of(experiment).main_measure(record)
    seeds = (SeedResult(experiment.seed, state.best_error, measure.value),)
    return FinishedRun(folder, experiment, kept, checkpoint, state, record, seeds, None)


def pack_run(run: FinishedRun, target: Path, bits: Bits) -> RunFolder:
    """Write the packed run into a new folder.

    Args:
        run: the run.
        target: the folder, which must be new or empty.
        bits: bits of its weights, see `store_weights`.

    Raises:
        UserError: if it cannot be written, or a weight is too large to be rounded.
    """
    text = config_without_folders(dump_experiment(_without_places(run.experiment)))
    packed = RunFolder.create(target, text)
    own = {"files": ()} if run.has_own_data else {}
    write_kept_data(packed, run.kept.model_copy(update=own))
    state = {"seconds": run.state.seconds, "trained_on": run.state.trained_on, "commit": run.state.commit}
    packed_checkpoint = Checkpoint(run.checkpoint.step, run.checkpoint.weights, state)
    save_checkpoint(packed.best, packed_checkpoint, keep=1, published_bits=bits)
    write_record(packed, run.record)
    for name in (LOCK, f"{LOCK}.holder"):
        (target / name).unlink(missing_ok=True)
    return packed


def write_record(packed: RunFolder, record: dict[str, Any]) -> None:
    """Write the evaluation on the test set, without the answers to single examples."""
    shared = {key: value for key, value in record.items() if key != "predictions"}
    with reporting_write_errors(packed.evaluation_path):
        replace_file(packed.evaluation_path, (json.dumps({"test": shared}, indent=1) + "\n").encode())


def _without_places(experiment: Experiment) -> Experiment:
    """Return a config without the folder of the data, the tracker, and what suits its machine."""
    places = {"data": type(experiment.data)(), "track": type(experiment.track)(), "device": "auto", "threads": None}
    return experiment.model_copy(update=places)
