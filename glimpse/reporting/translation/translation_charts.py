"""Charts of translation quality: BLEU over the length of the source, and BLEU over lag."""

from collections.abc import Sequence
from typing import Any

from glimpse.reporting.drawing.charts import Chart, Series
from glimpse.reporting.translation.measured_translations import search_name

Points = tuple[tuple[float, float | None], ...]


def length_points(groups: Sequence[dict[str, Any]]) -> Points:
    """Return (length, BLEU) of groups of sentences.

    Args:
        groups: as in evaluation.json, `words` (maximum length; None for all longer sentences) and `bleu`.

    Returns:
        The middle of each group's lengths (for the longest, three words above the last limit), and its BLEU.
    """
    points: list[tuple[float, float | None]] = []
    low = 0
    for group in groups:
        middle = (low + 1 + group["words"]) / 2 if group["words"] else low + 3
        points.append((float(middle), float(group["bleu"])))
        low = group["words"] or low
    return tuple(points)


def length_names(groups: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of groups of sentences: `1 to 10 words`, `26 and more words`; see `length_points`."""
    lows = [0, *(group["words"] or 0 for group in groups)]
    return [
        f"{low + 1} to {group['words']} words" if group["words"] else f"{low + 1} and more words"
        for low, group in zip(lows, groups, strict=False)
    ]


def bleu_by_length_chart(split: str, measured: dict[str, Any]) -> Chart:
    """Return the chart of BLEU over the length of the source (Bahdanau et al., 2015, figure 2)."""
    points = length_points(measured["by_length"])
    title = f"{split[:1].upper()}{split[1:]} BLEU by length of the source, {search_name(measured)}"
    return Chart(title, "words of the source", (Series("BLEU", points),))


def lag_chart(split: str, measured: dict[str, Any]) -> Chart:
    """Return the chart of BLEU over differentiable average lagging, for the run's own policy and for wait-k.

    Unlike average lagging, it cannot be made small by a few early tokens.
    """
    own = measured["simultaneous"]
    waits = tuple((one["dal_words"], one["bleu"]) for one in measured["waits"])
    return Chart(
        f"{split[:1].upper()}{split[1:]} BLEU by lag, greedy",
        "differentiable average lagging, words",
        (Series("own policy", ((own["dal_words"], own["bleu"]),)), Series("wait-k", waits, "control")),
    )
