"""`glimpse bench` on translation: learning and translating, beside `torch.nn.Transformer`; and the cost of a piece."""

import time
from collections.abc import Callable
from functools import partial
from pkgutil import resolve_name
from statistics import median
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from glimpse.agents import AGENTS
from glimpse.agents.attention.positions import sinusoids
from glimpse.agents.episode import Episode
from glimpse.agents.translation.decoding import take
from glimpse.agents.translation.search import greedy, limits, translate
from glimpse.agents.translation.translator import Translator
from glimpse.benchmarks.bench_settings import fastest
from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.runs.build import set_threads

_PIECES, _LENGTH, _LONGEST = 8000, 16, 128
_AGENTS: dict[str, dict[str, Any]] = {
    "Transformer": {"name": "transformer", "width": 128, "layers": 4, "heads": 4, "feed_forward": 256},
    "RNNsearch": {"name": "bahdanau", "width": 256, "embedding_width": 256, "output_width": 256},
    "Luong": {"name": "luong", "width": 256, "layers": 2},
    "no attention": {"name": "seq2seq", "width": 256, "layers": 2},
}
"""Sizes of the shipped configs for Multi30k."""
_LEARNING = {**_AGENTS, "Transformer, all of it float32": {**_AGENTS["Transformer"], "output_precision": "float32"}}
"""As torch's learns; by default the output layer's products are of bfloat16 where a CPU has instructions for it."""


def make(options: dict[str, Any], device: torch.device) -> Translator:
    """An agent for 8,000 pieces, shared by both languages."""
    named = AGENTS[options["name"]]
    observed = spaces.Dict({"source": spaces.Box(0, _PIECES - 1, (_LONGEST,), np.int64)})
    asked = spaces.Dict({"target": spaces.MultiDiscrete([_PIECES] * _LONGEST)})
    agent = resolve_name(named.factory)(resolve_name(named.options).model_validate(options), observed, asked)
    return cast(Translator, agent.to(device))


def sentences(count: int, length: int, device: torch.device) -> Tensor:
    """Random pieces (count, length), END last."""
    pieces = torch.randint(4, _PIECES, (count, length), generator=torch.Generator().manual_seed(0))
    pieces[:, -1] = 3
    return pieces.to(device)


class Learning:
    """One update of an agent, or of torch's Transformer of the same size, on sentences of 16 pieces."""

    def __init__(self, module: nn.Module, loss: Callable[[Tensor], Tensor], batch: int, device: torch.device) -> None:
        """Take a module and the loss that it has on sentences, which are to be translated to themselves."""
        self.module, self.loss = module.to(device), loss
        self.sentences = sentences(batch, _LENGTH, device)
        self.optimiser = torch.optim.AdamW(module.parameters(), fused=True)

    def __call__(self) -> int:
        """Learn; the number of target pieces."""
        self.loss(self.sentences).backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        return self.sentences.numel()


class TorchTransformer(nn.Module):
    """`torch.nn.Transformer` of the same size, with tied vectors, as its tutorials use it."""

    def __init__(self) -> None:
        """Make it."""
        super().__init__()
        sizes = _AGENTS["Transformer"]
        self.vectors = nn.Embedding(_PIECES, sizes["width"])
        self.network = nn.Transformer(
            sizes["width"],
            sizes["heads"],
            sizes["layers"],
            sizes["layers"],
            sizes["feed_forward"],
            batch_first=True,
        )

    def loss(self, pieces: Tensor) -> Tensor:
        """Cross-entropy with label smoothing."""
        states = self.decode(F.pad(pieces, (1, 0), value=2)[:, :-1], self.network.encoder(self.placed(pieces)))
        logits = F.linear(states, self.vectors.weight)
        return F.cross_entropy(logits.flatten(0, 1), pieces.flatten(), label_smoothing=0.1)

    def placed(self, pieces: Tensor) -> Tensor:
        """Vectors with their places, (B, M) -> (B, M, D)."""
        vectors: Tensor = self.vectors(pieces)
        return vectors + sinusoids(pieces.shape[1], self.vectors.embedding_dim, pieces.device)

    def decode(self, before: Tensor, encoded: Tensor) -> Tensor:
        """The decoder's states (B, M, D) after known pieces (B, M)."""
        causal = nn.Transformer.generate_square_subsequent_mask(before.shape[1], device=before.device)
        states: Tensor = self.network.decoder(self.placed(before), encoded, tgt_mask=causal, tgt_is_causal=True)
        return states

    @torch.no_grad()
    def greedy(self, source: Tensor, longest: int) -> Tensor:
        """The likeliest `longest` pieces; it keeps nothing of the pieces before, and reads them all again each time."""
        encoded, target = self.network.encoder(self.placed(source)), torch.full_like(source[:, :1], 2)
        for _ in range(longest):
            newest = F.linear(self.decode(target, encoded)[:, -1], self.vectors.weight)
            target = torch.cat([target, newest.argmax(-1, keepdim=True)], 1)
        return target[:, 1:]


