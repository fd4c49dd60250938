"""Benchmark of recurrent encoders on texts of several lengths: real words per second, beside plain PyTorch."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glimpse.agents.embedding import Embedding
from glimpse.agents.encoders.hierarchical_encoder import HierarchicalEncoder
from glimpse.agents.encoders.options import HierarchicalEncoderOptions, LevelOptions
from glimpse.agents.encoders.recurrent_encoder import BidirectionalStates
from glimpse.benchmarks.bench_text_settings import REPETITIONS, WIDTH
from glimpse.benchmarks.plain_han import PlainHan
from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.runs.threads import set_threads

_SHAPES = ((64, 16), (32, 64), (16, 256))
"""Texts of an update, and words of the longest."""
_SPREADS = {"an update of similar lengths": 0.85, "lengths from 1": 0.0}
"""The shortest text, as a share of the longest."""
_DOCUMENTS, _VOCABULARY, _VECTOR = 64, 20_000, 200
_UNITS = (50, 100)


def bench_ragged(watch: Stopwatch) -> None:
    """Measure recurrent encoders beside torch's packed modules, and a HAN beside one written plainly, on one thread."""
    for kind in ("lstm", "gru"):
        for texts, longest in _SHAPES[:1] if watch.quick else _SHAPES:
            for spread, shortest in _SPREADS.items():
                ours, packed = watch.apart(_recurrent_rates, kind, texts, longest, shortest)
                _add(
                    watch, f"bi-{kind.upper()}", f"{texts} texts of at most {longest}, {spread}", ours, packed, "packed"
                )
    for units in _UNITS[:1] if watch.quick else _UNITS:
        ours, plain = watch.apart(_han_rates, units)
        _add(watch, "HAN", f"{units} units, {_DOCUMENTS} documents", ours, plain, "plain")


def _add(watch: Stopwatch, name: str, setting: str, ours: float, other: float, called: str) -> None:
    """Add both rates and their ratio."""
    watch.add("ragged", f"{name}, {setting}", ours, "words/s")
    watch.add("ragged", f"{name}, {called}, {setting}", other, "words/s")
    watch.add(f"ragged, against {called}", f"{name}, {setting}", ours / other, "times as fast")


def _recurrent_rates(watch: Stopwatch, kind: str, texts: int, longest: int, shortest: float) -> tuple[float, float]:
    """Return words per second, forward and backward, of our states and of torch's packed module."""
    set_threads(1)
    torch.manual_seed(0)
    ours = BidirectionalStates(kind, WIDTH, WIDTH)
    length = torch.randint(max(1, int(shortest * longest)), longest + 1, (texts,))
    tokens = torch.randn(texts, longest, WIDTH, requires_grad=True)
    mask = torch.arange(longest) < length[:, None]

    def read() -> Tensor:
        states: Tensor = ours(tokens, mask)[0]
        return states

    def read_packed() -> Tensor:
        states, _ = ours.network(pack_padded_sequence(tokens, length, batch_first=True, enforce_sorted=False))
        padded: Tensor = pad_packed_sequence(states, batch_first=True)[0]
        return padded

    return _alternately(watch, int(length.sum()), (ours, read), (ours, read_packed))


def _han_rates(watch: Stopwatch, units: int) -> tuple[float, float]:
    """Return words per second, forward and backward, of our HAN and of a plain one of the same sizes."""
    set_threads(1)
    torch.manual_seed(0)
    documents = 4 if watch.quick else _DOCUMENTS
    text, sentences, words = make_documents(documents)
    level = LevelOptions(width=units)
    table = Embedding(_VOCABULARY, _VECTOR)
    encoder = HierarchicalEncoder(HierarchicalEncoderOptions(words=level, sentences=level), _VECTOR)
    both = nn.ModuleList([table, encoder])
    plain = PlainHan(_VOCABULARY, _VECTOR, units)

    def read() -> Tensor:
        return encoder.read(text, table).vector

    return _alternately(watch, int(words.sum()), (both, read), (plain, lambda: plain(text, sentences, words)))


def make_documents(documents: int) -> tuple[Tensor, Tensor, Tensor]:
    """Make documents (B, S, L) with the spread of reviews, their numbers of sentences (B,) and of words (B, S).

    Both are log-normal, with means of 10 sentences and 20 words.
    """
    sentences = torch.exp(2.1 + 0.63 * torch.randn(documents)).round().long().clamp(1, 40)
    words = torch.exp(2.8 + 0.63 * torch.randn(documents, int(sentences.max()))).round().long().clamp(1, 80)
    words = words * (torch.arange(words.shape[1]) < sentences[:, None])
    text = torch.randint(1, _VOCABULARY, (*words.shape, int(words.max())))
    return text * (torch.arange(text.shape[2]) < words.unsqueeze(-1)), sentences, words


def _alternately(watch: Stopwatch, words: int, *modules: tuple[nn.Module, Callable[[], Tensor]]) -> tuple[float, float]:
    """Return words per second of two modules, forward and backward, each the best of several turns."""
    rates = [0.0, 0.0]
    for _ in range(1 if watch.quick else REPETITIONS):
        for number, (module, read) in enumerate(modules):

            def step(module: nn.Module = module, read: Callable[[], Tensor] = read) -> int:
                module.zero_grad()
                read().sum().backward()
                return words

            rates[number] = max(rates[number], watch.rate(step, 1))
    return rates[0], rates[1]
