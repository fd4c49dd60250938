"""RAM: the paper's networks, the replay, and worked examples of its loss."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional

from glimpse.agents.episode import Decision, Episode
from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.agents.vision.options import RamOptions
from glimpse.agents.vision.ram import RecurrentAttention, make_ram

SMALL: dict[str, Any] = {
    "glimpse_width": 7,
    "location_width": 5,
    "feature_width": 9,
    "memory_width": 8,
    "locator_width": 6,
}


def make_agent(stop: bool = False, classes: int = 4, **options: Any) -> RecurrentAttention:
    """Make a small RAM for three glimpses of two 3 x 3 scales."""
    observation_space = spaces.Dict(
        {
            "glimpse": spaces.Box(0.0, 1.0, (2, 1, 3, 3), np.float32),
            "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
            "time": spaces.Discrete(4),
        }
    )
    actions: dict[str, spaces.Space[Any]] = {
        "look": spaces.Box(-1.0, 1.0, (2,), np.float32),
        "answer": spaces.Discrete(classes),
    }
    if stop:
        actions["stop"] = spaces.Discrete(2)
    torch.manual_seed(1)
    return make_ram(RamOptions.model_validate({**SMALL, **options}), observation_space, spaces.Dict(actions))


def zeroed(agent: RecurrentAttention) -> RecurrentAttention:
    """Set all weights to zero.

    The mean location is then the centre, stopping has probability 1/2, all classes are as likely, and the value is 0.
    """
    with torch.no_grad():
        for parameter in agent.parameters():
            parameter.zero_()
    return agent


def observations(episodes: int) -> dict[str, Tensor]:
    """Return observations of noise for B episodes of three steps."""
    noise = torch.Generator().manual_seed(2)
    return {
        "glimpse": torch.rand(3, episodes, 2, 1, 3, 3, generator=noise),
        "location": torch.rand(3, episodes, 2, generator=noise) * 2 - 1,
        "time": torch.arange(3)[:, None].expand(3, episodes),
    }


def make_episode(look: list[Any], answer: list[Any], reward: list[Any], label: list[int]) -> Episode:
    """Return episodes of three steps, all taken, from (T, B, ...) lists."""
    episodes = len(label)
    return Episode(
        observation=observations(episodes),
        action={"look": torch.tensor(look), "answer": torch.tensor(answer)},
        answer=torch.zeros(3, episodes, 4),
        reward=torch.tensor(reward),
        step_mask=torch.ones(3, episodes, dtype=torch.bool),
        label=torch.tensor(label),
        copies=1,
        activations={},
    )


def test_a_step_is_that_of_the_paper() -> None:
    """Section 4: g = ReLU(L(h_g) + L(h_l)), h = ReLU(L(h) + L(g)), f_l (here with a tanh) and f_a linear."""
    agent = make_agent(locator_width=0)
    seen = {name: tensor[0] for name, tensor in observations(5).items()}
    memory = torch.rand(5, 8, generator=torch.Generator().manual_seed(0))

    def linear(name: str, source: Tensor) -> Tensor:
        state = agent.state_dict()
        return functional.linear(source, state[f"{name}.weight"], state[f"{name}.bias"])

    what = linear("glimpse_network.what.linears.0", seen["glimpse"].reshape(5, 18)).relu()
    where = linear("glimpse_network.where.linears.0", seen["location"]).relu()
    both = "glimpse_network.both.linears"
    feature = (linear(f"{both}.0", what) + linear(f"{both}.1", where)).relu()
    hidden = (linear("core.layer.linears.0", feature) + linear("core.layer.linears.1", memory)).relu()
    decision, after = agent(seen, memory)
    torch.testing.assert_close(after, hidden)
    torch.testing.assert_close(decision.location, linear("locator.mean", hidden).tanh())
    torch.testing.assert_close(decision.answer, linear("classifier", hidden))


def test_the_model_has_the_paper_s_size() -> None:
    """128 + 128 -> 256 -> 256 units, with a linear locator; its step biases (3 x 2) are not in the paper."""
    sizes: dict[str, Any] = {"glimpse_width": 128, "location_width": 128, "feature_width": 256, "memory_width": 256}
    agent = make_agent(locator_width=0, classes=10, **sizes)
    glimpse = (18 * 128 + 128) + (2 * 128 + 128) + 2 * (128 * 256 + 256)
    core = 2 * (256 * 256 + 256)
    heads = (256 * 2 + 2 + 3 * 2) + (256 * 10 + 10) + (256 + 1)
    assert sum(parameter.numel() for parameter in agent.parameters()) == glimpse + core + heads


def empty_memory(agent: RecurrentAttention, episodes: int) -> Any:
    """Return the memory of episodes before their first step."""
    return agent.initial_memory({name: seen[0] for name, seen in observations(episodes).items()})


@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_the_replay_gives_the_answers_of_acting(core: str) -> None:
    """The unrolled core gives the same outputs as single steps."""
    agent = make_agent(recurrent_core=core)
    seen = observations(5)
    memory, answers = empty_memory(agent, 5), []
    for step in range(3):
        decision, memory = agent({name: tensor[step] for name, tensor in seen.items()}, memory)
        answers.append(decision.answer)
    features = agent.glimpse_network(seen["glimpse"], seen["location"]).feature
    hidden, last = agent.core.unroll(features, None)
    torch.testing.assert_close(agent.classifier(hidden), torch.stack(answers))
    torch.testing.assert_close(last, hidden[-1])
    torch.testing.assert_close(last, agent.core.output(memory))


def decision(agent: RecurrentAttention, stop: float | None = None) -> Decision:
    """Return the decision of a zeroed agent in two episodes, with a given logit of stopping."""
    zeroed(agent)
    made: Decision = agent({name: tensor[0] for name, tensor in observations(2).items()}, empty_memory(agent, 2))[0]
    return made if stop is None else made._replace(stop=torch.full((2,), stop))


def test_greedy_is_chosen_lane_by_lane() -> None:
    """A greedy lane looks at the mean, the others at mean + sigma * noise, not clamped."""
    agent = make_agent(sigma={"start": 0.5})
    noise = torch.tensor([[1.0, -3.0, 0.0], [1.0, -3.0, 0.0]])
    look = agent.act(decision(agent), noise, torch.tensor([True, False]))["look"]
    assert look.tolist() == [[0.0, 0.0], [0.5, -1.5]]
    assert agent.act(decision(agent), noise, True)["look"].tolist() == [[0.0, 0.0]] * 2
    assert agent.act(decision(agent), noise, False)["look"].tolist() == [[0.5, -1.5]] * 2


def test_stopping_is_sampled_with_its_probability() -> None:
    """Logit log 3 is a probability of 3/4, as that of a standard normal above -0.6745."""
    agent = make_agent(stop=True)
    noise = torch.tensor([[0.0, 0.0, 0.66], [0.0, 0.0, 0.69]])
    likely, unlikely = decision(agent, math.log(3)), decision(agent, -math.log(3))
    assert agent.act(likely, -noise, False)["stop"].tolist() == [1, 0]
    assert agent.act(unlikely, noise, False)["stop"].tolist() == [0, 1]
    assert agent.act(likely, noise, True)["stop"].tolist() == [1, 1]
    assert agent.act(unlikely, -noise, True)["stop"].tolist() == [0, 0]


LOOK = [[[0.5, 0.0], [0.0, -0.5]], [[0.5, 0.5], [1.0, 0.0]], [[9.0, 9.0], [9.0, 9.0]]]
LOCATION = -2 * math.log(0.5) - math.log(2 * math.pi)  # log-density at the mean for sigma = 0.5


def test_the_loss_by_hand() -> None:
    """All classes are as likely; the third location is not reinforced."""
    agent = zeroed(make_agent(baseline="none", sigma={"start": 0.5}, policy_weight=0.5))
    episode = make_episode(LOOK, [[0, 0]] * 3, [[0.0, 0.25], [0.0, 0.0], [1.0, -0.5]], [0, 1])
    total, terms = agent.loss(episode)
    # -|look|^2 / (2 * 0.25) at each step, times the reward to go.
    first = (-0.5 + LOCATION) * 1.0 + (-1.0 + LOCATION) * 1.0
    second = (-0.5 + LOCATION) * -0.25 + (-2.0 + LOCATION) * -0.5
    expected = {
        "cross_entropy": math.log(4),
        "accuracy": 0.5,
        "policy_loss": -(first + second) / 2,
        "value_loss": 0.0,
        "return": (1.0 - 0.25) / 2,
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-6)
    assert total.item() == pytest.approx(math.log(4) - 0.5 * (first + second) / 2)
    assert total.requires_grad and not any(term.requires_grad for term in terms.values())


def test_the_value_loss_by_hand() -> None:
    """With value zero it is the mean square of the returns, over three steps of two episodes, with weight 1."""
    agent = zeroed(make_agent(sigma={"start": 0.5}))
    episode = make_episode(LOOK, [[0, 0]] * 3, [[0.0, 0.25], [0.0, 0.0], [1.0, -0.5]], [0, 1])
    total, terms = agent.loss(episode)
    assert terms["value_loss"].item() == pytest.approx((3 * 1.0 + 0.25**2 + 2 * 0.5**2) / 6)
    parts = [terms[name].item() for name in ("cross_entropy", "policy_loss", "value_loss")]
    assert total.item() == pytest.approx(sum(parts))


def stopping_episode() -> Episode:
    """Return two episodes at a cost of 0.1 a glimpse; the first stops at its second answer, a right one."""
    reward = [[-0.1, -0.1], [0.9, -0.1], [0.0, -0.1]]
    episode = make_episode(LOOK, [[0, 0]] * 3, reward, [0, 1])
    stop = torch.tensor([[0, 0], [1, 0], [1, 0]])
    step_mask = torch.tensor([[True, True], [True, True], [False, True]])
    return replace(episode, action={**episode.action, "stop": stop}, step_mask=step_mask)


def test_a_stopped_episode_s_loss_by_hand() -> None:
    """Each decision to stop or continue before the last step has log-probability log 1/2.

    Class 0 is always answered, with policy reward 1 in the first episode and 0 in the second.
    """
    agent = zeroed(make_agent(stop=True, baseline="none", sigma={"start": 0.5}))
    coin = math.log(0.5)
    first = 0.8 * (-0.5 + LOCATION) + (0.8 - 1) * coin + (0.9 - 1) * coin  # the location at the stop is not reinforced
    second = -0.3 * (-0.5 + LOCATION + coin) - 0.2 * (-2.0 + LOCATION + coin)
    assert agent.loss(stopping_episode()).terms["policy_loss"].item() == pytest.approx(-(first + second) / 2)


def test_the_value_loss_counts_only_steps_that_were_taken() -> None:
    """Five of six count: returns 0.8, 0.9 and -0.3, -0.2, -0.1 against a value of zero."""
    agent = zeroed(make_agent(stop=True))
    expected = (0.8**2 + 0.9**2 + 0.3**2 + 0.2**2 + 0.1**2) / 5
    assert agent.loss(stopping_episode()).terms["value_loss"].item() == pytest.approx(expected)


@pytest.mark.parametrize("classification", ["final", "every_step"])
def test_cross_entropy_counts_the_answers_that_were_given(classification: str) -> None:
    """It is that of the last answer before the end, or the mean over all answers up to it."""
    agent = make_agent(stop=True, classification=classification)
    episode = stopping_episode()
    memory, losses = empty_memory(agent, 2), []
    for step in range(3):
        made, memory = agent({name: seen[step] for name, seen in episode.observation.items()}, memory)
        losses.append(functional.cross_entropy(made.answer, episode.label, reduction="none"))
    (a, b), (c, d), (_, f) = (loss.tolist() for loss in losses)
    expected = (c + f) / 2 if classification == "final" else (a + b + c + d + f) / 5
    terms = agent.loss(episode).terms
    assert terms["cross_entropy"].item() == pytest.approx(expected)


def test_policy_reward_by_probability() -> None:
    """The probability of the right class replaces 1 or 0 at the last answer; costs remain."""
    agent = zeroed(make_agent(stop=True, classes=2, policy_reward="probability", baseline="none"))
    with torch.no_grad():
        agent.classifier.bias.copy_(torch.tensor([math.log(3), 0.0]))
    # The first is right with probability 3/4, the second wrong: 1/4 for its class.
    first, second = -0.1 + (-0.1 + 0.75), 3 * -0.1 + 0.25
    terms = agent.loss(stopping_episode()).terms
    assert terms["return"].item() == pytest.approx((first + second) / 2)


def test_the_moving_average_is_used_and_then_updated() -> None:
    """The update moves it by a hundredth towards each step's mean return."""
    agent = zeroed(make_agent(baseline="moving_average", sigma={"start": 0.5}))
    episode = make_episode(LOOK, [[0, 0]] * 3, [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [0, 1])
    first = agent.loss(episode).terms["policy_loss"].item()
    assert first == pytest.approx(-(-1.5 + 2 * LOCATION) / 2)
    assert agent.average_return.tolist() == pytest.approx([0.005] * 3)
    second = agent.loss(episode).terms["policy_loss"].item()
    other = -0.5 - 2.0 + 2 * LOCATION
    assert second == pytest.approx(-(0.995 * (-1.5 + 2 * LOCATION) - 0.005 * other) / 2)
    assert agent.average_return.tolist() == pytest.approx([0.00995] * 3)


def test_the_self_critical_baseline_is_the_return_of_the_greedy_rollout() -> None:
    """The first of two rollouts is not reinforced; the second is, by the difference of returns."""
    agent = zeroed(make_agent(baseline="self_critical", sigma={"start": 0.5}))
    assert agent.greedy_copy and not make_agent(baseline="leave_one_out").greedy_copy
    reward = [[0.0, 0.0], [0.0, 0.0], [0.25, 1.0]]
    episode = replace(make_episode(LOOK, [[0, 0]] * 3, reward, [0, 0]), copies=2)
    score = -0.5 - 2.0 + 2 * LOCATION
    assert agent.loss(episode).terms["policy_loss"].item() == pytest.approx(-0.75 * score)


def test_the_locator_has_its_own_learning_rate() -> None:
    """Each parameter is in exactly one group."""
    agent = make_agent(locator_lr_scale=0.25)
    (others, scale), (locator_parameters, locator_scale) = agent.learning_rates()
    assert (scale, locator_scale) == (1.0, 0.25)
    assert sorted(map(id, locator_parameters)) == sorted(map(id, agent.locator.parameters()))
    assert sorted(map(id, others + locator_parameters)) == sorted(map(id, agent.parameters()))


@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_half_precision_comes_close(core: str) -> None:
    """Actions and the loss in bfloat16 are within a few hundredths of float32."""
    wide: dict[str, Any] = {name: 64 for name in SMALL}
    agent = make_agent(recurrent_core=core, **wide)
    episode = make_episode(LOOK, [[0, 0]] * 3, [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [0, 1])
    seen = {name: tensor[0] for name, tensor in episode.observation.items()}
    full, (exact, _) = agent.loss(episode), agent(seen, empty_memory(agent, 2))
    with torch.autocast("cpu", torch.bfloat16):
        half, (rounded, _) = agent.loss(episode), agent(seen, empty_memory(agent, 2))
        look = agent.act(rounded, torch.zeros(2, 3), False)["look"]
    assert look.dtype == torch.float32 and half.total.dtype == torch.float32
    torch.testing.assert_close(look, exact.location, rtol=0, atol=0.01)
    assert half.total.item() == pytest.approx(full.total.item(), rel=0.02)
    assert half.total.item() != full.total.item()


def test_stopping_is_learned_where_further_glimpses_gain_less_than_they_cost() -> None:
    """The answer is certain and a glimpse costs 0.1: a descent step raises the logit of stopping."""
    agent = zeroed(make_agent(stop=True, policy_reward="probability"))
    torch.nn.init.constant_(agent.classifier.bias[0:1], 20.0)
    reward = [[-0.1, -0.1], [-0.1, -0.1], [0.9, 0.9]]
    episode = make_episode(LOOK, [[0, 0]] * 3, reward, [0, 0])
    still = torch.zeros(3, 2, dtype=torch.long)
    agent.loss(replace(episode, action={**episode.action, "stop": still})).total.backward()
    assert agent.stop_policy is not None and agent.stop_policy.decide.bias.grad is not None
    # Not stopping was chosen twice, with probability 1/2: advantages 0.7 - 1 and 0.8 - 1, times 1/2.
    assert agent.stop_policy.decide.bias.grad.item() == pytest.approx(0.5 * (0.7 - 1) + 0.5 * (0.8 - 1), abs=1e-4)
