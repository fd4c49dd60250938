"""To interpret whole sentences as if they were heard piece by piece, many side by side, each as if it were alone.

Axes: B sentences, L pieces of the source, M of the target.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING
from glimpse.agents.translation.decoding import take
from glimpse.agents.translation.simultaneous_translator import Interpreter
from glimpse.agents.translation.symbols import END


class Interpreted(NamedTuple):
    """target: (B, M) int64, END last, 0 behind that; heard: (B, M) int64, pieces heard when each was written."""

    target: Tensor
    heard: Tensor


@torch.no_grad()
def interpret(agent: Interpreter, source: Tensor) -> Interpreted:
    """Hear sources (B, L) piece by piece and do what is likeliest at each step; M is the most that there may be.

    Sentences that have ended are left out of the steps that follow.
    """
    source = source[:, : agent.longest]
    target = source.new_full((len(source), agent.longest), PADDING)
    delays, lanes = torch.zeros_like(target), torch.arange(len(source), device=source.device)
    heard, place = torch.zeros_like(lanes), torch.arange(source.shape[1], device=source.device)
    noise = torch.zeros(len(source), 3, device=source.device)
    memory = agent.begin({"source": source})
    while len(lanes):
        seen = {"source": source[lanes].masked_fill(place >= heard[lanes, None], PADDING), "target": target[lanes]}
        decision, memory = agent(seen, memory)
        action = agent.act(decision, noise[lanes], True)
        writes = action["write"] == 1
        here, count = lanes[writes], (seen["target"] != PADDING).sum(1)
        target[here, count[writes]], delays[here, count[writes]] = action["piece"][writes], heard[here]
        heard[lanes[~writes]] += 1
        over = writes & ((action["piece"] == END) | (count + 1 == agent.longest))
        if over.any():
            going = (~over).nonzero()[:, 0]
            lanes, memory = lanes[going], take(memory, going)
    return Interpreted(target, delays)
