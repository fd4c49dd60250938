"""Tables of the registries and of the shipped configs; imports nothing heavy."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import takewhile
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, TypeAlias

from glimpse.agents import AGENTS
from glimpse.agents.attention import ATTENTION
from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.cli.terminal_tables import TableConsole
from glimpse.config.files import shipped_configs
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.options import TaskDescription

_Rows: TypeAlias = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Names of columns, and rows of cells."""


def list_command(what: str | None) -> None:
    """Print one table, such as `agents`, or all of them."""
    console = TableConsole()
    tables: dict[str, tuple[str, Callable[[], _Rows]]] = {
        "environments": ("Environments (task.name)", _environments),
        "agents": ("Agents (agent.name)", partial(_summaries, AGENTS)),
        "attention": ("Attention mechanisms (kind)", _attention),
        "cores": ("Recurrent cores (recurrent_core)", partial(_summaries, RECURRENT_CORES)),
        "configs": ("Configs (glimpse train NAME)", _configs),
    }
    for title, rows in [tables[what]] if what else tables.values():
        console.print(title, style="bold")
        console.print_table(*rows())


def describe_config(file: Path) -> str:
    """Return the first line of a config's header that is not the command."""
    lines = file.read_text(encoding="utf-8").splitlines()
    header = [line.lstrip("#").strip() for line in takewhile(lambda line: line.startswith("#"), lines)]
    return next((text for text in header if text and "glimpse train" not in text), "")


def _environments() -> _Rows:
    rows = [
        (name, entry.id, *resolve_name(entry.options)(name=name).describe()) for name, entry in ENVIRONMENTS.items()
    ]
    return ("name", "Gymnasium id", *TaskDescription._fields), rows


def _attention() -> _Rows:
    return ("name", "roles", "summary"), [(name, ", ".join(one.roles), one.summary) for name, one in ATTENTION.items()]


def _summaries(registry: Mapping[str, Any]) -> _Rows:
    return ("name", "summary"), [(name, entry.summary) for name, entry in registry.items()]


def _configs() -> _Rows:
    return ("name", "what it is"), [(name, describe_config(file)) for name, file in shipped_configs().items()]
