"""Tests of rationales: what the reader reads, how each estimator learns, and that the planted word is found."""

import re
from functools import partial
from typing import Any, cast

import numpy as np
import pytest
import torch
from gymnasium import spaces
from pydantic import ValidationError
from torch import nn

from glimpse.agents.episode import Batch
from glimpse.agents.errors import AgentError
from glimpse.agents.text.options import RationaleOptions
from glimpse.agents.text.rationale import Rationale

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
    {"kind": "hardkuma", "target_keep_rate": 0.3},
    {"kind": "exact"},
]


def make(two: bool = False, **options: Any) -> Rationale:
    """Make a small agent with a vocabulary of ten words."""
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


def make_batch(label: torch.Tensor = LABEL, **observation: torch.Tensor) -> Batch:
    """Make a batch of labelled texts."""
    return Batch(observation or {"text": TEXT}, label)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: "-".join(map(str, each.values())))
def test_every_estimator_trains_selector_and_reader(estimator: dict[str, Any]) -> None:
    """The loss is finite, and selector, encoder and head all get a gradient."""
    agent = make(estimator=estimator)
    loss = agent.loss(make_batch())
    loss.total.backward()
    assert loss.total.isfinite() and all(term.isfinite() for term in loss.terms.values())
    for part in (agent.selector, agent.encoder, agent.head):
        assert any(weight.grad is not None and weight.grad.any() for weight in part.parameters())


@pytest.mark.parametrize("left_out", ["removed", "zeros"])
def test_words_left_out_are_not_read(left_out: str) -> None:
    """Replacing a word that is not kept changes nothing; replacing a kept one does."""
    agent = make(left_out=left_out).eval()
    kept = {"text": torch.tensor([[1.0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]])}
    first, _ = agent.read({"text": TEXT}, kept=kept)
    other = TEXT.clone()
    other[0, 1], other[1, 0] = 3, 2
    torch.testing.assert_close(agent.read({"text": other}, kept=kept)[0], first)
    other[0, 0] = 1
    assert not torch.allclose(agent.read({"text": other}, kept=kept)[0][0], first[0])


@pytest.mark.parametrize("kind", ["lstm", "cnn", "transformer", "disan"])
def test_kept_words_are_read_as_a_shorter_text(kind: str) -> None:
    """The answer is that of the kept words alone; attention weights are at the words' original positions."""
    encoder: dict[str, Any] = {"kind": kind} if kind == "cnn" else {"kind": kind, "width": 4}
    if kind == "transformer":
        encoder = {**encoder, "attention": {"kind": "multi_head", "heads": 2}}
    agent = make(encoder=encoder).eval()
    kept = {"text": torch.tensor([[0.0, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]])}
    logits, (seen,) = agent.read({"text": TEXT}, True, kept)
    alone, (whole,) = agent.read({"text": torch.tensor([[6, 9]])}, True, {"text": torch.ones(1, 2)})
    torch.testing.assert_close(logits[0], alone[0])
    for name, weights in whole.weights.items():
        own, positions = seen.weights[name][0], torch.tensor([1, 3])
        own_kept = own[..., positions] if name == "tokens" else own[..., positions[:, None], positions]
        torch.testing.assert_close(own_kept, weights[0])
        torch.testing.assert_close(own.sum(), weights[0].sum())


def test_the_selection_cost_by_hand() -> None:
    """Lei's z = 0 1 1 0 1: three of five kept, and three changes among five words."""
    agent = make(cost=0.3, contiguity=0.6)
    text, kept = torch.tensor([[1, 2, 3, 4, 5, 0]]), torch.tensor([[0.0, 1, 1, 0, 1, 0]])
    cost, share = agent.selection_cost({"text": kept}, {"text": text})
    assert share.item() == pytest.approx(0.6) and cost.item() == pytest.approx(0.3 * 0.6 + 0.6 * 0.6)


