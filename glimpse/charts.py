"""Line charts, described once and drawn twice: as SVG for the page, and as one PNG with matplotlib."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

Tone = Literal["agent", "sampled", "averaged", "control"]

_MOST_POINTS = 400
"""More points than this cannot be told apart; their means are drawn."""

PRINTED: dict[Tone, tuple[str, str]] = {
    "agent": ("#0f7285", "-"),
    "sampled": ("#0f7285", ":"),
    "averaged": ("#b4538a", "-"),
    "control": ("#9aa0a6", "-"),
}
"""Colour and style of lines in the PNG."""


@dataclass(frozen=True)
class Series:
    """A line through points (x, y); a y that is None breaks it. The tone decides how it is drawn."""

    name: str
    points: tuple[tuple[float, float | None], ...]
    tone: Tone = "agent"


@dataclass(frozen=True)
class Chart:
    """One or more lines. With `ratio`, values that are above zero and far apart make the vertical axis logarithmic."""

    title: str
    horizontal: str
    series: tuple[Series, ...]
    ratio: bool = False

    @property
    def labelled(self) -> bool:
        """Whether the lines' names must be written."""
        return len(self.series) > 1

    @property
    def logarithmic(self) -> bool:
        """Whether the vertical axis is."""
        heights = self._heights()
        return self.ratio and bool(heights) and min(heights) > 0 and max(heights) > 20 * min(heights)

    def across(self, ticks: int) -> "Axis":
        """The horizontal axis, with about so many ticks at whole numbers."""
        places = [x for one in self.series for x, _ in one.points] or [0.0]
        low, high = min(places), max(places)
        low, high = (low, high) if low < high else (low - 0.5, high + 0.5)
        return Axis(low, high, _multiples(low, high, _round_step(max(1.0, (high - low) / ticks))))

    def up(self) -> "Axis":
        """The vertical axis."""
        heights = self._heights() or [0.0, 1.0]
        low, high = min(heights), max(heights)
        if self.logarithmic:
            return Axis(low / 1.15, high * 1.15, _powers(low / 1.15, high * 1.15), logarithmic=True)
        if low == high:
            low, high = (0.0, 2 * high) if high > 0 else (low - 1, high + 1)
        low = 0.0 if 0 < low < high / 2 else low
        step = _round_step((high - low) / 4)
        low, high = math.floor(low / step + 1e-6) * step, math.ceil(high / step - 1e-6) * step
        return Axis(low, high, _multiples(low, high, step))

    def _heights(self) -> list[float]:
        return [y for one in self.series for _, y in one.points if y is not None]


