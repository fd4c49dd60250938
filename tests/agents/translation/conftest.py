"""Small translators with random weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.translation.bahdanau import Bahdanau
from glimpse.agents.translation.luong import Seq2Seq
from glimpse.agents.translation.options import (
    BahdanauOptions,
    LuongOptions,
    Seq2SeqOptions,
    TranslatingTransformerOptions,
)
from glimpse.agents.translation.transformer_translator import TranslatingTransformer
from glimpse.agents.translation.translator import Translator

SUBWORDS, LONGEST = 12, 14
KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "bahdanau": (Bahdanau, BahdanauOptions, {"embedding_width": 8, "output_width": 8}),
    "bahdanau, old state": (
        Bahdanau,
        BahdanauOptions,
        {"embedding_width": 8, "output_width": 8, "output_state": "old", "attention": "general", "weights": "paper"},
    ),
    "seq2seq": (Seq2Seq, Seq2SeqOptions, {}),
    "luong": (Seq2Seq, LuongOptions, {"direction": "reversed"}),
    "dot, not fed": (Seq2Seq, LuongOptions, {"attention": "dot", "input_feeding": False}),
    "concat, sparsemax": (Seq2Seq, LuongOptions, {"attention": {"kind": "concat", "normaliser": "sparsemax"}}),
    "location": (Seq2Seq, LuongOptions, {"attention": {"kind": "location", "length": 20}, "direction": "forward"}),
    "local-m": (Seq2Seq, LuongOptions, {"attention": {"kind": "local", "centre": "monotone", "half_width": 2}}),
    "local-p": (Seq2Seq, LuongOptions, {"attention": {"kind": "local", "score": "dot"}, "layers": 1}),
    "hard": (Seq2Seq, LuongOptions, {"attention": {"kind": "hard", "begins": 0.0}, "input_feeding": False}),
    "hard, monotone": (
        Seq2Seq,
        LuongOptions,
        {
            "attention": {"kind": "hard", "monotone": True, "reach": 2, "score": "dot", "begins": 0.0},
            "input_feeding": False,
        },
    ),
    "transformer": (TranslatingTransformer, TranslatingTransformerOptions, {"norm": "post"}),
    "relative, entmax": (
        TranslatingTransformer,
        TranslatingTransformerOptions,
        {"attention": {"kind": "relative", "clip": 2}, "normaliser": "entmax15"},
    ),
    "window": (
        TranslatingTransformer,
        TranslatingTransformerOptions,
        {"attention": {"kind": "sparse", "pattern": {"kind": "window", "width": 2}}},
    ),
}
SIZES = {"width": 8, "layers": 2, "heads": 2, "feed_forward": 8, "embeddings": "separate"}


def make(kind: str, **given: Any) -> Translator:
    """Make a translator in float64, with weights large enough that its predictions differ."""
    factory, model, own = KINDS[kind]
    known = {name: value for name, value in SIZES.items() if name in model.model_fields}
    options = model.model_validate({**known, **own, **given})
    observed = spaces.Dict({"source": spaces.Box(0, SUBWORDS - 1, (LONGEST,), np.int64)})
    asked = spaces.Dict({"target": spaces.MultiDiscrete([SUBWORDS] * LONGEST)})
    torch.manual_seed(1)
    agent: Translator = factory(options, observed, asked).double().eval()
    with torch.no_grad():
        for weight in agent.parameters():
            weight.mul_(2)
    return agent


def sentences(count: int, seed: int = 0) -> Tensor:
    """Draw sentences of 1 to 9 tokens and END, (count, 10)."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(4, SUBWORDS, (count, 10), generator=generator)
    length = torch.randint(1, 10, (count, 1), generator=generator)
    position = torch.arange(10)
    return torch.where(position < length, tokens, torch.where(position == length, 3, 0))


@pytest.fixture(params=KINDS)
def agent(request: pytest.FixtureRequest) -> Translator:
    """Return a translator of each kind in turn."""
    return make(request.param)


@pytest.fixture
def make_agent() -> Callable[..., Translator]:
    """Return a function that makes a translator of a kind, with options."""
    return make


@pytest.fixture
def unattended() -> Translator:
    """Return a translator without attention."""
    return make("seq2seq")


@pytest.fixture
def source() -> Tensor:
    """Return eight source sentences."""
    return sentences(8)


@pytest.fixture
def target() -> Tensor:
    """Return eight target sentences."""
    return sentences(8, seed=1)
