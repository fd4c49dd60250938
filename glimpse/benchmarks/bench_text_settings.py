"""Settings of the text benchmarks: lengths, widths, encoders and attention patterns."""

from typing import Any

WIDTH, HEADS = 128, 4
"""Width of embeddings and of each direction or layer, and number of attention heads."""
LENGTHS = (16, 64, 256, 1024)
TOKENS = 4096
"""Tokens in a batch of the encoder benchmark, whatever the length of its texts."""
PAIR_TOKENS = 1024
"""Tokens in a batch of the token2token benchmark: its plain form needs memory for each pair of tokens and feature."""
REPETITIONS = 3
"""Repetitions of each measurement; few, since there are many measurements."""

_LAYER: dict[str, Any] = {"kind": "transformer", "width": WIDTH, "layers": 1, "feed_forward": 4 * WIDTH, "dropout": 0}
_LOCAL, _STRIDED = {"kind": "local", "stride": 16}, {"kind": "strided", "stride": 16}

ENCODERS: dict[str, dict[str, Any]] = {
    "bi-LSTM": {"kind": "lstm", "width": WIDTH},
    "bi-GRU": {"kind": "gru", "width": WIDTH},
    "CNN": {"kind": "cnn", "filters": WIDTH},
    "Transformer": {**_LAYER, "attention": {"kind": "multi_head", "heads": HEADS}},
    "Transformer, relative": {**_LAYER, "attention": {"kind": "relative", "heads": HEADS}},
    "Transformer, sparse": {
        **_LAYER,
        "attention": {"kind": "sparse", "heads": HEADS, "pattern": _LOCAL, "more": [_STRIDED], "shared_by": "heads"},
    },
    "DiSAN": {"kind": "disan", "width": WIDTH, "dropout": 0},
    "distance-based": {
        "kind": "distance",
        "width": WIDTH,
        "heads": HEADS,
        "feed_forward": 4 * WIDTH,
        "dropout": 0,
    },
    "hierarchical": {
        "kind": "hierarchical",
        "words": {"width": WIDTH},
        "sentences": {"width": WIDTH},
    },
}
"""Options of the encoders, without dropout; the hierarchical one reads n words as sqrt(n) sentences."""

PATTERNS: dict[str, tuple[dict[str, Any], ...]] = {
    "window 16": ({"kind": "window", "width": 16},),
    "causal window 16": ({"kind": "causal_window", "width": 16},),
    "causal blocks of 32": ({"kind": "all_of", "masks": ["causal", {"kind": "block", "length": 32}]},),
    "window 8, dilated by 4": ({"kind": "dilated", "width": 8, "dilation": 4},),
    "window 16 and 2 global tokens": (
        {"kind": "any_of", "masks": [{"kind": "window", "width": 16}, {"kind": "global", "tokens": 2}]},
    ),
    "strided 16": (_STRIDED,),
    "local 16 or strided 16": ({"kind": "any_of", "masks": [_LOCAL, _STRIDED]},),
    "local 16, strided 16, by heads": (_LOCAL, _STRIDED),
    "fixed 32": ({"kind": "fixed", "stride": 32},),
}
"""Sparse attention patterns; where there are several, the heads are divided among them."""
PATTERN_LENGTHS = (256, 1024)
RELATIVE_LENGTH = 256
