"""SB3's policies as agents, compared with SB3's own prediction and training in the flat view of environments."""

import sys
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from torch import Tensor

from glimpse.agents import AGENTS
from glimpse.agents.episode import Decision
from glimpse.agents.vision.locators import FixedLocator, RandomLocator
from glimpse.agents.vision.stable_baselines3_agent import GlimpseExtractor, Sb3Agent, make_algorithm, policy_options
from glimpse.agents.vision.stable_baselines3_options import PpoOptions
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.faces.stable_baselines3_face import Sb3VecEnv, make_sb3_env
from glimpse.runs.rollout import play

SMALL: dict[str, Any] = {"glimpse_width": 8, "location_width": 8, "feature_width": 8, "net_arch": (8,), "grid": 5}
TASK: dict[str, Any] = {"glimpses": 4, "stop": True, "retina": {"patch": 2, "scales": 2}, "reward": "each_step"}
NAMES = ("sb3-ppo", "sb3-a2c", "sb3-recurrent-ppo")


def make(name: str, env: Sb3VecEnv, **options: Any) -> Sb3Agent:
    """Make a small agent for the environment behind a flat view, with weights so large that choices differ."""
    given = resolve_name(AGENTS[name].options).model_validate({**SMALL, **options})
    wrapped = env.lanes.env
    torch.manual_seed(0)
    agent = resolve_name(AGENTS[name].factory)(given, wrapped.observation_space, wrapped.action_space)
    with torch.no_grad():
        agent.policy.action_net.weight.mul_(300)
    assert isinstance(agent, Sb3Agent)
    return agent


