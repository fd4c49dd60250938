"""Soft and hard attention over a grid: what they read and choose, and which loss trains which weights."""

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from glimpse.agents.episode import Batch, Decision, Episode
from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.agents.update_losses import needs_rollout
from glimpse.agents.vision.grid_attention import SoftGrid, make_grid
from glimpse.agents.vision.hard_grid import HardGrid
from glimpse.agents.vision.locators import FixedLocator
from glimpse.agents.vision.options import GridOptions
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.runs.rollout import labelled_batch, play

SMALL = {"glimpse_width": 7, "location_width": 5, "feature_width": 9, "memory_width": 8, "attention_width": 6}
EXAMPLE = torch.arange(12)


def make_env(**task: Any) -> Classification:
    """Make an environment of 6 x 8 noise pixels in four classes, shown whole for three steps."""
    noise = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (12, 1, 6, 8), generator=noise, dtype=torch.uint8)
    data = ImageData(images, EXAMPLE % 4, ("a", "b", "c", "d"))
    options = {"name": "images", "view": "whole", "glimpses": 3, "glimpse_cost": 0.125, **task}
    return Classification(ClassificationOptions.model_validate(options), data)


def make_agent(env: Classification, attention: str, **options: Any) -> SoftGrid | HardGrid:
    """Make a small agent with 3 rows of 4 cells of 2 x 2 pixels, with weights large enough for features to matter."""
    torch.manual_seed(3)
    given = {**SMALL, "patch": 2, "stride": 2, "attention": attention, **options}
    agent = make_grid(GridOptions.model_validate(given), env.observation_space, env.action_space)
    with torch.no_grad():
        for parameter in agent.parameters():
            parameter.mul_(2)
    return agent


def soft(env: Classification, **options: Any) -> SoftGrid:
    """Make an agent with soft attention."""
    return cast(SoftGrid, make_agent(env, "soft", **options))


def hard(env: Classification, **options: Any) -> HardGrid:
    """Make an agent with hard attention."""
    return cast(HardGrid, make_agent(env, "hard", **options))


def gradients(agent: Any, episode: Episode | Batch) -> dict[str, Tensor]:
    """Return the gradient of the whole loss by parameter; zeros where there is none."""
    names, parameters = zip(*agent.named_parameters(), strict=True)
    total = agent.loss(episode).total
    found = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    return dict(zip(names, found, strict=True))


def part(found: dict[str, Tensor], *modules: str) -> Tensor:
    """Return all gradients of some of the network's modules, flat."""
    names = tuple(f"network.{module}" for module in modules)
    return torch.cat([gradient.flatten() for name, gradient in found.items() if name.startswith(names)])


def test_one_line_of_the_config_swaps_soft_for_hard() -> None:
    """Both have the same networks; hard attention has a baseline besides."""
    env = make_env()
    one, other = soft(env).state_dict(), hard(env).state_dict()
    extra = {"baseline.weight", "baseline.bias", "average_return"}
    assert set(other) - set(one) == extra and set(one) <= set(other)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_soft_attention_reads_the_expected_feature() -> None:
    """Weights are the softmax of the scores given the previous memory; the core reads the weighted mean."""
    env = make_env()
    agent = soft(env)
    network = agent.network
    observation = env.reset(EXAMPLE, EXAMPLE)
    memory = agent.initial_memory(observation)
    features = network.encode(observation)
    hidden = torch.zeros(12, 8)
    for _ in range(3):
        weights = network.scores(network.scores.key(features), hidden).softmax(-1)
        torch.testing.assert_close(memory.weights, weights)
        expected = torch.stack([(weights[lane, :, None] * features[lane]).sum(0) for lane in range(12)])
        hidden = network.core(expected, hidden)
        decision, memory = agent(observation, memory)
        torch.testing.assert_close(decision.answer, network.classifier(hidden))
    assert (memory.weights - 1 / 12).abs().max() > 0.01


