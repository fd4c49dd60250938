"""Which shipped configs and result tables belong to an environment or an agent."""

from collections.abc import Iterable
from functools import cache

from docs.generator.markdown_text import plain
from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment, shipped_configs
from glimpse.reproduction.tables import TABLES


@cache
def shipped_experiments() -> dict[str, Experiment]:
    """Return all shipped experiments by the names of their configs."""
    return {name: load_experiment(path) for name, path in sorted(shipped_configs().items())}


def configs_of(section: str, name: str) -> list[str]:
    """Return the names of the shipped configs whose `task` or `agent` has this name."""
    return [config for config, shipped in shipped_experiments().items() if getattr(shipped, section).name == name]


def result_links(configs: Iterable[str]) -> str:
    """Return links to the tables that have a row for one of these configs."""
    wanted = set(configs)
    found = {name: each for name, each in TABLES.items() if wanted & {row.config for row in each.entries}}
    return "; ".join(f"[{plain(each.title)}](/results/{name}.md)" for name, each in found.items())
