"""Benchmarks of translation: training and decoding, compared with `torch.nn.Transformer`, and the time per token."""

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
from glimpse.agents.episode import Batch
from glimpse.agents.translation.decoding import take_lanes
from glimpse.agents.translation.search import beam_search, greedy_search, length_limits
from glimpse.agents.translation.translator import Translator
from glimpse.benchmarks.bench_settings import fastest
from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.runs.threads import set_threads

_VOCABULARY, _LENGTH, _LONGEST = 8000, 16, 128
_AGENTS: dict[str, dict[str, Any]] = {
    "Transformer": {"name": "transformer", "width": 128, "layers": 4, "heads": 4, "feed_forward": 256},
    "RNNsearch": {"name": "bahdanau", "width": 256, "embedding_width": 256, "output_width": 256},
    "Luong": {"name": "luong", "width": 256, "layers": 2},
    "no attention": {"name": "seq2seq", "width": 256, "layers": 2},
}
"""Sizes of the shipped configs for Multi30k."""
_TRAINED = {**_AGENTS, "Transformer, all of it float32": {**_AGENTS["Transformer"], "output_precision": "float32"}}
"""The last one trains in float32 throughout, as torch's Transformer does here.

By default the output layer's products are in bfloat16 where the CPU supports it.
"""


def make_translator(options: dict[str, Any], device: torch.device) -> Translator:
    """Build an agent with a vocabulary of 8,000 tokens that both languages share."""
    entry = AGENTS[options["name"]]
    observed = spaces.Dict({"source": spaces.Box(0, _VOCABULARY - 1, (_LONGEST,), np.int64)})
    asked = spaces.Dict({"target": spaces.MultiDiscrete([_VOCABULARY] * _LONGEST)})
    agent = resolve_name(entry.factory)(resolve_name(entry.options).model_validate(options), observed, asked)
    return cast(Translator, agent.to(device))


def random_sentences(count: int, length: int, device: torch.device) -> Tensor:
    """Draw random token ids (count, length) whose last token is END."""
    tokens = torch.randint(4, _VOCABULARY, (count, length), generator=torch.Generator().manual_seed(0))
    tokens[:, -1] = 3
    return tokens.to(device)


class TranslationUpdate:
    """One training update of an agent, or of torch's Transformer, on sentences of 16 tokens."""

    def __init__(self, module: nn.Module, loss: Callable[[Tensor], Tensor], batch: int, device: torch.device) -> None:
        """Take a module and its loss; the sentences are their own translations."""
        self.module, self.loss = module.to(device), loss
        self.sentences = random_sentences(batch, _LENGTH, device)
        self.optimiser = torch.optim.AdamW(module.parameters(), fused=True)

    def __call__(self) -> int:
        """Update the weights; return the number of target tokens."""
        self.loss(self.sentences).backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        return self.sentences.numel()


class TorchTransformer(nn.Module):
    """`torch.nn.Transformer` of the same size with tied embeddings, used as in its tutorials."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        sizes = _AGENTS["Transformer"]
        self.embedding = nn.Embedding(_VOCABULARY, sizes["width"])
        self.network = nn.Transformer(
            sizes["width"],
            sizes["heads"],
            sizes["layers"],
            sizes["layers"],
            sizes["feed_forward"],
            batch_first=True,
        )

    def loss(self, tokens: Tensor) -> Tensor:
        """Return the cross-entropy with label smoothing of tokens (B, M), given the same tokens as the source."""
        states = self.decode(F.pad(tokens, (1, 0), value=2)[:, :-1], self.network.encoder(self.embed(tokens)))
        logits = F.linear(states, self.embedding.weight)
        return F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), label_smoothing=0.1)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return embeddings plus position encodings, (B, M) -> (B, M, D)."""
        vectors: Tensor = self.embedding(tokens)
        return vectors + sinusoids(tokens.shape[1], self.embedding.embedding_dim, tokens.device)

    def decode(self, before: Tensor, encoded: Tensor) -> Tensor:
        """Return the decoder's states (B, M, D) after the target tokens `before` (B, M)."""
        causal = nn.Transformer.generate_square_subsequent_mask(before.shape[1], device=before.device)
        states: Tensor = self.network.decoder(self.embed(before), encoded, tgt_mask=causal, tgt_is_causal=True)
        return states

    @torch.no_grad()
    def greedy(self, source: Tensor, longest: int) -> Tensor:
        """Decode `longest` tokens greedily, without a cache: each step reads all earlier tokens again."""
        encoded, target = self.network.encoder(self.embed(source)), torch.full_like(source[:, :1], 2)
        for _ in range(longest):
            newest = F.linear(self.decode(target, encoded)[:, -1], self.embedding.weight)
            target = torch.cat([target, newest.argmax(-1, keepdim=True)], 1)
        return target[:, 1:]


