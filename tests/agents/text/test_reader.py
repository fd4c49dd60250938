"""Tests of the reader: answers, losses, sizes and padding."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.episode import Batch
from glimpse.agents.text.options import ReaderOptions
from glimpse.agents.text.reader import GivenVectors, Reader

CLASS = spaces.Dict({"answer": spaces.Discrete(3)})
SCORE = spaces.Dict({"score": spaces.Box(1.0, 5.0, (), np.float32)})
TEXT = torch.tensor([[5, 6, 7, 0, 0, 0], [8, 0, 0, 0, 0, 0]])


def make(action: spaces.Dict = CLASS, two: bool = False, **options: Any) -> Reader:
    """Make a small reader with a vocabulary of ten words."""
    torch.manual_seed(0)
    text = spaces.Box(0, 9, (6,), np.int64)
    seen = spaces.Dict({"text": text, "text2": text} if two else {"text": text})
    given = {"encoder": {"kind": "lstm", "width": 4}, "dropout": 0.0, "embedding_width": 3, **options}
    return Reader(ReaderOptions.model_validate(given), seen, action)


def make_batch(label: Tensor, **observation: Tensor) -> Batch:
    """Make a batch of labelled texts."""
    return Batch(observation, label)


def test_the_cross_entropy_of_a_uniform_answer() -> None:
    """A head of zeros answers uniformly: log 3."""
    reader = make()
    torch.nn.init.zeros_(list(reader.head.parameters())[0])
    torch.nn.init.zeros_(list(reader.head.parameters())[1])
    loss = reader.loss(make_batch(torch.tensor([0, 2]), text=TEXT))
    assert loss.total.item() == pytest.approx(np.log(3))
    assert loss.terms["accuracy"].item() == 0.5
    decision, _ = reader({"text": TEXT}, None)
    assert reader.act(decision, torch.zeros(2, 3), True)["answer"].tolist() == [0, 0]


@pytest.mark.parametrize("relatedness", ["squared", "divergence"])
def test_the_loss_of_a_score_by_hand(relatedness: str) -> None:
    """A head of zeros answers 3; half the squared errors 2 and 1 are 2 and 1/2."""
    reader = make(SCORE, two=True, pair="symmetric", relatedness=relatedness)
    for parameter in reader.head.parameters():
        torch.nn.init.zeros_(parameter)
    loss = reader.loss(make_batch(torch.tensor([5.0, 4.0]), text=TEXT, text2=TEXT))
    assert loss.total.item() == pytest.approx(1.25 if relatedness == "squared" else np.log(5))
    assert loss.terms["score_distance"].item() == pytest.approx(1.5)
    decision, _ = reader({"text": TEXT, "text2": TEXT}, None)
    assert reader.act(decision, torch.zeros(2, 3), True)["score"].tolist() == pytest.approx([3.0, 3.0])


def test_symmetric_pair_features_ignore_the_order() -> None:
    """`symmetric` does not depend on the order of the texts; `absolute` does."""
    other = TEXT.flip(0)
    for kind, same in (("symmetric", True), ("absolute", False)):
        reader = make(two=True, pair=kind).eval()
        there, _ = reader({"text": TEXT, "text2": other}, None)
        back, _ = reader({"text": other, "text2": TEXT}, None)
        assert torch.allclose(there.answer, back.answer) == same
        assert set(there.activations) == {"tokens", "tokens2"}


def test_shared_padding_is_cut_off() -> None:
    """The longest text has three words; an empty batch keeps one word of padding."""
    reader = make().eval()
    decision, _ = reader({"text": TEXT}, None)
    assert decision.activations["tokens"].shape == (2, 3)
    empty, _ = reader({"text": torch.zeros(2, 6, dtype=torch.long)}, None)
    assert empty.activations["tokens"].shape == (2, 1) and empty.answer.isfinite().all()


def snli_parameters(**options: Any) -> int:
    """Count the parameters of a reader of pairs with three classes, without its 300-d word vectors."""
    vectors, text = GivenVectors(torch.ones(10, 300), torch.ones(10) > 0), spaces.Box(0, 9, (6,), np.int64)
    reader = Reader(ReaderOptions.model_validate(options), spaces.Dict({"text": text, "text2": text}), CLASS, vectors)
    return sum(parameter.numel() for parameter in reader.parameters()) - 10 * 300


def test_the_size_of_disan_for_snli() -> None:
    """It has 2,345,403 parameters (Shen et al., 2018, table 2: 2.35 million)."""
    assert snli_parameters(encoder={"kind": "disan", "width": 300}, pair="difference", hidden=300) == 2_345_403


def test_the_size_of_the_distance_based_network_for_snli() -> None:
    """It has 4,686,003 without layer norms (Im and Cho, 2017: 4.7 million); the head's norm adds two for each unit."""
    plain = {"kind": "distance", "layer_norm": False}
    assert snli_parameters(encoder=plain, pair="absolute", hidden=300) == 4_686_003
    assert snli_parameters(encoder=plain, pair="absolute", hidden=300, head_norm=True) == 4_686_003 + 2 * 300


