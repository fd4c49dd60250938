"""The skimmer: legal jumps alone, what is learned by which loss, and that it finds the best policy."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from glimpse.agents.skim_options import SkimmerOptions
from glimpse.agents.text.skimmer import Skimmer
from glimpse.envs.lane_random import mix
from glimpse.envs.text.skim_options import SkimOptions
from glimpse.envs.text.skimming import Skimming
from glimpse.runs.rollout import play


def world(**options: Any) -> Skimming:
    """Number prediction."""
    task = SkimOptions.model_validate({"name": "number-prediction", **options})
    return Skimming(task, Skimming.load_data(task, "train"))


def make(shown: Skimming, **options: Any) -> Skimmer:
    """A small one."""
    torch.manual_seed(0)
    sizes = {"window": {"width": 8, "pooling": "max"}, "feature_width": 16, "memory_width": 32, "embedding_width": 8}
    given = SkimmerOptions.model_validate({**sizes, **options})
    return Skimmer(given, shown.observation_space, shown.action_space)


@pytest.mark.parametrize("jumps", ["learned", "random", "next"])
def test_only_legal_jumps_are_made(jumps: str) -> None:
    """By each way of choosing; the next window is read as long as there is one."""
    core = world(jumps=5)
    agent, example = make(core, jumps=jumps), torch.arange(64)
    episode = play(core, agent, example, example)
    legal = episode.observation["legal"].bool()
    assert legal.gather(-1, episode.action["jump"].unsqueeze(-1)).all()
    if jumps == "next":
        assert episode.action["jump"][:-1].eq(1).all() and episode.action["jump"][-1].eq(0).all()
    else:
        assert len(episode.action["jump"].unique()) > 5


@pytest.mark.parametrize("baseline", ["none", "learned", "moving_average", "leave_one_out", "self_critical"])
def test_the_baselines_of_recurrent_attention(baseline: str) -> None:
    """All of them; the policy gradient reaches the jumper, the cross-entropy the rest."""
    core = world()
    agent, example = make(core, baseline=baseline, core="rnn"), torch.arange(32)
    loss = agent.loss(play(core, agent, example, example, copies=2))
    loss.total.backward()
    assert loss.total.isfinite() and {"policy", "entropy", "return"} <= set(loss.terms)
    for part in (agent.embedding, agent.window, agent.core, agent.jumper, agent.classifier):
        assert any(weight.grad is not None and weight.grad.any() for weight in part.parameters())


def keeping(tmp_path: Path, **options: Any) -> Skimming:
    """Texts of four words, one of which says the class: windows of one word are kept or skipped."""
    path = tmp_path / "marked.tsv"
    texts = [[f"x{n % 5}", f"x{n % 11}", f"x{n % 7}", f"x{n % 4}"] for n in range(60)]
    for number, text in enumerate(texts):
        text[number % 4] = f"mark{number % 3}"
    path.write_text("label\ttext\n" + "".join(f"{n % 3}\t{' '.join(text)}\n" for n, text in enumerate(texts)))
    file = f"file:{path}"
    given = {"data": file, "validation": file, "test": file, "vectors": "none", **options}
    task = SkimOptions.model_validate({"name": "skim", "choice": "keep", "window": 1, "jumps": 4, **given})
    return Skimming(task, Skimming.load_data(task, "train"))


@pytest.mark.parametrize("core", ["rnn", "lstm"])
def test_skipped_windows_leave_nothing(core: str, tmp_path: Path) -> None:
    """What is answered follows from the windows that were kept; a replay says the same; before them all are alike."""
    shown, example = keeping(tmp_path), torch.arange(60)
    agent = make(shown, core=core)
    episode = play(shown, agent, example, example)
    torch.testing.assert_close(agent.classifier(agent._replay(episode.observation)), episode.answer)
    read = (episode.observation["words"] > 0).any(-1)
    nothing = (read.cumsum(0) == 0) & episode.taken
    assert nothing.sum() > 60 and (episode.answer[nothing] == agent.classifier.bias).all()


def test_it_learns_what_to_keep(tmp_path: Path) -> None:
    """The word that says the class is kept, and the others are skipped."""
    shown, example = keeping(tmp_path, cost=0.05), torch.arange(60)
    agent = make(shown, credit="probability", entropy=0.05, feature_width=32)
    optimiser = torch.optim.Adam(agent.parameters(), lr=1e-2)
    for step in range(200):
        optimiser.zero_grad()
        agent.loss(play(shown, agent, example, mix(example, step))).total.backward()
        optimiser.step()
    episode = play(shown, agent, example, example, greedy=True)
    right = episode.answer[episode.taken.sum(0) - 1, example].argmax(-1) == episode.label
    read = ((episode.observation["words"] > 0).any(-1) & episode.taken).sum(0).float().mean()
    assert right.float().mean() > 0.95 and 0.5 < read < 1.5


def test_replayed_decisions_are_those_that_were_made() -> None:
    """The answers of the rollout are those of all steps at once; what comes after the end counts nowhere."""
    core = world(cost=0.1)
    agent, example = make(core), torch.arange(16)
    episode = play(core, agent, example, example)
    features = agent._read(episode.observation["words"].flatten(0, 1), episode.observation["place"].flatten(0, 1))
    hidden, _ = agent.core.unroll(features.unflatten(0, episode.reward.shape), None)
    torch.testing.assert_close(agent.classifier(hidden), episode.answer)
    assert (episode.reward[~episode.taken] == 0).all() and not episode.taken.all()


def test_it_finds_the_best_policy(tmp_path: Path) -> None:
    """Of number prediction with three numbers below three: always right, after two of them at most."""
    path = tmp_path / "numbers.tsv"
    texts = [list(map(str, each)) for each in product(range(3), repeat=3)]
    rows = "".join(f"n{text[int(text[0])]}\t{' '.join(text)}\n" for text in texts)
    path.write_text(f"label\ttext\n{rows}")
    file = f"file:{path}"
    core = world(data=file, validation=file, test=file, longest_jump=2, cost=0.05)
    agent = make(core, credit="probability", entropy=0.03, feature_width=32)
    optimiser = torch.optim.Adam(agent.parameters(), lr=1e-2)
    example = torch.arange(27).repeat(3)
    for step in range(200):
        optimiser.zero_grad()
        agent.loss(play(core, agent, example, mix(torch.arange(81), step))).total.backward()
        optimiser.step()
    episode = play(core, agent, example, example, greedy=True)
    right = episode.answer[episode.taken.sum(0) - 1, torch.arange(81)].argmax(-1) == episode.label
    assert right.float().mean() > 0.95 and episode.taken.sum(0).float().mean() < 1.8


def test_spaces_say_how_long_it_reads() -> None:
    """One window more than there are jumps."""
    assert make(world(jumps=4)).steps == 5
    assert isinstance(world().observation_space["words"], spaces.Box)
    assert world().observation_space["words"].dtype == np.int64
