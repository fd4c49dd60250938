"""Charts of translations: BLEU by the length of the source, and BLEU by lag."""

from collections.abc import Sequence
from typing import Any

from glimpse.reporting.drawing.charts import Chart, Series

Points = tuple[tuple[float, float | None], ...]


def length_points(groups: Sequence[dict[str, Any]]) -> Points:
    """Of groups as `evaluate` keeps them, `words` (up to so many; None for all longer ones) and `bleu`.

    Returns:
        The middle of each group's lengths, three words behind the last limit for the longest, and its BLEU.
    """
    points: list[tuple[float, float | None]] = []
    low = 0
    for group in groups:
        middle = (low + 1 + group["words"]) / 2 if group["words"] else low + 3
        points.append((float(middle), float(group["bleu"])))
        low = group["words"] or low
    return tuple(points)


def length_chart(split: str, measured: dict[str, Any]) -> Chart:
    """BLEU by the length of the source: the curve by which attention was first defended (Bahdanau et al., 2015)."""
    points = length_points(measured["by_length"])
    return Chart(f"{split.capitalize()} BLEU by length", "words of the source", (Series("BLEU", points),))


def lag_chart(split: str, measured: dict[str, Any]) -> Chart:
    """BLEU over the differentiable lag, which no policy makes small by some early pieces: wait-k, and the run's own."""
    own = measured["interpreted"]
    waits = tuple((one["dal_words"], one["bleu"]) for one in measured["waits"])
    return Chart(
        f"{split.capitalize()} BLEU by lag",
        "words behind (differentiable average lagging)",
        (Series("own policy", ((own["dal_words"], own["bleu"]),)), Series("wait-k", waits, "control")),
    )
