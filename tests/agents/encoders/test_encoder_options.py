"""Every mechanism by a line of a config: what the options of an encoder can be written as."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from glimpse.agents.attention import masks
from glimpse.agents.attention import options as attention
from glimpse.agents.encoders.make_encoder import make_encoder
from glimpse.agents.encoders.options import EncoderOptions

ENCODER = TypeAdapter[EncoderOptions](EncoderOptions)


def kinds(options: Any) -> set[str]:
    """The kinds that a union of options names."""
    defined = TypeAdapter[Any](options).json_schema()["$defs"].values()
    named = [each["properties"]["kind"] for each in defined if "kind" in each.get("properties", {})]
    return {kind for each in named for kind in each.get("enum", [each.get("const")])}


def test_every_mechanism_is_within_reach_of_a_config() -> None:
    """Those between tokens by a Transformer's `attention`, the poolings by `pooling`; and all normalisers and masks."""
    written = kinds(EncoderOptions)
    assert kinds(attention.AttentionOptions) <= written
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
def test_what_is_written_is_made_and_can_be_kept(written: dict[str, Any]) -> None:
    """The options survive as JSON, as a run keeps them, and make an encoder that reads."""
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
def test_what_makes_no_sense_is_refused(written: dict[str, Any]) -> None:
    """A pooling between tokens, padding as a pattern, unknown names."""
    with pytest.raises(ValidationError):
        ENCODER.validate_python(written)