def test_the_cost_of_a_missed_target_by_hand() -> None:
    """With a target of 1/5, keeping three of five is 2/5 too many, and keeping none is 1/5 too few."""
    agent = make(cost=0.3, target_keep_rate=0.2)
    text = torch.tensor([[1, 2, 3, 4, 5, 0]] * 2)
    kept = torch.tensor([[0.0, 1, 1, 0, 1, 0], [0.0] * 6])
    cost, share = agent.selection_cost({"text": kept}, {"text": text})
    assert share.tolist() == pytest.approx([0.6, 0.0]) and cost.tolist() == pytest.approx([0.3 * 0.4, 0.3 * 0.2])
    with pytest.raises(ValidationError, match=re.escape("set agent.estimator.target_keep_rate")):
        make(estimator={"kind": "hardkuma"}, target_keep_rate=0.2)
    with pytest.raises(ValidationError, match=re.escape("give one of them (got 0.2)")):
        make(estimator={"kind": "reinforce", "mean_keep_rate": 0.3}, target_keep_rate=0.2)


def test_the_multiplier_is_the_cost_of_words() -> None:
    """With a target, the reward of a selection is minus the error, minus the multiplier times its keep rate."""
    agent = make(estimator={"kind": "reinforce", "mean_keep_rate": 0.5, "multiplier": 0.7}, cost=9.0).eval()
    terms = agent.loss(make_batch()).terms
    assert terms["multiplier"] == pytest.approx(0.7) and agent.multiplier == pytest.approx(0.7)
    assert terms["reward"].item() == pytest.approx(-(terms["cross_entropy"] + 0.7 * terms["keep_rate"]).item())


def test_reinforce_is_unbiased() -> None:
    """The mean gradient of REINFORCE over many draws is the exact one, within three standard errors."""
    agent, exact = (make(estimator=each, cost=0.4) for each in ({"kind": "reinforce"}, {"kind": "exact"}))
    exact.load_state_dict(agent.state_dict(), strict=False)  # It has no moving average.
    weight, whole = (cast(nn.Linear, each.selector.last[-1]).bias for each in (agent, exact))
    (expected,) = torch.autograd.grad(exact.loss(make_batch()).total, whole)
    found = torch.stack([torch.autograd.grad(agent.loss(make_batch()).total, weight)[0] for _ in range(1500)])
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - expected).abs() < 3 * error).all() and expected.abs().item() > error.item()


def test_enumeration_counts_each_selection_of_real_words_once() -> None:
    """A shorter text next to a longer one has the same loss as alone."""
    agent = make(estimator={"kind": "exact"})
    both = agent.loss(make_batch()).total
    alone = [agent.loss(make_batch(LABEL[[row]], text=TEXT[[row]])).total for row in range(2)]
    torch.testing.assert_close(both, torch.stack(alone).mean())
    with pytest.raises(AgentError, match=re.escape("at most 3 words")):
        make(estimator={"kind": "exact", "longest": 3}).loss(make_batch())


@pytest.mark.parametrize(("kind", "target"), [("hardkuma", "target_keep_rate"), ("reinforce", "mean_keep_rate")])
def test_the_multiplier_follows_the_keep_rate(kind: str, target: str) -> None:
    """It grows while the keep rate is above its target, and shrinks while it is below."""
    for rate, sign in ((0.01, 1), (0.99, -1)):
        agent = make(estimator={"kind": kind, target: rate, "multiplier": 0.02})
        before = agent.multiplier.item()
        assert before == pytest.approx(0.02)
        agent.loss(make_batch())
        assert (agent.multiplier.item() - before) * sign > 0


def test_the_reader_alone_learns_in_the_warm_up() -> None:
    """The selector has no gradient then; afterwards the reader has none, if it is frozen."""
    agent = make(random_until=0.5, held=True)
    agent.loss(make_batch()).total.backward()
    assert agent.in_warmup and all(weight.grad is None for weight in agent.selector.parameters())
    assert any(weight.grad is not None for weight in agent.encoder.parameters())
    agent.zero_grad()
    agent.set_progress(0.5)
    agent.loss(make_batch()).total.backward()
    assert not agent.in_warmup and any(weight.grad is not None for weight in agent.selector.parameters())
    for part in (agent.embedding, agent.encoder, agent.head):
        assert all(weight.grad is None for weight in part.parameters())