def test_the_size_of_the_gated_head() -> None:
    """For 3 hops of width 8 it has two times 3 matrices of 8 x 8, and layers from 24 to 5 to 3."""
    pooling = {"kind": "structured", "hops": 3, "hidden": 7}
    encoder = {"kind": "lstm", "width": 4, "pooling": pooling}
    lstm = 2 * 4 * (4 * (300 + 4) + 2 * 4)
    head = 2 * 3 * 8 * 8 + 24 * 5 + 5 + 5 * 3 + 3
    assert snli_parameters(encoder=encoder, pair="gated", hidden=5) == lstm + 8 * 7 + 7 * 3 + head


def test_the_size_of_esim_for_snli() -> None:
    """It has 4,331,103 parameters (Chen et al., 2017, table 1: 4.3 million)."""
    assert snli_parameters(encoder={"kind": "lstm", "width": 300}, pair="aligned", hidden=300) == 4_331_103


def test_both_gates_get_a_gradient() -> None:
    """The matrices of both texts have a gradient."""
    encoder = {"kind": "gru", "width": 4, "pooling": {"kind": "structured", "hops": 2, "hidden": 3}}
    reader = make(two=True, pair="gated", encoder=encoder)
    reader.loss(make_batch(torch.tensor([0, 2]), text=TEXT, text2=TEXT.flip(0))).total.backward()
    gates = [parameter for name, parameter in reader.named_parameters() if name.startswith("pair.")]
    assert len(gates) == 2 and all(gate.grad is not None and gate.grad.any() for gate in gates)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"pair": "gated"}, "'gated' needs agent.encoder.pooling: structured (got max)"),
        ({"pair": "gated", "encoder": {"kind": "disan"}}, "(got disan, which has no such pooling)"),
        ({"pair": "aligned", "encoder": {"kind": "cnn"}}, "'aligned' needs a recurrent agent.encoder: lstm (got cnn)"),
        (
            {"pair": "aligned", "encoder": {"kind": "lstm", "pooling": {"kind": "mean"}}},
            "leave agent.encoder.pooling out (got mean)",
        ),
        ({"head_norm": True}, "needs a hidden layer: set agent.hidden (got 0)"),
    ],
)
def test_options_of_heads_that_do_not_fit(given: dict[str, Any], problem: str) -> None:
    """A gated pair needs hops, and a layer norm a hidden layer."""
    with pytest.raises(ValueError, match=re.escape(problem)):
        ReaderOptions.model_validate(given)


def test_given_vectors_decide_the_width() -> None:
    """Vectors of width five set the width; frozen ones get no gradient."""
    vectors = GivenVectors(torch.ones(10, 5), torch.ones(10, dtype=torch.bool))
    text = spaces.Dict({"text": spaces.Box(0, 9, (6,), np.int64)})
    reader = Reader(ReaderOptions(embedding="frozen"), text, CLASS, vectors)
    reader.loss(make_batch(torch.tensor([0, 1]), text=TEXT)).total.backward()
    assert reader.embedding.weight.shape == (10, 5)
    assert reader.embedding.weight.grad is not None and not reader.embedding.weight.grad.any()


def test_word_vectors_have_a_rate_of_their_own() -> None:
    """Each parameter is in exactly one of the two groups."""
    reader = make(embedding_lr_scale=0.5)
    (others, one), (vectors, half) = reader.learning_rates()
    assert (one, half) == (1.0, 0.5) and [each is reader.embedding.weight for each in vectors] == [True]
    assert len(others) + 1 == len(list(reader.parameters()))


def test_word_dropout_applies_in_training_only() -> None:
    """With nearly all words dropped, a text is read as zeros; an evaluation reads all words."""
    reader = make(word_dropout=0.999999, dropout=0.0)
    text = torch.tensor([[1, 2, 3]])
    without = reader.encoder(torch.zeros(1, 3, reader.embedding.weight.shape[1]), text != 0).vector
    assert torch.equal(reader.train().encode(text).vector, without)
    assert not torch.equal(reader.eval().encode(text).vector, without)
