"""An interpreter: what it knows of a beginning, when it writes, and what its policy learns from."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.episode import Episode
from glimpse.agents.translation.options import InterpreterOptions
from glimpse.agents.translation.prefixes import wait_k
from glimpse.agents.translation.search import greedy
from glimpse.agents.translation.simultaneous_decoding import interpret
from glimpse.agents.translation.simultaneous_translator import Interpreter
from glimpse.agents.translation.write_policy import WritePolicy
from glimpse.config.experiment import TrainOptions
from glimpse.envs.translation.interpret_options import InterpretOptions
from glimpse.envs.translation.simultaneous import Interpreting
from glimpse.envs.translation.translation_data import load_translations
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.example_order import TrainingOrder

PIECES, LONGEST, END = 12, 14, 3
SIZES = {"width": 8, "layers": 2, "heads": 2, "feed_forward": 8, "policy_width": 4}


def make(**given: Any) -> Interpreter:
    """A small one in double precision, whose weights are larger than at first: so it has opinions."""
    seen = spaces.Box(0, PIECES - 1, (LONGEST,), np.int64)
    asked = spaces.Dict({"piece": spaces.Discrete(PIECES), "write": spaces.Discrete(2)})
    torch.manual_seed(1)
    options = InterpreterOptions.model_validate({**SIZES, **given})
    agent = Interpreter(options, spaces.Dict({"source": seen, "target": seen}), asked).double().eval()
    with torch.no_grad():
        for weight in agent.parameters():
            weight.mul_(3)
    agent.policy.float()
    return agent


def test_what_a_piece_may_read() -> None:
    """Two pieces behind: the first reads two, the second three; none reads padding."""
    real = torch.tensor([[True] * 4, [True, True, True, False]])
    seen = wait_k({"real": real}, 3, 2)["real"].long()
    assert seen[0].tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    assert seen[1].tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]]


def test_a_beginning_is_read_alike_whatever_follows(source: Tensor) -> None:
    """The encoder's states of it do not change."""
    agent = make()
    states, real = agent.encode(source)[:2]
    other = agent.encode(torch.where(torch.arange(source.shape[1]) < 2, source, 5)).states
    assert real[:, :2].all()
    torch.testing.assert_close(other[:, :2], states[:, :2])


@pytest.mark.parametrize("given", [{"policy": "wait_k", "wait": 2}, {"policy": "full"}])
def test_step_by_step_as_all_at_once(given: dict[str, Any], source: Tensor) -> None:
    """Where one may choose, what is written is the likeliest of what is known at once from the same beginnings."""
    agent = make(**given)
    found = interpret(agent, source)
    features = agent.teach(source, found.target).features
    logits = agent.output(features)
    logits[..., [0, 2]] = -torch.inf
    length = (source > 0).sum(1, keepdim=True)
    waited = torch.minimum(torch.arange(LONGEST) + 2, length) if agent.asked.policy == "wait_k" else length
    # Who would write the end too soon hears on, and is from there on further behind.
    free = (found.target > 0) & (found.target != END) & (found.heard == waited).cumprod(1).bool()
    assert free.sum() > 20
    assert torch.equal(logits.argmax(-1)[free], found.target[free])


def test_to_wait_for_all_is_to_translate_greedily(source: Tensor) -> None:
    """By the same weights."""
    agent = make(policy="full")
    found = interpret(agent, source)
    assert torch.equal(found.target, greedy(agent, source))
    length = (source > 0).sum(1, keepdim=True).expand_as(found.heard)
    assert torch.equal(found.heard, length * (found.target > 0))


@pytest.mark.parametrize("policy", ["learned", "wait_k", "full"])
def test_a_batch_is_as_one_by_one(policy: str, source: Tensor) -> None:
    """Pieces and delays; the end is written when it was heard, or the translation is as long as it may be."""
    agent = make(policy=policy)
    found = interpret(agent, source)
    for number, sentence in enumerate(source):
        alone = interpret(agent, sentence[None, : int((sentence > 0).sum())])
        assert torch.equal(alone.target[0], found.target[number]) and torch.equal(alone.heard[0], found.heard[number])
    at_end = found.heard[found.target == END]
    assert torch.equal(at_end, (source > 0).sum(1)[(found.target == END).any(1)])