def test_where_all_cells_score_alike_their_mean_is_read_at_the_centre() -> None:
    """With zero weights in the scores, alpha is 1 / L."""
    env = make_env()
    agent = soft(env)
    torch.nn.init.zeros_(agent.network.scores.score.weight)
    observation = env.reset(EXAMPLE, EXAMPLE)
    memory = agent.initial_memory(observation)
    torch.testing.assert_close(memory.weights, torch.full((12, 12), 1 / 12))
    decision, _ = agent(observation, memory)
    torch.testing.assert_close(decision.location, torch.zeros(12, 2), atol=1e-6, rtol=0)
    mean = agent.network.encode(observation).mean(1)
    expected = agent.network.core(mean, torch.zeros(12, 8))
    torch.testing.assert_close(decision.answer, agent.network.classifier(expected))


def test_soft_attention_s_look_is_the_mean_location_of_the_next_step() -> None:
    """The scanpath that the environment records is therefore where it reads."""
    env = make_env()
    agent = soft(env)
    observation = env.reset(EXAMPLE, EXAMPLE)
    decision, memory = agent(observation, agent.initial_memory(observation))
    torch.testing.assert_close(decision.location, memory.weights @ agent.network.grid.locations)
    episode = play(env, agent, EXAMPLE, EXAMPLE)
    torch.testing.assert_close(episode.observation["location"][1], decision.location)


@pytest.mark.parametrize("classification", ["final", "every_step"])
def test_soft_attention_learns_from_the_first_observation_alone(classification: str) -> None:
    """Its loss is the cross-entropy of the answers that it gives in a rollout, and all weights have gradients."""
    env = make_env()
    agent = soft(env, classification=classification)
    shown = labelled_batch(env, EXAMPLE, EXAMPLE)
    played = play(env, agent, EXAMPLE, EXAMPLE)
    log_prob = played.answer.log_softmax(-1).gather(-1, played.label.expand(3, -1)[..., None])
    expected = -(log_prob.mean() if classification == "every_step" else log_prob[-1].mean())
    torch.testing.assert_close(agent.loss(shown).total, expected)
    assert all(gradient.abs().sum() > 0 for gradient in gradients(agent, shown).values())
    assert not needs_rollout(agent) and not agent.stochastic