def bench_translation(watch: Stopwatch) -> None:
    """Target pieces a second in learning and in translating, by batch; and what late pieces cost beside early ones."""
    set_threads(fastest(watch.device, watch.quick).threads)
    for batch in (32,) if watch.quick else (32, 128, 512):
        for name, options in _LEARNING.items():
            agent = make(options, watch.device)
            rate = watch.rate(Learning(agent, _known(agent), batch, watch.device))
            watch.add("translation, learning", f"{name}, batch {batch}", rate, "pieces/s")
        theirs = TorchTransformer()
        rate = watch.rate(Learning(theirs, theirs.loss, batch, watch.device))
        watch.add("translation, learning", f"torch.nn.Transformer, batch {batch}", rate, "pieces/s")
    for batch in (1,) if watch.quick else (1, 16, 128):
        for name, options in list(_AGENTS.items())[: 1 if watch.quick else None]:
            agent = make(options, watch.device).eval()
            for beam in (1, 5):
                rate = watch.rate(_writing(agent, batch, beam, watch.device))
                watch.add("translation, writing", f"{name}, beam {beam}, batch {batch}", rate, "pieces/s")
        source, plain = sentences(batch, _LENGTH, watch.device), TorchTransformer().to(watch.device).eval()
        rate = watch.rate(partial(_written_by, plain, source))
        watch.add("translation, writing", f"torch.nn.Transformer, beam 1, batch {batch}", rate, "pieces/s")
    agent = make(_AGENTS["Transformer"], watch.device).eval()
    early, late = cost_of_pieces(agent, watch.device, 3 if watch.quick else 20)
    watch.add("translation, a piece", "Transformer, pieces 1 to 20", 1e3 * early, "ms")
    watch.add("translation, a piece", "Transformer, pieces 81 to 100", 1e3 * late, "ms")


def _known(agent: Translator) -> Callable[[Tensor], Tensor]:
    """An agent's own loss."""

    def loss(pieces: Tensor) -> Tensor:
        nothing = torch.zeros(1, len(pieces), device=pieces.device)
        return agent.loss(Episode({"source": pieces[None]}, {}, nothing, nothing, nothing > 0, pieces, 1, {})).total

    return loss


def _writing(agent: Translator, batch: int, beam: int, device: torch.device) -> Callable[[], int]:
    """Translations of sentences of 16 pieces, to their limits: random weights seldom end."""
    source = sentences(batch, _LENGTH, device)

    def write() -> int:
        target = greedy(agent, source) if beam == 1 else translate(agent, source, beam, 1.0).target
        return int((target != 0).sum())

    return write


def _written_by(plain: TorchTransformer, source: Tensor) -> int:
    """As many pieces of torch's Transformer as `_writing` asks for."""
    return plain.greedy(source, int(limits(source, _LONGEST)[0])).numel()


@torch.no_grad()
def cost_of_pieces(agent: Translator, device: torch.device, repetitions: int) -> tuple[float, float]:
    """Seconds of one of the first 20 pieces and of one of the pieces 81 to 100, of one sentence: medians."""
    source = sentences(1, _LENGTH, device)
    seconds: list[list[float]] = [[], []]
    for _ in range(repetitions):
        encoded = agent.encode(source)
        state, prepared = agent.decoder.begin(encoded), agent.decoder.prepare(encoded)
        piece, lane = torch.tensor([4], device=device), torch.zeros(1, dtype=torch.int64, device=device)
        for number in range(100):
            begun = time.perf_counter()
            log_prob, written = agent.step(piece, state, prepared, number)
            piece, state = log_prob.argmax(-1), take(written.state, lane)
            spent = time.perf_counter() - begun
            if number < 20 or number >= 80:
                seconds[number >= 80].append(spent)
    return median(seconds[0]), median(seconds[1])
