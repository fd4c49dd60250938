"""Evaluations of translations, as `glimpse evaluate` wrote them."""

from pathlib import Path
from typing import Any, NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic reads no other one before Python 3.12.

from glimpse.runs.evaluation_file import not_an_evaluation, read_evaluation_file


class _Quality(TypedDict):
    bleu: float
    chrf: float
    right: NotRequired[float]


class _LengthGroup(TypedDict):
    words: int | None
    bleu: float
    sentences: NotRequired[int]


class _Searched(_Quality):
    signatures: list[str]
    tokenizer_reason: NotRequired[str]


class _Lagged(TypedDict):
    bleu: float
    dal_words: float


class _Simultaneous(_Quality, _Lagged):
    lag_words: float
    lag_tokens: float
    reference_lag_words: NotRequired[float]


class _Measured(TypedDict):
    """What the page shows of an evaluation by `glimpse evaluate`; what older versions did not write is not required."""

    step: int
    weights: NotRequired[str]
    beam: int
    perplexity: float
    greedy: _Quality
    searched: _Searched
    by_length: list[_LengthGroup]
    simultaneous: NotRequired[_Simultaneous]
    waits: NotRequired[list[_Lagged]]
    bleu_interval: NotRequired[tuple[float, float]]
    simultaneous_interval: NotRequired[tuple[float, float]]


_MEASURED = TypeAdapter(_Measured)


def measured_translations(path: Path) -> dict[str, dict[str, Any]]:
    """Read the evaluations of `glimpse evaluate` by split, that on the test set first.

    Raises:
        UserError: if the file cannot be read, or is not what `glimpse evaluate` writes.
    """
    known = read_evaluation_file(path)
    named = sorted(known, key=("test", "validation", *known).index)
    try:
        found = {split: known[split] for split in named if known[split].get("by_length")}
        for record in found.values():
            _MEASURED.validate_python(record)
    except (ValueError, AttributeError):
        raise not_an_evaluation(path) from None
    return found


def search_name(measured: dict[str, Any]) -> str:
    """Return how the sentences of an evaluation were translated: `beam 5`, or `greedy`."""
    return f"beam {measured['beam']}" if measured["beam"] > 1 else "greedy"
