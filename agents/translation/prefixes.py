"""A Transformer that reads a source and writes a target by turns, each sentence at its own pace.

Axes: B sentences, L pieces of the source, M of the target, n pieces that there is room for, D width, h heads.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from glimpse.agents.attention.newest import put_at
from glimpse.agents.encoders.decoder import TransformerDecoder
from glimpse.agents.encoders.transformer_encoder import TransformerEncoder
from glimpse.agents.translation.decoding import Tensors


def wait_k(source: Tensors, pieces: int, wait: int) -> Tensors:
    """What each of M pieces may read where it is written `wait` behind what is heard (Ma et al., 2019, equation 4).

    Args:
        source: what `Decoder.prepare` gave; its `real` is (B, L) bool.
        pieces: M.
        wait: k, at least 1: piece t from 1 reads min(t + k - 1, L) pieces.

    Returns:
        The same with `real` (B, M, L).
    """
    real = source["real"]
    number, place = torch.arange(pieces, device=real.device), torch.arange(real.shape[1], device=real.device)
    return {**source, "real": real.unsqueeze(1) & (place < number[:, None] + wait)}


class PrefixReader(NamedTuple):
    """Encoder and decoder, one piece of either at a time."""

    encoder: TransformerEncoder
    decoder: TransformerDecoder

    def nothing(self, count: int, room: int, like: Tensor) -> Tensors:
        """Room for the keys and values of `count` sentences: of the encoder, of the decoder, and of what it reads."""
        memory: Tensors = {}
        for name, value in self.decoder.nothing(count, like).items():
            empty = value.new_zeros(*value.shape[:2], room, value.shape[-1])
            memory |= {f"{part}_{name}": empty.clone() for part in ("written", "heard", "read")}
        return memory

    def __call__(
        self, source: Tensor, target: Tensor, heard: Tensor, written: Tensor, memory: Tensors
    ) -> tuple[Tensor, Tensors]:
        """Read the last piece that was heard, and say what the piece after the last one written is like.

        To come again with the same pieces changes nothing; keys and values of piece `written` are replaced until it is
        written.

        Args:
            source: the vector of the piece that was heard last, (B, D).
            target: that of the piece that was written last, (B, D).
            heard: (B,) int64, how many were heard; where none was, nothing is read.
            written: (B,) int64, how many were written, less than there is room for or as many.
            memory: what `nothing` or the last call gave; it is changed in place.

        Returns:
            What the output layer reads, (B, D), and the memory.
        """
        scale, room = math.sqrt(source.shape[-1]), memory["written_key0"].shape[2]
        known, own, read = (_of(memory, part) for part in ("heard", "written", "read"))
        place, number = (heard - 1).clamp(min=0), torch.arange(room, device=heard.device)
        layers = [(known[f"key{layer}"], known[f"value{layer}"]) for layer in range(len(known) // 2)]
        state, layers = self.encoder.step(source * scale, place, layers)
        new = self.decoder.remember(state.unsqueeze(1))
        read = {name: put_at(value, place, new[name]) for name, value in read.items()}
        real = number < heard[:, None]
        features, own = self.decoder.step_at(target * scale, written.clamp(max=room - 1), own, {**read, "real": real})
        after = {f"written_{name}": value for name, value in own.items()}
        for layer, pair in enumerate(layers):
            after |= {f"heard_{name}{layer}": value for name, value in zip(("key", "value"), pair, strict=True)}
        return features, {**after, **{f"read_{name}": value for name, value in read.items()}}


def _of(memory: Tensors, part: str) -> Tensors:
    """Keys and values of one part, by their names there."""
    return {name.removeprefix(f"{part}_"): value for name, value in memory.items() if name.startswith(f"{part}_")}
