"""Rendering of texts as a picture, for the `render` of text environments."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from glimpse.envs.lettering import fit_lettering

_WIDTH, _HEIGHT, _MARGIN, _LINE, _COLUMNS = 640, 240, 12, 14, 100


def draw_page(texts: Sequence[Sequence[str]]) -> NDArray[np.uint8]:
    """Draw texts, each a list of words, below one another with a line between them; what does not fit is left out.

    Returns:
        (240, 640, 3) uint8, black on white.
    """
    page = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    pen, y = ImageDraw.Draw(page), _MARGIN
    for number, words in enumerate(texts):
        if number:
            pen.line([(_MARGIN, y + _LINE // 2), (_WIDTH - _MARGIN, y + _LINE // 2)], fill="grey")
            y += _LINE
        lines, font = fit_lettering(wrap(" ".join(words), _COLUMNS), 10)
        for line in lines:
            pen.text((_MARGIN, y), line, fill="black", font=font)
            y += _LINE
    return np.asarray(page)