def unflat(env: Sb3VecEnv, observation: Any) -> dict[str, Tensor]:
    """Return a flat observation with the shapes of the environment's own observation space."""
    space = env.lanes.env.observation_space
    flat = {name: torch.as_tensor(array) for name, array in observation.items()}
    return {
        name: part.argmax(-1)
        if isinstance(space[name], spaces.Discrete)  # It is shown as one-hot.
        else part.view(-1, *(space[name].shape or ()))
        for name, part in flat.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_greedy_agent_does_what_sb3_predicts(name: str) -> None:
    """They agree at each step of whole episodes, with the memory, for each part of the action."""
    env = make_sb3_env("digits", num_envs=6, seed=0, grid=5, **TASK)
    agent = make(name, env)
    flat: Any = env.reset()
    memory, state, done = agent.initial_memory(unflat(env, flat)), None, np.zeros(6, bool)
    seen = set()
    for _ in range(4):
        decision, memory = agent(unflat(env, flat), memory)
        action = agent.act(decision, torch.randn(6, 3), greedy=True)
        predicted, state = agent.policy.predict(flat, state, deterministic=True)
        expected = env._flat.unflatten(np.where(done[:, None], 0, predicted))
        for part, array in expected.items():
            assert np.array_equal(action[part].numpy()[~done], array[~done])
        seen |= set(map(tuple, predicted[:, :3].tolist()))
        predicted[:, 3] = 0  # No episode stops early.
        flat, _, ended, _ = env.step(predicted)
        done |= ended
    assert len(seen) > 6


@pytest.mark.parametrize(
    "environment", [name for name, row in ENVIRONMENTS.items() if row.kind in AGENTS["sb3-ppo"].kinds]
)
@pytest.mark.parametrize("name", NAMES)
def test_every_agent_plays_and_learns_in_every_environment(name: str, environment: str) -> None:
    """Without an answer in the action space the answer has no classes; training runs across episodes' ends."""
    small: dict[str, Any] = {"data": "digits"} if ENVIRONMENTS[environment].kind == "classification" else {}
    sizes: dict[str, dict[str, Any]] = {
        "find": {"data": "cells", "object": "ring", "glance": 16},
        "megapixel-mnist": {"glance": 20},
        "photo-search": {"photographs": "scikit-learn", "glance": 16, "glimpses": 3},
    }
    small |= sizes.get(environment, {})
    env = make_sb3_env(environment, num_envs=8, seed=0, grid=5, **small)
    once = {} if name == "sb3-a2c" else {"n_epochs": 1}
    agent, wrapped, example = make(name, env, n_steps=5, **once), env.lanes.env, torch.arange(3)
    make_algorithm(agent, env, lambda _: 1e-3, 0.5).learn(80)
    assert all(weights.isfinite().all() for weights in agent.parameters())
    episode = play(wrapped, agent, example, example, copies=2)
    assert set(episode.action) == set(wrapped.action_space.spaces)
    assert episode.action["look"].shape == (agent.steps, 6, 2)
    answer: Any = wrapped.action_space.spaces.get("answer")
    classes = 0 if answer is None else answer.n
    assert episode.answer.shape == (agent.steps, 6, classes)


def test_choices_are_sampled_with_the_policys_probabilities() -> None:
    """Column, row and stop are independent, each from its own noise; the answer is always the likeliest."""
    env = make_sb3_env("digits", grid=5, **TASK)
    agent = make("sb3-ppo", env)
    shares = {"column": [0.1, 0.2, 0.4, 0.2, 0.1], "row": [0.5, 0.0, 0.0, 0.0, 0.5], "stop": [0.75, 0.25]}
    known = {name: torch.tensor(share).log().expand(40_000, -1) for name, share in shares.items()}
    answer = torch.eye(10)[3].expand(40_000, -1)
    noise = torch.randn(40_000, 3, generator=torch.Generator().manual_seed(0))
    decision = Decision(answer, {**known, "answer": answer}, torch.zeros(40_000, 2))
    action = agent.act(decision, noise, greedy=False)
    centres = torch.tensor([-0.8, -0.4, 0.0, 0.4, 0.8])
    for axis, name in enumerate(("column", "row")):
        found = (action["look"][:, axis, None] - centres).abs() < 1e-6
        assert found.sum() == 40_000
        assert found.float().mean(0).tolist() == pytest.approx(shares[name], abs=0.01)
    assert action["stop"].float().mean().item() == pytest.approx(0.25, abs=0.01)
    together = (action["look"][:, 0] < -0.6) & (action["look"][:, 1] < 0) & (action["stop"] == 1)
    assert together.float().mean().item() == pytest.approx(0.1 * 0.5 * 0.25, abs=0.003)
    assert set(action["answer"].tolist()) == {3}


def test_an_episode_does_not_depend_on_its_neighbours() -> None:
    """Each lane has its own memory."""
    env = make_sb3_env("digits", num_envs=4, seed=0, grid=5, **TASK)
    agent = make("sb3-recurrent-ppo", env)
    memories = [agent.initial_memory({"location": torch.zeros(lanes, 2)}) for lanes in (4, 1)]
    for _ in range(3):
        flat: Any = env.reset()
        observation = unflat(env, flat)
        together, memories[0] = agent(observation, memories[0])
        alone, memories[1] = agent({name: array[2:3] for name, array in observation.items()}, memories[1])
        torch.testing.assert_close(together.answer[2:3], alone.answer)
        torch.testing.assert_close(memories[0][2:3], memories[1])
    assert memories[0].std(0).sum() > 0


def test_a_control_locator_replaces_the_policys_locations() -> None:
    """The answer and the stop are still the policy's."""
    env = make_sb3_env("digits", num_envs=6, seed=0, grid=5, **TASK)
    agent = make("sb3-ppo", env)
    flat: Any = env.reset()
    observation, noise = unflat(env, flat), torch.randn(6, 3)
    own = agent.act(agent(observation, agent.initial_memory(observation))[0], noise, False)
    path = torch.tensor([[0.3, -0.2]] * 4)
    for locator in (FixedLocator(path), RandomLocator()):
        agent.locator = locator
        action = agent.act(agent(observation, agent.initial_memory(observation))[0], noise, False)
        assert torch.equal(action["answer"], own["answer"]) and torch.equal(action["stop"], own["stop"])
        if isinstance(locator, FixedLocator):
            assert torch.equal(action["look"], path[:1].expand(6, 2))
        else:
            assert torch.equal(action["look"], torch.erf(noise[:, :2] * 0.5**0.5))


def test_the_extractor_is_rams_glimpse_network_with_the_rest_beside_it() -> None:
    """Features are those of `GlimpseNetwork`, then the one-hot time; every weight has a gradient."""
    env = make_sb3_env("digits", num_envs=3, seed=0, **TASK)
    space: Any = env.observation_space
    extractor = GlimpseExtractor(space, glimpse_width=5, location_width=6, feature_width=7)
    assert extractor.features_dim == 7 + 5
    flat: Any = env.reset()
    observation = {name: torch.as_tensor(array) for name, array in flat.items()}
    observation["time"] = torch.eye(5)[[0, 3, 4]]
    features = extractor(observation)
    own = unflat(env, flat)
    assert torch.equal(features[:, :7], extractor.network(own["glimpse"], own["location"]).feature)
    assert torch.equal(features[:, 7:], observation["time"])
    features.sum().backward()
    assert all(weights.grad is not None for weights in extractor.parameters())


def test_the_extractor_refuses_what_is_not_flat() -> None:
    """The message says what was expected."""
    wrapped = make_sb3_env("digits", **TASK).lanes.env
    no_glimpse = spaces.Dict({"location": spaces.Box(-1, 1, (2,))})
    wrong: tuple[Any, ...] = (wrapped.observation_space, no_glimpse, spaces.Discrete(2))
    for space in wrong:
        with pytest.raises(ValueError, match=r"expected a flat observation with glimpse \(n,\) and location \(2,\)"):
            GlimpseExtractor(space)


@pytest.mark.parametrize("name", NAMES)
def test_the_algorithm_is_sb3s_with_the_agents_policy(name: str) -> None:
    """It has the agent's options, and trains the agent's weights."""
    env = make_sb3_env("digits", num_envs=8, seed=0, grid=5, **TASK)
    options: dict[str, Any] = {} if name == "sb3-a2c" else {"n_epochs": 3, "minibatches": 2, "clip_range": 0.3}
    agent = make(name, env, gamma=0.7, gae_lambda=0.6, ent_coef=0.02, vf_coef=0.3, **options)
    model: Any = make_algorithm(agent, env, lambda _: 0.125, 0.4)
    assert (model.gamma, model.gae_lambda, model.ent_coef, model.vf_coef) == (0.7, 0.6, 0.02, 0.3)
    assert (model.n_steps, model.max_grad_norm, model.lr_schedule(1.0)) == (4, 0.4, 0.125)
    if options:
        assert (model.n_epochs, model.batch_size, model.clip_range(1.0)) == (3, 16, 0.3)
    assert type(model.policy.optimizer) is (torch.optim.RMSprop if name == "sb3-a2c" else torch.optim.Adam)
    before = [weights.detach().clone() for weights in agent.policy.parameters()]
    model.learn(32)
    assert any((weights != old).any() for weights, old in zip(agent.policy.parameters(), before, strict=True))


def test_training_is_that_of_plain_sb3() -> None:
    """The same initial weights and seeds give the same final weights, to the bit."""
    env = make_sb3_env("digits", num_envs=8, seed=0, grid=5, **TASK)
    agent = make("sb3-ppo", env, n_epochs=2)
    first = {name: weights.clone() for name, weights in agent.policy.state_dict().items()}
    model = make_algorithm(agent, env, lambda _: 1e-2, 0.5)
    same_env = make_sb3_env("digits", num_envs=8, seed=0, grid=5, **TASK)
    widths = policy_options(PpoOptions.model_validate(SMALL))
    given: dict[str, Any] = {"n_steps": 4, "batch_size": 8, "n_epochs": 2, "learning_rate": 1e-2, "ent_coef": 0.01}
    plain = PPO("MultiInputPolicy", same_env, policy_kwargs=widths, device="cpu", **given)
    plain.policy.load_state_dict(first)
    for one in (model, plain):
        torch.manual_seed(5)
        np.random.seed(5)
        one.learn(64)
    ours, theirs = agent.policy.state_dict(), plain.policy.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert any(not torch.equal(ours[name], first[name]) for name in ours)


def test_another_grid_of_locations_is_refused() -> None:
    """The message has both action spaces."""
    agent = make("sb3-ppo", make_sb3_env("digits", grid=5, **TASK))
    with pytest.raises(ValueError, match=r"acts on MultiDiscrete\(\[ 5  5 10  2\]\), not on MultiDiscrete\(\[ 6"):
        make_algorithm(agent, make_sb3_env("digits", grid=6, **TASK), lambda _: 1e-3, 0.5)


def test_an_environment_with_two_choices_besides_the_answer_is_refused() -> None:
    """An agent is given noise for one such choice."""
    wrapped = make_sb3_env("digits", **TASK).lanes.env
    action = spaces.Dict({**wrapped.action_space.spaces, "move": spaces.Discrete(3)})
    with pytest.raises(ValueError, match="one choice besides `answer`"):
        Sb3Agent(PpoOptions(), wrapped.observation_space, action)


def test_without_sb3_contrib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only RecurrentPPO needs it."""
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    env = make_sb3_env("digits", grid=5, **TASK)
    make("sb3-ppo", env)
    with pytest.raises(ModuleNotFoundError, match=r"needs the package sb3-contrib .*'glimpse-rl\[recurrent\]'"):
        make("sb3-recurrent-ppo", env)
