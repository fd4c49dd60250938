"""Markdown pages of result tables: a line for each config, notes, and the commands that reproduce each line."""

import re
from collections.abc import Sequence
from statistics import mean, stdev

from glimpse.evaluation.search_curve import OPENED
from glimpse.reproduction.budgets import BUDGET_MARK, budget_notes, marked_lines
from glimpse.reproduction.people_page import PREFIX, people_markdown
from glimpse.reproduction.result_notes import STAR, result_notes
from glimpse.reproduction.row_facts import NOT_RECORDED, uses_text
from glimpse.reproduction.table_lines import MeasuredLine, measured_lines
from glimpse.reproduction.tables import Published, Table
from glimpse.runs.results import Row, markdown_table

_NAMES = {
    "test_error_m1": "M = 1",
    "test_error_greedy": "greedy",
    "test_caught_m1": "sampled",
    "test_caught_greedy": "greedy",
    "test_accuracy": "accuracy, %",
    "test_accuracy_m1": "M = 1",
    "test_accuracy_greedy": "greedy",
    "test_heads": "heads, %",
    "test_dependents": "dependents, %",
    "test_keep_rate": "kept, %",
    "test_read": "read, %",
    "test_attended": "attended, %",
    "test_rationale_recall": "recall, %",
    "test_rationale_precision": "precision, %",
    "test_rationale_f1": "F1, %",
    "test_predicted_rate": "predicted, %",
    "test_predicted_f1": "F1",
    "test_random_f1": "random, F1",
    "test_first_f1": "first, F1",
    "test_top_f1": "top, F1",
    "test_spans_f1": "IOU-F1",
    "test_average_precision": "average precision",
    "test_auprc": "AUPRC",
    "test_sufficiency": "sufficiency",
    "test_comprehensiveness": "comprehensiveness",
    "test_sufficiency_area": "sufficiency, AOPC",
    "test_comprehensiveness_area": "comprehensiveness, AOPC",
    "test_pearson": "Pearson's r",
    "test_pearson_m1": "r, M = 1",
    "test_pearson_greedy": "r, greedy",
    "test_spearman": "Spearman's rho",
    "test_squared_error": "squared error",
    "test_bleu_simultaneous": "simultaneous, BLEU",
    "test_bleu_waits": "wait-k at this DAL, BLEU",
    "test_lag_words": "AL, words",
    "test_lag_tokens": "AL, tokens",
    "test_reference_lag_words": "SimulEval AL, words",
    "test_dal_words": "DAL, words",
    "test_bleu": "BLEU",
    "test_bleu_greedy": "BLEU, greedy",
    "test_chrf": "chrF",
    "test_perplexity": "perplexity",
    "test_opened_greedy": "opened",
    "test_found_greedy": "evidence, %",
    **{f"test_found_at_{count}": f"evidence, {count} opened, %" for count in OPENED},
    **{f"test_f1_at_{count}": f"F1, {count} opened, %" for count in OPENED},
    **{f"test_accuracy_at_{count}": f"accuracy, {count} opened, %" for count in OPENED},
    **{f"test_words_at_{count}": f"words, {count} opened" for count in OPENED},
    "test_sentence_f1": "F1 of sentences, %",
    "test_token_f1": "F1 of words, %",
    "test_milliseconds": "ms per question",
    "glimpses": "glimpses",
    "parameters": "parameters",
    "pixels": "pixels",
    "seen": "seen, %",
    "multiply_adds": "multiply-adds",
    "updates": "updates",
    "epoch_seconds": "s per epoch",
    "words_per_second": "words/s",
    "texts_per_second": "texts/s",
}
_OF_SEARCHES = {
    "opened_greedy": ("opened", ""),
    "found_greedy": ("evidence", ", %"),
    "accuracy": ("accuracy", ", %"),
    "milliseconds": ("ms per question", ""),
}
"""Names and units of what searches measure on other data."""
_DIGITS = {
    "test_pearson": 3,
    "test_pearson_m1": 3,
    "test_pearson_greedy": 3,
    "test_spearman": 3,
    "test_squared_error": 3,
    "glimpses": 2,
    "seen": 2,
    "epoch_seconds": 1,
}
"""Decimals that are shown; by default two for test results and none for other numbers."""
_SINGLE = ("test_error_m1", "test_error_greedy", "test_caught_m1", "test_caught_greedy")
"""Results of single episodes, beside which published numbers stand."""
_RUNS = (
    "Minutes are the training time of one run. Test set used: how often the line's runs, also those that are no longer "
    "in the table, were measured on the test set; as often as there are seeds where each run was measured once. What "
    "an earlier version of glimpse did not note is not recorded."
)
_LEFT_OUT = re.compile(rf"{PREFIX}.*|test_((words|accuracy)_at_\d+|words_greedy|f1_at_[138])")
"""Metrics of people, shown beside their curve; and those of searches that are drawn, or are in the JSON alone."""
_PUBLISHED_COLUMNS = {
    "proceedings": "paper, NIPS",
    "arxiv": "paper, arXiv v1",
    "best_public": "best public",
    "paper": "paper",
}


def table_markdown(table: Table, rows: Sequence[Row], name: str) -> str:
    """Return the Markdown page of a table.

    Args:
        table: the table.
        rows: result rows of `results/NAME.json`, in the table's order.
        name: NAME, the files' name without suffix.
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
        f"{pictures}{_results_table(table, lines, rows)}",
        *compared,
        *notes,
        f"## Runs\n\n{_runs_table(lines)}",
        f"{_RUNS}{table.tested_again and f' Lines that were tested again: {table.tested_again}.'}",
        f"Each line again:\n\n```sh\n{commands}\n```\n",
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _results_table(table: Table, lines: Sequence[MeasuredLine], rows: Sequence[Row]) -> str:
    """Return the table of results: single episodes, what is published, averaged episodes, other results, costs."""
    shown = dict.fromkeys(row["metric"] for row in rows if not _LEFT_OUT.fullmatch(row["metric"]))
    metrics = sorted(shown, key=lambda metric: not metric.startswith("test_"))
    main = lines[0].main_metric if lines else ""
    columns = [
        name for name in _PUBLISHED_COLUMNS if any(_published_number(one.entry.published, name) for one in lines)
    ]
    single = [metric for metric in metrics if metric in _SINGLE]
    first, later = (single, [one for one in metrics if one not in single]) if single else (metrics, [])
    marked = marked_lines(lines, table)

    def own(line: MeasuredLine, metric: str) -> list[str]:
        cells = [spread_text(metric, line.rows[metric]["values"]) if metric in line.rows else ""]
        return [*cells, *([interval_text(line.rows.get(metric))] if metric == main else [])]

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


def metric_name(metric: str) -> str:
    """Return a metric's name in words: `test_error_m10` is M = 10."""
    if metric in _NAMES:
        return _NAMES[metric]
    for name, (told, unit) in _OF_SEARCHES.items():
        if metric.startswith(f"test_{name}_"):  # On other data, which are named by the end.
            return f"{told}, {metric.removeprefix(f'test_{name}_')}{unit}"
    return f"M = {metric.removeprefix('test_error_m')}"


def decimals(metric: str) -> int:
    """Return how many decimals of a metric are shown."""
    return _DIGITS.get(metric, 2 if metric.startswith("test_") else 0)


def spread_text(metric: str, values: Sequence[float]) -> str:
    """Return the mean; with several runs also the range, and with three or more the standard deviation."""
    digits = decimals(metric)
    middle = f"{mean(values):,.{digits}f}"
    if min(values) == max(values):
        return middle
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 2 else ""
    return f"{middle}{deviation} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


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
