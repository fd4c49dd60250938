"""Options of encoders: every mechanism in the section of a config."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from glimpse.agents.attention import masks, unions
from glimpse.agents.attention import options as attention
from glimpse.agents.encoders.make_encoder import make_encoder
from glimpse.agents.encoders.options import EncoderOptions

ENCODER = TypeAdapter[EncoderOptions](EncoderOptions)


def kinds(options: Any) -> set[str]:
    """Return the kinds that a union of options names."""
    defined = TypeAdapter[Any](options).json_schema()["$defs"].values()
    named = [each["properties"]["kind"] for each in defined if "kind" in each.get("properties", {})]
    return {kind for each in named for kind in each.get("enum", [each.get("const")])}


def test_every_mechanism_can_be_configured() -> None:
    """All mechanisms, normalisers and masks can be chosen in the section of an encoder."""
    written = kinds(EncoderOptions)
    assert kinds(unions.AttentionOptions) <= written
    assert kinds(attention.NormaliserOptions) <= written
    assert kinds(masks.PatternOptions) <= written


WRITTEN: list[dict[str, Any]] = [
    {"kind": "gru", "pooling": {"kind": "attention", "score": {"kind": "general", "normaliser": "sparsemax"}}},
    {"kind": "lstm", "pooling": "structured"},
    {"kind": "transformer", "attention": "relative", "norm": "pre", "pooling": "source2token"},
    {
        "kind": "transformer",
        "mask": "causal",
        "attention": {"kind": "multi_head", "normaliser": {"kind": "topk", "k": 3}},
    },
    {"kind": "transformer", "mask": {"kind": "any_of", "masks": ["causal", {"kind": "window", "width": 2}]}},
    {"kind": "transformer", "attention": {"kind": "sparse", "pattern": {"kind": "not", "mask": "forward"}}},
    {"kind": "disan", "width": 8, "normaliser": {"kind": "entmax", "alpha": 1.2}},
    {"kind": "distance", "width": 8, "heads": 2, "normaliser": "entmax15"},
    {
        "kind": "hierarchical",
        "words": {"pooling": {"kind": "attention", "score": "concat"}},
        "sentences": {"kind": "cnn"},
    },
]


@pytest.mark.parametrize("written", WRITTEN, ids=str)
def test_options_survive_json_and_make_an_encoder(written: dict[str, Any]) -> None:
    """Options are equal after a round trip through JSON, and make an encoder with finite outputs."""
    options = ENCODER.validate_python(written)
    assert ENCODER.validate_json(options.model_dump_json()) == options
    shape = (2, 3, 4) if written["kind"] == "hierarchical" else (2, 6)
    encoder = make_encoder(options, 6)
    vector = encoder(torch.randn(*shape, 6), torch.ones(shape, dtype=torch.bool)).vector
    assert vector.shape == (2, encoder.width) and vector.isfinite().all()


@pytest.mark.parametrize(
    "written",
    [
        {"kind": "transformer", "attention": "source2token"},
        {"kind": "transformer", "mask": {"kind": "padding", "lengths": [2]}},
        {"kind": "transformer", "mask": "windows"},
        {"kind": "lstm", "pooling": {"kind": "attention", "score": "multi_head"}},
        {"kind": "cnn", "pooling": "max"},
        {"kind": "disan", "normaliser": "hardmax"},
    ],
    ids=str,
)
def test_meaningless_options_are_refused(written: dict[str, Any]) -> None:
    """A pooling between tokens, padding as a pattern and unknown names are refused."""
    with pytest.raises(ValidationError):
        ENCODER.validate_python(written)
