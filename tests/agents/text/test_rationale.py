"""Rationales: what the reader sees, how each estimator learns, and that marked words are found."""

import re
from typing import Any, cast

import numpy as np
import pytest
import torch
from gymnasium import spaces
from pydantic import ValidationError
from torch import nn

from glimpse.agents.episode import Episode
from glimpse.agents.errors import AgentError
from glimpse.agents.text.rationale import Rationale
from glimpse.agents.text_options import RationaleOptions

CLASS = spaces.Dict({"answer": spaces.Discrete(3)})
TEXT = torch.tensor([[5, 6, 7, 9, 0, 0], [8, 4, 0, 0, 0, 0]])
LABEL = torch.tensor([0, 2])
ESTIMATORS: list[dict[str, Any]] = [
    {"kind": "reinforce"},
    {"kind": "reinforce", "copies": 3, "baseline": "leave_one_out"},
    {"kind": "reinforce", "copies": 3, "baseline": "self_critical"},
    {"kind": "reinforce", "baseline": "learned"},
    {"kind": "reinforce", "baseline": "moving_average"},
    {"kind": "straight_through"},
    {"kind": "hardkuma", "rate": 0.3},
    {"kind": "exact"},
]


def make(two: bool = False, **options: Any) -> Rationale:
    """A small one of ten words."""
    torch.manual_seed(0)
    text = spaces.Box(0, 9, (6,), np.int64)
    seen = spaces.Dict({"text": text, "text2": text} if two else {"text": text})
    given: dict[str, Any] = {
        "encoder": {"kind": "lstm", "width": 4},
        "selector": {"kind": "gru", "width": 4},
        "dropout": 0.0,
        "embedding_width": 3,
        **options,
    }
    if given.get("estimator", {}).get("kind") in ("straight_through", "hardkuma"):
        given["left_out"] = "zeros"
    return Rationale(RationaleOptions.model_validate(given), seen, CLASS)


def shown(label: torch.Tensor = LABEL, **observation: torch.Tensor) -> Episode:
    """What a text's episode begins with."""
    nothing = torch.zeros(1, len(label))
    seen = {name: text[None] for name, text in (observation or {"text": TEXT}).items()}
    return Episode(seen, {}, nothing[..., None].expand(-1, -1, 0), nothing, nothing == 0, label, 1, {})


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: "-".join(map(str, each.values())))
def test_every_estimator_moves_selector_and_reader(estimator: dict[str, Any]) -> None:
    """With a finite loss; the word vectors by the reader alone."""
    agent = make(estimator=estimator)
    loss = agent.loss(shown())
    loss.total.backward()
    assert loss.total.isfinite() and all(term.isfinite() for term in loss.terms.values())
    for part in (agent.selector, agent.encoder, agent.head):
        assert any(weight.grad is not None and weight.grad.any() for weight in part.parameters())


@pytest.mark.parametrize("left_out", ["removed", "zeros"])
def test_words_left_out_are_not_read(left_out: str) -> None:
    """Other ones in their place change nothing; a kept one does."""
    agent = make(left_out=left_out).eval()
    kept = {"text": torch.tensor([[1.0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]])}
    first, _ = agent.read({"text": TEXT}, kept=kept)
    other = TEXT.clone()
    other[0, 1], other[1, 0] = 3, 2
    torch.testing.assert_close(agent.read({"text": other}, kept=kept)[0], first)
    other[0, 0] = 1
    assert not torch.allclose(agent.read({"text": other}, kept=kept)[0][0], first[0])


