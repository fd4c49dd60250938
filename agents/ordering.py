"""Orders of tokens, in forms that ONNX has too: it sorts no bytes, and knows no stable sorting by that name.

Its operator TopK, which sorting becomes, puts the first of equal numbers first.
"""

import torch
from torch import Tensor


def true_first(chosen: Tensor) -> Tensor:
    """Return the positions (..., L) of bool (..., L), those of True first, otherwise in their order."""
    if torch.compiler.is_exporting():
        position = torch.arange(chosen.shape[-1], device=chosen.device)
        return (chosen.long() * chosen.shape[-1] - position).sort(dim=-1, descending=True).indices
    return chosen.byte().sort(dim=-1, descending=True, stable=True).indices


def largest_first(numbers: Tensor, dim: int) -> Tensor:
    """Return the positions along an axis of numbers (...), the largest first, and of equal ones the first."""
    if torch.compiler.is_exporting():
        return numbers.sort(dim=dim, descending=True).indices
    return numbers.argsort(dim=dim, descending=True, stable=True)
