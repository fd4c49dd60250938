"""Metrics in words: their names, and their values as tables show them."""

from collections.abc import Sequence
from statistics import mean, stdev

from glimpse.evaluation.search_curve import OPENED

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
    **{f"test_f1_first_{count}": f"F1, exactly {count}, %" for count in OPENED},
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
