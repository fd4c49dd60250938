"""Whether an experiment is one of the shipped configs, apart from its seed and from what does not change results."""

import re
from functools import cache

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
    parts = {experiment.task.name, experiment.agent.name}
    for name in shipped_configs():
        if not parts <= words_of(name):
            continue  # Reading all configs takes seconds.
        theirs = _shipped_experiment(name)
        same_parts = theirs.task.name == experiment.task.name and theirs.agent.name == experiment.agent.name
        if same_parts and not set(relevant_differences(theirs, experiment)) - set(_OF_A_SEED):
            return name
    return None


@cache
def _shipped_experiment(name: str) -> Experiment:
    """Return the experiment of a shipped config, which is read once in a process."""
    return load_experiment(shipped_configs()[name])


@cache
def words_of(name: str) -> frozenset[str]:
    """Return all words of a shipped config and of those that it names, which include those that it extends.

    The names of its task and agent are among them, and are found without a parser.
    """
    configs, named = shipped_configs(), [name]
    words: set[str] = set()
    for one in named:  # It grows by what is named.
        found = set(re.findall(r"[\w-]+", configs[one].read_text("utf-8")))
        named += sorted(found & configs.keys() - set(named))
        words |= found
    return frozenset(words)
