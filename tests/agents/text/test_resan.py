"""Tests of ReSAN: its size, its stages, and which loss trains which weights."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.attention.reinforced import Selected
from glimpse.agents.episode import Batch
from glimpse.agents.selection.bernoulli import log_prob
from glimpse.agents.text.options import ResanOptions
from glimpse.agents.text.resan import Resan

CLASS = spaces.Dict({"answer": spaces.Discrete(3)})
SCORE = spaces.Dict({"score": spaces.Box(1.0, 5.0, (), np.float32)})
TEXT = torch.tensor([[5, 6, 7, 9, 0, 0], [8, 0, 0, 0, 0, 0]])


def make(
    action: spaces.Dict = CLASS, two: bool = False, sampler: dict[str, Any] | None = None, **options: Any
) -> Resan:
    """Make a small agent, by default past its first two stages."""
    torch.manual_seed(0)
    text = spaces.Box(0, 9, (6,), np.int64)
    seen = spaces.Dict({"text": text, "text2": text} if two else {"text": text})
    sizes: dict[str, Any] = {"embedding_width": 3, "dropout": 0.0, "encoder": {"width": 4, "dropout": 0.0}}
    sampled = {"hidden": 5, "dropout": 0.0, "soft_until": 0.2, "hard_until": 0.4, **(sampler or {})}
    agent = Resan(ResanOptions.model_validate({**sizes, "sampler": sampled, **options}), seen, action)
    agent.set_progress(0.5)
    return agent


def make_batch(label: Tensor, **observation: Tensor) -> Batch:
    """Make a batch of labelled texts."""
    return Batch(observation, label)


def trained_parts(agent: Resan) -> set[str]:
    """Return the parts of an agent that have a gradient."""
    return {
        "samplers" if name.startswith("samplers") else "rest"
        for name, weight in agent.named_parameters()
        if weight.grad is not None and weight.grad.any()
    }


@pytest.mark.parametrize(
    ("count", "options"),
    [
        (3_067_205, {"pair": "difference", "hidden": 300, "highway": True, "activation": "elu"}),
        (2_527_207, {"pair": "symmetric", "hidden": 300}),
    ],
)
def test_the_sizes_of_the_paper(count: int, options: dict[str, Any]) -> None:
    """Numbers of parameters for SNLI and SICK, without the word vectors of width 300."""
    text = spaces.Box(0, 9, (6,), np.int64)
    seen, made = (
        spaces.Dict({"text": text, "text2": text}),
        ResanOptions.model_validate({"embedding_width": 300, **options}),
    )
    agent = Resan(made, seen, SCORE if options["pair"] == "symmetric" else CLASS)
    assert sum(weight.numel() for name, weight in agent.named_parameters() if "embedding" not in name) == count


def test_stages_follow_each_other() -> None:
    """First all words are selected; then the samplers alone are trained; then both, at once or alternately."""
    agent = make()
    stages = []
    for progress in (0.0, 0.1, 0.3, 0.41, 0.99):
        agent.set_progress(progress)
        stages.append((agent.stage, agent.in_warmup))
    assert stages == [("soft", True), ("soft", True), ("hard", True), ("both", False), ("both", False)]
    turns = make(sampler={"turns": 0.1})
    found = []
    for progress in (0.45, 0.55, 0.65):
        turns.set_progress(progress)
        found.append(turns.stage)
    assert found == ["hard", "soft", "hard"]


@pytest.mark.parametrize(("progress", "parts"), [(0.1, {"rest"}), (0.3, {"samplers"}), (0.5, {"samplers", "rest"})])
def test_each_stage_trains_its_own_weights(progress: float, parts: set[str]) -> None:
    """Other weights have no gradient, so that the optimiser skips them."""
    agent = make()
    agent.set_progress(progress)
    agent.loss(make_batch(torch.tensor([0, 2]), text=TEXT)).total.backward()
    assert trained_parts(agent) == parts


def test_error_and_reward_train_separate_weights() -> None:
    """The samplers get no gradient of the error, and all other weights get that of the error alone."""
    agent, both = make(), make()
    episode = make_batch(torch.tensor([0, 2]), text=TEXT)
    torch.manual_seed(5)
    both.loss(episode).total.backward()
    torch.manual_seed(5)
    logits = agent._logits(TEXT)
    selection = agent._sample_for_training(episode, {"text": logits}, 1)
    torch.nn.functional.cross_entropy(
        agent.read({"text": TEXT}, selection=selection)[0], torch.tensor([0, 2])
    ).backward()
    assert trained_parts(agent) == {"rest"}
    for (name, mine), (_, yours) in zip(agent.named_parameters(), both.named_parameters(), strict=True):
        if not name.startswith("samplers") and mine.grad is not None:
            assert yours.grad is not None
            torch.testing.assert_close(mine.grad, yours.grad)


def test_the_sampler_loss_by_hand() -> None:
    """It is minus the mean of (R - baseline) log pi, with R = -error - cost x product of keep rates."""
    agent = make(sampler={"cost": 0.7})
    logits = torch.tensor([[[0.5, -1, 0, 2.0, 0, 0]] * 2, [[1.0, 0.3, 0, -2, 0, 0]] * 2])
    head = torch.tensor([[True, False, True, False, False, False], [True] + [False] * 5])
    dependent = torch.tensor([[True, True, True, True, False, False], [False] * 6])
    errors = torch.tensor([0.4, 1.5])
    selection = {"text": Selected(head, dependent)}
    loss, terms = agent._sampler_loss({"text": TEXT}, {"text": logits}, selection, errors)
    rewards = torch.tensor([-0.4 - 0.7 * 0.5 * 1.0, -1.5])
    log_probs = log_prob(logits[0], head, TEXT != 0) + log_prob(logits[1], dependent, TEXT != 0)
    torch.testing.assert_close(loss, -(rewards * log_probs).mean())
    shares = {name: terms[name].item() for name in ("heads", "dependents", "reward")}
    assert shares == pytest.approx({"heads": 0.75, "dependents": 0.5, "reward": rewards.mean().item()})
    paired = make(sampler={"cost": 0.7, "copies": 2, "baseline": "leave_one_out"})
    loss, _ = paired._sampler_loss({"text": TEXT}, {"text": logits}, selection, errors)
    advantage = rewards - rewards.flip(0)
    torch.testing.assert_close(loss, -(advantage * log_probs).mean())


def test_activations_hold_the_selection() -> None:
    """Sampled selections differ from copy to copy, greedy ones do not; padding is never selected."""
    agent = make().eval()
    text, noise = TEXT[:1].expand(64, -1), torch.randn(64, 12, generator=torch.Generator().manual_seed(0))
    found = {}
    for greedy in (True, False):
        memory = agent.select({"text": text}, None, noise, greedy)
        decision, _ = agent({"text": text}, memory)
        found[greedy] = decision.activations
        assert torch.equal(found[greedy]["head"], memory["text"].head)
        assert not found[greedy]["dependent"][:, 4:].any()
    assert (found[True]["head"] == found[True]["head"][0]).all()
    assert not (found[False]["head"] == found[False]["head"][0]).all()


def test_all_words_are_selected_at_first() -> None:
    """This holds for any logits, in training and in evaluation."""
    agent = make()
    agent.set_progress(0.1)
    memory = agent.select({"text": TEXT}, None, torch.randn(2, 12), False)
    assert torch.equal(memory["text"].head, TEXT != 0) and torch.equal(memory["text"].dependent, TEXT != 0)
    assert set(agent.loss(make_batch(torch.tensor([0, 2]), text=TEXT)).terms) == {"cross_entropy", "accuracy"}


@pytest.mark.parametrize(("cost", "low", "high"), [(20.0, 0.0, 0.05), (0.0, 0.08, 0.95)])
def test_a_high_cost_keeps_nothing(cost: float, low: float, high: float) -> None:
    """With a high cost the keep rates go to zero; without a cost they stay in between."""
    agent = make(sampler={"cost": cost, "sparsity": "mean", "copies": 8, "baseline": "leave_one_out"})
    optimiser = torch.optim.Adam(agent.samplers.parameters(), lr=0.03)
    generator = torch.Generator().manual_seed(0)
    terms: dict[str, Tensor] = {}
    for _ in range(60):
        text = torch.randint(1, 10, (16, 6), generator=generator)
        optimiser.zero_grad()
        loss = agent.loss(make_batch(torch.randint(0, 3, (16,), generator=generator), text=text))
        loss.total.backward()
        optimiser.step()
        terms = loss.terms
    assert low <= terms["heads"].item() <= high and low <= terms["dependents"].item() <= high


def test_the_distance_from_the_target_keep_rate_costs() -> None:
    """Heads and dependents are penalised separately: too many of one do not offset too few of the other."""
    agent = make(sampler={"cost": 0.4, "target_keep_rate": 0.5})
    text = torch.tensor([[5, 6, 7, 9, 0, 0]])

    def reward(heads: int, dependents: int) -> float:
        selection = {"text": Selected(*((torch.arange(6) < count)[None] for count in (heads, dependents)))}
        logits = {"text": torch.zeros(2, 1, 6)}
        _, terms = agent._sampler_loss({"text": text}, logits, selection, torch.zeros(1))
        return terms["reward"].item()

    assert reward(2, 2) == 0
    assert reward(1, 3) == reward(3, 3) == pytest.approx(-0.4 * 0.25)
    assert reward(2, 4) == pytest.approx(-0.4 * 0.25)


def test_each_text_of_a_pair_has_its_own_selection() -> None:
    """The loss trains all parts, and the activations contain both selections."""
    agent = make(SCORE, two=True, pair="symmetric")
    loss = agent.loss(make_batch(torch.tensor([5.0, 4.0]), text=TEXT, text2=TEXT.flip(0)))
    loss.total.backward()
    assert trained_parts(agent) == {"samplers", "rest"} and torch.isfinite(loss.total)
    decision, _ = agent({"text": TEXT, "text2": TEXT}, None)
    assert {"head", "dependent", "head2", "dependent2", "tokens2"} <= set(decision.activations)


def test_texts_of_any_length_can_be_selected_from() -> None:
    """The longest text of a split may be longer or shorter than that of training."""
    agent = make().eval()
    for width in (3, 6, 9):
        text = torch.arange(1, width + 1)[None] % 10
        memory = agent.select({"text": text}, None, torch.randn(1, agent.selection_noise * width), False)
        assert memory["text"].head.shape == (1, width)