@pytest.mark.parametrize(("remedy", "terms"), [("complement", {"complement"}), ("teacher", {"teacher", "agreement"})])
def test_remedies_train_a_second_reader(remedy: str, terms: set[str]) -> None:
    """The second reader gets a gradient; pairs of texts are refused."""
    agent = make(remedy=remedy)
    loss = agent.loss(make_batch())
    loss.total.backward()
    assert terms <= set(loss.terms)
    own = agent.complement if remedy == "complement" else agent.teacher
    assert own is not None and any(weight.grad is not None and weight.grad.any() for weight in own.parameters())
    with pytest.raises(AgentError, match="for one text"):
        make(two=True, remedy=remedy)


def test_relaxed_masks_need_words_read_as_zeros() -> None:
    """A removed word has no gradient."""
    with pytest.raises(ValidationError, match="should be 'zeros'"):
        RationaleOptions.model_validate({"estimator": "straight_through"})


def test_each_text_of_a_pair_has_a_selection() -> None:
    """The activations contain the selections of both texts."""
    agent = make(two=True)
    loss = agent.loss(make_batch(text=TEXT, text2=TEXT.flip(0)))
    assert loss.total.isfinite()
    decision, _ = agent({"text": TEXT, "text2": TEXT}, None)
    assert {"kept", "kept2"} <= set(decision.activations)


def test_the_word_that_determines_the_class_is_found() -> None:
    """One of six words determines the class: it is kept, and hardly another, after a warm-up from random words."""
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
        agent.loss(make_batch(label, text=text)).total.backward()
        optimiser.step()
    kept = agent.greedy_selection({"text": text})["text"] > 0
    assert kept[text <= 3].float().mean() > 0.9 and kept[text > 3].float().mean() < 0.1


@pytest.mark.parametrize("estimator", [{"kind": "reinforce"}, {"kind": "hardkuma"}], ids=lambda each: str(each["kind"]))
def test_the_selector_runs_once_in_an_update(estimator: dict[str, Any]) -> None:
    """A teacher, which also needs the greedy selection, uses the same output, for each estimator."""
    agent, asked = make(estimator=estimator, remedy="teacher"), []
    agent.selector.register_forward_hook(lambda *_: asked.append(1))
    assert agent.loss(make_batch()).total.isfinite() and len(asked) == 1


@pytest.mark.parametrize("kind", ["reinforce", "hardkuma"])
def test_keep_probabilities_are_frequencies_of_samples(kind: str) -> None:
    """They count words kept at all or in part, and are 0 at padding, which the selector does not read."""
    agent = make(estimator={"kind": kind})
    seen: list[torch.Size] = []
    agent.selector.register_forward_hook(lambda _, given, __: seen.append(given[0].shape))
    selector_logits = agent.selector_logits(TEXT)
    assert seen[0][1] == 4 and not selector_logits[:, 4:].any()
    many, numbers = TEXT.repeat(20_000, 1), selector_logits.repeat(20_000, *[1] * (selector_logits.dim() - 1))
    drawn = agent.keep_words(many, numbers, torch.randn(40_000, 1, 6), False) > 0
    torch.testing.assert_close(
        drawn.view(-1, 2, 6).float().mean(0), agent.keep_probability(TEXT, selector_logits).detach(), atol=0.02, rtol=0
    )


@pytest.mark.parametrize("estimator", ["reinforce", "straight_through", "hardkuma"])
def test_words_of_a_group_are_kept_together(estimator: str) -> None:
    """This holds for sampled and for greedy selections, and the loss is finite."""
    agent = make(estimator={"kind": estimator}, selector={"kind": "gru", "width": 4, "words_per_coin": 2})
    selector_logits = agent.selector_logits(TEXT)
    for greedy in (False, True):
        kept = agent.keep_words(TEXT, selector_logits, torch.randn(2, 1, 6), greedy)
        assert torch.equal(kept[:, ::2][:, :2], kept[:, 1::2][:, :2])
    assert agent.loss(make_batch()).total.isfinite()


