"""Figure of a table: the error after each look over the pixels seen until then, a curve for each line."""

from collections.abc import Sequence

from glimpse.reporting.drawing.charts import Curve, Dot, Mark, Spot, Tone
from glimpse.reproduction.figure_parts import WIDTH, Figure, MeasuredEntry, fitting_axis
from glimpse.reproduction.plane_figures import Point, names_beside, plane_grid

_HEIGHT = 460
_OWN_TONES: tuple[Tone, ...] = ("agent", "averaged", "paper", "public", "sampled")


def looks_figure(lines: Sequence[MeasuredEntry]) -> Figure:
    """Draw the error of single sampled episodes after each look over the pixels seen; controls are grey.

    A line that looks once is a dot. Lines without errors are left out.
    """
    curves = [(line, curve) for line in lines if (curve := _after_looks(line))]
    across = fitting_axis([pixels for _, curve in curves for pixels, _ in curve])
    up = fitting_axis([error for _, curve in curves for _, error in curve])
    left, right, top, bottom = 44, WIDTH - 24, 34, _HEIGHT - 46

    def spot(x: float, y: float) -> Spot:
        return left + across.share(x) * (right - left), bottom + up.share(y) * (top - bottom)

    marks: list[Mark] = plane_grid(across, up, spot, "pixels seen", "error, %")
    ends, tones = [], iter(_OWN_TONES * len(curves))
    for line, curve in curves:
        tone = "control" if line.entry.control else next(tones)
        places = [spot(pixels, error) for pixels, error in curve]
        marks += [Curve(tone, list(places)), *(Dot(x, y, tone) for x, y in places)]
        ends.append(Point(line.entry.short or line.entry.label, *curve[-1], tone))
    positions = [spot(end.x, end.y) for end in ends]
    return Figure([*marks, *names_beside(ends, positions, (left + right) / 2)], WIDTH, _HEIGHT)


def _after_looks(line: MeasuredEntry) -> list[tuple[float, float]]:
    """Return pixels seen and error after each look of a line."""
    row = line.results.get("test_error_m1", {})
    return [(float(pixels), float(error)) for pixels, error in row.get("after_looks", [])]
