"""Figures of predictions: for matplotlib, and for notebooks."""

import base64
import io
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glimpse.errors import UserError

_LINES = 5
"""Number of classes whose probability is drawn."""


def scanpath_figure(drawing: bytes, title: str, classes: Sequence[str], probabilities: NDArray[np.float32]) -> Any:
    """Return a matplotlib figure: a picture with the scanpath, and the probabilities after each glimpse.

    Args:
        drawing: PNG of the picture.
        title: title above it.
        classes: names of the N classes.
        probabilities: (t, N), after each glimpse.

    Raises:
        UserError: if matplotlib is not installed.
    """
    try:
        drawn = import_module("matplotlib.figure")
    except ModuleNotFoundError:
        raise UserError("figures need matplotlib, which is not installed: pip install matplotlib") from None
    figure = drawn.Figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(np.asarray(Image.open(io.BytesIO(drawing))))
    left.set_axis_off()
    left.set_title(title)
    steps = np.arange(1, len(probabilities) + 1)
    for number in np.argsort(-probabilities[-1], kind="stable")[:_LINES].tolist():
        right.plot(steps, probabilities[:, number], marker="o", label=classes[number])
    right.set(xlabel="glimpses", ylabel="probability", ylim=(0, 1), xticks=steps)
    right.legend()
    return figure


def embedded_png(data: bytes, name: str) -> str:
    """Return an HTML image that holds its own PNG."""
    return f'<img alt="{name}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
