"""Benchmarks of text encoders and attention mechanisms: tokens per second and memory."""

import math
from collections.abc import Callable

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from glimpse.agents.attention.directional import Token2Token
from glimpse.agents.attention.masks import MaskOptions
from glimpse.agents.attention.multi_head import MultiHead
from glimpse.agents.attention.relative import Relative
from glimpse.agents.attention.sparse import Sparse
from glimpse.agents.encoders.make_encoder import make_encoder
from glimpse.agents.encoders.options import EncoderOptions
from glimpse.benchmarks.bench_ragged import bench_ragged
from glimpse.benchmarks.bench_settings import fastest
from glimpse.benchmarks.bench_text_settings import (
    ENCODERS,
    HEADS,
    LENGTHS,
    PAIR_TOKENS,
    PATTERN_LENGTHS,
    PATTERNS,
    RELATIVE_LENGTH,
    REPETITIONS,
    TOKENS,
    WIDTH,
)
from glimpse.benchmarks.peak_memory import peak_memory
from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.runs.threads import set_threads

Forward = Callable[[Tensor], Tensor]


class TextStep:
    """Forward and backward pass of one batch of texts, all of one length and without padding."""

    def __init__(self, module: nn.Module, forward: Forward, shape: tuple[int, ...], device: torch.device) -> None:
        """Prepare to call `forward`, which uses `module`, on random tokens of a shape (texts, ..., width)."""
        self.module, self.forward = module.to(device), forward
        self.tokens = torch.randn(shape, device=device, requires_grad=True)

    def __call__(self) -> int:
        """Run both passes; return the number of tokens."""
        self.module.zero_grad()
        self.tokens.grad = None
        self.forward(self.tokens).sum().backward()
        return self.tokens[..., 0].numel()


def self_attention(module: nn.Module, mask: Tensor | None = None, need_weights: bool = False) -> Forward:
    """Return a function that applies an attention module with queries, keys and values all the same."""
    return lambda x: module(x, x, x, mask, need_weights=need_weights).context


def bench_encoders(watch: Stopwatch) -> None:
    """Measure tokens per second, forward and backward, of each encoder and of torch's attention and LSTM."""
    for n in LENGTHS[:2] if watch.quick else LENGTHS:
        texts = _batch_size(watch, n, TOKENS)
        for name, rate in watch.apart(_encoder_rates, n, texts).items():
            watch.add("encoders", f"{name}, {_setting(n, texts)}", rate, "tokens/s")


def _encoder_rates(watch: Stopwatch, n: int, texts: int) -> dict[str, float]:
    """Return tokens per second by encoder, on `texts` texts of n tokens."""
    _use_all_threads(watch)
    attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True, bidirectional=True)
    steps = {
        "nn.MultiheadAttention": (attention, lambda x: attention(x, x, x, need_weights=False)[0], (texts, n)),
        "nn.LSTM, both ways": (lstm, lambda x: lstm(x)[0], (texts, n)),
        **{name: _encoder(name, watch, texts, n) for name in ENCODERS},
    }
    return {
        name: watch.rate(TextStep(module, forward, (*shape, WIDTH), watch.device), REPETITIONS)
        for name, (module, forward, shape) in steps.items()
    }


def _encoder(name: str, watch: Stopwatch, texts: int, n: int) -> tuple[nn.Module, Forward, tuple[int, ...]]:
    """Return an encoder, its forward function, and its input's shape; the hierarchical one reads sentences of words."""
    options = TypeAdapter[EncoderOptions](EncoderOptions).validate_python(ENCODERS[name])
    encoder = make_encoder(options, WIDTH)
    shape = (texts, math.isqrt(n), math.isqrt(n)) if options.kind == "hierarchical" else (texts, n)
    mask = torch.ones(shape, dtype=torch.bool, device=watch.device)
    return encoder, lambda x: encoder(x, mask).vector, shape


def bench_token2token(watch: Stopwatch) -> None:
    """Measure DiSAN's attention in its fused and its plain form: tokens per second and peak memory."""
    for n in LENGTHS[1:2] if watch.quick else LENGTHS[1:]:
        texts = _batch_size(watch, n, PAIR_TOKENS)
        found = {form: watch.apart(_token2token, n, texts, form == "plain") for form in ("fused", "plain")}
        for form, (rate, memory) in found.items():
            watch.add("token2token", f"{form}, {_setting(n, texts)}", rate, "tokens/s")
            if memory is not None:
                watch.add("token2token, memory", f"{form}, {_setting(n, texts)}", memory, "MiB")
        ratio = found["fused"][0] / found["plain"][0]
        watch.add("token2token, fused against plain", _setting(n, texts), ratio, "times as fast")