@dataclass(frozen=True)
class Axis:
    """A range of values and the round numbers in it."""

    low: float
    high: float
    ticks: list[float]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the low end and 1 at the high end."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def _multiples(low: float, high: float, step: float) -> list[float]:
    """The multiples of `step` from `low` to `high`."""
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [number * step for number in range(first, last + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Powers of ten from `low` to `high`; over a short range also twice and five times these."""
    mantissas = (1, 2, 5) if high < 300 * low else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    return [m * 10.0**decade for decade in decades for m in mantissas if low <= m * 10.0**decade <= high]


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least `least`."""
    decade = 10.0 ** math.floor(math.log10(least))
    return next(step for step in (decade, 2 * decade, 5 * decade, 10 * decade) if step >= least * (1 - 1e-9))


def number_text(value: float) -> str:
    """A tick's number: 0.02, 1.5, 300, 20k."""
    return f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{round(value, 10):g}"


def chart_svg(chart: Chart, width: int, height: int) -> str:
    """The chart as inline SVG. Colours come from the page's classes, so that they follow light and dark."""
    left, right, top, bottom = 40, 118 if chart.labelled else 12, 10, 36
    across, up = chart.across((width - left - right) // 55), chart.up()

    def spot(point: tuple[float, float]) -> tuple[float, float]:
        x = left + across.share(point[0]) * (width - left - right)
        return x, height - bottom - up.share(point[1]) * (height - top - bottom)

    parts = [f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(chart.title)}">']
    for tick in up.ticks:
        y = spot((across.low, tick))[1]
        parts.append(f'<path class="grid" d="M{left} {y:.1f}H{width - right}"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{number_text(tick)}</text>')
    for tick in across.ticks:
        x = spot((tick, up.low))[0]
        parts.append(f'<text x="{x:.1f}" y="{height - 18}" text-anchor="middle">{number_text(tick)}</text>')
    parts.append(f'<text x="{width - right}" y="{height - 2}" text-anchor="end">{escape(chart.horizontal)}</text>')
    lines = [[None if y is None else spot((x, y)) for x, y in thinned(one.points)] for one in chart.series]
    parts += [_line(one.tone, line) for one, line in reversed(list(zip(chart.series, lines, strict=True)))]
    if chart.labelled:
        parts += _names(chart.series, lines, width - right + 10, height - bottom)
    return "".join([*parts, "</svg>"])


def _line(tone: Tone, spots: Sequence[tuple[float, float] | None]) -> str:
    """A path through the spots, broken where one is missing; dots instead of a line where they are few."""
    steps, pen_down = [], False
    for spot in spots:
        if spot is not None:
            steps.append(f"{'L' if pen_down else 'M'}{spot[0]:.1f} {spot[1]:.1f}")
        pen_down = spot is not None
    known = [spot for spot in spots if spot is not None]
    dots = [f'<circle class="{tone}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in known if len(known) <= 12]
    return f'<path class="line {tone}" d="{"".join(steps)}"/>{"".join(dots)}'


def _names(
    series: Sequence[Series], lines: Sequence[Sequence[tuple[float, float] | None]], left: float, bottom: float
) -> list[str]:
    """Each line's name beside its end, moved apart where they would overlap."""
    ends = [next((spot[1] for spot in reversed(line) if spot), bottom) for line in lines]
    names, lowest = [], bottom + 4
    for number in sorted(range(len(ends)), key=lambda number: -ends[number]):
        lowest = min(ends[number], lowest)
        one = series[number]
        names.append(f'<text class="name {one.tone}" x="{left}" y="{lowest + 4:.1f}">{escape(one.name)}</text>')
        lowest -= 15
    return names


def charts_png(charts: Sequence[Chart]) -> bytes:
    """All charts in one picture, three in a row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = min(3, len(charts))
    rows = -(-len(charts) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.9 * rows), layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15))
    FigureCanvasAgg(figure)
    for number, chart in enumerate(charts):
        panel = figure.add_subplot(rows, columns, number + 1)
        for one in reversed(chart.series):
            colour, style = PRINTED[one.tone]
            x, y = zip(*((x, math.nan if y is None else y) for x, y in thinned(one.points)), strict=True)
            panel.plot(x, y, style, color=colour, label=one.name, marker="o" if len(x) <= 12 else "", markersize=3)
        across, up = chart.across(5), chart.up()
        panel.set_title(chart.title, fontsize=10, loc="left")
        panel.set_xlabel(chart.horizontal, fontsize=8, loc="right")
        panel.set_yscale("log" if up.logarithmic else "linear")
        panel.set_ylim(up.low, up.high)
        panel.set_xticks(across.ticks, [number_text(tick) for tick in across.ticks], fontsize=8)
        panel.set_yticks(up.ticks, [number_text(tick) for tick in up.ticks], fontsize=8)
        panel.minorticks_off()
        panel.tick_params(length=0)
        panel.grid(axis="y", alpha=0.3)
        panel.spines[:].set_visible(False)
        if chart.labelled:
            panel.legend(fontsize=7, frameon=False, reverse=True)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130, metadata={"Software": None})
    return file.getvalue()


def thinned(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """The points, or the means of equal runs of them where there are too many; a run with nothing in it is a gap."""
    size = -(-len(points) // _MOST_POINTS)
    if size <= 1:
        return list(points)
    return [_mean(points[first : first + size]) for first in range(0, len(points), size)]


def _mean(points: Sequence[tuple[float, float | None]]) -> tuple[float, float | None]:
    known = [y for _, y in points if y is not None]
    return sum(x for x, _ in points) / len(points), sum(known) / len(known) if known else None
