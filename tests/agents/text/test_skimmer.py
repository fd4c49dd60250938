"""Tests of the skimmer: legal jumps, what each loss trains, and that it finds the best policy."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.agents.text.options import SkimmerOptions
from glimpse.agents.text.skimmer import Skimmer
from glimpse.envs.lane_random import mix
from glimpse.envs.text.options import SkimOptions
from glimpse.envs.text.skimming import Skimming
from glimpse.runs.rollout import play


def make_env(**options: Any) -> Skimming:
    """Make the environment of number prediction."""
    task = SkimOptions.model_validate({"name": "number-prediction", **options})
    return Skimming(task, Skimming.load_data(task, "train"))


def make(env: Skimming, **options: Any) -> Skimmer:
    """Make a small agent."""
    torch.manual_seed(0)
    sizes = {"window": {"width": 8, "pooling": "max"}, "feature_width": 16, "memory_width": 32, "embedding_width": 8}
    given = SkimmerOptions.model_validate({**sizes, **options})
    return Skimmer(given, env.observation_space, env.action_space)


@pytest.mark.parametrize("jumps", ["learned", "random", "next"])
def test_only_legal_jumps_are_made(jumps: str) -> None:
    """This holds for each jump policy; `next` reads the next window as long as there is one."""
    env = make_env(jumps=5)
    agent, example = make(env, jumps=jumps), torch.arange(64)
    episode = play(env, agent, example, example)
    legal = episode.observation["legal"].bool()
    assert legal.gather(-1, episode.action["jump"].unsqueeze(-1)).all()
    if jumps == "next":
        assert episode.action["jump"][:-1].eq(1).all() and episode.action["jump"][-1].eq(0).all()
    else:
        assert len(episode.action["jump"].unique()) > 5


@pytest.mark.parametrize("baseline", ["none", "learned", "moving_average", "leave_one_out", "self_critical"])
def test_the_baselines_of_recurrent_attention(baseline: str) -> None:
    """With each baseline, every part of the agent gets a gradient."""
    env = make_env()
    agent, example = make(env, baseline=baseline, recurrent_core="rnn"), torch.arange(32)
    loss = agent.loss(play(env, agent, example, example, copies=2))
    loss.total.backward()
    assert loss.total.isfinite() and {"policy_loss", "entropy", "return"} <= set(loss.terms)
    for part in (agent.embedding, agent.window, agent.core, agent.jumper, agent.classifier):
        assert any(weight.grad is not None and weight.grad.any() for weight in part.parameters())


def make_keep_env(tmp_path: Path, **options: Any) -> Skimming:
    """Make an environment of four words, of which one determines the class; each is kept or skipped."""
    path = tmp_path / "marked.tsv"
    texts = [[f"x{n % 5}", f"x{n % 11}", f"x{n % 7}", f"x{n % 4}"] for n in range(60)]
    for number, text in enumerate(texts):
        text[number % 4] = f"mark{number % 3}"
    path.write_text("label\ttext\n" + "".join(f"{n % 3}\t{' '.join(text)}\n" for n, text in enumerate(texts)))
    file = f"file:{path}"
    given = {"data": file, "validation": file, "test": file, "vectors": "none", **options}
    task = SkimOptions.model_validate({"name": "skim", "choice": "keep", "window": 1, "jumps": 4, **given})
    return Skimming(task, Skimming.load_data(task, "train"))


@pytest.mark.parametrize("recurrent_core", RECURRENT_CORES)
def test_skipped_windows_do_not_change_the_memory(recurrent_core: str, tmp_path: Path) -> None:
    """A replay of the kept windows gives the same answers; before the first of them, the answer is the bias."""
    env, example = make_keep_env(tmp_path), torch.arange(60)
    agent = make(env, recurrent_core=recurrent_core)
    episode = play(env, agent, example, example)
    torch.testing.assert_close(agent.classifier(agent._replay(episode.observation)), episode.answer)
    read = (episode.observation["words"] > 0).any(-1)
    nothing = (read.cumsum(0) == 0) & episode.step_mask
    assert nothing.sum() > 60 and (episode.answer[nothing] == agent.classifier.bias).all()


def test_it_learns_what_to_keep(tmp_path: Path) -> None:
    """The word that determines the class is kept, and the others are skipped."""
    env, example = make_keep_env(tmp_path, cost=0.05), torch.arange(60)
    agent = make(env, policy_reward="probability", entropy=0.05, feature_width=32)
    optimiser = torch.optim.Adam(agent.parameters(), lr=1e-2)
    for step in range(200):
        optimiser.zero_grad()
        agent.loss(play(env, agent, example, mix(example, step))).total.backward()
        optimiser.step()
    episode = play(env, agent, example, example, greedy=True)
    right = episode.answer[episode.step_mask.sum(0) - 1, example].argmax(-1) == episode.label
    read = ((episode.observation["words"] > 0).any(-1) & episode.step_mask).sum(0).float().mean()
    assert right.float().mean() > 0.95 and 0.5 < read < 1.5


def test_replayed_answers_are_those_of_the_rollout() -> None:
    """Unrolling all steps at once gives the answers of the rollout; steps after the end have no reward."""
    env = make_env(cost=0.1)
    agent, example = make(env), torch.arange(16)
    episode = play(env, agent, example, example)
    features = agent._read(episode.observation["words"].flatten(0, 1), episode.observation["position"].flatten(0, 1))
    hidden, _ = agent.core.unroll(features.unflatten(0, episode.reward.shape), None)
    torch.testing.assert_close(agent.classifier(hidden), episode.answer)
    assert (episode.reward[~episode.step_mask] == 0).all() and not episode.step_mask.all()


def test_it_finds_the_best_policy(tmp_path: Path) -> None:
    """For number prediction with three numbers below three it is always right, after two of them at most."""
    path = tmp_path / "numbers.tsv"
    texts = [list(map(str, each)) for each in product(range(3), repeat=3)]
    rows = "".join(f"n{text[int(text[0])]}\t{' '.join(text)}\n" for text in texts)
    path.write_text(f"label\ttext\n{rows}")
    file = f"file:{path}"
    env = make_env(data=file, validation=file, test=file, longest_jump=2, cost=0.05)
    agent = make(env, policy_reward="probability", entropy=0.03, feature_width=32)
    optimiser = torch.optim.Adam(agent.parameters(), lr=1e-2)
    example = torch.arange(27).repeat(3)
    for step in range(200):
        optimiser.zero_grad()
        agent.loss(play(env, agent, example, mix(torch.arange(81), step))).total.backward()
        optimiser.step()
    episode = play(env, agent, example, example, greedy=True)
    right = episode.answer[episode.step_mask.sum(0) - 1, torch.arange(81)].argmax(-1) == episode.label
    assert right.float().mean() > 0.95 and episode.step_mask.sum(0).float().mean() < 1.8


def test_the_longest_episode_follows_from_the_spaces() -> None:
    """It has one window more than jumps."""
    assert make(make_env(jumps=4)).steps == 5
    assert isinstance(make_env().observation_space["words"], spaces.Box)
    assert make_env().observation_space["words"].dtype == np.int64