def bench_translation(watch: Stopwatch) -> None:
    """Measure target tokens per second in training and in decoding, by batch, and the time of early and late tokens."""
    set_threads(fastest(watch.device, watch.quick).threads)
    for batch in (4,) if watch.quick else (32, 128, 512):
        for name, options in _TRAINED.items():
            agent = make_translator(options, watch.device)
            rate = watch.rate(TranslationUpdate(agent, _loss_of(agent), batch, watch.device))
            watch.add("translation, training", f"{name}, batch {batch}", rate, "tokens/s")
        reference = TorchTransformer()
        rate = watch.rate(TranslationUpdate(reference, reference.loss, batch, watch.device))
        watch.add("translation, training", f"torch.nn.Transformer, batch {batch}", rate, "tokens/s")
    for batch in (1,) if watch.quick else (1, 16, 128):
        for name, options in list(_AGENTS.items())[: 1 if watch.quick else None]:
            agent = make_translator(options, watch.device).eval()
            for beam in (1, 5):
                rate = watch.rate(_decoding(agent, batch, beam, watch.device))
                watch.add("translation, decoding", f"{name}, beam {beam}, batch {batch}", rate, "tokens/s")
        source, plain = random_sentences(batch, _LENGTH, watch.device), TorchTransformer().to(watch.device).eval()
        rate = watch.rate(partial(_reference_decoding, plain, source))
        watch.add("translation, decoding", f"torch.nn.Transformer, beam 1, batch {batch}", rate, "tokens/s")
    agent = make_translator(_AGENTS["Transformer"], watch.device).eval()
    early, late = token_seconds(agent, watch.device, 1 if watch.quick else 20)
    watch.add("translation, a token", "Transformer, tokens 1 to 20", 1e3 * early, "ms")
    watch.add("translation, a token", "Transformer, tokens 81 to 100", 1e3 * late, "ms")


def _loss_of(agent: Translator) -> Callable[[Tensor], Tensor]:
    """Return the agent's training loss as a function of tokens (B, M)."""

    def loss(tokens: Tensor) -> Tensor:
        return agent.loss(Batch({"source": tokens}, tokens)).total

    return loss


def _decoding(agent: Translator, batch: int, beam: int, device: torch.device) -> Callable[[], int]:
    """Return a function that translates sentences of 16 tokens; with random weights most reach the length limit."""
    source = random_sentences(batch, _LENGTH, device)

    def decode() -> int:
        target = greedy_search(agent, source) if beam == 1 else beam_search(agent, source, beam, 1.0).target
        return int((target != 0).sum())

    return decode


def _reference_decoding(plain: TorchTransformer, source: Tensor) -> int:
    """Decode as many tokens with torch's Transformer as `_decoding` may; return their number."""
    return plain.greedy(source, int(length_limits(source, _LONGEST)[0])).numel()


@torch.no_grad()
def token_seconds(agent: Translator, device: torch.device, repetitions: int) -> tuple[float, float]:
    """Return the median seconds per token over tokens 1 to 20 and over tokens 81 to 100 of one sentence."""
    source = random_sentences(1, _LENGTH, device)
    seconds: list[list[float]] = [[], []]
    for _ in range(repetitions):
        encoded = agent.encode(source)
        state, prepared = agent.decoder.initial_memory(encoded), agent.decoder.prepare(encoded)
        token, lane = torch.tensor([4], device=device), torch.zeros(1, dtype=torch.int64, device=device)
        for number in range(100):
            started = time.perf_counter()
            log_prob, decoded = agent.step(token, state, prepared, number)
            token, state = log_prob.argmax(-1), take_lanes(decoded.state, lane)
            spent = time.perf_counter() - started
            if number < 20 or number >= 80:
                seconds[number >= 80].append(spent)
    return median(seconds[0]), median(seconds[1])
