"""Tables of the registries and of the shipped configs; imports nothing heavy."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import takewhile
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from rich.console import Console
from rich.table import Table

from glimpse.agents import AGENTS
from glimpse.agents.attention import ATTENTION
from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.config.files import shipped_configs
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.options import TaskDescription


def list_command(what: str | None) -> None:
    """Print one table, such as `agents`, or all of them."""
    # Without a terminal nothing is cut to its width, so that the lines can be searched.
    console = Console(width=None if Console().is_terminal else 200)
    tables: dict[str, tuple[str, Callable[[], Table]]] = {
        "environments": ("Environments (task.name)", _environments),
        "agents": ("Agents (agent.name)", partial(_summaries, AGENTS)),
        "attention": ("Attention mechanisms (kind)", _attention),
        "cores": ("Recurrent cores (recurrent_core)", partial(_summaries, RECURRENT_CORES)),
        "configs": ("Configs (glimpse train NAME)", _configs),
    }
    for title, table in [tables[what]] if what else tables.values():
        console.print(title, style="bold", highlight=False)
        console.print(table())


def describe_config(file: Path) -> str:
    """Return the first line of a config's header that is not the command."""
    lines = file.read_text(encoding="utf-8").splitlines()
    header = [line.lstrip("#").strip() for line in takewhile(lambda line: line.startswith("#"), lines)]
    return next((text for text in header if text and "glimpse train" not in text), "")


def _environments() -> Table:
    table = _table("name", "Gymnasium id", *TaskDescription._fields)
    for name, entry in ENVIRONMENTS.items():
        table.add_row(name, entry.id, *resolve_name(entry.options)(name=name).describe())
    return table


def _attention() -> Table:
    table = _table("name", "roles", "summary")
    for name, entry in ATTENTION.items():
        table.add_row(name, ", ".join(entry.roles), entry.summary)
    return table


def _summaries(registry: Mapping[str, Any]) -> Table:
    table = _table("name", "summary")
    for name, entry in registry.items():
        table.add_row(name, entry.summary)
    return table


def _configs() -> Table:
    table = _table("name", "what it is")
    for name, file in shipped_configs().items():
        table.add_row(name, describe_config(file))
    return table


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    table.columns[0].no_wrap = True
    return table
