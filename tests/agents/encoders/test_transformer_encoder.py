"""The Transformer's layers, encoder's and decoder's: torch's own, the paper's sizes, and what must not be seen."""

from typing import Any, cast

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from glimpse.agents.attention.masks import Causal
from glimpse.agents.attention.multi_head import MultiHead
from glimpse.agents.embedding import Embedding
from glimpse.agents.encoders.decoder import DecoderLayer, TransformerDecoder
from glimpse.agents.encoders.options import DecoderOptions, TransformerEncoderOptions
from glimpse.agents.encoders.transformer_encoder import Residual, TransformerEncoder, TransformerLayer

BASE = {"width": 512, "layers": 6, "feed_forward": 2048, "dropout": 0.1}
SMALL: dict[str, Any] = {"width": 8, "layers": 2, "feed_forward": 16, "dropout": 0.0}
REAL = torch.tensor([[True] * 5, [True, True, True, False, False]])


def count(*modules: nn.Module) -> int:
    """Parameters, those that are shared once."""
    return sum(parameter.numel() for parameter in {p for module in modules for p in module.parameters()})


def test_the_size_of_the_base_model() -> None:
    """44,138,496 and 512 for each word of a shared vocabulary (Vaswani et al., 2017, table 3: 65 million at 37,000)."""
    options = TransformerEncoderOptions.model_validate({**BASE, "attention": {"kind": "multi_head", "heads": 8}})
    encoder, decoder = TransformerEncoder(options, 512), TransformerDecoder(DecoderOptions(heads=8, **cast(Any, BASE)))
    assert count(encoder.layers[0]) == 3_152_384
    assert count(decoder.layers[0]) == 4_204_032
    assert count(encoder, decoder, Embedding(1000, 512)) == 44_138_496 + 512 * 1000


def copy_heads(ours: MultiHead, theirs: nn.MultiheadAttention) -> None:
    """Torch's numbers become ours."""
    maps = ours.heads.query, ours.heads.key, ours.heads.value
    for layer, weight, bias in zip(maps, theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True):
        layer.load_state_dict({"weight": weight, "bias": bias})
    ours.heads.out.load_state_dict(theirs.out_proj.state_dict())


def copy_rest(ours: TransformerLayer | DecoderLayer, theirs: Any) -> None:
    """The feed-forward network and the norms."""
    for mine, other in ((ours.feed_forward[0], theirs.linear1), (ours.feed_forward[2], theirs.linear2)):
        mine.load_state_dict(other.state_dict())
    for number, residual in enumerate(cast(list[Residual], list(ours.residuals)), 1):
        norm = getattr(theirs, f"norm{number}")
        # Norms of 1 and 0 would not tell one from another.
        nn.init.normal_(norm.weight)
        residual.norm.load_state_dict(norm.state_dict())


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_an_encoder_layer_is_torchs(norm: str) -> None:
    """With copied numbers and padding."""
    torch.manual_seed(0)
    options = TransformerEncoderOptions.model_validate({**SMALL, "norm": norm})
    ours = TransformerLayer(options)
    theirs = nn.TransformerEncoderLayer(8, 4, 16, 0.0, batch_first=True, norm_first=norm == "pre")
    copy_heads(cast(MultiHead, ours.attention), theirs.self_attn)
    copy_rest(ours, theirs)
    x = torch.randn(2, 5, 8)
    expected = theirs(x, src_key_padding_mask=~REAL)
    for need_weights in (True, False):
        torch.testing.assert_close(ours(x, REAL[:, None], need_weights)[0], expected)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_a_decoder_layer_is_torchs(norm: str) -> None:
    """Causal, with padding of both texts."""
    torch.manual_seed(0)
    ours = DecoderLayer(DecoderOptions.model_validate({**SMALL, "norm": norm}))
    theirs = nn.TransformerDecoderLayer(8, 4, 16, 0.0, batch_first=True, norm_first=norm == "pre")
    copy_heads(cast(MultiHead, ours.attention), theirs.self_attn)
    copy_heads(ours.cross, theirs.multihead_attn)
    copy_rest(ours, theirs)
    x, memory, memory_real = torch.randn(2, 5, 8), torch.randn(2, 3, 8), torch.tensor([[True, True, False], [True] * 3])
    expected = theirs(x, memory, ~Causal()(5, 5), tgt_key_padding_mask=~REAL, memory_key_padding_mask=~memory_real)
    for need_weights in (True, False):
        found, own, read = ours(x, Causal().over(REAL), ours.remember(memory), memory_real[:, None], need_weights)
        torch.testing.assert_close(found, expected)
    assert own is None and read is None


def decode(decoder: TransformerDecoder, x: Tensor, memory: Tensor, memory_real: Tensor) -> Tensor:
    """States of texts that are all real."""
    states: Tensor = decoder(x, torch.ones(x.shape[:2], dtype=torch.bool), memory, memory_real).states
    return states


