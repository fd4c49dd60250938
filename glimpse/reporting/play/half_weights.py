"""Weights in half precision, as text for a page."""

import base64

import torch
from torch import Tensor

from glimpse.errors import UserError

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


def used_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights that a greedy episode reads, rounded to half precision, by name.

    Raises:
        UserError: if a weight is too large for half precision.
    """
    used = {name: weight.cpu().half() for name, weight in weights.items() if not name.startswith(_UNUSED)}
    large = [name for name, weight in used.items() if not weight.isfinite().all()]
    if large:
        raise UserError(
            f"weights of {large[0]} are above {torch.finfo(torch.float16).max:,.0f}, the largest number of half "
            "precision, in which a page keeps them. Choose a run with smaller weights"
        )
    return used


def packed(weights: dict[str, Tensor]) -> str:
    """Return the numbers of all weights, one after the other, two bytes each with the low one first, in base64."""
    return base64.b64encode(b"".join(weight.numpy().astype("<f2").tobytes() for weight in weights.values())).decode()