@pytest.mark.parametrize("kind", ["lstm", "cnn", "transformer", "disan"])
def test_kept_words_are_read_as_a_text_of_their_own(kind: str) -> None:
    """Nothing tells how many were left out between them; what was attended stands where the words do."""
    encoder: dict[str, Any] = {"kind": kind} if kind == "cnn" else {"kind": kind, "width": 4}
    if kind == "transformer":
        encoder = {**encoder, "attention": {"kind": "multi_head", "heads": 2}}
    agent = make(encoder=encoder).eval()
    kept = {"text": torch.tensor([[0.0, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]])}
    logits, (seen,) = agent.read({"text": TEXT}, True, kept)
    alone, (whole,) = agent.read({"text": torch.tensor([[6, 9]])}, True, {"text": torch.ones(1, 2)})
    torch.testing.assert_close(logits[0], alone[0])
    for name, weights in whole.weights.items():
        own, places = seen.weights[name][0], torch.tensor([1, 3])
        own_kept = own[..., places] if name == "tokens" else own[..., places[:, None], places]
        torch.testing.assert_close(own_kept, weights[0])
        torch.testing.assert_close(own.sum(), weights[0].sum())


def test_the_price_by_hand() -> None:
    """Lei's z = 0 1 1 0 1: three of five kept, and three changes among five words."""
    agent = make(cost=0.3, contiguity=0.6)
    text, kept = torch.tensor([[1, 2, 3, 4, 5, 0]]), torch.tensor([[0.0, 1, 1, 0, 1, 0]])
    cost, share = agent.price({"text": kept}, {"text": text})
    assert share.item() == pytest.approx(0.6) and cost.item() == pytest.approx(0.3 * 0.6 + 0.6 * 0.6)


def test_the_price_of_a_distance_by_hand() -> None:
    """Three of five kept where one of five is free: two of five too many; none is one of five too few."""
    agent = make(cost=0.3, rate=0.2)
    text = torch.tensor([[1, 2, 3, 4, 5, 0]] * 2)
    kept = torch.tensor([[0.0, 1, 1, 0, 1, 0], [0.0] * 6])
    cost, share = agent.price({"text": kept}, {"text": text})
    assert share.tolist() == pytest.approx([0.6, 0.0]) and cost.tolist() == pytest.approx([0.3 * 0.4, 0.3 * 0.2])
    with pytest.raises(ValidationError, match=re.escape("set agent.estimator.rate")):
        make(estimator={"kind": "hardkuma"}, rate=0.2)


def test_enumeration_is_the_expectation_of_the_estimate() -> None:
    """The mean gradient of REINFORCE over many draws is the exact one, within three standard errors."""
    agent, exact = (make(estimator=each, cost=0.4) for each in ({"kind": "reinforce"}, {"kind": "exact"}))
    exact.load_state_dict(agent.state_dict(), strict=False)  # It has no moving average.
    weight, whole = (cast(nn.Linear, each.selector.last[-1]).bias for each in (agent, exact))
    (expected,) = torch.autograd.grad(exact.loss(shown()).total, whole)
    found = torch.stack([torch.autograd.grad(agent.loss(shown()).total, weight)[0] for _ in range(1500)])
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - expected).abs() < 3 * error).all() and expected.abs().item() > error.item()


def test_enumeration_counts_each_choice_of_real_words_once() -> None:
    """A shorter text beside a longer one has the loss that it has alone."""
    agent = make(estimator={"kind": "exact"})
    both = agent.loss(shown()).total
    alone = [agent.loss(shown(LABEL[[row]], text=TEXT[[row]])).total for row in range(2)]
    torch.testing.assert_close(both, torch.stack(alone).mean())
    with pytest.raises(AgentError, match=re.escape("at most 3 words")):
        make(estimator={"kind": "exact", "longest": 3}).loss(shown())


def test_the_multiplier_follows_the_rate() -> None:
    """It grows while more is kept than asked for, and shrinks while less is."""
    for rate, sign in ((0.01, 1), (0.99, -1)):
        agent = make(estimator={"kind": "hardkuma", "rate": rate, "multiplier": 0.02})
        before = agent.multiplier.item()
        assert before == pytest.approx(0.02)
        agent.loss(shown())
        assert (agent.multiplier.item() - before) * sign > 0


