"""SVG drawings of texts: lines of tokens, matrices and scatter plots.

A drawing is embedded in the page, whose light or dark colours it takes, or saved as a file.
"""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

_SIZE = 13
"""Font size in pixels."""
_PITCH = 24
"""Distance between lines of text, in pixels."""
_FONT = "Helvetica,Arial,Liberation Sans,sans-serif"
"""Fonts about as wide as the one that Pillow measures."""
_WIDER = 1.18
"""Factor by which the font of the viewer may be wider."""
_JOINERS = frozenset("\u200c\u200d")
_LEVELS = 24
"""Number of shades in a matrix."""
_COLOURS = {"heat": "#5cc3d2", "sentence": "#f29488", "word": "#8db8f3", "cell": "#0b5563", "wrong": "#c2303f"}
_STYLE = (
    f"text{{font:{_SIZE}px {_FONT};fill:#1b1d1f}}.quiet{{fill:#62676c}}.small{{font-size:11px}}"
    ".strong{font-weight:600}.pale{fill:#fff}.struck{text-decoration:line-through;opacity:.6}.frame{fill:none;stroke:#d5d5cd}"
    + "".join(f".{name}{{fill:{colour}}}" for name, colour in _COLOURS.items())
)

Marks = NDArray[np.bool_]


class Drawing(NamedTuple):
    """SVG elements that cover (0, 0) to (width, height)."""

    width: float
    height: float
    body: str


def inline_svg(drawing: Drawing, title: str) -> str:
    """Return the drawing as inline SVG, at most as wide as it is drawn."""
    width, height = math.ceil(drawing.width), math.ceil(drawing.height)
    return (
        f'<svg class="drawing" width="{width}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(printable(title))}">{drawing.body}</svg>'
    )


def svg_file(drawing: Drawing, title: str) -> bytes:
    """Return the drawing as a self-contained SVG file, black on white."""
    margin = 16
    width, height = math.ceil(drawing.width) + 2 * margin, math.ceil(drawing.height) + 2 * margin
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img"><title>{escape(printable(title))}</title><style>{_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{_moved(drawing, margin, margin)}</svg>\n'
    ).encode()


def beside(drawings: Iterable[Drawing], gap: float = 24) -> Drawing:
    """Arrange drawings from left to right."""
    x, height, body = 0.0, 0.0, ""
    for drawing in drawings:
        body += _moved(drawing, x, 0)
        x, height = x + drawing.width + gap, max(height, drawing.height)
    return Drawing(max(0.0, x - gap), height, body)


def below(drawings: Iterable[Drawing], gap: float = 24) -> Drawing:
    """Arrange drawings from top to bottom."""
    y, width, body = 0.0, 0.0, ""
    for drawing in drawings:
        body += _moved(drawing, 0, y)
        y, width = y + drawing.height + gap, max(width, drawing.width)
    return Drawing(width, max(0.0, y - gap), body)


def _moved(drawing: Drawing, x: float, y: float) -> str:
    return f'<g transform="translate({x:g} {y:g})">{drawing.body}</g>' if drawing.body else ""


def printable(text: str) -> str:
    """Replace unprintable characters, which XML and terminals do not accept, but joiners of letters and of emoji."""
    return "".join(letter if letter.isprintable() or letter in _JOINERS else "\ufffd" for letter in text)


