"""ReSAN: its size, its stages, and what reaches which of its weights."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.attention.reinforced import Selected
from glimpse.agents.episode import Episode
from glimpse.agents.selection.bernoulli import log_prob
from glimpse.agents.text.resan import Resan
from glimpse.agents.text_options import ResanOptions

CLASS = spaces.Dict({"answer": spaces.Discrete(3)})
SCORE = spaces.Dict({"score": spaces.Box(1.0, 5.0, (), np.float32)})
TEXT = torch.tensor([[5, 6, 7, 9, 0, 0], [8, 0, 0, 0, 0, 0]])


def make(
    action: spaces.Dict = CLASS, two: bool = False, sampler: dict[str, Any] | None = None, **options: Any
) -> Resan:
    """A small one, past its first two stages unless the options say otherwise."""
    torch.manual_seed(0)
    text = spaces.Box(0, 9, (6,), np.int64)
    seen = spaces.Dict({"text": text, "text2": text} if two else {"text": text})
    sizes: dict[str, Any] = {"embedding_width": 3, "dropout": 0.0, "encoder": {"width": 4, "dropout": 0.0}}
    sampled = {"hidden": 5, "dropout": 0.0, "soft_until": 0.2, "hard_until": 0.4, **(sampler or {})}
    agent = Resan(ResanOptions.model_validate({**sizes, "sampler": sampled, **options}), seen, action)
    agent.set_progress(0.5)
    return agent


def shown(label: Tensor, **observation: Tensor) -> Episode:
    """What a text's episode begins with."""
    nothing = torch.zeros(1, len(label))
    seen = {name: text[None] for name, text in observation.items()}
    return Episode(seen, {}, nothing[..., None].expand(-1, -1, 0), nothing, nothing == 0, label, 1, {})


def moved(agent: Resan) -> set[str]:
    """The parts of an agent that its last backward pass reached."""
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
def test_as_large_as_the_papers(count: int, options: dict[str, Any]) -> None:
    """SNLI's and SICK's, without word vectors, at 300 numbers a word."""
    text = spaces.Box(0, 9, (6,), np.int64)
    seen, made = (
        spaces.Dict({"text": text, "text2": text}),
        ResanOptions.model_validate({"embedding_width": 300, **options}),
    )
    agent = Resan(made, seen, SCORE if options["pair"] == "symmetric" else CLASS)
    assert sum(weight.numel() for name, weight in agent.named_parameters() if "embedding" not in name) == count


def test_stages_follow_each_other() -> None:
    """Everything chosen; the samplers alone; both, or by turns."""
    agent = make()
    stages = []
    for progress in (0.0, 0.1, 0.3, 0.41, 0.99):
        agent.set_progress(progress)
        stages.append((agent.stage, agent.prepares))
    assert stages == [("soft", True), ("soft", True), ("hard", True), ("both", False), ("both", False)]
    turns = make(sampler={"turns": 0.1})
    found = []
    for progress in (0.45, 0.55, 0.65):
        turns.set_progress(progress)
        found.append(turns.stage)
    assert found == ["hard", "soft", "hard"]


@pytest.mark.parametrize(("progress", "parts"), [(0.1, {"rest"}), (0.3, {"samplers"}), (0.5, {"samplers", "rest"})])
def test_each_stage_moves_its_own_weights(progress: float, parts: set[str]) -> None:
    """And leaves the others without a gradient, which the optimiser passes over."""
    agent = make()
    agent.set_progress(progress)
    agent.loss(shown(torch.tensor([0, 2]), text=TEXT)).total.backward()
    assert moved(agent) == parts


def test_the_error_reaches_no_sampler_and_the_reward_nothing_else() -> None:
    """The gradient of the rest is that of the error alone, of the samplers that of the gain alone."""
    agent, both = make(), make()
    episode = shown(torch.tensor([0, 2]), text=TEXT)
    torch.manual_seed(5)
    both.loss(episode).total.backward()
    torch.manual_seed(5)
    coins = agent._logits(TEXT)
    choice = agent._choose({"text": TEXT}, {"text": coins}, 1)
    torch.nn.functional.cross_entropy(agent.read({"text": TEXT}, choice=choice)[0], torch.tensor([0, 2])).backward()
    assert moved(agent) == {"rest"}
    for (name, mine), (_, yours) in zip(agent.named_parameters(), both.named_parameters(), strict=True):
        if not name.startswith("samplers") and mine.grad is not None:
            assert yours.grad is not None
            torch.testing.assert_close(mine.grad, yours.grad)


