"""Trained agents that come with glimpse: their list, and their cards."""

import json
from typing import Any

from glimpse.config.mistakes import nearest
from glimpse.errors import UserError
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.runs.durable import read_file, reporting_read_errors
from glimpse.runs.run_source import zoo_folder, zoo_names


def read_card(name: str) -> dict[str, Any]:
    """Return the facts of the card of an agent of the zoo, with the size of its folder in bytes."""
    path = zoo_folder() / name / "card.json"
    with reporting_read_errors(path):
        facts: dict[str, Any] = json.loads(read_file(path))
    return {**facts, "bytes": sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())}


def card_body(name: str) -> str:
    """Return the text of the card of an agent of the zoo, without the head that the hub reads."""
    text = (zoo_folder() / name / "README.md").read_text(encoding="utf-8")
    return text.split("---\n", 2)[-1].strip()


def list_zoo(name: str | None, as_json: bool) -> None:
    """Print the list of the zoo, or the card of one agent.

    Args:
        name: an agent; None for the list.
        as_json: whether facts are printed as JSON.

    Raises:
        UserError: if there is no such agent.
    """
    names = zoo_names()
    if name is not None and name.removeprefix("zoo:") not in names:
        near = nearest(name, names)
        question = f"did you mean {near!r}? " if near else ""
        raise UserError(f"the zoo has no agent {name!r} ({question}it has {', '.join(names)})")
    chosen = names if name is None else [name.removeprefix("zoo:")]
    if as_json:
        cards = [read_card(one) for one in chosen]
        print(json.dumps(cards if name is None else cards[0], indent=1, ensure_ascii=False))
    elif name is None:
        _print_list(names)
    else:
        print(card_body(chosen[0]))


def _print_list(names: list[str]) -> None:
    """Print a line for each agent."""
    rows = []
    for name in names:
        card = read_card(name)
        one = card["measure"]
        result = f"{one['value']:.3g} ({one['low']:.3g} to {one['high']:.3g})"
        rows.append((name, one["name"], result, f"{card['bytes'] / 1e6:.1f}"))
    console = TableConsole()
    console.print_table(("name", "measure", "test (95 %)", "MB"), rows, optional=("MB",))
    console.print_text('Use: glimpse.load("NAME"), glimpse predict NAME INPUT, init: NAME in a config.')
    console.print_text("Card of one: glimpse zoo NAME. Yours: glimpse publish RUN hf:OWNER/NAME")
