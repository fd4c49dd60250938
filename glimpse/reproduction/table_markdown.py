"""Markdown pages of result tables: a line for each config, notes, and the commands that reproduce each line."""

import re
from collections.abc import Iterable, Sequence
from statistics import mean, stdev

from glimpse.evaluation.search_curve import OPENED
from glimpse.reproduction.tables import Published, Table, TableEntry
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
    "epoch_seconds": 1,
}
"""Decimals that are shown; by default two for test results and none for other numbers."""
_LEFT_OUT = re.compile(r"test_((words|accuracy)_at_\d+|words_greedy|f1_at_[138])")
"""Metrics of searches that are drawn, or are in the JSON alone; a page with all of them would be too wide."""
_STAR = "\\*"
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
    lines = {entry.line: {row["metric"]: row for row in rows if entry.owns(row)} for entry in table.entries}
    present = [entry for entry in table.entries if lines[entry.line]]
    # Test results come before costs, where lines differ in their metrics.
    shown = dict.fromkeys(row["metric"] for row in rows if not _LEFT_OUT.fullmatch(row["metric"]))
    metrics = sorted(shown, key=lambda metric: not metric.startswith("test_"))
    columns = [
        column for column in _PUBLISHED_COLUMNS if any(_published_number(entry.published, column) for entry in present)
    ]
    headings = [metric_name(metric) for metric in metrics] + [_PUBLISHED_COLUMNS[column] for column in columns]
    cells = [_table_row(entry, lines[entry.line], metrics, columns) for entry in present]
    if table.pace:
        headings.append("times as fast")
        for entry, line in zip(present, cells, strict=True):
            line.insert(len(headings), _times_as_fast(entry, lines))
    page = markdown_table(["", *headings, "seeds", "minutes", "device"], cells)
    smoke = "**A smoke run: these numbers are no results.** " if name.endswith("-quick") else ""
    pictures = f"![{table.title}]({name}.svg)\n\n"
    pictures += f"![Learning curves]({name}-curves.png)\n\n" if table.curve and not smoke else ""
    pictures += f"![BLEU by length]({name}-lengths.png)\n\n" if table.lengths and not smoke else ""
    commands = "\n".join(dict.fromkeys(row["command"] for row in rows))
    return (
        f"# {table.title}\n\n{smoke}{table.text}\n\n{pictures}{page}\n{_notes(table, present, rows)}\n\n"
        f"Each line again:\n\n```sh\n{commands}\n```\n"
    )


def metric_name(metric: str) -> str:
    """Return a metric's name in words: `test_error_m10` is M = 10."""
    if metric in _NAMES:
        return _NAMES[metric]
    for name, (told, unit) in _OF_SEARCHES.items():
        if metric.startswith(f"test_{name}_"):  # On other data, which are named by the end.
            return f"{told}, {metric.removeprefix(f'test_{name}_')}{unit}"
    return f"M = {metric.removeprefix('test_error_m')}"


def spread_text(metric: str, values: Sequence[float]) -> str:
    """Return the mean; with several runs also the range, and with three or more the standard deviation."""
    digits = _DIGITS.get(metric, 2 if metric.startswith("test_") else 0)
    middle = f"{mean(values):,.{digits}f}"
    if min(values) == max(values):
        return middle
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 2 else ""
    return f"{middle}{deviation} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def _published_number(published: Published | None, column: str) -> float | None:
    """Return one of the published numbers, if it is known."""
    number: float | None = getattr(published, column, None)
    return number


def _table_row(entry: TableEntry, results: dict[str, Row], metrics: Iterable[str], columns: Iterable[str]) -> list[str]:
    """Return the cells of one line."""
    first = next(iter(results.values()))
    own = [spread_text(metric, results[metric]["values"]) if metric in results else "" for metric in metrics]
    others = [_published_text(entry.published, column) for column in columns]
    minutes = f"{first['train_seconds'] / 60:.1f}"
    label = f"{entry.label} (`{entry.line}`)"
    return [label, *own, *others, str(len(first["seeds"])), minutes, first["device"]]


def _times_as_fast(entry: TableEntry, lines: dict[str, dict[str, Row]]) -> str:
    """Return the ratio of texts per second of a line to that of the line it is compared with."""
    own, other = (lines.get(config, {}).get("texts_per_second") for config in (entry.config, entry.beside))
    return f"{own['mean'] / other['mean']:.1f}" if own and other else ""


def _published_text(published: Published | None, column: str) -> str:
    """Return a published number, with a star if quoted from memory, and the owner of its repository."""
    number = _published_number(published, column)
    if number is None or published is None:
        return ""
    owner = f" ({published.source.split('/')[0]})" if column == "best_public" and published.source else ""
    return f"{number:.2f}{_STAR * (column in published.recalled)}{owner}"


def _notes(table: Table, present: Sequence[TableEntry], rows: Sequence[Row]) -> str:
    """Return the notes that explain the numbers."""
    again = f", and again for some lines: {table.tested_again}" if table.tested_again else ""
    notes = [
        "Mean over seeds; with three or more also the standard deviation, and in brackets the range. The weights are "
        f"those that were best on validation data; the test set was used once{again}. Minutes are the training time "
        "of one run."
    ]
    if any(row["metric"] == "test_rationale_recall" for row in rows):
        notes.append(
            "Accuracy is that of the probabilities averaged over ten sampled selections. Kept, or dependents for "
            "ReSAN, is the share of words in a sampled selection; recall, precision and F1 compare these words with "
            "the human rationale."
        )
    if any(row["metric"] == "test_bleu_simultaneous" for row in rows):
        notes.append(
            "Simultaneous is BLEU of the translations written while the source was read. Wait-k is BLEU of the same "
            "weights with a wait-k policy in place of the learned one, at the same DAL, interpolated linearly "
            "between k = 1, 3, 5, 7 and 9 tokens. AL is average lagging, DAL differentiable average lagging (Cherry "
            "and Foster, 2019): a policy that writes some tokens early and then reads the rest of the source has a "
            "small AL and a large DAL. The other columns are of whole sentences."
        )
    if any(row["metric"] == "test_auprc" for row in rows):
        notes.append(
            "AUPRC is ERASER's official number, the area under the precision-recall curve by the trapezoid rule; "
            "average precision sums the same curve in steps."
        )
    if any(row["metric"] == "test_reference_lag_words" for row in rows):
        notes.append("AL is at the pace of the translation, SimulEval AL at that of the reference.")
    if any(row["metric"] == "texts_per_second" for row in rows):
        notes.append(
            "Texts per second are test texts answered greedily in batches, all time included. Times as fast compares "
            "with the reader of whole texts on the same data."
        )
    if any(row["metric"].startswith("test_error") for row in rows):
        notes.append(
            "M = 1 is a single rollout with sampled locations, greedy is one with mean locations; a larger M "
            "averages the probabilities of M rollouts per example."
        )
    known = [entry.published for entry in present if entry.published]
    if sources := list(dict.fromkeys(one.source for one in known if one.source)):
        notes.append(
            f"Paper: Mnih et al. (2014), whose two versions have different tables. Best public: {', '.join(sources)}."
        )
    if papers := list(dict.fromkeys(one.cited for one in known if one.cited)):
        notes.append(f"Papers, whose models start from vectors of 300 numbers: {'; '.join(papers)}.")
    if any(one.recalled for one in known):
        notes.append(f"{_STAR} Quoted from memory, and not checked against its source.")
    return "\n\n".join(notes)
