"""Simultaneous decoding of whole sentences, batched; the result of a sentence does not depend on the others.

Axes: B sentences, L tokens of the source, M tokens of the target.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING
from glimpse.agents.ordering import true_first
from glimpse.agents.translation.decoding import take_lanes
from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.agents.translation.symbols import END


class SimultaneousDecoding(NamedTuple):
    """Simultaneous translations.

    target: (B, M) int64, END last, then 0.
    delays: (B, M) int64, source tokens read when each target token was written.
    """

    target: Tensor
    delays: Tensor


@torch.no_grad()
def decode_simultaneously(agent: SimultaneousTranslator, source: Tensor) -> SimultaneousDecoding:
    """Translate sources (B, L) token by token, with the likeliest action at each step; M is the maximum length."""
    source = source[:, : agent.longest]
    target = source.new_full((len(source), agent.longest), PADDING)
    delays, lanes = torch.zeros_like(target), torch.arange(len(source), device=source.device)
    source_read, position = torch.zeros_like(lanes), torch.arange(source.shape[1], device=source.device)
    noise = torch.zeros(len(source), 3, device=source.device)
    memory = agent.initial_memory({"source": source})
    while len(lanes):
        # Observe what has been read and written, and act greedily.
        seen = {
            "source": source[lanes].masked_fill(position >= source_read[lanes, None], PADDING),
            "target": target[lanes],
        }
        decision, memory = agent(seen, memory)
        action = agent.act(decision, noise[lanes], True)
        # WRITE, and note the delay; or READ.
        writes = action["write"] == 1
        count, read = (seen["target"] != PADDING).sum(1), source_read[lanes]
        target[lanes, count] = action["token"].where(writes, PADDING)
        delays[lanes, count] = read.where(writes, 0)
        source_read[lanes] = read + ~writes
        # Drop the sentences that have ended.
        ended = writes & ((action["token"] == END) | (count + 1 == agent.longest))
        left = int((~ended).sum())  # The one number that a step waits for on a GPU.
        if left < len(lanes):
            going = true_first(~ended)[:left]
            lanes, memory = lanes[going], take_lanes(memory, going)
    return SimultaneousDecoding(target, delays)
