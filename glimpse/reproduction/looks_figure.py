"""Figure of a table: the error after each look over the pixels seen until then, a curve for each line."""

from collections.abc import Sequence

from glimpse.reporting.drawing.charts import Curve, Dot, Mark, Spot, Tone
from glimpse.reporting.drawing.svg import text_width
from glimpse.reproduction.figure_parts import WIDTH, Figure, MeasuredEntry, fitting_axis
from glimpse.reproduction.plane_figures import Point, names_beside, plane_grid

_HEIGHT = 460
_ABOVE = 10
"""Pixels from a dot up to its name."""
_OWN_TONES: tuple[Tone, ...] = ("agent", "averaged", "paper", "public", "sampled")


def looks_figure(lines: Sequence[MeasuredEntry]) -> Figure:
    """Draw the error of single sampled episodes after each look over the pixels seen; controls are grey.

    A line that looks once is a dot. Lines without errors are left out.
    """
    curves = [(line, curve) for line in lines if (curve := _after_looks(line))]
    across = fitting_axis([pixels for _, curve in curves for pixels, _ in curve])
    up = fitting_axis([error for _, curve in curves for _, error in curve])
    names = [line.entry.short or line.entry.label for line, _ in curves]
    room = max((text_width(name) for name, (_, curve) in zip(names, curves, strict=True) if len(curve) > 1), default=0)
    left, right, top, bottom = 44, WIDTH - 24 - room, 34, _HEIGHT - 46

    def spot(x: float, y: float) -> Spot:
        return left + across.share(x) * (right - left), bottom + up.share(y) * (top - bottom)

    marks: list[Mark] = plane_grid(across, up, spot, "pixels seen", "error, %")
    # Names stand to the right of curves, and above dots, where other curves may pass beside them.
    ends: list[tuple[Point, Spot]] = []
    dots: list[tuple[Point, Spot]] = []
    tones = iter(_OWN_TONES * len(curves))
    for name, (line, curve) in zip(names, curves, strict=True):
        tone: Tone = "control" if line.entry.control else next(tones)
        places = [spot(pixels, error) for pixels, error in curve]
        marks += [Curve(tone, list(places)), *(Dot(x, y, tone) for x, y in places)]
        (x, y), point = places[-1], Point(name, *curve[-1], tone)
        (ends if len(curve) > 1 else dots).append((point, (x, y if len(curve) > 1 else y - _ABOVE)))
    for named, middle in ((ends, float("inf")), (dots, (left + right) / 2)):
        marks += names_beside([point for point, _ in named], [position for _, position in named], middle)
    return Figure(marks, WIDTH, _HEIGHT)


def _after_looks(line: MeasuredEntry) -> list[tuple[float, float]]:
    """Return pixels seen and error after each look of a line."""
    row = line.results.get("test_error_m1", {})
    return [(float(pixels), float(error)) for pixels, error in row.get("after_looks", [])]
