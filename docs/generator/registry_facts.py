"""Which shipped configs and result tables belong to an environment or an agent."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from docs.generator.markdown_text import plain
from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.config.shipped import shipped_configs
from glimpse.envs.data.registry import DATA_SETS
from glimpse.reproduction.tables import TABLES

_RESULTS = Path(__file__).resolve().parents[2] / "results"


@cache
def shipped_experiments() -> dict[str, Experiment]:
    """Return all shipped experiments by the names of their configs."""
    return {name: load_experiment(path) for name, path in sorted(shipped_configs().items())}


def configs_of(section: str, name: str) -> list[str]:
    """Return the names of the shipped configs whose `task` or `agent` has this name."""
    return [config for config, shipped in shipped_experiments().items() if getattr(shipped, section).name == name]


def easiest(configs: Sequence[str]) -> str:
    """Return the first config whose data need no files, or the first of all."""
    return next((config for config in configs if _needs_no_files(shipped_experiments()[config])), configs[0])


def _needs_no_files(experiment: Experiment) -> bool:
    data = getattr(experiment.task, "data", None)
    return data not in DATA_SETS or DATA_SETS[data].files is None


def result_links(configs: Iterable[str]) -> str:
    """Return links to the tables that have a line for one of these configs, and a page."""
    wanted = set(configs)
    found = {name: each for name, each in TABLES.items() if wanted & {row.config for row in each.entries}}
    there = {name: each for name, each in found.items() if (_RESULTS / f"{name}.md").is_file()}
    return "; ".join(f"[{plain(each.title)}](/results/{name}.md)" for name, each in there.items())


def result_rows(configs: Iterable[str], results: Path) -> str:
    """Return the rows of the result tables that belong to configs, each table with a link.

    Args:
        configs: names of configs.
        results: folder of the tables in Markdown.
    """
    marks = [f"(`{config}`)" for config in configs]
    found = []
    for name, each in TABLES.items():
        path = results / f"{name}.md"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        rows = [line for line in lines if line.startswith("|") and any(mark in line for mark in marks)]
        if rows:
            start = next(number for number, line in enumerate(lines) if line.startswith("| ---"))
            head = [lines[start - 1], lines[start]]
            body = "\n".join([*head, *rows])
            found.append(f"[{plain(each.title)}](/results/{name}.md):\n\n{body}\n")
    return "\n".join(found)