def test_the_reader_learns_from_random_words_first() -> None:
    """The selector has no gradient then; afterwards the reader has none, if it is held."""
    agent = make(random_until=0.5, held=True)
    agent.loss(shown()).total.backward()
    assert agent.prepares and all(weight.grad is None for weight in agent.selector.parameters())
    assert any(weight.grad is not None for weight in agent.encoder.parameters())
    agent.zero_grad()
    agent.set_progress(0.5)
    agent.loss(shown()).total.backward()
    assert not agent.prepares and any(weight.grad is not None for weight in agent.selector.parameters())
    for part in (agent.embedding, agent.encoder, agent.head):
        assert all(weight.grad is None for weight in part.parameters())


@pytest.mark.parametrize(("remedy", "terms"), [("complement", {"complement"}), ("teacher", {"teacher", "agreement"})])
def test_remedies_have_a_reader_of_their_own(remedy: str, terms: set[str]) -> None:
    """Which learns; and they are for one text."""
    agent = make(remedy=remedy)
    loss = agent.loss(shown())
    loss.total.backward()
    assert terms <= set(loss.terms)
    own = agent.complement if remedy == "complement" else agent.teacher
    assert own is not None and any(weight.grad is not None and weight.grad.any() for weight in own.parameters())
    with pytest.raises(AgentError, match="for one text"):
        make(two=True, remedy=remedy)


def test_relaxed_choices_need_a_place() -> None:
    """What is removed has no gradient."""
    with pytest.raises(ValidationError, match="should be 'zeros'"):
        RationaleOptions.model_validate({"estimator": "straight_through"})


def test_pairs_are_chosen_from_together() -> None:
    """Both have a choice of their own, and the activations say which."""
    agent = make(two=True)
    loss = agent.loss(shown(text=TEXT, text2=TEXT.flip(0)))
    assert loss.total.isfinite()
    decision, _ = agent({"text": TEXT, "text2": TEXT}, None)
    assert {"kept", "kept2"} <= set(decision.activations)


def test_the_marked_word_is_found() -> None:
    """Of six words one says the class: it is kept, and hardly another, where the reader learned from random words."""
    generator = torch.Generator().manual_seed(0)
    agent = make(
        embedding_width=8,
        encoder={"kind": "lstm", "width": 8},
        selector={"kind": "pooled", "width": 16},
        estimator={"kind": "reinforce", "copies": 4, "baseline": "leave_one_out"},
        random_until=0.5,
        held=True,
        cost=0.6,
    )
    optimiser = torch.optim.Adam(agent.parameters(), lr=0.02)
    for step in range(300):
        agent.set_progress(step / 300)
        label = torch.randint(0, 3, (64,), generator=generator)
        text = torch.randint(4, 10, (64, 6), generator=generator)
        text[torch.arange(64), torch.randint(0, 6, (64,), generator=generator)] = 1 + label
        optimiser.zero_grad()
        agent.loss(shown(label, text=text)).total.backward()
        optimiser.step()
    kept = agent.likeliest({"text": text})["text"] > 0
    assert kept[text <= 3].float().mean() > 0.9 and kept[text > 3].float().mean() < 0.1


@pytest.mark.parametrize("estimator", [{"kind": "reinforce"}, {"kind": "hardkuma"}], ids=lambda each: str(each["kind"]))
def test_the_selector_is_asked_once_in_an_update(estimator: dict[str, Any]) -> None:
    """A teacher, who also needs the likeliest choice, hears the same answer, whatever the estimator."""
    agent, asked = make(estimator=estimator, remedy="teacher"), []
    agent.selector.register_forward_hook(lambda *_: asked.append(1))
    assert agent.loss(shown()).total.isfinite() and len(asked) == 1