@pytest.mark.parametrize("scores", ["feature", "memory"])
def test_hard_attention_with_all_weight_on_a_cell_is_soft_attention(scores: str) -> None:
    """With scores times 10,000 the softmax is one-hot, so soft attention reads what greedy hard attention reads."""
    env = make_env()
    agents = soft(env, scores=scores), hard(env, scores=scores)
    with torch.no_grad():
        for agent in agents:
            for parameter in agent.network.scores.score.parameters():
                parameter.mul_(1e4)
    first = agents[0].initial_memory(env.reset(EXAMPLE, EXAMPLE)).weights.argmax(-1)
    common = first.mode().values  # The hard agent's first cell is the environment's.
    env = make_env(initial_location=tuple(agents[0].network.grid.locations[common].tolist()))
    lanes = (first == common).nonzero().squeeze(1)
    assert len(lanes) > 1
    one, other = (play(env, agent, EXAMPLE[lanes], EXAMPLE[lanes], greedy=True) for agent in agents)
    torch.testing.assert_close(one.answer, other.answer, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(one.action["look"], other.action["look"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("scores", ["feature", "memory"])
def test_hard_attention_reads_one_cell_a_step(scores: str) -> None:
    """Its answer is computed from the features of the chosen cells."""
    env = make_env()
    agent = hard(env, scores=scores)
    network = agent.network
    episode = play(env, agent, EXAMPLE, EXAMPLE)
    features = network.encode({"glimpse": episode.observation["glimpse"][0]})
    hidden = torch.zeros(12, 8)
    for step in range(3):
        cell = network.grid.nearest(episode.observation["location"][step])
        if step:
            assert torch.equal(network.grid.locations[cell], episode.action["look"][step - 1])
        hidden = network.core(features[torch.arange(12), cell], hidden)
        torch.testing.assert_close(episode.answer[step], network.classifier(hidden))


def test_with_scores_by_location_only_pixels_of_chosen_cells_are_read() -> None:
    """Other pixels do not change the outputs, and `pixels_read` counts so; with scores by feature all are read."""
    env = make_env()
    agent = hard(env, scores="memory")
    observation = env.reset(EXAMPLE, EXAMPLE)
    chosen = agent.network.grid.nearest(observation["location"])
    picture = torch.zeros_like(observation["glimpse"])
    for lane, cell in enumerate(chosen.tolist()):
        row, column = 2 * (cell // 4), 2 * (cell % 4)
        block = (lane, slice(None), slice(None), slice(row, row + 2), slice(column, column + 2))
        picture[block] = observation["glimpse"][block]
    masked = {**observation, "glimpse": picture}
    before, _ = agent(observation, agent.initial_memory(observation))
    after, _ = agent(masked, agent.initial_memory(masked))
    assert torch.equal(before.answer, after.answer)
    assert torch.equal(before.activations["scores"], after.activations["scores"])
    assert agent.pixels_read(48) == 3 * 4
    of_features = hard(env)
    seen = (
        of_features(each, of_features.initial_memory(each))[0].activations["scores"] for each in (observation, masked)
    )
    assert not torch.allclose(*seen)
    assert of_features.pixels_read(48) == 48


def scored(*scores: float) -> Decision:
    """Return a decision of 4000 episodes with the same scores of twelve cells."""
    return Decision(torch.zeros(4000, 4), {"scores": torch.tensor([scores] * 4000)}, torch.zeros(4000, 2))


def test_cells_are_drawn_from_the_softmax() -> None:
    """The frequencies of 4000 samples fit; a cell of probability zero is never sampled; greedy is the likeliest."""
    agent = hard(make_env())
    share = torch.tensor([0.5, 0.25, 0.0, 0.15, 0.1] + [0.0] * 7)
    decision = scored(*share.log().clamp(min=-1e4).tolist())
    noise = torch.randn(4000, 3, generator=torch.Generator().manual_seed(1))
    cell = agent.network.grid.nearest(agent.act(decision, noise, False)["look"])
    found = torch.bincount(cell, minlength=12) / 4000
    assert (found - share).abs().max() < 0.03 and not found[share == 0].any()
    extreme = agent.act(decision, torch.full((4000, 3), 40.0), False)["look"]
    assert agent.network.grid.nearest(extreme).max() <= 11
    likeliest = agent.act(decision, noise, True)["look"]
    assert torch.equal(likeliest, agent.network.grid.locations[0].expand(4000, 2))
    half = torch.arange(4000) % 2 == 0
    mixed = agent.act(decision, noise, half)["look"]
    assert torch.equal(mixed[half], likeliest[half]) and torch.equal(
        mixed[~half], agent.network.grid.locations[cell][~half]
    )


@pytest.mark.parametrize("scores", ["feature", "memory"])
def test_only_the_policy_loss_trains_the_scores(scores: str) -> None:
    """No gradient flows through a sampled cell: without the policy loss their gradient is zero."""
    env = make_env()
    agent, blind = (hard(env, scores=scores, policy_weight=weight) for weight in (1.0, 0.0))
    episode = play(env, agent, EXAMPLE, EXAMPLE, copies=2, record=True)
    found, without = gradients(agent, episode), gradients(blind, episode)
    assert part(found, "scores").norm() > 1e-3 and part(without, "scores").count_nonzero() == 0
    for module in ("core", "encoder"):
        assert (part(found, module) - part(without, module)).norm() > 1e-4
    assert torch.equal(part(found, "classifier"), part(without, "classifier"))


def test_the_gradient_of_the_scores_is_the_score_function() -> None:
    """For e = W h + b the gradient with respect to b is -advantage * (one-hot - softmax), summed by hand."""
    env = make_env()
    agent = hard(env, scores="memory", baseline="leave_one_out", policy_weight=0.5)
    episode = play(env, agent, EXAMPLE, EXAMPLE, copies=2)
    reward = torch.rand(3, 24, generator=torch.Generator().manual_seed(1))
    network, memory = agent.network, agent.initial_memory({name: seen[0] for name, seen in episode.observation.items()})
    expected = torch.zeros(12)
    for step in (0, 1):  # The last cell is not reinforced: it is never read.
        seen = {name: each[step] for name, each in episode.observation.items()}
        decision, memory = agent(seen, memory)
        chosen = network.grid.nearest(episode.action["look"][step])
        for lane in range(24):
            to_go = reward[step:].sum(0)
            advantage = to_go[lane] - to_go[lane ^ 1]  # the other of two rollouts
            share = decision.activations["scores"][lane].softmax(-1)
            expected -= 0.5 * advantage * (torch.eye(12)[chosen[lane]] - share) / 24
    found = gradients(agent, replace(episode, reward=reward))["network.scores.score.bias"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert expected.abs().max() > 1e-3


def test_the_last_cell_is_not_reinforced() -> None:
    """The loss does not depend on it: it is never read."""
    env = make_env()
    agent = hard(env)
    episode = play(env, agent, EXAMPLE, EXAMPLE)
    look = episode.action["look"].clone()
    look[-1] = -look[-1]
    other = replace(episode, action={**episode.action, "look": look})
    assert torch.equal(agent.loss(other).total, agent.loss(episode).total)


@pytest.mark.parametrize("scores", ["feature", "memory"])
@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_rollouts_of_an_example_share_the_features_of_its_picture(core: str, scores: str) -> None:
    """The loss of three rollouts of each picture is that of as many separate pictures."""
    env = make_env()
    agent = hard(env, recurrent_core=core, scores=scores)
    episode = play(env, agent, EXAMPLE, EXAMPLE, copies=3)
    alone = replace(episode, copies=1)
    torch.testing.assert_close(agent.loss(episode).total, agent.loss(alone).total)
    one, other = gradients(agent, episode), gradients(agent, alone)
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-3, atol=1e-5)


def test_the_scores_have_their_own_learning_rate() -> None:
    """Each parameter is in exactly one group."""
    agent = hard(make_env(), locator_lr_scale=0.25)
    (others, one), (scores, rate) = agent.learning_rates()
    assert (one, rate) == (1.0, 0.25)
    assert {id(p) for p in scores} == {id(p) for p in agent.network.scores.parameters()}
    assert len(others) + len(scores) == len(list(agent.parameters()))


def test_the_readout_of_soft_attention_has_the_weight_of_each_cell() -> None:
    """A worked example: 3/4 on the second cell of the first row, 1/4 on the last cell."""
    env = make_env()
    agent = soft(env)
    observation = env.reset(EXAMPLE, EXAMPLE)
    weights = torch.zeros(12, 12)
    weights[:, 1], weights[:, 11] = 0.75, 0.25
    readout = agent.readout(observation, agent.initial_memory(observation)._replace(weights=weights))
    torch.testing.assert_close(
        readout.location[0], torch.tensor([-0.25 * 0.75 + 0.75 * 0.25, -2 / 3 * 0.75 + 2 / 3 * 0.25])
    )
    assert readout.patch.shape == (12, 1, 1, 3, 4) and readout.boxes.shape == (12, 0, 4)
    assert readout.patch[0, 0, 0, 0, 1] == 1 and readout.patch[0, 0, 0, 2, 3] == pytest.approx(1 / 3)
    assert (readout.share[0, :2, 2:4] == 1).all() and readout.share[0].sum() == pytest.approx(4 + 4 / 3)


def test_the_readout_of_hard_attention_is_the_cell_that_it_reads() -> None:
    """It has the cell's pixels, and their box in the picture."""
    env = make_env(initial_location=(0.3, 0.9))
    agent = hard(env)
    observation = env.reset(EXAMPLE, EXAMPLE)
    readout = agent.readout(observation, agent.initial_memory(observation))
    assert torch.equal(readout.patch, observation["glimpse"][..., 4:6, 4:6])
    assert readout.boxes[3].tolist() == [[4, 4, 6, 6]]
    assert readout.share.sum((1, 2)).eq(4).all() and readout.share[:, 4:6, 4:6].eq(1).all()
    assert torch.equal(readout.location, agent.network.grid.locations[10].expand(12, 2))


def test_a_control_locator_replaces_the_scores() -> None:
    """The agent then reads the cells at the control's locations."""
    env = make_env()
    agent = hard(env)
    assert agent.foveal and agent.locator is None and not soft(env).foveal
    agent.locator = FixedLocator(torch.tensor([[-0.75, -2 / 3], [0.75, 2 / 3], [0.0, 0.0]]))
    episode = play(env, agent, EXAMPLE, EXAMPLE)
    chosen = agent.network.grid.nearest(episode.observation["location"])
    assert (chosen[1] == 0).all() and (chosen[2] == 11).all()
