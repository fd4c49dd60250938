"""Markdown pages of result tables: a line for each config, notes, and the commands that reproduce each line."""

import re
from collections.abc import Sequence

from glimpse.reproduction.budgets import BUDGET_MARK, budget_notes, marked_lines
from glimpse.reproduction.line_differences import Answers, best_lines, difference_section
from glimpse.reproduction.metric_texts import decimals, metric_name, spread_text
from glimpse.reproduction.people_page import PREFIX, people_markdown
from glimpse.reproduction.result_notes import STAR, result_notes
from glimpse.reproduction.row_facts import NOT_RECORDED, uses_text
from glimpse.reproduction.table_lines import MeasuredLine, measured_lines
from glimpse.reproduction.tables import Published, Table
from glimpse.runs.results import Row, markdown_table

_SINGLE = ("test_error_m1", "test_error_greedy", "test_caught_m1", "test_caught_greedy")
"""Results of single episodes, beside which published numbers stand."""
_RUNS = (
    "Minutes are the training time of one run. Test set used: how often the line's runs, also those that are no longer "
    "in the table, were measured on the test set; as often as there are seeds where each run was measured once. What "
    "an earlier version of glimpse did not note is not recorded."
)
_LEFT_OUT = re.compile(rf"{PREFIX}.*|test_((words|accuracy)_at_\d+|words_greedy|f1_at_[138]|f1_first_[138])")
"""Metrics of people, shown beside their curve; and those of searches that are drawn, or are in the JSON alone."""
_PUBLISHED_COLUMNS = {
    "proceedings": "paper, NIPS",
    "arxiv": "paper, arXiv v1",
    "best_public": "best public",
    "paper": "paper",
}


def table_markdown(table: Table, rows: Sequence[Row], name: str, answers: Answers | None = None) -> str:
    """Return the Markdown page of a table.

    Args:
        table: the table.
        rows: result rows of `results/NAME.json`, in the table's order.
        name: NAME, the files' name without suffix.
        answers: stored answers of the lines to the test examples.
    """
    lines = measured_lines(table, rows)
    smoke = "**A smoke run: these numbers are no results.** " if name.endswith("-quick") else ""
    pictures = f"![{table.title}]({name}.svg)\n\n"
    pictures += f"![Learning curves]({name}-curves.png)\n\n" if table.curve and not smoke else ""
    pictures += f"![BLEU by length]({name}-lengths.png)\n\n" if table.lengths and not smoke else ""
    compared = [people_markdown(line.rows) for line in lines if table.people]
    pictures += f"![Maps of looks]({name}-maps.png)\n\n" if table.people and not smoke else ""
    commands = "\n".join(dict.fromkeys(row["command"] for row in rows))
    notes = [*result_notes(lines, rows), *budget_notes(lines, table)]
    parts = [
        f"# {table.title}",
        f"{smoke}{table.text}",
        f"{pictures}{_results_table(table, lines, rows, answers or {})}",
        *compared,
        *notes,
        *filter(None, [difference_section(table, lines, answers or {})]),
        f"## Runs\n\n{_runs_table(lines)}",
        f"{_RUNS}{table.tested_again and f' Lines that were tested again: {table.tested_again}.'}",
        f"Each line again:\n\n```sh\n{commands}\n```\n",
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _results_table(table: Table, lines: Sequence[MeasuredLine], rows: Sequence[Row], answers: Answers) -> str:
    """Return the table of results: single episodes, what is published, averaged episodes, other results, costs."""
    shown = dict.fromkeys(row["metric"] for row in rows if not _LEFT_OUT.fullmatch(row["metric"]))
    metrics = sorted(shown, key=lambda metric: not metric.startswith("test_"))
    main = lines[0].main_metric if lines else ""
    columns = [
        name for name in _PUBLISHED_COLUMNS if any(_published_number(one.entry.published, name) for one in lines)
    ]
    single = [metric for metric in metrics if metric in _SINGLE]
    first, later = (single, [one for one in metrics if one not in single]) if single else (metrics, [])
    marked, best = marked_lines(lines, table), best_lines(table, lines, answers)

    def own(line: MeasuredLine, metric: str) -> list[str]:
        shown = spread_text(metric, line.rows[metric]["values"]) if metric in line.rows else ""
        bold = metric == line.main_metric and line.entry.name in best
        return [f"**{shown}**" if bold else shown, *([interval_text(line.rows.get(metric))] if metric == main else [])]

    def headings(metrics: Sequence[str]) -> list[str]:
        return [text for one in metrics for text in (metric_name(one), *(["95 %"] if one == main else []))]

    cells = []
    for line in lines:
        mark = f" {BUDGET_MARK}" if line.entry.name in marked else ""
        cells.append(
            [
                f"{line.entry.label} (`{line.entry.source}`){mark}",
                *(cell for metric in first for cell in own(line, metric)),
                *(_published_text(line.entry.published, name) for name in columns),
                *(cell for metric in later for cell in own(line, metric)),
                *([_times_as_fast(line, lines)] if table.pace else []),
                str(len(line.row["seeds"])),
            ]
        )
    published = [_PUBLISHED_COLUMNS[name] for name in columns]
    pace = ["times as fast"] if table.pace else []
    return markdown_table(["", *headings(first), *published, *headings(later), *pace, "seeds"], cells)


def _runs_table(lines: Sequence[MeasuredLine]) -> str:
    """Return the table of the runs: updates, minutes, uses of the test set, commit and processor."""
    cells = []
    for line in lines:
        row, updates = line.row, line.row.get("updates", NOT_RECORDED)
        told = spread_text("updates", updates) if isinstance(updates, list) else updates
        uses = uses_text(row.get("tested", [NOT_RECORDED]))
        minutes = f"{row['train_seconds'] / 60:.1f}"
        cells.append([f"`{line.entry.name}`", str(len(row["seeds"])), told, minutes, uses])
        cells[-1] += [row.get("commit", NOT_RECORDED), row["device"]]
    return markdown_table(["", "seeds", "updates", "minutes", "test set used", "commit", "processor"], cells)


def interval_text(row: Row | None) -> str:
    """Return the 95 % interval of a row's metric in words; "" if there is no such row, or no interval."""
    interval = row.get("interval") if row else None
    if row is None or interval is None:
        return ""
    if not isinstance(interval, list):
        return str(interval)
    low, high = (f"{end:,.{decimals(row['metric'])}f}" for end in interval)
    return f"{low} to {high}"


def _published_number(published: Published | None, column: str) -> float | None:
    """Return one of the published numbers, if it is known."""
    number: float | None = getattr(published, column, None)
    return number


def _times_as_fast(line: MeasuredLine, lines: Sequence[MeasuredLine]) -> str:
    """Return the ratio of texts per second of a line to that of the line it is compared with."""
    other = next((one for one in lines if one.entry.name == line.entry.beside), None)
    own, others = (one and one.rows.get("texts_per_second") for one in (line, other))
    return f"{own['mean'] / others['mean']:.1f}" if own and others else ""


def _published_text(published: Published | None, column: str) -> str:
    """Return a published number, with a star if quoted from memory, and the owner of its repository."""
    number = _published_number(published, column)
    if number is None or published is None:
        return ""
    owner = f" ({published.source.split('/')[0]})" if column == "best_public" and published.source else ""
    return f"{number:.2f}{STAR * (column in published.recalled)}{owner}"
