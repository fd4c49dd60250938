"""Drawings of attention masks: which tokens each token may attend to."""

import numpy as np
from numpy.typing import NDArray

from glimpse.agents.attention.masks import DIRECTIONS, AllOf, AnyOf, Backward, Forward, Full, MaskOptions, Not
from glimpse.agents.attention.options import DistanceOptions, SparseOptions, Token2TokenOptions
from glimpse.agents.encoders.options import DisanEncoderOptions, DistanceEncoderOptions, TransformerEncoderOptions
from glimpse.agents.text.options import ReaderOptions
from glimpse.reporting.drawing.svg import Drawing, below, beside, cells, title_line


def encoder_masks(options: ReaderOptions) -> list[MaskOptions]:
    """Return the attention masks of an encoder, without full ones."""
    encoder = options.encoder
    if isinstance(encoder, DisanEncoderOptions | DistanceEncoderOptions):
        return [Forward(), Backward()]
    if not isinstance(encoder, TransformerEncoderOptions):
        return []
    found: list[MaskOptions] = [encoder.mask]
    match encoder.attention:
        case SparseOptions(pattern=pattern, more=more):
            found += [pattern, *more]
        case DistanceOptions(direction=direction) | Token2TokenOptions(direction=direction):
            found.append(DIRECTIONS[direction])
    return [mask for mask in found if not isinstance(mask, Full)]


def formula(mask: MaskOptions) -> str:
    """Return a mask as a formula of the mask algebra: `window(width=1) | ~causal`."""
    match mask:
        case AllOf(masks=masks):
            return " & ".join(map(_bracketed, masks))
        case AnyOf(masks=masks):
            return " | ".join(map(_bracketed, masks))
        case Not(mask=inner):
            return f"~{_bracketed(inner)}"
    given = mask.model_dump(exclude={"kind"}).items()
    values = ", ".join(f"{name}={_value(value)}" for name, value in given if value is not False)
    return f"{mask.kind}({values})" if values else mask.kind


def _bracketed(mask: MaskOptions) -> str:
    """Return a mask's formula, in brackets if it is a conjunction or disjunction."""
    return f"({formula(mask)})" if isinstance(mask, AllOf | AnyOf) else formula(mask)


def _value(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def mask_drawing(mask: MaskOptions, size: int, square: float = 12) -> Drawing:
    """Draw which of `size` tokens (columns) each token (row) may attend to; masks of a batch are side by side."""
    fields = beside((cells(one.astype(np.float32), square) for one in mask_cells(mask, size)), 12)
    return below([title_line(formula(mask), "quiet small"), fields], 0)


def mask_cells(mask: MaskOptions, size: int) -> NDArray[np.bool_]:
    """Return the mask (B, size, size), True where a token may be attended to; B is 1 unless masks differ in a batch."""
    allowed: NDArray[np.bool_] = mask(size, size).numpy().reshape(-1, size, size)
    return allowed