def test_a_group_of_words_has_the_gradient_of_one_draw() -> None:
    """In groups of two words, REINFORCE has the exact gradient of enumerating one draw for each group."""
    agent = make(
        estimator={"kind": "reinforce"}, selector={"kind": "pooled", "width": 4, "words_per_coin": 2}, cost=0.4
    )
    text, label = torch.tensor([[5, 5, 7, 7]]), torch.tensor([1])
    bias = cast(nn.Linear, agent.selector.reads.layers[-1]).bias  # type: ignore[index]
    logits = agent.selector_logits(text)[:, ::2]
    total = torch.zeros(())
    for first in (0.0, 1.0):
        for second in (0.0, 1.0):
            kept = {"text": torch.tensor([[first, first, second, second]])}
            error = agent.errors(agent.read({"text": text}, kept=kept)[0], label)[0].detach()
            sign = torch.tensor([[2 * first - 1, 2 * second - 1]])
            probability = torch.sigmoid(sign * logits).prod(-1)
            total = total + (probability * (error + agent.selection_cost(kept, {"text": text})[0])).sum()
    (expected,) = torch.autograd.grad(total, bias)
    # The draws of a batch's rows are independent: 10 of the same text at once have the mean gradient of 10 draws.
    batch = make_batch(label.expand(10), text=text.expand(10, -1))
    found = torch.stack([torch.autograd.grad(agent.loss(batch).total, bias)[0] for _ in range(150)])
    error_of_mean = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - expected).abs() < 3 * error_of_mean).all()


def test_the_selector_has_its_own_learning_rate() -> None:
    """There are three groups, and each parameter is in exactly one of them."""
    agent = make(selector_lr_scale=5.0, embedding_lr_scale=0.5)
    groups = agent.learning_rates()
    assert [rate for _, rate in groups] == [1.0, 0.5, 5.0]
    found = [id(weight) for weights, _ in groups for weight in weights]
    assert sorted(found) == sorted(map(id, agent.parameters()))
    assert {*map(id, groups[2][0])} == {*map(id, agent.selector.parameters())}


def test_both_ways_raises_a_keep_rate_below_its_target() -> None:
    """Below the target the penalty still lowers the keep rate by default; with both_ways it raises it."""
    slopes = {}
    for both in (False, True):
        agent = make(
            estimator={"kind": "hardkuma", "target_keep_rate": 0.99, "both_ways": both, "multiplier": 1e3}
        ).eval()
        last = cast(nn.Linear, agent.selector.last[-1])
        loss = agent.loss(make_batch())
        (slope,) = torch.autograd.grad(loss.total, last.bias)
        slopes[both] = slope[0].item()  # Of a, the larger of which the less is 0.
    assert slopes[False] > 0 > slopes[True]


@pytest.mark.parametrize("stage", ["warmup", "score_function", "straight_through", "hardkuma"])
def test_a_selection_depends_on_its_own_example_alone(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that two processes share, and less padding, are read with the words that one process keeps."""
    kind = {"warmup": "reinforce", "score_function": "reinforce", "hardkuma": "hardkuma"}.get(stage, stage)
    more = {"target_keep_rate": 0.3} if kind == "hardkuma" else {"copies": 3} if kind == "reinforce" else {}
    agent = make(estimator={"kind": kind, **more}, random_until=0.5 if stage == "warmup" else 0.0)
    agent.set_progress(0.1)
    texts = torch.randint(1, 10, (4, 6), generator=torch.Generator().manual_seed(3)).where(torch.arange(6) < 5, 0)
    numbers, read = torch.randn(100, 4, 9, generator=torch.Generator().manual_seed(4)), agent.read
    found: list[torch.Tensor] = []

    def noting(observation: dict[str, torch.Tensor], need_weights: bool = False, kept: Any = None) -> Any:
        found.append(kept["text"].detach()[:, :5])
        return read(observation, need_weights, kept)

    monkeypatch.setattr(agent, "read", noting)
    for chosen, words in ((slice(None), 6), (slice(0, None, 2), 5), (slice(1, None, 2), 6)):
        torch.manual_seed(words)
        drawn = partial(lambda own, stream, count: numbers[stream % 97, own, :count], chosen)
        agent.loss(Batch({"text": texts[chosen, :words]}, torch.zeros(4, dtype=torch.int64)[chosen], drawn))
    whole, *parts = (kept.unflatten(0, (-1, 3)) if stage == "score_function" else kept for kept in found)
    torch.testing.assert_close(torch.stack(parts, 1).flatten(0, 1), whole)
    assert len(whole.flatten(0, -2).unique(dim=0)) > 1
