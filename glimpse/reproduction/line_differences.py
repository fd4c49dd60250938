"""What the lines of a table show of each other: differences in words, and which line is significantly the best."""

from collections.abc import Mapping, Sequence

from glimpse.reproduction.line_answers import LineAnswers
from glimpse.reproduction.line_tests import ComparedLine, compare_lines
from glimpse.reproduction.metric_texts import metric_name
from glimpse.reproduction.table_lines import MeasuredLine, reference_of
from glimpse.reproduction.tables import Table

Answers = Mapping[str, LineAnswers]
"""Answers of lines by config; lines without stored answers are missing."""
_HOW = (
    "A difference is shown where p is below .05 in a paired test over the same test examples: McNemar's, exact, for "
    "one run against one, and the bootstrap of the means over runs otherwise. Where no answers to the examples are "
    "stored, it is shown where the two 95 % intervals, widened to the range of three or more runs, do not overlap. "
    "Neither counts how runs of other seeds would differ. Bold: significantly better than each other line of its task."
)


def difference_section(table: Table, lines: Sequence[MeasuredLine], answers: Answers) -> str:
    """Return the section on differences: of each line from the one it is compared with, and those the table names."""
    groups: dict[str, list[str]] = {}
    for line in lines:
        reference = reference_of(line, lines, table)
        for metric in (reference.main_metric, *table.compared) if reference is not line else ():
            if text := _compared(reference, line, metric, answers):
                heading = f"{_of(reference)}, {metric_name(metric)}, over"
                groups.setdefault(heading, []).append(f"- {_of(line)}: {text}")
    stated = _stated(table, lines, answers)
    parts = ["\n".join(stated)] if stated else []
    parts += [f"{heading}\n\n" + "\n".join(told) for heading, told in groups.items()]
    return "\n\n".join(["## Differences", *parts, _HOW]) if parts else ""


def _of(line: MeasuredLine) -> str:
    return f"{line.entry.label} (`{line.entry.name}`)"


def _stated(table: Table, lines: Sequence[MeasuredLine], answers: Answers) -> list[str]:
    """Return the differences that the table names, each with what it is about."""
    by_config, told = {line.entry.name: line for line in lines}, []
    for stated in table.stated:
        pair = [by_config.get(config) for config in (stated.first, stated.second)]
        if pair[0] is None or pair[1] is None:
            continue
        if text := _compared(pair[0], pair[1], stated.metric, answers):
            told.append(f"- {stated.about}: {_of(pair[0])} over {_of(pair[1])}, {metric_name(stated.metric)}: {text}")
    return told


def _compared(first: MeasuredLine, second: MeasuredLine, metric: str, answers: Answers) -> str:
    """Return by how much the first line is better in words; "" if one of them lacks the metric."""
    if metric not in first.rows or metric not in second.rows:
        return ""
    sides = [ComparedLine(one.rows[metric], answers.get(one.entry.name)) for one in (first, second)]
    return compare_lines(sides[0], sides[1]).describe()


def best_lines(table: Table, lines: Sequence[MeasuredLine], answers: Answers) -> set[str]:
    """Return the configs of lines that are significantly better than each other line of their task.

    Lines that stand beside different ones are of different tasks.
    """
    best, beside = set(), {line.entry.name: reference_of(line, lines, table).entry.name for line in lines}
    for line in lines:
        metric, own_side = line.main_metric, beside[line.entry.name]
        rivals = [one for one in lines if one is not line and _is_rival(line, one)]
        others = [one for one in rivals if beside[one.entry.name] == own_side]
        own = ComparedLine(line.rows[metric], answers.get(line.entry.name))
        found = (compare_lines(own, ComparedLine(one.rows[metric], answers.get(one.entry.name))) for one in others)
        if others and all(one.better > 0 and one.shown for one in found):
            best.add(line.entry.name)
    return best


def _is_rival(line: MeasuredLine, other: MeasuredLine) -> bool:
    """Return whether two lines are of one task and have the same main metric."""
    return line.row["task"] == other.row["task"] and line.main_metric == other.main_metric