@cache
def text_width(text: str, size: int = _SIZE) -> float:
    """Return the approximate width of a text in pixels."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return float(_font(size).getlength(printable(text))) + 0.5 * wide * size


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def label(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    """Return a text element on a baseline; its anchor (start, middle or end) is at x."""
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(printable(text))}</text>'


def title_line(text: str, kind: str = "strong") -> Drawing:
    """Draw a line of text."""
    size = 11 if "small" in kind else _SIZE
    return Drawing(_WIDER * text_width(text, size), _PITCH - 4, label(0, _SIZE, text, kind))


def token_lines(
    words: Sequence[str],
    shares: NDArray[np.float32] | None,
    width: float,
    kind: str = "heat",
    left: float = 0,
    struck: Marks | None = None,
) -> Drawing:
    """Draw words in lines, each on a background whose opacity is its share.

    Args:
        words: L words.
        shares: (L,) in [0, 1]; None for no background.
        width: width of the lines.
        kind: name of the colour.
        left: indent of each line.
        struck: (L,), words that are struck out.
    """
    x, y, body, widest = left, 0.0, "", left
    space = 0.28 * _SIZE
    for number, word in enumerate(words):
        wide = text_width(word) + 6
        if x > left and x + wide > width:
            x, y = left, y + _PITCH
        if shares is not None and shares[number] >= 0.005:
            body += (
                f'<rect class="{kind}" fill-opacity="{shares[number]:.2f}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" '
                f'height="{_PITCH - 5}" rx="3"/>'
            )
        # `textLength` fits the viewer's font to the width that was measured.
        kept = "" if struck is None or not struck[number] else ' class="struck"'
        body += (
            f'<text{kept} x="{x + 3:.1f}" y="{y + 14:.1f}" textLength="{wide - 6:.1f}" lengthAdjust="spacingAndGlyphs">'
            f"{escape(printable(word))}</text>"
        )
        x, widest = x + wide + space, max(widest, x + wide)
    return Drawing(widest, y + _PITCH, body)


def cells(shares: NDArray[np.floating], size: float, kind: str = "cell") -> Drawing:
    """Draw a framed grid of squares (n, m) whose opacities are their shares in [0, 1]."""
    rows, columns = shares.shape
    levels = (np.nan_to_num(shares).clip(0, 1) * _LEVELS).round().astype(int)
    body = ""
    # One path per shade, instead of one element per cell, keeps the file small.
    for level in np.unique(levels[levels > 0]):
        path = "".join(f"M{column} {row}h1v1h-1z" for row, column in zip(*np.nonzero(levels == level), strict=True))
        body += f'<path class="{kind}" fill-opacity="{level / _LEVELS:.3g}" d="{path}"/>'
    width, height = columns * size, rows * size
    frame = f'<rect class="frame" x=".5" y=".5" width="{width + 1:g}" height="{height + 1:g}"/>'
    field = f'<g transform="translate(1 1) scale({size:g})" shape-rendering="crispEdges">{body}</g>'
    return Drawing(width + 2, height + 2, frame + field)


def matrix(
    shares: NDArray[np.floating],
    rows: Sequence[str],
    columns: Sequence[str],
    size: float = 15,
    kind: str = "cell",
    numbers: NDArray[np.int64] | None = None,
    struck: tuple[Marks | None, Marks | None] = (None, None),
) -> Drawing:
    """Draw a grid of squares with the names of its rows at the left and those of its columns above, slanted.

    Args:
        shares: (n, m) in [0, 1].
        rows: n names.
        columns: m names.
        size: side of a square in pixels.
        kind: name of the colour.
        numbers: (n, m), written into the squares; zeros are not.
        struck: (n,) and (m,), rows and columns whose names are struck out.
    """
    rows, columns = _truncated(rows), _truncated(columns)
    left = 6 + max((_WIDER * text_width(name, 11) for name in rows), default=0)
    # At 60 degrees a name is this much of its length high, and reaches this far beyond the last column.
    tall = [_WIDER * text_width(name, 11) for name in columns]
    top = 14 + max((0.87 * wide for wide in tall), default=0)
    right = max((0.5 * wide - (len(columns) - 1 - at) * size for at, wide in enumerate(tall)), default=0)
    field = cells(shares, size, kind)
    body = _moved(field, left, top)
    for at, name in enumerate(rows):
        body += label(left - 5, top + (at + 0.5) * size + 4, name, _name_kind(struck[0], at), "end")
    for at, name in enumerate(columns):
        x, y = left + (at + 0.5) * size + 3, top - 5
        body += (
            f'<text class="{_name_kind(struck[1], at)}" transform="translate({x:.1f} {y:.1f}) rotate(-60)">'
            f"{escape(printable(name))}</text>"
        )
    for (row, column), number in np.ndenumerate(numbers if numbers is not None else np.zeros((0, 0), np.int64)):
        if number:
            tone = "small pale" if shares[row, column] > 0.55 else "small"
            body += label(left + (column + 0.5) * size, top + (row + 0.5) * size + 4, str(number), tone, "middle")
    return Drawing(left + field.width + max(0.0, right) + 6, top + field.height + 2, body)


def _name_kind(struck: Marks | None, at: int) -> str:
    """Return the style of the name of a row or column."""
    return "quiet small" + " struck" * (struck is not None and bool(struck[at]))


def _truncated(names: Sequence[str], letters: int = 18) -> list[str]:
    """Truncate names that are too long for the side of a matrix."""
    return [name if len(name) <= letters else name[: letters - 1] + "…" for name in names]


def scatter(across: NDArray[np.floating], up: NDArray[np.floating], low: float, high: float, side: float) -> Drawing:
    """Draw a scatter plot of predicted over true scores, with the diagonal.

    Args:
        across: true scores.
        up: predicted scores.
        low: start of both axes.
        high: end of both axes.
        side: side of the square in pixels.
    """
    reach, left, top = (high - low) or 1.0, 34.0, 10.0
    ticks = np.arange(math.ceil(low), math.floor(high) + 1, max(1, math.ceil(reach / 6)))
    body = f'<rect class="frame" x="{left}" y=".5" width="{side}" height="{side}"/>'
    body += f'<path class="frame" d="M{left} {side}l{side} -{side}"/>'
    for tick in ticks:
        spot = (tick - low) / reach * side
        body += label(left + spot, side + 16, f"{tick:g}", "quiet small", "middle")
        body += label(left - 6, side - spot + 4, f"{tick:g}", "quiet small", "end")
    for x, y in zip((across - low) / reach * side, (up - low) / reach * side, strict=True):
        body += f'<circle class="cell" fill-opacity=".35" cx="{left + x:.1f}" cy="{side - y:.1f}" r="2.5"/>'
    body += label(left + side, side + 32, "true score", "quiet small", "end") + label(
        left + 8, 16, "predicted score", "quiet small"
    )
    return Drawing(left + side + 12, top + side + 36, f'<g transform="translate(0 {top})">{body}</g>')
