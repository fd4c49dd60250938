"""Properties of every encoder: padding and neighbours have no effect, an empty text gives zeros."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glimpse.agents.encoders.encoded import Encoder
from glimpse.agents.encoders.make_encoder import make_encoder
from glimpse.agents.encoders.options import EncoderOptions
from glimpse.agents.encoders.recurrent_encoder import BidirectionalStates
from glimpse.agents.recurrent_core_names import SEQUENCE_NAMES

ENCODERS: list[dict[str, Any]] = [
    {"kind": "lstm", "width": 4},
    {"kind": "lstm", "width": 4, "layers": 2, "pooling": "mean"},
    {"kind": "gru", "width": 4, "pooling": "last"},
    {"kind": "lstm", "width": 4, "pooling": "context_vector"},
    {"kind": "gru", "width": 4, "pooling": {"kind": "source2token", "normaliser": "sparsemax"}},
    {"kind": "lstm", "width": 4, "pooling": {"kind": "structured", "hidden": 5, "hops": 2, "penalty": 1.0}},
    {"kind": "cnn", "filters": 5, "widths": [2, 4]},
    {"kind": "transformer", "width": 8, "layers": 2, "feed_forward": 8},
    {"kind": "transformer", "width": 3, "layers": 1, "norm": "pre", "attention": {"kind": "relative", "heads": 3}},
    {"kind": "transformer", "width": 4, "mask": {"kind": "window", "width": 1}, "pooling": "mean"},
    {"kind": "gru", "width": 3, "pooling": {"kind": "attention", "score": "additive"}},
    {"kind": "lstm", "width": 3, "pooling": {"kind": "attention", "score": {"kind": "local", "half_width": 1}}},
    {"kind": "transformer", "width": 4, "pooling": {"kind": "attention", "score": "dot"}},
    {"kind": "transformer", "width": 4, "attention": {"kind": "sparse", "pattern": "causal", "more": ["backward"]}},
    {"kind": "transformer", "width": 4, "layers": 1, "mask": "forward", "attention": "additive"},
    {"kind": "disan", "width": 4},
    {"kind": "disan", "width": 4, "activation": "relu", "normaliser": "entmax15"},
    {"kind": "distance", "width": 10, "feed_forward": 6},
    {"kind": "distance", "width": 3, "heads": 3, "feed_forward": 6, "layer_norm": False},
]
MASK = torch.tensor([[True] * 6, [True, True, False, False, False, False], [False] * 6])


def make(options: dict[str, Any], embedding_width: int = 3) -> Encoder:
    """Make an encoder in float64 and without dropout."""
    torch.manual_seed(0)
    return make_encoder(TypeAdapter(EncoderOptions).validate_python(options), embedding_width).double().eval()


@pytest.mark.parametrize("options", ENCODERS, ids=str)
def test_padding_and_neighbours_have_no_effect(options: dict[str, Any]) -> None:
    """A text alone has the vector and the weights that it has in a batch with any padding."""
    encoder, tokens = make(options), torch.randn(3, 6, 3, dtype=torch.float64)
    together = encoder(tokens, MASK, need_weights=True)
    assert together.vector.shape == (3, encoder.width)
    for row, length in ((0, 6), (1, 2)):
        alone = encoder(tokens[row : row + 1, :length], MASK[row : row + 1, :length], need_weights=True)
        torch.testing.assert_close(alone.vector[0], together.vector[row])
        for name, weights in alone.weights.items():
            seen = together.weights[name][row][..., :length]
            pairs = seen.dim() > 1 and name != "hops"
            torch.testing.assert_close(weights[0], seen[..., :length, :] if pairs else seen)
    assert together.vector[2].abs().max() == 0


@pytest.mark.parametrize("options", ENCODERS, ids=str)
def test_gradients_are_those_of_finite_differences_and_padding_has_none(options: dict[str, Any]) -> None:
    """Gradients are right for short texts and an empty one, and zero at padding."""
    encoder = make(options)
    tokens = torch.randn(3, 6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: encoder(given, MASK).vector, (tokens,))
    encoder(tokens, MASK).vector.square().sum().backward()
    assert tokens.grad is not None
    assert tokens.grad[~MASK].abs().max() == 0 and tokens.grad[0].abs().max() > 0


@pytest.mark.parametrize("options", ENCODERS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_types_and_sizes(options: dict[str, Any], dtype: torch.dtype) -> None:
    """A single token, no texts, texts of no tokens or of padding alone keep the type and give no NaN."""
    encoder = make(options).to(dtype)
    for shape, real in (((2, 6), True), ((2, 1), True), ((0, 6), True), ((2, 0), True), ((2, 6), False)):
        tokens, mask = torch.randn(*shape, 3, dtype=dtype, requires_grad=True), torch.full(shape, real)
        for need_weights in (False, True):
            vector = encoder(tokens, mask, need_weights).vector
            assert vector.shape == (shape[0], encoder.width)
            assert vector.dtype == dtype and vector.isfinite().all()
            assert (real and shape[1] > 0) or not vector.any()
            vector.sum().backward()
            assert tokens.grad is None or tokens.grad.isfinite().all()


# A local score counts positions, the gaps too.
READING_ON = [o for o in ENCODERS if o["kind"] in ("lstm", "gru", "cnn") and "local" not in str(o)]


@pytest.mark.parametrize("options", READING_ON, ids=str)
def test_padding_between_tokens_is_skipped(options: dict[str, Any]) -> None:
    """Encoders that read neighbours read real tokens as if they were adjacent; each token keeps its own weight."""
    encoder, tokens = make(options), torch.randn(2, 6, 3, dtype=torch.float64)
    mask = torch.tensor([[False, True, False, True, True, False], [True] * 6])
    gaps = encoder(tokens, mask)
    beside = encoder(tokens[:1, [1, 3, 4]], torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(gaps.vector[0], beside.vector[0])
    for name, weights in gaps.weights.items():
        torch.testing.assert_close(weights[0][..., [1, 3, 4]], beside.weights[name][0])


@pytest.mark.parametrize("layers", [1, 2])
def test_a_gru_equals_torchs_packed_one(layers: int) -> None:
    """States, last states and gradients agree, for texts of 6, 2 and 1 tokens."""
    torch.manual_seed(0)
    reader = BidirectionalStates("gru", 3, 4, layers)
    tokens, length = torch.randn(3, 6, 3, requires_grad=True), torch.tensor([6, 2, 1])
    mask = torch.arange(6) < length[:, None]
    packed = pack_padded_sequence(tokens, length, batch_first=True, enforce_sorted=False)
    states, hidden = reader.network(packed)
    expected = pad_packed_sequence(states, batch_first=True)[0], torch.cat([hidden[-2], hidden[-1]], -1)
    found = reader(tokens, mask)
    torch.testing.assert_close(found, expected)
    moved = [tokens, *reader.parameters()]
    mine, theirs = (torch.autograd.grad([each.square().sum() for each in both], moved) for both in (found, expected))
    torch.testing.assert_close(mine, theirs)


def test_a_convolution_by_hand() -> None:
    """One filter adds two neighbours' first features; a text of one token is padded with zeros."""
    encoder = make({"kind": "cnn", "filters": 1, "widths": [2]})
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
        next(encoder.parameters())[0, 0] = 1.0
    tokens = torch.zeros(2, 3, 3, dtype=torch.float64)
    tokens[..., 0] = torch.tensor([[1.0, 2.0, 4.0], [5.0, 7.0, 7.0]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    assert encoder(tokens, mask).vector.tolist() == [[6.0], [5.0]]


def count(encoder: Encoder) -> int:
    """Count the parameters."""
    return sum(parameter.numel() for parameter in encoder.parameters())


def test_the_papers_sizes() -> None:
    """Parameters without the heads: 2,345,403 less 721,203 for DiSAN, 4,686,003 less 1,441,203 for distance."""
    disan, distance = ({"kind": kind} for kind in ("disan", "distance"))
    assert count(make(disan, 300)) == 2 * 451_500 + 721_200 == 2_345_403 - 721_203
    assert count(make({**distance, "layer_norm": False}, 300)) == 4_686_003 - 1_441_203


def test_the_size_of_a_hierarchical_network() -> None:
    """Words of 200, GRUs of 50 each way, attention of 100 (Yang et al., 2016): two GRUs, two maps, two queries."""
    gru = [2 * 3 * (50 * (given + 50) + 2 * 50) for given in (200, 100)]
    assert count(make({"kind": "hierarchical"}, 200)) == sum(gru) + 2 * (100 * 100 + 100 + 100)


DOCUMENT = torch.tensor([[[True, True, False], [True, False, False]], [[True, True, True], [False, False, False]]])


@pytest.mark.parametrize("kind", [*SEQUENCE_NAMES, "cnn"])
def test_sentences_without_words_have_no_effect(kind: str) -> None:
    """A document alone has the vector that it has in a batch, without its empty words and sentences."""
    levels = {level: {"kind": kind, "width": 2} for level in ("words", "sentences")}
    encoder, tokens = make({"kind": "hierarchical", **levels}), torch.randn(2, 2, 3, 3, dtype=torch.float64)
    together = encoder(tokens, DOCUMENT)
    alone = encoder(tokens[1:, :1], DOCUMENT[1:, :1])
    torch.testing.assert_close(alone.vector[0], together.vector[1])
    assert together.weights["sentences"][1].tolist() == [1.0, 0.0]
    assert together.weights["words"].sum(-1).flatten().tolist() == pytest.approx([1, 1, 1, 0])
    nothing = encoder(tokens, torch.zeros_like(DOCUMENT))
    assert not nothing.vector.any()
    # An empty sentence between two others is no sentence.
    empty = torch.zeros(1, 1, 3, dtype=torch.bool)
    between = torch.cat([DOCUMENT[:1, :1], empty, DOCUMENT[:1, 1:]], 1)
    apart = encoder(tokens[:1, [0, 0, 1]], between)
    torch.testing.assert_close(apart.vector[0], together.vector[0])
    torch.testing.assert_close(apart.weights["sentences"][0, [0, 2]], together.weights["sentences"][0])
    assert apart.weights["sentences"][0, 1] == 0 and not apart.weights["words"][0, 1].any()


def test_documents_of_words_are_read_as_those_of_vectors() -> None:
    """Sentences are divided into groups by length; each word's vector is looked up where a group has it."""
    encoder, table = make({"kind": "hierarchical"}), torch.randn(9, 3, dtype=torch.float64)
    width = torch.tensor([[40, 3, 0], [2, 5, 1]]).repeat(20, 1)
    text = torch.randint(1, 9, (40, 3, 40)) * (torch.arange(40) < width.unsqueeze(-1))
    looked_up: list[int] = []

    def look_up(words: Tensor) -> Tensor:
        looked_up.append(words.numel())
        return table[words]

    found, expected = encoder.read(text, look_up), encoder(table[text], text != 0)
    torch.testing.assert_close(found, expected)
    assert sum(looked_up) < 1.5 * width.sum()
    # Texts alone, each with as many sentences and words as it has.
    for row, (sentences, words) in ((0, (2, 40)), (1, (3, 5))):
        alone = encoder.read(text[row : row + 1, :sentences, :words], look_up)
        torch.testing.assert_close(alone.vector[0], found.vector[row])
        torch.testing.assert_close(alone.weights["words"][0], found.weights["words"][row, :sentences, :words])


def test_with_queries_of_zero_hierarchical_attention_is_the_average() -> None:
    """HN-ATT with u_w = u_s = 0 is HN-AVE."""
    tokens = torch.randn(2, 2, 3, 3, dtype=torch.float64)
    asked = make({"kind": "hierarchical"})
    average = make({"kind": "hierarchical", "words": {"pooling": "mean"}, "sentences": {"pooling": "mean"}})
    average.load_state_dict(asked.state_dict(), strict=False)
    for name, parameter in asked.named_parameters():
        if name.endswith("question"):
            torch.nn.init.zeros_(parameter)
    torch.testing.assert_close(asked(tokens, DOCUMENT).vector, average(tokens, DOCUMENT).vector)


def test_a_hierarchical_encoder_refuses_a_flat_text() -> None:
    """The message says which option to set."""
    with pytest.raises(ValueError, match=r"task\.sentences"):
        make({"kind": "hierarchical"})(torch.randn(2, 3, 3, dtype=torch.float64), MASK[:2, :3])


def test_weights_of_pairs_are_returned_only_if_asked_for() -> None:
    """The vector is equal with and without them."""
    for kind, names in (("disan", {"forward", "backward"}), ("distance", {"forward", "backward"})):
        encoder, tokens = make({"kind": kind, "width": 5}), torch.randn(3, 6, 3, dtype=torch.float64)
        bare, seen = encoder(tokens, MASK), encoder(tokens, MASK, need_weights=True)
        assert set(seen.weights) - set(bare.weights) == names
        torch.testing.assert_close(bare.vector, seen.vector)


def test_dropout_between_levels_is_for_training_alone() -> None:
    """An evaluation is deterministic."""
    torch.manual_seed(0)
    encoder = make({"kind": "hierarchical", "dropout": 0.5}, 4).train()
    tokens, mask = torch.randn(2, 3, 5, 4, dtype=torch.float64), torch.ones(2, 3, 5, dtype=torch.bool)
    assert not torch.equal(encoder(tokens, mask).vector, encoder(tokens, mask).vector)
    encoder.eval()
    assert torch.equal(encoder(tokens, mask).vector, encoder(tokens, mask).vector)