def test_what_a_decoder_does_not_see() -> None:
    """Later tokens, to the bit; padding of the encoded text; and what is at padding changes nothing real."""
    torch.manual_seed(0)
    decoder = TransformerDecoder(DecoderOptions.model_validate(SMALL)).eval()
    x, memory, memory_real = (
        torch.randn(2, 5, 8),
        torch.randn(2, 4, 8),
        torch.tensor([[True] * 4, [True] * 2 + [False] * 2]),
    )
    expected = decode(decoder, x, memory, memory_real)
    later = x.clone()
    later[:, 3:] += 1
    assert torch.equal(decode(decoder, later, memory, memory_real)[:, :3], expected[:, :3])
    assert not torch.equal(decode(decoder, later, memory, memory_real)[:, 3:], expected[:, 3:])
    noisy = torch.where(memory_real[..., None], memory, 50.0)
    torch.testing.assert_close(decode(decoder, x, noisy, memory_real), expected)
    torch.testing.assert_close(decode(decoder, x[1:], memory[1:, :2], memory_real[1:, :2])[0], expected[1])
    hidden = decoder(torch.where(REAL[..., None], x, 50.0), REAL, memory, memory_real).states
    torch.testing.assert_close(hidden[REAL], decoder(x, REAL, memory, memory_real).states[REAL])


def test_weights_of_a_decoder() -> None:
    """By layer, if they are asked for; nothing is read of an encoded text that is empty."""
    torch.manual_seed(0)
    decoder = TransformerDecoder(DecoderOptions.model_validate(SMALL)).eval()
    x, memory, nothing = torch.randn(2, 5, 8), torch.randn(2, 4, 8), torch.zeros(2, 4, dtype=torch.bool)
    assert decoder(x, REAL, memory, nothing).weights == {}
    decoded = decoder(x, REAL, memory, nothing, need_weights=True)
    assert set(decoded.weights) == {"self1", "cross1", "self2", "cross2"}
    assert decoded.weights["self2"].shape == (2, 4, 5, 5) and decoded.weights["cross1"].shape == (2, 4, 5, 4)
    assert decoded.states.isfinite().all() and not decoded.weights["cross2"].any()
    torch.testing.assert_close(decoded.states, decoder(x, REAL, memory + 1, nothing).states)


def test_sinusoids_are_added_unless_attention_is_relative() -> None:
    """As in Shaw et al. (2018); either can be said instead."""
    cases = [("multi_head", "auto", True), ("relative", "auto", False), ("relative", "sinusoidal", True)]
    for attention, positions, order_counts in [*cases, ("multi_head", "none", False)]:
        written = {**SMALL, "attention": {"kind": attention, "heads": 2}, "positions": positions}
        options = TransformerEncoderOptions.model_validate(written)
        assert options.sinusoidal == order_counts
        torch.manual_seed(0)
        encoder, x = TransformerEncoder(options, 8), torch.randn(1, 5, 8)
        states, _ = encoder.states(x, REAL[:1])
        reversed_states, _ = encoder.states(x.flip(1), REAL[:1])
        # Relative positions tell left from right all the same.
        assert torch.allclose(states, reversed_states.flip(1), atol=1e-5) == (
            not order_counts and attention != "relative"
        )


ATTENTIONS: list[Any] = [
    "additive",
    "concat",
    "dot",
    "scaled_dot",
    "general",
    "linear_concat",
    "location",
    "local",
    "multi_head",
    {"kind": "sparse", "pattern": {"kind": "fixed", "stride": 2}},
    "relative",
    {"kind": "distance", "heads": 4, "direction": "diagonal_disabled"},
    {"kind": "token2token", "direction": "full"},
]


@pytest.mark.parametrize("attention", ATTENTIONS, ids=str)
def test_every_attention_between_tokens_can_be_chosen(attention: Any) -> None:
    """By one line, and any normaliser with it; it learns, and reads alike with and without weights."""
    kind = attention if isinstance(attention, dict) else {"kind": attention}
    for normaliser in ("softmax", "entmax15", {"kind": "topk", "k": 2}):
        written = {**SMALL, "attention": {**kind, "normaliser": normaliser}, "mask": {"kind": "window", "width": 3}}
        torch.manual_seed(0)
        options = TransformerEncoderOptions.model_validate(written)
        encoder, x = TransformerEncoder(options, 8), torch.randn(2, 5, 8, requires_grad=True)
        bare, seen = encoder(x, REAL), encoder(x, REAL, need_weights=True)
        torch.testing.assert_close(bare.vector, seen.vector)
        assert set(seen.weights) == {"tokens", "layer1", "layer2"} and set(bare.weights) == {"tokens"}
        layer = {"token2token": (2, 5, 5, 8)}.get(kind["kind"], (2, 4, 5, 5) if "heads" in str(options) else (2, 5, 5))
        assert seen.weights["layer2"].shape == layer
        bare.vector.sum().backward()
        assert x.grad is not None and x.grad[REAL].any(-1).sum() > 1 and not x.grad[~REAL].any()


def test_a_mistake_in_the_heads_is_answered() -> None:
    """Of an encoder and of a decoder, also where the width is the default's."""
    for options in (TransformerEncoderOptions, DecoderOptions):
        with pytest.raises(ValidationError, match="heads should divide the width, which is 30"):
            TypeAdapter[Any](options).validate_python({"width": 30})
