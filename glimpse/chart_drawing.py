"""Charts as SVG for the page, and with Pillow as one picture."""

from collections.abc import Iterable, Sequence
from html import escape

from PIL import Image, ImageDraw, ImageFont

from glimpse.charts import Chart, Curve, Label, Rule, Spot, Tone, marks

_ANCHORS = {"l": "start", "m": "middle", "r": "end"}
_INK, _TEXT, _GRID = "#1b1d1f", "#62676c", "#e0e0d9"
_COLOURS: dict[Tone, str] = {"agent": "#0f7285", "sampled": "#8fbcc5", "averaged": "#a8437c", "control": "#a3a8ad"}
_NAMES: dict[Tone, str] = {**_COLOURS, "sampled": _COLOURS["agent"], "control": _TEXT}
_FINE = 3
"""How much larger a chart is drawn than it is kept."""


def chart_svg(chart: Chart, width: int, height: int) -> str:
    """The chart as inline SVG. Colours come from the page's classes, so that they follow light and dark."""
    drawn = "".join(_svg(mark) for mark in marks(chart, width, height))
    title = escape(chart.title)
    return f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">{drawn}</svg>'


def _svg(mark: Rule | Label | Curve) -> str:
    match mark:
        case Rule(left, right, y):
            return f'<path class="grid" d="M{left} {y:.1f}H{right}"/>'
        case Label(x, y, text, anchor, tone):
            kind = f' class="{tone}"' if tone else ""
            return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{_ANCHORS[anchor]}">{escape(text)}</text>'
        case Curve(tone):
            path = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in piece) for piece in mark.pieces())
            dots = "".join(f'<circle class="{tone}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in mark.dots())
            return f'<path class="line {tone}" d="{path}"/>{dots}'


def charts_image(charts: Sequence[Chart], columns: int = 3) -> Image.Image:
    """All charts in one picture on white, with their titles."""
    width, height, line, gap = 400, 230, 30, 30
    columns = min(columns, len(charts))
    rows = -(-len(charts) // columns)
    whole = Image.new("RGB", (columns * (width + gap) + gap, rows * (line + height + gap) + gap), "white")
    for number, chart in enumerate(charts):
        left, top = gap + number % columns * (width + gap), gap + number // columns * (line + height + gap)
        ImageDraw.Draw(whole).text((left, top), chart.title, fill=_INK, font=ImageFont.load_default(14))
        whole.paste(_chart_image(chart, width, height), (left, top + line))
    return whole


def _chart_image(chart: Chart, width: int, height: int) -> Image.Image:
    """One chart, drawn larger and then reduced, which smooths its lines."""
    image = Image.new("RGB", (width * _FINE, height * _FINE), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(11 * _FINE)

    def fine(spots: Iterable[Spot]) -> list[Spot]:
        return [(x * _FINE, y * _FINE) for x, y in spots]

    for mark in marks(chart, width, height):
        match mark:
            case Rule(left, right, y):
                pen.line(fine([(left, y), (right, y)]), fill=_GRID, width=_FINE)
            case Label(x, y, text, anchor, tone):
                colour = _NAMES[tone] if tone else _TEXT
                pen.text((x * _FINE, y * _FINE), text, fill=colour, font=font, anchor=f"{anchor}s")
            case Curve(tone):
                for piece in mark.pieces():
                    pen.line(fine(piece), fill=_COLOURS[tone], width=2 * _FINE, joint="curve")
                for dot in fine(mark.dots()):
                    pen.circle(dot, 2.5 * _FINE, fill=_COLOURS[tone])
    return image.resize((width, height), Image.Resampling.BOX)
