"""Tables of the registries, of the shipped configs and of runs; imports nothing heavy but for runs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, takewhile
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NamedTuple

from glimpse.agents import AGENTS
from glimpse.agents.attention import ATTENTION
from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.config.shipped import shipped_configs
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.terminal_tables import TableConsole


class Listing(NamedTuple):
    """A table: its title, and its rows, each with the name of its group ("" where there are none).

    optional: columns that may be left out where a terminal is too narrow, the least important first.
    """

    title: str
    rows: Sequence[tuple[str, dict[str, str]]]
    optional: tuple[str, ...] = ()


def list_command(what: str | None, as_json: bool = False) -> None:
    """Print one table, such as `agents`, or all of them.

    Args:
        what: key of `LISTINGS`; None for all of them.
        as_json: whether to print an object of lists of objects.
    """
    found = {name: make() for name, make in LISTINGS.items() if what in (None, name)}
    if as_json:
        rows = {name: [{"group": group, **row} for group, row in one.rows] for name, one in found.items()}
        print(json.dumps(rows[what] if what else rows, indent=1, ensure_ascii=False))
        return
    console = TableConsole()
    for listing in found.values():
        _print(console, listing)


def describe_config(file: Path) -> str:
    """Return the first sentence of a config's header, without the command; it may be several lines long."""
    lines = file.read_text(encoding="utf-8").splitlines()
    header = [line.lstrip("#").strip() for line in takewhile(lambda line: line.startswith("#"), lines)]
    told = [text for text in header if text and "glimpse train" not in text]
    ends = (at for at, text in enumerate(told, 1) if text.endswith("."))
    return " ".join(told[: next(ends, 1)])


def _print(console: TableConsole, listing: Listing) -> None:
    """Print a table for each group, below its name."""
    groups = [
        (f"{listing.title}: {group}" if group else listing.title, [list(row.values()) for _, row in members])
        for group, members in groupby(listing.rows, lambda one: one[0])
    ]
    console.print_grouped(list(listing.rows[0][1]), groups, optional=listing.optional)


def _environments() -> Listing:
    rows = [
        (
            entry.family,
            {"name": name, "id": entry.id, **resolve_name(entry.options)(name=name).describe()._asdict()},
        )
        for name, entry in ENVIRONMENTS.items()
    ]
    return Listing("Environments (task.name)", sorted(rows, key=_first_group(rows)), ("id",))


def _agents() -> Listing:
    rows = [(_folder(entry.factory), {"name": name, "summary": entry.summary}) for name, entry in AGENTS.items()]
    return Listing("Agents (agent.name)", sorted(rows, key=_first_group(rows)))


def _attention() -> Listing:
    rows = [
        ("", {"name": name, "roles": ", ".join(one.roles), "summary": one.summary}) for name, one in ATTENTION.items()
    ]
    return Listing("Attention mechanisms (kind)", rows)


def _cores() -> Listing:
    rows = [("", {"name": name, "summary": entry.summary}) for name, entry in RECURRENT_CORES.items()]
    return Listing("Recurrent cores (recurrent_core)", rows)


def _encoders() -> Listing:
    from glimpse.agents.vision.glimpse_encoders import GLIMPSE_ENCODERS  # Their options need pydantic.

    rows = [("", {"name": name, "summary": entry.summary}) for name, entry in GLIMPSE_ENCODERS.items()]
    return Listing("Glimpse encoders (encoder.kind)", rows)


def _configs() -> Listing:
    rows = [
        (file.parent.name, {"name": name, "what it is": describe_config(file)})
        for name, file in shipped_configs().items()
    ]
    return Listing("Configs (glimpse train NAME)", sorted(rows, key=lambda row: row[0]))


LISTINGS: Mapping[str, Callable[[], Listing]] = {
    "environments": _environments,
    "agents": _agents,
    "attention": _attention,
    "cores": _cores,
    "encoders": _encoders,
    "configs": _configs,
}
"""What can be listed, by name."""


def _first_group(rows: Sequence[tuple[str, Any]]) -> Callable[[tuple[str, Any]], int]:
    """Return a key that sorts rows by their group, in the order in which groups come first."""
    order = list(dict.fromkeys(group for group, _ in rows))
    return lambda row: order.index(row[0])


def _folder(factory: str) -> str:
    """Return the folder of an agent's module, `vision` of `glimpse.agents.vision.ram:make_ram`; else its package."""
    parts = factory.partition(":")[0].split(".")
    return parts[2] if parts[:2] == ["glimpse", "agents"] else parts[0]


def list_runs(folder: Path, as_json: bool) -> None:
    """Print the runs in a folder, and one folder deeper: agent, task, steps, and what was measured.

    Args:
        folder: the folder.
        as_json: whether to print a list of objects.
    """
    rows = list(_runs(folder))
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    elif rows:
        cells = [list(row.values()) for row in rows]
        TableConsole().print_table(list(rows[0]), cells, optional=("seed", "step", "agent", "task"))
    else:
        print_line(f"no runs in {folder}; begin one: glimpse train mnist-ram")


def _runs(folder: Path) -> Iterator[dict[str, str]]:
    """Yield a row for each run."""
    from glimpse.errors import UserError
    from glimpse.reporting.run_summary import summarise_run

    configs = (config for pattern in ("*/config.yaml", "*/*/config.yaml") for config in folder.glob(pattern))
    for path in sorted({config.parent for config in configs}):
        try:
            cells = summarise_run(path)
        except UserError as problem:
            cells = {**dict.fromkeys(("agent", "task", "seed", "step"), ""), "test": str(problem).splitlines()[0]}
        yield {"run": str(path), **cells}
