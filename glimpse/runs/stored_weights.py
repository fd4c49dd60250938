"""Weights of a published run as they are stored: rounded to 8, 16 or 32 bits, and tied ones once.

With 8 bits, matrices are whole numbers from -127 to 127 with a scale for each row, and all else is in half precision.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from glimpse.errors import UserError

Bits = Literal[8, 16, 32]
PRECISION_OF_BITS: dict[int, str] = {
    8: "8 bits a weight, a scale for each row of a matrix",
    16: "half precision",
    32: "single precision",
}
"""What is said of the precision of weights, by their bits."""
_SCALE = ".scale"
_LARGE = 1024
"""Fewest numbers of a tensor that is stored in 8 bits, or once if it is tied."""
_SHORTEST_ROW = 8
"""Fewest numbers of a row that has a scale of its own, which takes two bytes."""
_LARGEST = 127


class StoredForm(BaseModel):
    """How weights are stored, as `state.json` says it.

    int8: names of the matrices in 8 bits; the scales of NAME are NAME.scale.
    same: of tied tensors, of which one is stored: by the name of each other one, that one's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    int8: tuple[str, ...] = ()
    same: dict[str, str] = {}


class StoredWeights(NamedTuple):
    """Tensors of a file, and how they are to be read."""

    tensors: dict[str, Tensor]
    form: StoredForm


def store_weights(weights: Mapping[str, Tensor], bits: Bits) -> StoredWeights:
    """Round the weights of an agent for a file.

    Args:
        weights: its state dict.
        bits: 32 keeps floats as they are, 16 rounds them to half precision, and 8 rounds matrices to 8 bits with a
            scale for each row (`round_rows`), and other floats to half precision. Other numbers stay.

    Raises:
        UserError: if a float is not finite, or too large.
    """
    same = _tied(weights)
    tensors: dict[str, Tensor] = {}
    int8 = []
    for name, value in weights.items():
        if name in same:
            continue
        if bits == 8 and _is_matrix(value):
            int8.append(name)
            tensors[name], tensors[name + _SCALE] = round_rows(value)
            floats = tensors[name + _SCALE]
        else:
            floats = tensors[name] = value.half() if bits < 32 and value.is_floating_point() else value
        if not floats.isfinite().all():
            raise UserError(
                f"{name} holds weights that are not finite, or too large for {PRECISION_OF_BITS[bits]}. "
                "Choose more --bits, or another run"
            )
    return StoredWeights(tensors, StoredForm(int8=tuple(int8), same=same))


def restore_weights(tensors: Mapping[str, Tensor], form: object) -> dict[str, Tensor]:
    """Return the weights that were stored: matrices of 8 bits in single precision, all else as it is in the file.

    Args:
        tensors: content of the file.
        form: what `state.json` holds of a `StoredForm`.

    Raises:
        ValueError: if they do not belong together.
    """
    try:
        known = StoredForm.model_validate(form)
    except ValidationError:
        raise ValueError("it is not said how the weights are stored in a way that this version knows") from None
    weights = dict(tensors)
    for name in known.int8:
        weights[name] = _restored_rows(name, weights.pop(name, None), weights.pop(name + _SCALE, None))
    for name, other in known.same.items():
        if name in tensors or other not in weights:
            raise ValueError(f"{name} should be that of {other}, of which there should be exactly one")
        weights[name] = weights[other]
    return weights


def stored_bits(tensors: Mapping[str, Tensor]) -> Bits:
    """Return the bits of the weights in a file."""
    if any(value.dtype == torch.int8 and name + _SCALE in tensors for name, value in tensors.items()):
        return 8
    return 16 if any(value.dtype == torch.float16 for value in tensors.values()) else 32


def round_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Round a matrix to 8 bits, symmetrically around zero, with a scale for each row.

    A number w becomes the whole number nearest to w / scale; scale * that is at most scale / 2 from w. The scale is
    max |w| / 127 over the row, rounded up to half precision, so that no number is beyond 127. It loses no more than one
    of single precision (the error is 0.1 % larger), takes half the bytes, and a matrix that is rounded again stays.

    Args:
        matrix: floats (R, ...), finite; a row is all that has one index of the first axis.

    Returns:
        Whole numbers, int8, of the same shape, and scales (R,), float16: 0 for a row of zeros, infinite for one that is
        too large.
    """
    rows = matrix.float().flatten(1)
    exact = rows.abs().amax(1) / _LARGEST
    scale = exact.half()
    scale = torch.where(scale.float() < exact, (scale.view(torch.int16) + 1).view(torch.float16), scale)
    divisor = torch.where(scale > 0, scale.float(), 1)
    return (rows / divisor[:, None]).round().to(torch.int8).reshape(matrix.shape), scale


def exact_rows(value: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return the whole numbers and scales of a matrix that 8 bits hold exactly, as `round_rows` does; None for others.

    A matrix that was stored in 8 bits and restored is one.
    """
    if not _is_matrix(value):
        return None
    whole, scale = round_rows(value)
    return (whole, scale) if torch.equal(_scaled(whole, scale), value) else None


def _scaled(whole: Tensor, scale: Tensor) -> Tensor:
    """Return a matrix of whole numbers times the scales of its rows, in single precision."""
    return (whole.flatten(1).float() * scale.float()[:, None]).reshape(whole.shape)


def _is_matrix(value: Tensor) -> bool:
    """Return whether a tensor is large enough for 8 bits, and its rows are long enough for scales."""
    large = value.is_floating_point() and value.dim() >= 2 and value.numel() >= _LARGE
    return large and value[0].numel() >= _SHORTEST_ROW


def _restored_rows(name: str, whole: Tensor | None, scale: Tensor | None) -> Tensor:
    """Return the matrix of rounded rows, in single precision; raises ValueError if a part is missing or another."""
    if whole is None or whole.dtype != torch.int8 or whole.dim() < 2:
        raise ValueError(f"{name} should be a matrix of 8 bits (found {_described(whole)})")
    rows = len(whole)
    if scale is None or scale.dtype != torch.float16 or scale.shape != (rows,) or not scale.isfinite().all():
        raise ValueError(
            f"{name}{_SCALE} should hold the scales of {rows:,} rows, finite numbers of float16 "
            f"(found {_described(scale)})"
        )
    return _scaled(whole, scale)


def _described(value: Tensor | None) -> str:
    """Describe a tensor of a file by its type and shape."""
    return "none" if value is None else f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def _tied(weights: Mapping[str, Tensor]) -> dict[str, str]:
    """Return, by the name of each large tensor that is equal to one before it, that one's name."""
    same: dict[str, str] = {}
    firsts: list[str] = []
    for name, value in weights.items():
        if value.numel() < _LARGE:
            continue
        equal = next((other for other in firsts if _are_equal(weights[other], value)), None)
        if equal is None:
            firsts.append(name)
        else:
            same[name] = equal
    return same


def _are_equal(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same type, shape and numbers."""
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
