"""Weights as text for a page: matrices that 8 bits hold exactly in 8 bits, all else in half precision."""

import base64
from typing import NamedTuple

import torch
from torch import Tensor

from glimpse.errors import UserError
from glimpse.runs.stored_weights import exact_rows

_UNUSED = (
    "baseline.",
    "worth.",
    "average_return",
    "class_weights",
    "random_looks",
    "ramp",
    "locator.gaussian.",
    "policy.gaussian.",
    "stop_policy.bound",
)
"""Beginnings of names of weights that only training needs."""


class PageWeights(NamedTuple):
    """Weights that a greedy episode reads.

    table: name, shape and bits (8 or 16) of each, in the order of their numbers.
    numbers: the numbers in base64, one tensor after the other. Those of half precision have two bytes, the low one
        first; of a matrix in 8 bits the scales of its rows, in half precision, come before its whole numbers.
    """

    table: list[tuple[str, list[int], int]]
    numbers: str


def page_weights(weights: dict[str, Tensor]) -> PageWeights:
    """Return the weights that a greedy episode reads, as text.

    A matrix of a run that was published in 8 bits is held as it is stored; other weights are rounded to half precision.

    Raises:
        UserError: if a weight is too large for half precision.
    """
    table, numbers = [], b""
    for name, weight in weights.items():
        if name.startswith(_UNUSED):
            continue
        rows = exact_rows(weight)
        table.append((name, list(weight.shape), 16 if rows is None else 8))
        numbers += _halves(name, weight) if rows is None else _halves(name, rows[1]) + rows[0].cpu().numpy().tobytes()
    return PageWeights(table, base64.b64encode(numbers).decode())


def _halves(name: str, weight: Tensor) -> bytes:
    """Return numbers in half precision, two bytes each with the low one first."""
    half = weight.cpu().half()
    if not half.isfinite().all():
        raise UserError(
            f"weights of {name} are above {torch.finfo(torch.float16).max:,.0f}, the largest number of half "
            "precision, in which a page keeps them. Choose a run with smaller weights"
        )
    return half.numpy().astype("<f2").tobytes()
