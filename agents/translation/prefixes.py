"""Incremental Transformer for READs and WRITEs in any order, each sentence of a batch at its own pace.

Axes: B sentences, L tokens of the source, M tokens of the target, n tokens that the caches have room for, D width,
h heads.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from glimpse.agents.attention.newest import put_at
from glimpse.agents.encoders.decoder import TransformerDecoder
from glimpse.agents.encoders.transformer_encoder import TransformerEncoder
from glimpse.agents.translation.decoding import Tensors


def wait_k(source: Tensors, tokens: int, wait: int) -> Tensors:
    """Hide from each target token what wait-k has not read yet (Ma et al., 2019, equation 4).

    Args:
        source: from `Decoder.prepare`; its `real` is (B, L) bool.
        tokens: M, number of target tokens.
        wait: k, at least 1: target token t, from 1, reads min(t + k - 1, L) source tokens.

    Returns:
        The same source with `real` (B, M, L).
    """
    real = source["real"]
    index, position = torch.arange(tokens, device=real.device), torch.arange(real.shape[1], device=real.device)
    return {**source, "real": real.unsqueeze(1) & (position < index[:, None] + wait)}


class IncrementalTransformer(NamedTuple):
    """Encoder and decoder that each take one token at a time, with caches of keys and values."""

    encoder: TransformerEncoder
    decoder: TransformerDecoder

    def initial_memory(self, count: int, room: int, like: Tensor) -> Tensors:
        """Return empty caches of `count` sentences.

        Args:
            count: B.
            room: n.
            like: a tensor of the right type and device.

        Returns:
            Keys and values of each layer: the encoder's, the decoder's self-attention's, and its cross-attention's.
        """
        memory: Tensors = {}
        for name, value in self.decoder.nothing(count, like).items():
            empty = value.new_zeros(*value.shape[:2], room, value.shape[-1])
            memory |= {f"{part}_{name}": empty.clone() for part in ("decoder", "encoder", "cross")}
        return memory

    def __call__(
        self, source: Tensor, target: Tensor, source_read: Tensor, written: Tensor, memory: Tensors
    ) -> tuple[Tensor, Tensors]:
        """Encode the newest source token, and compute the features of the next target token.

        A repeated call with the same tokens changes nothing. Keys and values of target position `written` are replaced
        until a token is written there.

        Args:
            source: (B, D), vector of the last token read.
            target: (B, D), vector of the last token written.
            source_read: (B,) int64, number of source tokens read; where it is 0 there is no source.
            written: (B,) int64, number of target tokens written, at most n.
            memory: from `initial_memory` or the last call; changed in place.

        Returns:
            Features (B, D) for the output layer, and the memory.
        """
        scale, room = math.sqrt(source.shape[-1]), memory["decoder_key0"].shape[2]
        encoder, own, cross = (_part(memory, part) for part in ("encoder", "decoder", "cross"))
        position, index = (source_read - 1).clamp(min=0), torch.arange(room, device=source_read.device)
        # Encode the newest source token, and add it to what the decoder attends to.
        layers = [(encoder[f"key{layer}"], encoder[f"value{layer}"]) for layer in range(len(encoder) // 2)]
        state, layers = self.encoder.step(source * scale, position, layers)
        new = self.decoder.remember(state.unsqueeze(1))
        cross = {name: put_at(value, position, new[name]) for name, value in cross.items()}
        # One decoder step at each sentence's own position, over the source tokens read so far.
        real = index < source_read[:, None]
        features, own = self.decoder.step_at(target * scale, written.clamp(max=room - 1), own, {**cross, "real": real})
        after = {f"decoder_{name}": value for name, value in own.items()}
        for layer, pair in enumerate(layers):
            after |= {f"encoder_{name}{layer}": value for name, value in zip(("key", "value"), pair, strict=True)}
        return features, {**after, **{f"cross_{name}": value for name, value in cross.items()}}


def _part(memory: Tensors, part: str) -> Tensors:
    """Return the keys and values of one cache, without its prefix in their names."""
    return {name.removeprefix(f"{part}_"): value for name, value in memory.items() if name.startswith(f"{part}_")}
