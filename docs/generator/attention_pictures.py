"""Pictures of attention: the weights of a mechanism between a few tokens, and the cells of a mask."""

from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from glimpse.agents.attention.masks import MaskOptions
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.config.strict_yaml import parse_yaml
from glimpse.reporting.drawing.svg import beside, matrix, svg_file
from glimpse.reporting.text.mask_drawing import mask_drawing

TOKENS = ("two", "dogs", "play", "in", "the", "snow", ",", "and", "two", "dogs", "sleep")
_WIDTH, _MOST_ROWS, _TOKENS_OF_A_MASK = 16, 4, 8


@torch.no_grad()
def weights_picture(name: str, options: Any) -> bytes:
    """Draw the weights of an untrained mechanism between the tokens of a sentence, as an SVG file; heads side by side.

    Args:
        name: the mechanism's kind.
        options: its options.
    """
    torch.manual_seed(0)
    tokens = _vectors()
    attended = make_attention(options, _WIDTH).eval()(tokens, tokens, tokens)
    weights = attended.weights[0]
    if weights.shape[-1] == _WIDTH and weights.dim() == 3:
        weights = weights.mean(-1)  # Each feature has weights of its own.
    fields = weights[:_MOST_ROWS] if weights.dim() == 3 else weights[None]
    rows = TOKENS if fields.shape[1] == len(TOKENS) else [f"vector {n + 1}" for n in range(fields.shape[1])]
    shown = [(field[: len(TOKENS)] / fields.max()).numpy() for field in fields]
    drawings = [matrix(field, rows[: len(field)], TOKENS) for field in shown]
    return svg_file(beside(drawings, 12), f"Weights of {name} attention")


def read_mask(written: str) -> Any:
    """Return the mask that a config writes."""
    return TypeAdapter(MaskOptions).validate_python(parse_yaml(written)[0])


def mask_picture(mask: Any) -> bytes:
    """Draw a mask over eight tokens, as an SVG file."""
    return svg_file(mask_drawing(mask, _TOKENS_OF_A_MASK, 18), f"The mask {mask.kind}")


def _vectors() -> torch.Tensor:
    """Return vectors of the tokens, (1, n, D): one for each word, and sinusoids of its position."""
    numbers = {word: number for number, word in enumerate(dict.fromkeys(TOKENS))}
    words = torch.randn(len(numbers), _WIDTH) * 1.5
    steps = np.arange(len(TOKENS))[:, None] / 3.0 ** np.arange(_WIDTH // 2)
    positions = torch.tensor(np.concatenate([np.sin(steps), np.cos(steps)], 1), dtype=torch.float32)
    return (words[[numbers[word] for word in TOKENS]] + positions)[None]
