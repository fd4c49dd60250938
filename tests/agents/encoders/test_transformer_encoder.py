"""The Transformer's layers: torch's own, the papers' sizes, and what must not be read."""

from typing import Any, cast

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from glimpse.agents.attention import ATTENTION
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
    """Count parameters, shared ones once."""
    return sum(parameter.numel() for parameter in {p for module in modules for p in module.parameters()})


def test_the_size_of_the_base_model() -> None:
    """It has 44,138,496 parameters and 512 for each word (Vaswani et al., 2017, table 3: 65 million at 37,000)."""
    options = TransformerEncoderOptions.model_validate({**BASE, "attention": {"kind": "multi_head", "heads": 8}})
    encoder, decoder = TransformerEncoder(options, 512), TransformerDecoder(DecoderOptions(heads=8, **cast(Any, BASE)))
    assert count(encoder.layers[0]) == 3_152_384
    assert count(decoder.layers[0]) == 4_204_032
    assert count(encoder, decoder, Embedding(1000, 512)) == 44_138_496 + 512 * 1000


def copy_heads(ours: MultiHead, theirs: nn.MultiheadAttention) -> None:
    """Copy torch's parameters of the heads to ours."""
    maps = ours.heads.query, ours.heads.key, ours.heads.value
    for layer, weight, bias in zip(maps, theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True):
        layer.load_state_dict({"weight": weight, "bias": bias})
    ours.heads.out.load_state_dict(theirs.out_proj.state_dict())


def copy_rest(ours: TransformerLayer | DecoderLayer, theirs: Any) -> None:
    """Copy the feed-forward network and the norms."""
    for mine, other in ((ours.feed_forward[0], theirs.linear1), (ours.feed_forward[2], theirs.linear2)):
        mine.load_state_dict(other.state_dict())
    for number, residual in enumerate(cast(list[Residual], list(ours.residuals)), 1):
        norm = getattr(theirs, f"norm{number}")
        # Norms of 1 and 0 would not tell one from another.
        nn.init.normal_(norm.weight)
        residual.norm.load_state_dict(norm.state_dict())


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_an_encoder_layer_equals_torchs(norm: str) -> None:
    """Outputs agree with copied parameters and padding."""
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
def test_a_decoder_layer_equals_torchs(norm: str) -> None:
    """Outputs agree, causal and with padding of both texts."""
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
    """Decode texts that are all real, and return the states."""
    states: Tensor = decoder(x, torch.ones(x.shape[:2], dtype=torch.bool), memory, memory_real).states
    return states


def test_a_decoder_does_not_read_later_tokens_or_padding() -> None:
    """Later tokens change nothing, to the bit; padding changes nothing real."""
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
    """Weights are returned by layer if asked for; those of an empty encoded text are zero."""
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
    """The default is that of Shaw et al. (2018); both can be set."""
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


NEEDED: dict[str, Any] = {
    "sparse": {"pattern": {"kind": "fixed", "stride": 2}},
    "distance": {"heads": 4, "direction": "diagonal_disabled"},
    "token2token": {"direction": "full"},
}


def of_role(role: str) -> list[dict[str, Any]]:
    """Return the options of each kind of attention that has a role."""
    return [{"kind": kind, **NEEDED.get(kind, {})} for kind, entry in ATTENTION.items() if role in entry.roles]


@pytest.mark.parametrize("attention", of_role("incremental"), ids=str)
def test_a_decoder_reads_token_by_token_as_at_once(attention: dict[str, Any]) -> None:
    """Every incremental kind computes each token's state from the keys and values of those before."""
    torch.manual_seed(0)
    decoder = TransformerDecoder(DecoderOptions.model_validate({**SMALL, "attention": attention})).eval()
    x, memory, memory_real = torch.randn(2, 5, 8), torch.randn(2, 4, 8), torch.ones(2, 4, dtype=torch.bool)
    source, known = {"real": memory_real, **decoder.remember(memory)}, decoder.nothing(2, x)
    states = []
    for number, token in enumerate(x.unbind(1)):
        state, _, known = decoder.step(token, number, known, source)
        states.append(state)
    torch.testing.assert_close(torch.stack(states, 1), decode(decoder, x, memory, memory_real))


@pytest.mark.parametrize("kind", of_role("self"), ids=str)
def test_every_self_attention_can_be_chosen(kind: dict[str, Any]) -> None:
    """Each kind with each normaliser has gradients, and agrees with and without weights."""
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


def test_wrong_heads_are_refused() -> None:
    """Heads must divide the width of encoder and decoder, also the default width."""
    for options in (TransformerEncoderOptions, DecoderOptions):
        with pytest.raises(ValidationError, match="heads should divide the width, which is 30"):
            TypeAdapter[Any](options).validate_python({"width": 30})
