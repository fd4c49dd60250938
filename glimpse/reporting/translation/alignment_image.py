"""Alignments as a bitmap image, for viewers without SVG."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from glimpse.envs.lettering import Font, fit_lettering
from glimpse.reporting.drawing.scanpaths import blend
from glimpse.reporting.drawing.svg import printable
from glimpse.reporting.translation.alignment import Alignment

_SQUARE, _LETTERS, _TITLE, _MARGIN = 18, 11, 13, 12
_HEAT = np.array([(255, 255, 255), (150, 218, 226), (44, 160, 174), (0, 60, 70)], np.float32)


def alignment_image(drawn: Sequence[tuple[str, Alignment]], heads: bool = False) -> Image.Image:
    """Draw alignments, one below the other, each under its translation; a row is a token of the translation.

    Args:
        drawn: translations and their alignments.
        heads: whether to draw a map for each head, in a line per layer, instead of the mean over the last layer.
    """
    return _stack([_head_tiles(title, one) if heads else _map_image(title, one, one.mean) for title, one in drawn])


def _head_tiles(title: str, one: Alignment) -> Image.Image:
    """Draw the maps of all heads, in a line per layer."""
    if len(one.maps) < 2:
        return _map_image(title, one, one.mean)
    layers: dict[str, list[Image.Image]] = {}
    for name, weights in one.maps.items():
        layers.setdefault(name.partition(",")[0], []).append(_map_image(name, one, weights))
    return _stack([_heading_image(title), *(_in_a_row(tiles) for tiles in layers.values())])


def _stack(tiles: Sequence[Image.Image]) -> Image.Image:
    """Arrange images from top to bottom."""
    width, height = max((tile.width for tile in tiles), default=1), sum(tile.height for tile in tiles)
    whole, top = Image.new("RGB", (width, max(1, height)), "white"), 0
    for tile in tiles:
        whole.paste(tile, (0, top))
        top += tile.height
    return whole


def _in_a_row(tiles: Sequence[Image.Image]) -> Image.Image:
    """Arrange images from left to right."""
    whole, left = Image.new("RGB", (sum(tile.width for tile in tiles), tiles[0].height), "white"), 0
    for tile in tiles:
        whole.paste(tile, (left, 0))
        left += tile.width
    return whole


def _heading_image(text: str) -> Image.Image:
    """Draw a line of text."""
    (shown,), font = fit_lettering([printable(text)], _TITLE)
    image = Image.new("RGB", (int(font.getlength(shown)) + 2 * _MARGIN, _TITLE + _MARGIN), "white")
    ImageDraw.Draw(image).text((_MARGIN, 4), shown, fill="black", font=font)
    return image


def _map_image(title: str, one: Alignment, weights: NDArray[np.float32] | None) -> Image.Image:
    """Draw one map with its title and the tokens of both texts."""
    names, font = fit_lettering(map(printable, (*one.target, *one.source)), _LETTERS)
    rows, columns = names[: len(one.target)], names[len(one.target) :]
    if weights is None:
        weights = np.zeros((len(rows), len(columns)), np.float32)
    left = int(_MARGIN + 4 + max(font.getlength(name) for name in rows))
    top = int(2 * _MARGIN + 10 + max(font.getlength(name) for name in columns))
    field = Image.fromarray(blend(_HEAT, weights).round().astype(np.uint8)).resize(
        (_SQUARE * len(columns), _SQUARE * len(rows)), Image.Resampling.NEAREST
    )
    heading = _heading_image(title)
    width = max(left + field.width + _MARGIN, heading.width)
    tile = Image.new("RGB", (width, top + field.height + _MARGIN), "white")
    tile.paste(heading, (0, 0))
    tile.paste(field, (left, top))
    pen = ImageDraw.Draw(tile)
    pen.rectangle([left, top, left + field.width, top + field.height], outline=(213, 213, 205))
    for number, name in enumerate(rows):
        pen.text((left - 4, top + _SQUARE * number + 9), name, fill="black", font=font, anchor="rm")
    for number, name in enumerate(columns):
        turned = _upright(name, font)
        tile.paste(turned, (left + _SQUARE * number, top - turned.height - 2))
    return tile


def _upright(name: str, font: Font) -> Image.Image:
    """Draw a column's name, rotated to read upwards."""
    image = Image.new("RGB", (int(font.getlength(name)) + 4, _SQUARE), "white")
    ImageDraw.Draw(image).text((2, 9), name, fill="black", font=font, anchor="lm")
    return image.rotate(90, expand=True)
