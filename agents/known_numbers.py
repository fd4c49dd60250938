"""Numbers that a module keeps as buffers, and the host knows, so that it does not wait for a GPU to ask for them."""

from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

_KNOWN: WeakIdKeyDictionary = WeakIdKeyDictionary()
"""The number of each buffer, and how often the buffer had been changed when it had that number."""


def set_number(buffer: Tensor, value: float) -> None:
    """Set a buffer of one number; the host knows it as the buffer's type keeps it."""
    buffer.fill_(value)
    kept = float(np.float32(value)) if buffer.dtype == torch.float32 else value
    _KNOWN[buffer] = buffer._version, kept


def number(buffer: Tensor) -> float:
    """Return the number of a buffer; the device is asked only if something else, as a checkpoint, has changed it."""
    version, value = _KNOWN.get(buffer, (-1, 0.0))
    if version != buffer._version:
        value = buffer.item()
        _KNOWN[buffer] = buffer._version, value
    return cast(float, value)
