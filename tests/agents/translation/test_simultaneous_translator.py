"""The simultaneous translator: prefixes, decoding, controls, and the loss of its policy."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.episode import Episode
from glimpse.agents.translation.options import SimultaneousTranslatorOptions
from glimpse.agents.translation.prefixes import wait_k
from glimpse.agents.translation.search import greedy_search
from glimpse.agents.translation.simultaneous_decoding import decode_simultaneously
from glimpse.agents.translation.simultaneous_translator import SimultaneousTranslator
from glimpse.agents.translation.write_policy import WritePolicy
from glimpse.config.experiment import TrainOptions
from glimpse.envs.translation.options import SimultaneousTranslationOptions
from glimpse.envs.translation.simultaneous import SimultaneousTranslation
from glimpse.envs.translation.translation_data import load_translations
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.example_order import TrainingOrder

SUBWORDS, LONGEST, END = 12, 14, 3
SIZES = {"width": 8, "layers": 2, "heads": 2, "feed_forward": 8, "policy_width": 4}


def make(**given: Any) -> SimultaneousTranslator:
    """Make a small translator in float64, with weights large enough that its predictions differ."""
    seen = spaces.Box(0, SUBWORDS - 1, (LONGEST,), np.int64)
    asked = spaces.Dict({"token": spaces.Discrete(SUBWORDS), "write": spaces.Discrete(2)})
    torch.manual_seed(1)
    options = SimultaneousTranslatorOptions.model_validate({**SIZES, **given})
    agent = SimultaneousTranslator(options, spaces.Dict({"source": seen, "target": seen}), asked).double().eval()
    with torch.no_grad():
        for weight in agent.parameters():
            weight.mul_(3)
    agent.policy.float()
    return agent


def test_wait_k_hides_later_source_tokens() -> None:
    """With k = 2 the first target token reads two source tokens, the second three; none reads padding."""
    real = torch.tensor([[True] * 4, [True, True, True, False]])
    seen = wait_k({"real": real}, 3, 2)["real"].long()
    assert seen[0].tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    assert seen[1].tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]]


def test_the_encoder_is_causal(source: Tensor) -> None:
    """States of a prefix do not depend on what follows."""
    agent = make()
    states, real = agent.encode(source)[:2]
    other = agent.encode(torch.where(torch.arange(source.shape[1]) < 2, source, 5)).states
    assert real[:, :2].all()
    torch.testing.assert_close(other[:, :2], states[:, :2])


@pytest.mark.parametrize("given", [{"policy": "wait_k", "wait": 2}, {"policy": "full"}])
def test_incremental_decoding_equals_teacher_forcing(given: dict[str, Any], source: Tensor) -> None:
    """Where a choice is free, the token written is the likeliest given the same source prefix."""
    agent = make(**given)
    found = decode_simultaneously(agent, source)
    features = agent.teacher_force(source, found.target).features
    logits = agent.output(features)
    logits[..., [0, 2]] = -torch.inf
    length = (source > 0).sum(1, keepdim=True)
    waited = torch.minimum(torch.arange(LONGEST) + 2, length) if agent.policy_options.policy == "wait_k" else length
    # A predicted END before the source has ended causes a READ instead, and a longer delay from there on.
    free = (found.target > 0) & (found.target != END) & (found.delays == waited).cumprod(1).bool()
    assert free.sum() > 20
    assert torch.equal(logits.argmax(-1)[free], found.target[free])


def test_reading_all_first_equals_greedy_search(source: Tensor) -> None:
    """The policy `full` gives the translations of greedy search, with delays of the whole source."""
    agent = make(policy="full")
    found = decode_simultaneously(agent, source)
    assert torch.equal(found.target, greedy_search(agent, source))
    length = (source > 0).sum(1, keepdim=True).expand_as(found.delays)
    assert torch.equal(found.delays, length * (found.target > 0))


@pytest.mark.parametrize("policy", ["learned", "wait_k", "full"])
def test_a_sentence_does_not_depend_on_its_batch(policy: str, source: Tensor) -> None:
    """Tokens and delays agree with decoding alone; END is written only once the source has ended."""
    agent = make(policy=policy)
    found = decode_simultaneously(agent, source)
    for number, sentence in enumerate(source):
        alone = decode_simultaneously(agent, sentence[None, : int((sentence > 0).sum())])
        assert torch.equal(alone.target[0], found.target[number]) and torch.equal(alone.delays[0], found.delays[number])
    at_end = found.delays[found.target == END]
    assert torch.equal(at_end, (source > 0).sum(1)[(found.target == END).any(1)])


def test_wait_k_is_k_behind(source: Tensor) -> None:
    """Target token t, from 0, is written when t + k source tokens have been read, or all; never before."""
    agent = make(policy="wait_k", wait=3)
    found = decode_simultaneously(agent, source)
    least = torch.minimum(torch.arange(LONGEST) + 3, (source > 0).sum(1, keepdim=True)) * (found.target > 0)
    assert (found.delays >= least).all() and torch.equal(found.delays[:, 0], least[:, 0])


def episode_of(agent: SimultaneousTranslator, write: list[list[int]], reward: list[float]) -> Episode:
    """Make an episode of two steps of two rollouts, in all of which the policy could choose."""
    generator = torch.Generator().manual_seed(0)
    state = torch.randn(2, 2, SIZES["width"] + 1, generator=generator)
    lag = torch.tensor([[1, 1], [0, 2]])
    free = torch.ones(2, 2, dtype=torch.bool)
    action = {"write": torch.tensor(write), "token": torch.zeros(2, 2, dtype=torch.int64)}
    earned = torch.tensor([[0.0, 0.0], reward])
    answer, label = torch.zeros(2, 2, 0), torch.zeros(2, 3, dtype=torch.int64)
    return Episode({}, action, answer, earned, free, label, 2, {"state": state, "lag": lag, "free": free})


def test_the_policy_loss_moves_the_policy_alone() -> None:
    """The policy moves towards the better rollout's actions; no other weight has a gradient."""
    agent = make(entropy=0.0)
    episode = episode_of(agent, [[1, 0], [1, 0]], [0.9, 0.1])
    loss = agent.policy_loss(episode)
    loss.total.backward()
    moved = {name.split(".")[0] for name, weight in agent.named_parameters() if weight.grad is not None}
    assert moved == {"policy"}
    read = episode.activations["state"], episode.activations["lag"]
    before = torch.sigmoid(agent.policy(*read)).detach()
    with torch.no_grad():
        for weight in agent.policy.parameters():
            assert weight.grad is not None
            weight.sub_(1e-3 * weight.grad)
    after = torch.sigmoid(agent.policy(*read))
    # The better rollout chose WRITE, the other one READ.
    assert (after > before).all()
    # Advantages are 0.8 and -0.8; the loss is minus the mean over rollouts of advantage times log-probability.
    logarithm = before[:, 0].log().sum() - (1 - before[:, 1]).log().sum()
    assert float(loss.terms["policy_loss"]) == pytest.approx(-0.4 * float(logarithm), rel=1e-4)


