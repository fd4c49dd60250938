"""Comparison with people as part of an evaluation: when it is made, and how it is printed."""

from dataclasses import asdict
from typing import Any, cast

from glimpse.envs.errors import DataError
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.shown_digits import load_shown_digits
from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.people_comparison import (
    AGENT,
    AT_PEOPLE,
    PEOPLE,
    TITLES,
    PeopleComparison,
    compare_with_people,
    is_compared,
)
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.runs.trained_run import TrainedRun


def people_details(trained: TrainedRun, seed: int) -> dict[str, Any]:
    """Compare a run with people and print it, where it was trained without the digits that they saw.

    Returns:
        `people`, the comparison as plain data; nothing for other runs, or without a copy of what people did.
    """
    experiment, env = trained.experiment, cast(Classification, trained.env)
    if not is_compared(experiment.task) or env.retina.shows_all:
        return {}
    try:
        shown = load_shown_digits(experiment.data.root, download=experiment.data.download)
    except DataError as problem:
        print_line(f"note: not compared with people: {problem}")
        return {}
    found = compare_with_people(trained.agent, env, shown, seed)
    print_people(found)
    return {"people": asdict(found)}


def print_people(found: PeopleComparison) -> None:
    """Print the right answers after each look, the agreement of looks, and what the selection does."""
    looks = [str(look) for look in range(1, len(found.right_after[PEOPLE]) + 1)]
    rows = [[TITLES[name], *(f"{share:.1f}" for share in shares)] for name, shares in found.right_after.items()]
    agree = [
        f"{TITLES[name]} {found.information_gain[name]:+.3f} and {found.similarity[name]:.3f}"
        for name in found.information_gain
    ]
    TableConsole().print_table(
        ["right after look, %", *looks],
        rows,
        title="digits that people saw in AttentionMNIST",
        caption="below people and the agent: the same network, which looks elsewhere",
        optional=list(reversed(looks[1:-1:2])),
        right=looks,
        bordered=True,
    )
    print_line(f"information gain over the centre bias, bits per click, and ScanMatch with people: {', '.join(agree)}")
    for line in describe_selection(found):
        print_line(line)


def describe_selection(found: PeopleComparison) -> list[str]:
    """Describe in words how far the selection of sequences that end right flatters people."""
    selection = found.selection
    own = selection.ends_wrong
    lines = [
        "only sequences that name the right class at the end seem to be kept of people's; "
        f"of the agent's episodes {own[AGENT]:.1f} % end wrong, and {own[AT_PEOPLE]:.1f} % at people's looks"
    ]
    for name, estimates in selection.estimated.items():
        true = f" (in truth {own[name]:.1f})" if name in own else ""
        ends = " to ".join(f"{share:.1f}" for share in sorted(estimates))
        lines.append(f"  {TITLES[name]}: {ends} % end wrong, as estimated from those that end right{true}")
    return lines
