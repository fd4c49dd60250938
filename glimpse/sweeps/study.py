"""Optuna's study of a sweep, in a journal file of the sweep's folder: what was tried, and how good it is."""

from pathlib import Path
from typing import Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

SamplerName = Literal["tpe", "random", "qmc"]
PrunerName = Literal["none", "median", "halving"]
SAMPLERS: tuple[SamplerName, ...] = ("tpe", "random", "qmc")
PRUNERS: tuple[PrunerName, ...] = ("none", "median", "halving")
_JOURNAL = "journal.log"


def open_study(folder: Path, pruner: PrunerName) -> optuna.Study:
    """Open the study of a sweep's folder, or begin one; the least validation error is best."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(folder / _JOURNAL)))
    return optuna.create_study(
        study_name="sweep", storage=storage, direction="minimize", load_if_exists=True, pruner=_pruner(pruner)
    )


def ask(study: optuna.Study, space: dict[str, BaseDistribution], sampler: SamplerName, seed: int) -> Trial:
    """Begin the next trial.

    What it tries is a function of the seed, its number and the trials that have ended, so that a sweep that was
    stopped goes on as it would have.
    """
    study.sampler = make_sampler(sampler, seed + 1_000_003 * len(study.get_trials(deepcopy=False)))
    return study.ask(space)


def unfinished(study: optuna.Study) -> list[Trial]:
    """Return the trials that were begun and have not ended, by their numbers."""
    begun = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [Trial(study, trial._trial_id) for trial in begun]


def ranked(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that ended, the best first; pruned ones after those that were trained to their end."""
    order = {TrialState.COMPLETE: 0, TrialState.PRUNED: 1, TrialState.FAIL: 2}
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state in order]
    return sorted(ended, key=lambda one: (order[one.state], one.value if one.value is not None else 0, one.number))


def make_sampler(name: SamplerName, seed: int) -> BaseSampler:
    """Make one of Optuna's samplers."""
    match name:
        case "tpe":
            return TPESampler(seed=seed % 2**32, constant_liar=True)
        case "random":
            return RandomSampler(seed=seed % 2**32)
        case "qmc":
            return QMCSampler(seed=0, warn_asynchronous_seeding=False, warn_independent_sampling=False)


def _pruner(name: PrunerName) -> BasePruner:
    """Make one of Optuna's pruners."""
    match name:
        case "none":
            return NopPruner()
        case "median":
            return MedianPruner()
        case "halving":
            return SuccessiveHalvingPruner()
