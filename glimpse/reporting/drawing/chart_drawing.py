"""Drawing of charts and marks, as SVG and with Pillow."""

from collections.abc import Iterable, Sequence
from html import escape

from PIL import Image, ImageColor, ImageDraw

from glimpse.envs.lettering import fit_lettering
from glimpse.reporting.drawing.chart_words import chart_words
from glimpse.reporting.drawing.charts import Band, Chart, Curve, Dot, Label, Mark, Rule, Spot, Tone, chart_marks
from glimpse.reporting.drawing.svg import printable

_ANCHORS = {"l": "start", "m": "middle", "r": "end"}
_INK, _TEXT, _GRID = "#1b1d1f", "#62676c", "#e0e0d9"
_COLOURS: dict[Tone, str] = {
    "agent": "#0f7285",
    "sampled": "#8fbcc5",
    "averaged": "#a8437c",
    "control": "#a3a8ad",
    "paper": "#c77700",
    "public": "#5b5fc7",
}
_NAMES: dict[Tone, str] = {**_COLOURS, "sampled": "#478a97", "control": _TEXT}
"""Colours of names, which must be darker than lines to be legible."""
_TITLE = 14
"""Size of a title, in pixels."""
_FAINT = 0.2
"""Opacity of a band."""
_FINE = 3
"""Factor by which a chart is drawn larger than it is saved."""
_DOT = 4
"""Radius of a dot, in pixels."""


def chart_svg(chart: Chart, width: int, height: int) -> str:
    """Return a chart as inline SVG; its colours come from the page's style, for light and dark mode."""
    drawn = "".join(_svg(mark) for mark in chart_marks(chart, width, height))
    words = escape(printable(chart_words(chart)))
    return f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{words}">{drawn}</svg>'


def marks_svg(drawn: Iterable[Mark], width: int, height: int, title: str) -> str:
    """Return marks as a self-contained SVG file, black on white."""
    names = "".join(f"text.{tone}{{fill:{colour}}}" for tone, colour in _NAMES.items())
    lines = "".join(f".{tone}{{--c:{colour}}}" for tone, colour in _COLOURS.items())
    style = (
        f"text{{font:11px system-ui,sans-serif;fill:{_TEXT}}}{names}.grid{{stroke:{_GRID}}}{lines}"
        ".line{fill:none;stroke:var(--c);stroke-width:1.75}circle{fill:var(--c)}"
        f".band{{fill:var(--c);opacity:{_FAINT}}}"
        "circle.ring{fill:#fff;stroke:var(--c);stroke-width:1.75}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img"><title>{escape(title)}</title><style>{style}</style><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(map(_svg, drawn))}</svg>\n"
    )


def _svg(mark: Mark) -> str:
    """Return the SVG element of a mark."""
    match mark:
        case Rule((left, top), (right, bottom)):
            return f'<path class="grid" d="M{left:.1f} {top:.1f}L{right:.1f} {bottom:.1f}"/>'
        case Dot(x, y, tone, ring):
            kind = f"{tone} ring" if ring else tone
            return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}"/>'
        case Label(x, y, text, anchor, tone):
            kind = f' class="{tone}"' if tone else ""
            return (
                f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{_ANCHORS[anchor]}">{escape(printable(text))}</text>'
            )
        case Band(tone):
            return f'<path class="band {tone}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in mark.edge())}Z"/>'
        case Curve(tone):
            path = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in segment) for segment in mark.segments())
            dots = "".join(f'<circle class="{tone}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in mark.dots())
            return f'<path class="line {tone}" d="{path}"/>{dots}'


def charts_image(charts: Sequence[Chart], columns: int = 3) -> Image.Image:
    """Draw all charts in one picture on white, with their titles; where there are none, the picture says so."""
    width, height, line, gap = 400, 230, 30, 30
    columns = max(1, min(columns, len(charts)))
    if not charts:
        whole = Image.new("RGB", (width + 2 * gap, line + 2 * gap), "white")
        _write_title(ImageDraw.Draw(whole), (gap, gap), "Nothing has been logged yet", width)
        return whole
    rows = -(-len(charts) // columns)
    whole = Image.new("RGB", (columns * (width + gap) + gap, rows * (line + height + gap) + gap), "white")
    for number, chart in enumerate(charts):
        left, top = gap + number % columns * (width + gap), gap + number // columns * (line + height + gap)
        _write_title(ImageDraw.Draw(whole), (left, top), chart.title, width)
        whole.paste(_chart_image(chart, width, height), (left, top + line))
    return whole


def _write_title(pen: ImageDraw.ImageDraw, corner: tuple[float, float], text: str, width: float) -> None:
    """Write a chart's title, in smaller letters where it is wider than the chart."""
    (title,), font = fit_lettering([text], _TITLE)
    if (length := pen.textlength(title, font)) > width:
        (title,), font = fit_lettering([text], int(_TITLE * width / length))
    pen.text(corner, title, fill=_INK, font=font)


def _chart_image(chart: Chart, width: int, height: int) -> Image.Image:
    """Draw one chart larger and then reduce it, which smooths its lines."""
    image = _draw_marks(chart_marks(chart, width, height), width, height, _FINE)
    return image.resize((width, height), Image.Resampling.BOX)


def marks_image(drawn: Iterable[Mark], width: int, height: int) -> Image.Image:
    """Draw marks on white, at twice their size for high-resolution screens."""
    size = 2 * width, 2 * height
    return _draw_marks(drawn, width, height, 2 * _FINE).resize(size, Image.Resampling.BOX)


def _draw_marks(drawn: Iterable[Mark], width: int, height: int, fine: int) -> Image.Image:
    """Draw marks on white, `fine` times as large."""
    image = Image.new("RGB", (width * fine, height * fine), "white")
    pen = ImageDraw.Draw(image)

    def larger(spots: Iterable[Spot]) -> list[Spot]:
        return [(x * fine, y * fine) for x, y in spots]

    for mark in drawn:
        match mark:
            case Rule(start, end):
                pen.line(larger([start, end]), fill=_GRID, width=fine)
            case Dot(x, y, tone, ring):
                inside = "white" if ring else _COLOURS[tone]
                pen.circle((x * fine, y * fine), _DOT * fine, inside, _COLOURS[tone], round(1.75 * fine))
            case Label(x, y, text, anchor, tone):
                colour = _NAMES[tone] if tone else _TEXT
                (text,), font = fit_lettering([text], 11 * fine)
                pen.text((x * fine, y * fine), text, fill=colour, font=font, anchor=f"{anchor}s")
            case Band(tone):
                pen.polygon(larger(mark.edge()), fill=_faint(_COLOURS[tone]))
            case Curve(tone):
                for segment in mark.segments():
                    pen.line(larger(segment), fill=_COLOURS[tone], width=2 * fine, joint="curve")
                for dot in larger(mark.dots()):
                    pen.circle(dot, 2.5 * fine, fill=_COLOURS[tone])
    return image


def _faint(colour: str) -> tuple[int, int, int]:
    """Return a colour as it appears in a band on white."""
    red, green, blue = (round(255 + _FAINT * (level - 255)) for level in ImageColor.getrgb(colour)[:3])
    return red, green, blue