@pytest.mark.parametrize("kind", ["reinforce", "hardkuma"])
def test_chances_are_those_of_the_draws(kind: str) -> None:
    """Of being kept at all, and 0 behind a text's end, which the selector does not read."""
    agent = make(estimator={"kind": kind})
    seen: list[torch.Size] = []
    agent.selector.register_forward_hook(lambda _, given, __: seen.append(given[0].shape))
    says = agent.says(TEXT)
    assert seen[0][1] == 4 and not says[:, 4:].any()
    many, numbers = TEXT.repeat(20_000, 1), says.repeat(20_000, *[1] * (says.dim() - 1))
    drawn = agent.keep(many, numbers, torch.randn(40_000, 1, 6), False) > 0
    torch.testing.assert_close(
        drawn.view(-1, 2, 6).float().mean(0), agent.chance(TEXT, says).detach(), atol=0.02, rtol=0
    )


@pytest.mark.parametrize("estimator", ["reinforce", "straight_through", "hardkuma"])
def test_words_that_share_a_coin_are_kept_together(estimator: str) -> None:
    """In draws and in greedy choices; the probability of a draw counts each coin once."""
    agent = make(estimator={"kind": estimator}, selector={"kind": "gru", "width": 4, "words_per_coin": 2})
    says = agent.says(TEXT)
    for greedy in (False, True):
        kept = agent.keep(TEXT, says, torch.randn(2, 1, 6), greedy)
        assert torch.equal(kept[:, ::2][:, :2], kept[:, 1::2][:, :2])
    assert agent.loss(shown()).total.isfinite()


def test_a_shared_coin_has_the_gradient_of_one() -> None:
    """With two words a coin, REINFORCE has the exact gradient of texts of half as many words, each of them doubled."""
    agent = make(
        estimator={"kind": "reinforce"}, selector={"kind": "pooled", "width": 4, "words_per_coin": 2}, cost=0.4
    )
    text, label = torch.tensor([[5, 5, 7, 7]]), torch.tensor([1])
    bias = cast(nn.Linear, agent.selector.reads.layers[-1]).bias  # type: ignore[index]
    logits = agent.says(text)[:, ::2]
    total = torch.zeros(())
    for first in (0.0, 1.0):
        for second in (0.0, 1.0):
            kept = {"text": torch.tensor([[first, first, second, second]])}
            error = agent.errors(agent.read({"text": text}, kept=kept)[0], label)[0].detach()
            sign = torch.tensor([[2 * first - 1, 2 * second - 1]])
            chance = torch.sigmoid(sign * logits).prod(-1)
            total = total + (chance * (error + agent.price(kept, {"text": text})[0])).sum()
    (expected,) = torch.autograd.grad(total, bias)
    found = torch.stack([torch.autograd.grad(agent.loss(shown(label, text=text)).total, bias)[0] for _ in range(1500)])
    error_of_mean = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - expected).abs() < 3 * error_of_mean).all()


def test_the_selector_may_learn_faster() -> None:
    """Three groups, in which each weight is once."""
    agent = make(selector_rate=5.0, embedding_rate=0.5)
    groups = agent.learning_rates()
    assert [rate for _, rate in groups] == [1.0, 0.5, 5.0]
    found = [id(weight) for weights, _ in groups for weight in weights]
    assert sorted(found) == sorted(map(id, agent.parameters()))
    assert {*map(id, groups[2][0])} == {*map(id, agent.selector.parameters())}


def test_a_rate_may_be_held_from_below_too() -> None:
    """While less is kept than asked for the selector is pushed down all the same; both ways, it is pulled up."""
    slopes = {}
    for both in (False, True):
        agent = make(estimator={"kind": "hardkuma", "rate": 0.99, "both_ways": both, "multiplier": 1e3}).eval()
        last = cast(nn.Linear, agent.selector.last[-1])
        loss = agent.loss(shown())
        (slope,) = torch.autograd.grad(loss.total, last.bias)
        slopes[both] = slope[0].item()  # Of a, the larger of which the less is 0.
    assert slopes[False] > 0 > slopes[True]
