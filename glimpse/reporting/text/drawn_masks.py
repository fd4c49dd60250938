"""`glimpse masks`: draw attention masks in the terminal or into a file."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydantic import ValidationError

from glimpse.agents.attention.masks import MaskOptions
from glimpse.agents.options import Options
from glimpse.config.mistakes import describe, dotted
from glimpse.config.parts import written_out
from glimpse.config.strict_yaml import parse_yaml
from glimpse.errors import UserError
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.drawing.svg import Drawing, below, beside, svg_file
from glimpse.reporting.text.mask_drawing import formula, mask_cells, mask_drawing
from glimpse.runs.durable import replace_file, reporting_write_errors

SHIPPED = (
    "full",
    "{kind: padding, lengths: [5]}",
    "causal",
    "forward",
    "backward",
    "diagonal_disabled",
    "{kind: window, width: 1}",
    "{kind: causal_window, width: 2}",
    "{kind: dilated, width: 2, dilation: 2}",
    "{kind: block, length: 4}",
    "{kind: global, tokens: 1}",
    "{kind: local, stride: 3}",
    "{kind: strided, stride: 3}",
    "{kind: summary, stride: 4}",
    "{kind: fixed, stride: 4}",
    "{kind: all_of, masks: [{kind: causal}, {kind: block, length: 4}]}",
    "{kind: any_of, masks: [{kind: window, width: 1}, {kind: global}]}",
    "{kind: not, mask: {kind: window, width: 1}}",
)
"""An example of each kind of mask, in the syntax of a config."""

_MOST = 256
"""Maximum number of tokens on each side."""
_LINE = 4
"""Number of drawings side by side in a file."""


class _Given(Options):
    """A mask from the command line."""

    mask: MaskOptions


def masks_command(given: Sequence[str], size: int, output: Path | None) -> None:
    """Draw masks in the terminal, or into a file.

    Args:
        given: masks in the syntax of a config, or their kinds alone; by default an example of each kind.
        size: number of tokens on each side.
        output: a file to draw into, .svg or .png; None for the terminal.

    Raises:
        UserError: if a mask is invalid, the size is too large, or the file cannot be written.
    """
    if size > _MOST:
        raise UserError(f"--size should be at most {_MOST} (got {size})")
    masks = [parse_mask(text) for text in given or SHIPPED]
    if output is None:
        blocks = [mask_block(mask, size, _cell_characters()) for mask in masks]
        print("\n\n".join(in_columns(blocks, shutil.get_terminal_size((100, 24)).columns)))
        return
    if output.suffix not in (".svg", ".png"):
        raise UserError(f"--output should end in .svg or .png (got {str(output)!r})")
    data = _as_svg(masks, size) if output.suffix == ".svg" else png(_image(masks, size))
    with reporting_write_errors(output):
        replace_file(output, data)
    print(output)


def parse_mask(text: str) -> MaskOptions:
    """Parse a mask in the syntax of a config, `{kind: window, width: 2}`, or its kind alone, `causal`.

    Raises:
        UserError: if the mask is invalid, with all its problems.
    """
    data, mistakes = parse_yaml(text)
    problems = [f"line {mistake.line}: {mistake.text}" for mistake in mistakes]
    if not problems:
        data = written_out(_Given, {"mask": data}, {})
        try:
            return _Given.model_validate(data).mask
        except ValidationError as error:
            problems = [f"{dotted(path)}: {what}" for path, what in describe(error, _Given, data)]
    raise UserError(f"{text!r} is no mask: {'; '.join(problems)}")


def _cell_characters() -> tuple[str, str]:
    """Return two characters for allowed and two for forbidden cells, as the terminal's encoding permits."""
    try:
        "█·".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "##", ". "
    return "██", "· "


def mask_block(mask: MaskOptions, size: int, letters: tuple[str, str]) -> list[str]:
    """Return the lines of a drawing: the formula, and a line for each query."""
    fields = [["".join(letters[not cell] for cell in row) for row in one] for one in mask_cells(mask, size)]
    return [formula(mask), *("   ".join(rows) for rows in zip(*fields, strict=True))]


def in_columns(blocks: Iterable[list[str]], width: int) -> Iterator[str]:
    """Arrange blocks of lines in rows, as many side by side as fit into `width` characters."""
    row, used = list[list[str]](), 0
    for block in blocks:
        wide = max(map(len, block)) + 3
        if row and used + wide > width + 3:
            yield _side_by_side(row)
            row, used = [], 0
        row.append(block)
        used += wide
    if row:
        yield _side_by_side(row)


def _side_by_side(row: Sequence[list[str]]) -> str:
    """Join blocks of lines side by side."""
    wide = [max(map(len, block)) for block in row]
    lines = zip_longest(*row, fillvalue="")
    return "\n".join("   ".join(part.ljust(w) for part, w in zip(line, wide, strict=True)).rstrip() for line in lines)


def _as_svg(masks: Sequence[MaskOptions], size: int) -> bytes:
    """Draw masks into an SVG file, in columns of equal width."""
    drawn = [mask_drawing(mask, size) for mask in masks]
    wide = max(one.width for one in drawn)
    even = [Drawing(wide, one.height, one.body) for one in drawn]
    rows = (beside(even[first : first + _LINE]) for first in range(0, len(even), _LINE))
    return svg_file(
        below(rows), f"Which tokens (columns) each token (row) may attend to: {', '.join(map(formula, masks))}"
    )


def _image(masks: Sequence[MaskOptions], size: int) -> Image.Image:
    """Draw masks on white with their formulas above, twice as large as in an SVG file."""
    tiles = [_tile(mask, size) for mask in masks]
    wide, high = (max(tile.size[axis] for tile in tiles) for axis in (0, 1))
    gap, columns = 32, min(_LINE, len(tiles))
    rows = -(-len(tiles) // columns)
    whole = Image.new("RGB", (columns * (wide + gap) + gap, rows * (high + gap) + gap), "white")
    for number, tile in enumerate(tiles):
        whole.paste(tile, (gap + number % columns * (wide + gap), gap + number // columns * (high + gap)))
    return whole


def _tile(mask: MaskOptions, size: int) -> Image.Image:
    """Draw a mask below its formula."""
    square, top, font = 24, 40, ImageFont.load_default(22)
    fields = mask_cells(mask, size)
    wide = len(fields) * (size * square + 25) - 24
    tile = Image.new("RGB", (max(wide, round(font.getlength(formula(mask)))), top + size * square + 1), "white")
    pen = ImageDraw.Draw(tile)
    pen.text((0, 4), formula(mask), fill="#62676c", font=font)
    for number, field in enumerate(fields):
        _paint(pen, field, number * (size * square + 25), top, square)
    return tile


def _paint(pen: ImageDraw.ImageDraw, field: NDArray[np.bool_], left: int, top: int, square: int) -> None:
    """Draw a grid of squares with a frame."""
    size = len(field) * square
    for row, column in zip(*np.nonzero(field), strict=True):
        x, y = left + int(column) * square, top + int(row) * square
        pen.rectangle((x, y, x + square, y + square), fill="#0b5563")
    pen.rectangle((left, top, left + size, top + size), outline="#d5d5cd")
