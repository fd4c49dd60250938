"""Alignments as an image, for where SVG cannot be shown."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from glimpse.pictures import blend
from glimpse.text.svg import printable, text_width
from glimpse.translation.alignment import Alignment

_SQUARE, _LETTERS, _MARGIN = 18, 11, 12
_HEAT = np.array([(255, 255, 255), (150, 218, 226), (44, 160, 174), (0, 60, 70)], np.float32)


def alignment_image(drawn: Sequence[tuple[str, Alignment]]) -> Image.Image:
    """The mean maps of alignments, one below the other, each under its translation; a row is a piece written."""
    tiles = [_tile(title, one) for title, one in drawn] or [Image.new("RGB", (1, 1), "white")]
    width, height = max(tile.width for tile in tiles), sum(tile.height for tile in tiles)
    whole, top = Image.new("RGB", (width, height), "white"), 0
    for tile in tiles:
        whole.paste(tile, (0, top))
        top += tile.height
    return whole


def _tile(title: str, one: Alignment) -> Image.Image:
    rows, columns = (list(map(printable, names)) for names in (one.target, one.source))
    weights = np.zeros((len(rows), len(columns)), np.float32) if one.mean is None else one.mean
    font = ImageFont.load_default(_LETTERS)
    left = int(_MARGIN + 4 + max(text_width(name, _LETTERS) for name in rows))
    top = int(2 * _MARGIN + 10 + max(text_width(name, _LETTERS) for name in columns))
    field = Image.fromarray(blend(_HEAT, weights).round().astype(np.uint8)).resize(
        (_SQUARE * len(columns), _SQUARE * len(rows)), Image.Resampling.NEAREST
    )
    width = max(left + field.width, int(_MARGIN + text_width(printable(title), 13))) + _MARGIN
    tile = Image.new("RGB", (width, top + field.height + _MARGIN), "white")
    tile.paste(field, (left, top))
    pen = ImageDraw.Draw(tile)
    pen.text((_MARGIN, 4), printable(title), fill="black", font=ImageFont.load_default(13))
    pen.rectangle([left, top, left + field.width, top + field.height], outline=(213, 213, 205))
    for number, name in enumerate(rows):
        pen.text((left - 4, top + _SQUARE * number + 9), name, fill="black", font=font, anchor="rm")
    for number, name in enumerate(columns):
        upright = Image.new("RGB", (int(text_width(name, _LETTERS)) + 4, _SQUARE), "white")
        ImageDraw.Draw(upright).text((2, 9), name, fill="black", font=font, anchor="lm")
        turned = upright.rotate(90, expand=True)
        tile.paste(turned, (left + _SQUARE * number, top - turned.height - 2))
    return tile
