"""Training budgets of a table's lines, and marks on those whose budget is not that of the line they stand beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import mean

from glimpse.config.experiment import TrainOptions
from glimpse.config.files import load_experiment
from glimpse.reproduction.row_facts import NOT_RECORDED
from glimpse.reproduction.table_lines import MeasuredLine, reference_of
from glimpse.reproduction.tables import Table

BUDGET_MARK = "†"


@dataclass(frozen=True)
class TrainingBudget:
    """What a run may use in training.

    updates: number of updates, the mean over runs; None if it is not recorded.
    minutes: minutes, where the config limits these and the updates are not recorded.
    batch: examples of an update.
    copies: rollouts of each.
    """

    updates: float | None
    minutes: float | None
    batch: int
    copies: int

    def describe(self) -> str:
        """Return it in words."""
        limit = f"{self.updates:,.0f} updates" if self.updates is not None else f"{self.minutes or 0:g} minutes"
        rollouts = f", {self.copies} rollouts" if self.copies > 1 else ""
        return f"{limit} (batch {self.batch}{rollouts})"


def budget_of(line: MeasuredLine) -> TrainingBudget:
    """Return the budget of a line: the updates of its rows, and batch and rollouts of its config.

    A run that patience ended had the updates of its config.
    """
    train, updates = train_options(line.entry.config, line.entry.overrides), line.row.get("updates", NOT_RECORDED)
    known = mean(updates) if isinstance(updates, list) and not _ended_early(line) else train.steps
    return TrainingBudget(known, None if known is not None else train.minutes, train.batch, train.copies)


def marked_lines(lines: Sequence[MeasuredLine], table: Table) -> dict[str, TrainingBudget]:
    """Return the budgets, by name, of the lines whose budget is not that of the line they are compared with."""
    budgets = {line.entry.name: budget_of(line) for line in lines}
    return {
        line.entry.name: budgets[line.entry.name]
        for line in lines
        if not line.entry.ranking and budgets[line.entry.name] != budgets[reference_of(line, lines, table).entry.name]
    }


def budget_notes(lines: Sequence[MeasuredLine], table: Table) -> list[str]:
    """Return the footnote of the marked lines, and notes on lines that ended early, or whose config has changed."""
    marked = marked_lines(lines, table)
    notes: list[str] = []
    by_reference: dict[str, list[str]] = {}
    for line in lines:
        if line.entry.name in marked:
            reference = reference_of(line, lines, table)
            told = by_reference.setdefault(f"`{reference.entry.name}`, {budget_of(reference).describe()}", [])
            told.append(f"`{line.entry.name}` {marked[line.entry.name].describe()}")
    if by_reference:
        groups = ". ".join(f"Beside {reference}: {', '.join(told)}" for reference, told in by_reference.items())
        notes.append(f"{BUDGET_MARK} Its training budget is not that of the line it is compared with. {groups}.")
    early = [f"`{line.entry.name}` ({mean(line.row['updates']):,.0f} updates)" for line in lines if _ended_early(line)]
    if early:
        notes.append(f"Ended early, as the validation error fell no more: {', '.join(early)}.")
    old = [f"`{line.entry.name}` ({since})" for line in lines if (since := _changed_since(line))]
    if old:
        notes.append(f"Trained before the budget of the config changed: {', '.join(old)}.")
    return notes


@cache
def train_options(config: str, overrides: tuple[str, ...] = ()) -> TrainOptions:
    """Return how a shipped config with overrides trains."""
    return load_experiment(config, overrides).train


def _ended_early(line: MeasuredLine) -> bool:
    """Return whether patience ended runs of a line."""
    train, updates = train_options(line.entry.config, line.entry.overrides), line.row.get("updates", NOT_RECORDED)
    if train.patience is None or train.steps is None or line.entry.ranking or not isinstance(updates, list):
        return False
    return bool(mean(updates) < train.steps and max(updates) <= train.steps)


def _changed_since(line: MeasuredLine) -> str:
    """Return how the updates of a line differ from its config's, in words; "" if they do not, or cannot be told."""
    steps, updates = train_options(line.entry.config, line.entry.overrides).steps, line.row.get("updates", NOT_RECORDED)
    known = steps is not None and isinstance(updates, list)
    if line.entry.ranking or not known or set(updates) == {steps} or _ended_early(line):
        return ""
    return f"{mean(updates):,.0f} updates, now {steps:,}"
