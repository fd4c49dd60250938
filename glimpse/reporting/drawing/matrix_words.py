"""Matrices in words, for readers who do not see them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MOST = 3
"""Most mistakes, or pairs of tokens, that are named."""


def confusion_words(counts: NDArray[np.int64], names: Sequence[str]) -> str:
    """Describe a confusion matrix (N, N) of labels (rows) and answers (columns), whose classes have names."""
    total, right = int(counts.sum()), int(np.trace(counts))
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = [divmod(int(at), len(names)) for at in np.argsort(-wrong, axis=None, kind="stable")[:_MOST]]
    named = [f"{names[row]} as {names[column]} ({wrong[row, column]:,})" for row, column in order if wrong[row, column]]
    often = f" Most often: {', '.join(named)}." if named else ""
    return f"Rows are labels, columns answers; {right:,} of {total:,} answers are on the diagonal, right.{often}"


def weights_words(weights: NDArray[np.floating], rows: Sequence[str], columns: Sequence[str]) -> str:
    """Describe a matrix (n, m) of weights: its largest ones, by the names of their rows and columns."""
    if not weights.size:
        return "No weights."
    order = [divmod(int(at), weights.shape[1]) for at in np.argsort(-weights, axis=None, kind="stable")[:_MOST]]
    named = (f"{rows[row]} to {columns[column]} ({weights[row, column]:.2f})" for row, column in order)
    return f"{len(rows)} rows, {len(columns)} columns; the largest weights: {', '.join(named)}."
