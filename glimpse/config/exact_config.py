"""Whether an experiment is one of the shipped configs, apart from its seed and from what does not change results."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from glimpse.config.differences import differing_keys
from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.config.shipped import shipped_configs

IRRELEVANT_KEYS = (
    "threads",
    "device",
    "track",
    "data",
    "evaluate.batch",
    "train.log_every",
    "train.save_every",
    "train.keep",
)
"""Keys and sections of a config that do not change a run's results."""
_OF_A_SEED = ("seed", "task.fold")


def relevant_differences(ours: Experiment, theirs: Experiment) -> list[str]:
    """Return the sorted keys, such as `train.steps`, whose values differ and change a run's results."""
    return [key for key in differing_keys(ours, theirs) if not {key, key.split(".")[0]} & set(IRRELEVANT_KEYS)]


def shipped_name(experiment: Experiment) -> str | None:
    """Return the name of the shipped config that an experiment is, whatever its seed or fold; None if it is none."""
    for name, theirs in _shipped_experiments().items():
        same_parts = theirs.task.name == experiment.task.name and theirs.agent.name == experiment.agent.name
        if same_parts and not set(relevant_differences(theirs, experiment)) - set(_OF_A_SEED):
            return name
    return None


@cache
def _shipped_experiments() -> Mapping[str, Experiment]:
    """Return the experiments of the shipped configs by name, which are read once in a process."""
    return MappingProxyType({name: load_experiment(path) for name, path in shipped_configs().items()})
