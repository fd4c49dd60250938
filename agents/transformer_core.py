"""Recurrent core that is a causal Transformer over the features so far.

Axes: B episodes, T steps, G feature width, D output width, H heads, S steps that are remembered.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.recurrent_core import RecurrentCore

_LAYERS, _REACH = 2, 24
"""Layers, and steps S that a step attends to, with its own."""


class CausalBlock(nn.Module):
    """Block of a Transformer with norms before its layers: attention to the steps so far, and two linear layers."""

    def __init__(self, width: int) -> None:
        """Make a block for steps (..., D), with as many heads, up to 4, as divide `width` D."""
        super().__init__()
        self.heads = next(heads for heads in (4, 2, 1) if width % heads == 0)
        self.norm, self.out_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.layers = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def queries_keys_values(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return query, key and value of steps: (..., D) each."""
        return cast(tuple[Tensor, Tensor, Tensor], self.project(self.norm(x)).chunk(3, -1))

    def finish(self, x: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Attend and transform.

        Args:
            x: (B, Q, D), the block's input.
            query: (B, Q, D).
            key: (B, S, D).
            value: (B, S, D).
            mask: bool, (Q, S) or (B, 1, Q, S), True where a query may attend.

        Returns:
            (B, Q, D).
        """
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (query, key, value))
        read = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.merge(read.transpose(1, 2).flatten(-2))
        return x + cast(Tensor, self.layers(self.out_norm(x)))


class TransformerCore(RecurrentCore):
    """Causal Transformer (Vaswani et al., 2017), whose memory holds keys and values of the last S steps.

    A step attends to itself and to the S - 1 steps before it, in two layers. Steps have no positions: where and when
    something was seen is a part of the features. Memory is the output, the number of steps so far, and keys and values
    of each layer, (B, D + 1 + 2 * layers * S * D).
    """

    def __init__(self, feature_width: int, memory_width: int) -> None:
        """Make a core that turns features (B, G) into outputs (B, D)."""
        super().__init__()
        self.width = memory_width
        self.memory_width = memory_width + 1 + 2 * _LAYERS * _REACH * memory_width
        self.input = nn.Linear(feature_width, memory_width)
        self.blocks = nn.ModuleList(CausalBlock(memory_width) for _ in range(_LAYERS))
        self.norm = nn.LayerNorm(memory_width)

    def forward(self, feature: Tensor, memory: Tensor) -> Tensor:
        """Take one step: (B, G) and (B, M) -> (B, M)."""
        count = (memory[:, self.width : self.width + 1] + 1).clamp(max=_REACH)
        kept = memory[:, self.width + 1 :].unflatten(1, (_LAYERS, 2, _REACH, self.width))
        filled = torch.arange(_REACH, device=memory.device) >= _REACH - count
        x, now = self.input(feature)[:, None], []
        for number, block in enumerate(cast(list[CausalBlock], list(self.blocks))):
            query, key, value = block.queries_keys_values(x)
            both = torch.cat([kept[:, number, :, 1:], torch.stack([key, value], 1).to(kept.dtype)], 2)
            now.append(both)
            x = block.finish(x, query, both[:, 0].to(x.dtype), both[:, 1].to(x.dtype), filled[:, None, None])
        output = self.norm(x[:, 0]).to(memory.dtype)
        return torch.cat([output, count.to(memory.dtype), torch.stack(now, 1).flatten(1)], 1)

    def unroll(self, features: Tensor, recorded: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take all steps at once, which attend to those before them; see `RecurrentCore.unroll`."""
        step = torch.arange(len(features), device=features.device)
        apart = step[:, None] - step
        mask = (apart >= 0) & (apart < _REACH)
        x = self.input(features.transpose(0, 1))
        for block in cast(list[CausalBlock], list(self.blocks)):
            x = block.finish(x, *block.queries_keys_values(x), mask)
        outputs = self.norm(x).transpose(0, 1)
        return outputs, outputs[-1]
