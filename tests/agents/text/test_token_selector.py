"""Tests of the token selector: its loss by hand, and that it comes near the best selection."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glimpse.agents.selection.bernoulli import log_prob
from glimpse.agents.text.options import TokenSelectorOptions
from glimpse.agents.text.token_selector import TokenSelector
from glimpse.envs.lane_random import mix
from glimpse.envs.text.options import SelectOptions
from glimpse.envs.text.selecting import Selecting
from glimpse.runs.rollout import play

ROWS = [f"{'good' if word == 'fine' else 'bad'}\t{first} {word} {last}" for word in ("fine", "dull")
        for first in ("a", "the", "one") for last in ("film", "plot", "book")]  # fmt: skip


def make(tmp_path: Path, baseline: str = "none", **options: Any) -> tuple[TokenSelector, Selecting]:
    """Make a small agent, and an environment of short texts in which one word determines the class."""
    path = tmp_path / "texts.tsv"
    path.write_text("\n".join(["label\ttext", *ROWS]) + "\n")
    file = f"file:{path}"
    given = {"name": "sentence-select", "data": file, "validation": file, "test": file, "vectors": "none", **options}
    task = SelectOptions.model_validate(given)
    env = Selecting(task, Selecting.load_data(task, "train"))
    torch.manual_seed(0)
    chosen = TokenSelectorOptions.model_validate({"hidden": 16, "embedding_width": 8, "baseline": baseline})
    return TokenSelector(chosen, env.observation_space, env.action_space), env


def test_the_loss_by_hand(tmp_path: Path) -> None:
    """It is minus the mean of reward times log-probability of heads and dependents."""
    agent, env = make(tmp_path)
    example = torch.arange(18)
    episode = play(env, agent, example, example)
    text = episode.observation["text"][0]
    likely = sum(
        log_prob(
            agent.samplers[kind](agent.embedding(text), text != 0).squeeze(-1), episode.action[kind][0] > 0, text != 0
        )
        for kind in ("head", "dependent")
    )
    torch.testing.assert_close(agent.loss(episode).total, -(episode.reward[0] * likely).mean())


@pytest.mark.parametrize("baseline", ["learned", "moving_average", "leave_one_out", "self_critical"])
def test_it_comes_near_the_best_selection(baseline: str, tmp_path: Path) -> None:
    """The best one reads the word of the class; the reward gets within a tenth of the way from that of nothing."""
    agent, env = make(tmp_path, baseline, cost=0.2)
    optimiser = torch.optim.Adam(agent.parameters(), lr=0.01)
    example = torch.arange(18)
    for step in range(250):
        greedy = torch.arange(72) % 4 == 0 if agent.greedy_copy else False
        optimiser.zero_grad()
        agent.loss(play(env, agent, example, mix(example, step), copies=4, greedy=greedy)).total.backward()
        optimiser.step()
    earned = play(env, agent, example, example, greedy=True).reward.mean().item()
    best = sum(env.optimum(each).reward for each in range(18)) / 18
    nothing = -0.6931
    assert best - earned < 0.1 * (best - nothing)