def _token2token(watch: Stopwatch, n: int, texts: int, plain: bool) -> tuple[float, float | None]:
    """Return tokens per second, and peak MiB above the memory held before."""
    _use_all_threads(watch)
    module = Token2Token(WIDTH, "forward")
    forward = self_attention(module, need_weights=plain)
    TextStep(module, forward, (1, 4, WIDTH), watch.device)()  # Excludes what the very first call loads.
    step = TextStep(module, forward, (texts, n, WIDTH), watch.device)
    memory = peak_memory(step, watch.device)
    return watch.rate(step, REPETITIONS), memory


def bench_relative(watch: Stopwatch) -> None:
    """Measure Shaw's relative positions against plain multi-head attention, by head width, with and without padding."""
    texts = _batch_size(watch, RELATIVE_LENGTH, TOKENS)
    for width in (64, 32):
        for padded in (False, True):
            plain, relative = watch.apart(_relative_rates, texts, WIDTH // width, padded)
            setting = f"heads of {width}, {_setting(RELATIVE_LENGTH, texts)}{', padding' * padded}"
            watch.add("relative", f"plain, {setting}", plain, "tokens/s")
            watch.add("relative", f"relative, {setting}", relative, "tokens/s")
            watch.add("relative, against plain", setting, plain / relative, "times the time")


def _relative_rates(watch: Stopwatch, texts: int, heads: int, padded: bool) -> tuple[float, float]:
    """Return tokens per second of plain and relative attention; padded texts have a quarter to all of their tokens."""
    _use_all_threads(watch)
    length = torch.linspace(RELATIVE_LENGTH / 4, RELATIVE_LENGTH, texts)[:, None, None]
    mask = (torch.arange(RELATIVE_LENGTH) < length).to(watch.device) if padded else None
    shape = (texts, RELATIVE_LENGTH, WIDTH)
    modules = MultiHead(WIDTH, heads), Relative(WIDTH, heads)
    plain, relative = (
        watch.rate(TextStep(module, self_attention(module, mask), shape, watch.device), REPETITIONS)
        for module in modules
    )
    return plain, relative


def bench_sparse(watch: Stopwatch) -> None:
    """Measure attention with sparse patterns against dense attention."""
    for n in PATTERN_LENGTHS[:1] if watch.quick else PATTERN_LENGTHS:
        texts = _batch_size(watch, n, TOKENS)
        rates = watch.apart(_sparse_rates, n, texts)
        for name, rate in rates.items():
            watch.add("sparse", f"{name}, {_setting(n, texts)}", rate, "tokens/s")
        for name in PATTERNS:
            setting, ratio = f"{name}, {_setting(n, texts)}", rates[name] / rates["dense"]
            watch.add("sparse, against dense", setting, ratio, "times as fast")


def _sparse_rates(watch: Stopwatch, n: int, texts: int) -> dict[str, float]:
    """Return tokens per second of dense attention and of each sparse pattern."""
    _use_all_threads(watch)
    modules: dict[str, nn.Module] = {"dense": MultiHead(WIDTH, HEADS)}
    for name, configured in PATTERNS.items():
        patterns = [TypeAdapter[MaskOptions](MaskOptions).validate_python(pattern) for pattern in configured]
        modules[name] = Sparse(WIDTH, HEADS, patterns)
    return {
        name: watch.rate(TextStep(module, self_attention(module), (texts, n, WIDTH), watch.device), REPETITIONS)
        for name, module in modules.items()
    }


def _setting(n: int, texts: int) -> str:
    """Return the setting of a result in words."""
    return f"n = {n}, batch {texts}"


def _batch_size(watch: Stopwatch, n: int, tokens: int) -> int:
    """Return how many texts of n tokens have about `tokens` tokens; a quick run has two texts."""
    return 2 if watch.quick else tokens // n


def _use_all_threads(watch: Stopwatch) -> None:
    """Set the number of threads to that of the fastest setting."""
    set_threads(fastest(watch.device, watch.quick).threads)


TEXT_BENCHES: dict[str, Callable[[Stopwatch], None]] = {
    "encoders": bench_encoders,
    "ragged": bench_ragged,
    "token2token": bench_token2token,
    "relative": bench_relative,
    "sparse": bench_sparse,
}
