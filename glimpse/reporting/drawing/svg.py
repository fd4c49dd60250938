"""Drawings of texts as SVG, in which words stay words: lines of tokens, matrices, scatters.

A drawing is put into the page, whose colours it then follows into light and dark, or into a file of its own.
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
"""Height of the letters."""
_PITCH = 24
"""From one line of text to the next."""
_FONT = "Helvetica,Arial,Liberation Sans,sans-serif"
"""Those that are about as wide as the one that Pillow measures."""
_WIDER = 1.18
"""How much wider the reader's letters may be."""
_LEVELS = 24
"""Shades of a matrix."""
_COLOURS = {"heat": "#5cc3d2", "sentence": "#f29488", "word": "#8db8f3", "cell": "#0b5563", "wrong": "#c2303f"}
_STYLE = (
    f"text{{font:{_SIZE}px {_FONT};fill:#1b1d1f}}.quiet{{fill:#62676c}}.small{{font-size:11px}}"
    ".strong{font-weight:600}.pale{fill:#fff}.struck{text-decoration:line-through;opacity:.6}.frame{fill:none;stroke:#d5d5cd}"
    + "".join(f".{name}{{fill:{colour}}}" for name, colour in _COLOURS.items())
)

Marks = NDArray[np.bool_]


class Drawing(NamedTuple):
    """SVG elements from (0, 0) to (width, height)."""

    width: float
    height: float
    body: str


def inline(drawing: Drawing, title: str) -> str:
    """The drawing as a part of the page, at most as wide as it is drawn."""
    width, height = math.ceil(drawing.width), math.ceil(drawing.height)
    return (
        f'<svg class="drawing" width="{width}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(printable(title))}">{drawing.body}</svg>'
    )


def svg_file(drawing: Drawing, title: str) -> bytes:
    """The drawing as a file that needs no page: black on white, whatever the reader's setting."""
    margin = 16
    width, height = math.ceil(drawing.width) + 2 * margin, math.ceil(drawing.height) + 2 * margin
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img"><title>{escape(printable(title))}</title><style>{_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{_moved(drawing, margin, margin)}</svg>\n'
    ).encode()


def beside(drawings: Iterable[Drawing], gap: float = 24) -> Drawing:
    """From left to right."""
    x, height, body = 0.0, 0.0, ""
    for one in drawings:
        body += _moved(one, x, 0)
        x, height = x + one.width + gap, max(height, one.height)
    return Drawing(max(0.0, x - gap), height, body)


def below(drawings: Iterable[Drawing], gap: float = 24) -> Drawing:
    """From top to bottom."""
    y, width, body = 0.0, 0.0, ""
    for one in drawings:
        body += _moved(one, 0, y)
        y, width = y + one.height + gap, max(width, one.width)
    return Drawing(width, max(0.0, y - gap), body)


def _moved(drawing: Drawing, x: float, y: float) -> str:
    return f'<g transform="translate({x:g} {y:g})">{drawing.body}</g>' if drawing.body else ""


def printable(text: str) -> str:
    """The text without characters that cannot be shown, which XML and terminals do not take well."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


@cache
def text_width(text: str, size: int = _SIZE) -> float:
    """About how wide a text will be."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return float(_font(size).getlength(printable(text))) + 0.5 * wide * size


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def label(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    """A text on a baseline; its anchor (start, middle or end) is at x."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(printable(text))}</text>'


def title_line(text: str, kind: str = "strong") -> Drawing:
    """A line of text."""
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
    """Words in lines, each on a ground as strong as its share.

    Args:
        words: L words.
        shares: (L,) in [0, 1]; none where there is nothing to colour.
        width: of the lines.
        kind: which colour.
        left: room that is left free before each line.
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
        # The reader's font is another than the one that was measured.
        kept = "" if struck is None or not struck[number] else ' class="struck"'
        body += (
            f'<text{kept} x="{x + 3:.1f}" y="{y + 14:.1f}" textLength="{wide - 6:.1f}" lengthAdjust="spacingAndGlyphs">'
            f"{escape(printable(word))}</text>"
        )
        x, widest = x + wide + space, max(widest, x + wide)
    return Drawing(widest, y + _PITCH, body)


def cells(shares: NDArray[np.floating], size: float, kind: str = "cell") -> Drawing:
    """A field of squares (n, m), each as strong as its share in [0, 1], with a frame."""
    rows, columns = shares.shape
    levels = (np.nan_to_num(shares).clip(0, 1) * _LEVELS).round().astype(int)
    body = ""
    # One path for each shade instead of a square for each cell, which keeps a page of matrices small.
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
    """A field of squares with the names of its rows at the left and those of its columns above, slanted.

    Args:
        shares: (n, m) in [0, 1].
        rows: n names.
        columns: m names.
        size: of a square.
        kind: which colour.
        numbers: (n, m), written into the squares.
        struck: (n,) and (m,), rows and columns whose names are struck out.
    """
    rows, columns = _short(rows), _short(columns)
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
        if number:  # Not how often a thing never happened.
            tone = "small pale" if shares[row, column] > 0.55 else "small"
            body += label(left + (column + 0.5) * size, top + (row + 0.5) * size + 4, str(number), tone, "middle")
    return Drawing(left + field.width + max(0.0, right) + 6, top + field.height + 2, body)


def _name_kind(struck: Marks | None, at: int) -> str:
    """How the name of a row or column is written."""
    return "quiet small" + " struck" * (struck is not None and bool(struck[at]))


def _short(names: Sequence[str], letters: int = 18) -> list[str]:
    """Names that are cut where they are too long for the side of a matrix."""
    return [name if len(name) <= letters else name[: letters - 1] + "…" for name in names]


def scatter(across: NDArray[np.floating], up: NDArray[np.floating], low: float, high: float, side: float) -> Drawing:
    """Dots in a square of which both axes go from `low` to `high`, with the diagonal on which they would be equal."""
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
        left + 8, 16, "given score", "quiet small"
    )
    return Drawing(left + side + 12, top + side + 36, f'<g transform="translate(0 {top})">{body}</g>')