def test_the_gain_by_hand() -> None:
    """Minus the mean of R log pi, with R = -error - cost x product of shares; copies less the others' mean."""
    agent = make(sampler={"cost": 0.7})
    coins = torch.tensor([[[0.5, -1, 0, 2.0, 0, 0]] * 2, [[1.0, 0.3, 0, -2, 0, 0]] * 2])
    head = torch.tensor([[True, False, True, False, False, False], [True] + [False] * 5])
    dependent = torch.tensor([[True, True, True, True, False, False], [False] * 6])
    errors = torch.tensor([0.4, 1.5])
    choice = {"text": Selected(head, dependent)}
    episode = shown(torch.tensor([0, 2]), text=TEXT)
    gain, terms = agent._gain(episode, {"text": TEXT}, {"text": coins}, choice, errors)
    rewards = torch.tensor([-0.4 - 0.7 * 0.5 * 1.0, -1.5])
    likely = log_prob(coins[0], head, TEXT != 0) + log_prob(coins[1], dependent, TEXT != 0)
    torch.testing.assert_close(gain, -(rewards * likely).mean())
    shares = {name: terms[name].item() for name in ("heads", "dependents", "reward")}
    assert shares == pytest.approx({"heads": 0.75, "dependents": 0.5, "reward": rewards.mean().item()})
    paired = make(sampler={"cost": 0.7, "copies": 2, "baseline": "leave_one_out"})
    gain, _ = paired._gain(episode, {"text": TEXT}, {"text": coins}, choice, errors)
    apart = rewards - rewards.flip(0)
    torch.testing.assert_close(gain, -(apart * likely).mean())


def test_shares_are_those_of_the_choice() -> None:
    """What the activations say was chosen; sampled ones differ from copy to copy, greedy ones do not; never padding."""
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


def test_everything_is_chosen_at_first() -> None:
    """Whatever the coins say, in training and in evaluation."""
    agent = make()
    agent.set_progress(0.1)
    memory = agent.select({"text": TEXT}, None, torch.randn(2, 12), False)
    assert torch.equal(memory["text"].head, TEXT != 0) and torch.equal(memory["text"].dependent, TEXT != 0)
    assert set(agent.loss(shown(torch.tensor([0, 2]), text=TEXT)).terms) == {"cross_entropy", "accuracy"}


@pytest.mark.parametrize(("cost", "low", "high"), [(20.0, 0.0, 0.05), (0.0, 0.08, 0.95)])
def test_a_high_cost_keeps_nothing(cost: float, low: float, high: float) -> None:
    """Where nothing else matters, the shares go to zero; without a cost they are left where they were."""
    agent = make(sampler={"cost": cost, "sparsity": "mean", "copies": 8, "baseline": "leave_one_out"})
    optimiser = torch.optim.Adam(agent.samplers.parameters(), lr=0.03)
    generator = torch.Generator().manual_seed(0)
    terms: dict[str, Tensor] = {}
    for _ in range(60):
        text = torch.randint(1, 10, (16, 6), generator=generator)
        optimiser.zero_grad()
        loss = agent.loss(shown(torch.randint(0, 3, (16,), generator=generator), text=text))
        loss.total.backward()
        optimiser.step()
        terms = loss.terms
    assert low <= terms["heads"].item() <= high and low <= terms["dependents"].item() <= high


def test_the_distance_from_a_rate_costs() -> None:
    """Of heads and of dependents by itself: too many of one are not made good by too few of the other."""
    agent = make(sampler={"cost": 0.4, "rate": 0.5})
    text = torch.tensor([[5, 6, 7, 9, 0, 0]])

    def reward(heads: int, dependents: int) -> float:
        choice = {"text": Selected(*((torch.arange(6) < count)[None] for count in (heads, dependents)))}
        coins = {"text": torch.zeros(2, 1, 6)}
        _, terms = agent._gain(shown(torch.tensor([0]), text=text), {"text": text}, coins, choice, torch.zeros(1))
        return terms["reward"].item()

    assert reward(2, 2) == 0
    assert reward(1, 3) == reward(3, 3) == pytest.approx(-0.4 * 0.25)
    assert reward(2, 4) == pytest.approx(-0.4 * 0.25)


def test_pairs_have_a_choice_each() -> None:
    """Their own shares and log-probabilities, and one error."""
    agent = make(SCORE, two=True, pair="symmetric")
    loss = agent.loss(shown(torch.tensor([5.0, 4.0]), text=TEXT, text2=TEXT.flip(0)))
    loss.total.backward()
    assert moved(agent) == {"samplers", "rest"} and torch.isfinite(loss.total)
    decision, _ = agent({"text": TEXT, "text2": TEXT}, None)
    assert {"head", "dependent", "head2", "dependent2", "tokens2"} <= set(decision.activations)


def test_texts_of_any_width_are_chosen_from() -> None:
    """A split whose longest text is longer or shorter than that of training has other numbers of coins."""
    agent = make().eval()
    for width in (3, 6, 9):
        text = torch.arange(1, width + 1)[None] % 10
        memory = agent.select({"text": text}, None, torch.randn(1, agent.selects * width), False)
        assert memory["text"].head.shape == (1, width)
