"""Figures of predictions: for matplotlib, and for notebooks."""

import base64
import io
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glimpse.envs.printed_lines import print_error_line

_FONTS = 8
"""Most fonts of a figure, beside the usual one."""
_LINES = 5
"""Number of classes whose probability is drawn."""


def scanpath_figure(
    drawing: bytes, title: str, classes: Sequence[str], values: NDArray[np.float32], axis: str = "probability"
) -> Any:
    """Return a matplotlib figure: a picture with the scanpath, and the probabilities or scores after each glimpse.

    Args:
        drawing: PNG of the picture.
        title: title above it.
        classes: names of the N classes or labels; or `score` alone.
        values: (t, N), after each glimpse.
        axis: what they are: `probability`, or `score`.
    """
    drawn = import_module("matplotlib.figure")
    figure = drawn.Figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(np.asarray(Image.open(io.BytesIO(drawing))))
    left.set_axis_off()
    texts = [left.set_title(title)]
    steps = np.arange(1, len(values) + 1)
    for number in np.argsort(-values[-1], kind="stable")[:_LINES].tolist():
        right.plot(steps, values[:, number], marker="o", label=classes[number])
    right.set(xlabel="glimpses", ylabel=axis, xticks=steps, **({"ylim": (0, 1)} if axis == "probability" else {}))
    texts += right.legend().get_texts()
    families = _font_families(title + "".join(classes))
    for text in texts:
        text.set_fontfamily(families)
    return figure


def _font_families(letters: str) -> list[str]:
    """Return names of installed fonts that have all letters together, the usual one first.

    Where there are none, a line on standard error says so.
    """
    manager = import_module("matplotlib.font_manager")
    chosen = ["DejaVu Sans"]
    missing = {ord(letter) for letter in letters if letter.isprintable()}
    usual = manager.findfont(chosen[0])
    missing -= manager.get_font(usual).get_charmap().keys()
    # The last resort has boxes for all letters.
    installed = (entry for entry in manager.fontManager.ttflist if not entry.name.startswith("Last Resort"))
    for entry in installed if missing else ():
        found = missing & manager.get_font(entry.fname).get_charmap().keys()
        if found and len(chosen) <= _FONTS:
            chosen.append(entry.name)
            missing -= found
    if missing:
        shown = "".join(map(chr, sorted(missing)[:10]))
        line = f"note: no font here has the letters {shown} of the figure: install one, such as Noto Sans CJK"
        print_error_line(line)
    return chosen


def embedded_png(data: bytes, name: str) -> str:
    """Return an HTML image that holds its own PNG."""
    return f'<img alt="{name}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