def test_wait_k_is_k_behind(source: Tensor) -> None:
    """Piece t from 0 is written when t + k pieces were heard, or all; sooner never."""
    agent = make(policy="wait_k", wait=3)
    found = interpret(agent, source)
    least = torch.minimum(torch.arange(LONGEST) + 3, (source > 0).sum(1, keepdim=True)) * (found.target > 0)
    assert (found.heard >= least).all() and torch.equal(found.heard[:, 0], least[:, 0])


def episode_of(agent: Interpreter, write: list[list[int]], reward: list[float]) -> Episode:
    """Two steps of two copies, in all of which the policy was free."""
    generator = torch.Generator().manual_seed(0)
    state = torch.randn(2, 2, SIZES["width"] + 1, generator=generator)
    lag = torch.tensor([[1, 1], [0, 2]])
    free = torch.ones(2, 2, dtype=torch.bool)
    action = {"write": torch.tensor(write), "piece": torch.zeros(2, 2, dtype=torch.int64)}
    earned = torch.tensor([[0.0, 0.0], reward])
    answer, label = torch.zeros(2, 2, 0), torch.zeros(2, 3, dtype=torch.int64)
    return Episode({}, action, answer, earned, free, label, 2, {"state": state, "lag": lag, "free": free})


def test_what_was_earned_moves_the_policy_alone() -> None:
    """Towards what the better copy did, away from what the other did; no other weight has a gradient."""
    agent = make(entropy=0.0)
    episode = episode_of(agent, [[1, 0], [1, 0]], [0.9, 0.1])
    loss = agent.loss(episode)
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
    # The better copy wrote, the other one did not.
    assert (after > before).all()
    # Advantages are 0.8 and -0.8; the mean over copies of minus their sums of log-probabilities.
    logarithm = before[:, 0].log().sum() - (1 - before[:, 1]).log().sum()
    assert float(loss.terms["policy"]) == pytest.approx(-0.4 * float(logarithm), rel=1e-4)


def test_the_policy_plays_when_its_time_has_come() -> None:
    """After its share of the training, in one of three updates; a control never does."""
    agent, control = make(begins=0.5, play_every=3), make(policy="wait_k")
    assert agent.prepares and not agent.plays and not control.prepares
    turns = []
    for _ in range(6):
        for one in (agent, control):
            one.set_progress(0.6)
        turns.append(agent.plays)
        assert not control.plays and not agent.prepares
    assert turns == [False, False, True, False, False, True]


def test_each_lag_has_a_weight_of_its_own() -> None:
    """Such weights alone are wait-k; who is farther behind than they reach is treated as if it were there."""
    policy = WritePolicy(state=3, width=4)
    with torch.no_grad():
        for weight in policy.of_state.parameters():
            weight.zero_()
        policy.of_lag.weight[:, 0] = torch.arange(16) - 2.5
    state, lag = torch.randn(5, 3), torch.tensor([-1, 0, 2, 3, 99])
    assert policy(state, lag).tolist() == [-2.5, -2.5, -0.5, 0.5, 12.5]


def test_it_plays_some_of_an_update() -> None:
    """One in so many of its sentences, `copies` times each."""
    task = {"name": "interpret", "data": "copy", "pieces": "words", "strings": 40, "max_pieces": LONGEST}
    options = InterpretOptions.model_validate(task)
    world = Interpreting(options, load_translations(options, "train"))
    given = {**SIZES, "begins": 0.0, "play_every": 1, "play_one_in": 3}
    agent = Interpreter(InterpreterOptions.model_validate(given), world.observation_space, world.action_space)
    learner = EpisodeLearner(agent, TrainOptions(steps=9, batch=8, copies=2), torch.device("cpu"))
    agent.set_progress(0.5)
    order = TrainingOrder(world.examples, 8, 0, torch.device("cpu"))
    played = learner.collect(world, order).label
    shown, key = order(0)
    world.begin(shown[::3], key[::3], 2)
    assert len(played) == 6 and torch.equal(played, world.label)