def test_policy_updates_begin_after_the_warmup() -> None:
    """After its share of training one update in three is the policy's; a control has none."""
    agent, control = make(begins=0.5, play_every=3), make(policy="wait_k")
    assert agent.in_warmup and not agent.plays_next and not control.in_warmup
    turns = []
    for _ in range(6):
        for one in (agent, control):
            one.set_progress(0.6)
        turns.append(agent.plays_next)
        assert not control.plays_next and not agent.in_warmup
    assert turns == [False, False, True, False, False, True]


def test_each_lag_has_a_weight_of_its_own() -> None:
    """These weights alone can express wait-k; lags beyond the last one share its weight."""
    policy = WritePolicy(state=3, width=4)
    with torch.no_grad():
        for weight in policy.of_state.parameters():
            weight.zero_()
        policy.of_lag.weight[:, 0] = torch.arange(16) - 2.5
    state, lag = torch.randn(5, 3), torch.tensor([-1, 0, 2, 3, 99])
    assert policy(state, lag).tolist() == [-2.5, -2.5, -0.5, 0.5, 12.5]


def test_a_policy_update_plays_one_sentence_in_so_many() -> None:
    """Each of them is played `copies` times."""
    task = {
        "name": "simultaneous-translation",
        "data": "copy",
        "tokenizer": "words",
        "strings": 40,
        "max_tokens": LONGEST,
    }
    options = SimultaneousTranslationOptions.model_validate(task)
    env = SimultaneousTranslation(options, load_translations(options, "train"))
    given = {**SIZES, "begins": 0.0, "play_every": 1, "play_one_in": 3}
    agent = SimultaneousTranslator(
        SimultaneousTranslatorOptions.model_validate(given), env.observation_space, env.action_space
    )
    learner = EpisodeLearner(agent, TrainOptions(steps=9, batch=8, copies=2), torch.device("cpu"))
    agent.set_progress(0.5)
    order = TrainingOrder(env.examples, 8, 0, torch.device("cpu"))
    played = learner.collect(env, order).label
    shown, key = order(0)
    env.reset(shown[::3], key[::3], 2)
    assert len(played) == 6 and torch.equal(played, env.label)
