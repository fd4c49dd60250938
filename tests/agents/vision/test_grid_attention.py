"""Soft and hard attention over a grid: what they read, what they choose, and what moves which weights."""

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from glimpse.agents.episode import Decision, Episode
from glimpse.agents.soft_options import GridOptions
from glimpse.agents.vision.grid_attention import HardGrid, SoftGrid, make_grid
from glimpse.agents.vision.locators import FixedLocator
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.options import ClassificationOptions
from glimpse.runs.rollout import play, show

SMALL = {"glimpse_width": 7, "place_width": 5, "feature_width": 9, "memory_width": 8, "attention_width": 6}
EXAMPLE = torch.arange(12)


def make_world(**task: Any) -> Classification:
    """Noise of 6 x 8 pixels in four classes, shown whole for three steps."""
    noise = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (12, 1, 6, 8), generator=noise, dtype=torch.uint8)
    data = ImageData(images, EXAMPLE % 4, ("a", "b", "c", "d"))
    options = {"name": "images", "view": "whole", "glimpses": 3, "glimpse_cost": 0.125, **task}
    return Classification(ClassificationOptions.model_validate(options), data)


def make_agent(world: Classification, attention: str, **options: Any) -> SoftGrid | HardGrid:
    """A small agent whose cells are 2 x 2 pixels, 3 rows of 4; its weights are large enough for features to matter."""
    torch.manual_seed(3)
    given = {**SMALL, "patch": 2, "stride": 2, "attention": attention, **options}
    agent = make_grid(GridOptions.model_validate(given), world.observation_space, world.action_space)
    with torch.no_grad():
        for parameter in agent.parameters():
            parameter.mul_(2)
    return agent


def soft(world: Classification, **options: Any) -> SoftGrid:
    """With soft attention."""
    return cast(SoftGrid, make_agent(world, "soft", **options))


def hard(world: Classification, **options: Any) -> HardGrid:
    """With hard attention."""
    return cast(HardGrid, make_agent(world, "hard", **options))


def gradients(agent: SoftGrid | HardGrid, episode: Episode) -> dict[str, Tensor]:
    """Of the whole loss, by parameter; zeros where none arrives."""
    names, parameters = zip(*agent.named_parameters(), strict=True)
    total = agent.loss(episode).total
    found = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    return dict(zip(names, found, strict=True))


def part(found: dict[str, Tensor], *modules: str) -> Tensor:
    """All gradients of some of the network's modules, flat."""
    names = tuple(f"network.{module}" for module in modules)
    return torch.cat([gradient.flatten() for name, gradient in found.items() if name.startswith(names)])


def test_one_line_of_the_config_swaps_soft_for_hard() -> None:
    """The two have the same networks, beside the hard one's baseline."""
    world = make_world()
    one, other = soft(world).state_dict(), hard(world).state_dict()
    extra = {"baseline.weight", "baseline.bias", "average_return"}
    assert set(other) - set(one) == extra and set(one) <= set(other)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_soft_attention_reads_the_expected_feature() -> None:
    """Step by step: weights are the softmax of the scores of the memory before, and the core takes their mean."""
    world = make_world()
    agent = soft(world)
    network = agent.network
    observation = world.begin(EXAMPLE, EXAMPLE)
    memory = agent.begin(observation)
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
    """A known answer: without weights of the scores, alpha is 1 / L."""
    world = make_world()
    agent = soft(world)
    torch.nn.init.zeros_(agent.network.scores.score.weight)
    observation = world.begin(EXAMPLE, EXAMPLE)
    memory = agent.begin(observation)
    torch.testing.assert_close(memory.weights, torch.full((12, 12), 1 / 12))
    decision, _ = agent(observation, memory)
    torch.testing.assert_close(decision.place, torch.zeros(12, 2), atol=1e-6, rtol=0)
    mean = agent.network.encode(observation).mean(1)
    expected = agent.network.core(mean, torch.zeros(12, 8))
    torch.testing.assert_close(decision.answer, agent.network.classifier(expected))


def test_soft_attention_s_look_is_the_mean_place_of_the_step_to_come() -> None:
    """So the path that the world records is where it reads."""
    world = make_world()
    agent = soft(world)
    observation = world.begin(EXAMPLE, EXAMPLE)
    decision, memory = agent(observation, agent.begin(observation))
    torch.testing.assert_close(decision.place, memory.weights @ agent.network.grid.places)
    episode = play(world, agent, EXAMPLE, EXAMPLE)
    torch.testing.assert_close(episode.observation["location"][1], decision.place)


@pytest.mark.parametrize("classification", ["final", "every_step"])
def test_soft_attention_learns_from_the_first_observation_alone(classification: str) -> None:
    """Its loss is the cross-entropy of the answers that it gives when it plays, and all weights are moved."""
    world = make_world()
    agent = soft(world, classification=classification)
    shown = show(world, EXAMPLE, EXAMPLE)
    played = play(world, agent, EXAMPLE, EXAMPLE)
    log_prob = played.answer.log_softmax(-1).gather(-1, played.label.expand(3, -1)[..., None])
    expected = -(log_prob.mean() if classification == "every_step" else log_prob[-1].mean())
    torch.testing.assert_close(agent.loss(shown).total, expected)
    assert all(gradient.abs().sum() > 0 for gradient in gradients(agent, shown).values())
    assert not agent.plays and not agent.samples


@pytest.mark.parametrize("scores", ["feature", "memory"])
def test_hard_attention_with_all_weight_on_a_cell_is_soft_attention(scores: str) -> None:
    """Scores times 10,000: the softmax is the likeliest cell's, so the greedy hard agent reads what the soft reads."""
    world = make_world()
    agents = soft(world, scores=scores), hard(world, scores=scores)
    with torch.no_grad():
        for agent in agents:
            for parameter in agent.network.scores.score.parameters():
                parameter.mul_(1e4)
    first = agents[0].begin(world.begin(EXAMPLE, EXAMPLE)).weights.argmax(-1)
    common = first.mode().values  # The hard agent's first cell is the world's.
    world = make_world(first_place=tuple(agents[0].network.grid.places[common].tolist()))
    lanes = (first == common).nonzero().squeeze(1)
    assert len(lanes) > 1
    one, other = (play(world, agent, EXAMPLE[lanes], EXAMPLE[lanes], greedy=True) for agent in agents)
    torch.testing.assert_close(one.answer, other.answer, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(one.action["look"], other.action["look"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("scores", ["feature", "memory"])
def test_hard_attention_reads_one_cell_a_step(scores: str) -> None:
    """Its answer is that of the core on the chosen cells' features."""
    world = make_world()
    agent = hard(world, scores=scores)
    network = agent.network
    episode = play(world, agent, EXAMPLE, EXAMPLE)
    features = network.encode({"glimpse": episode.observation["glimpse"][0]})
    hidden = torch.zeros(12, 8)
    for step in range(3):
        cell = network.grid.nearest(episode.observation["location"][step])
        if step:
            assert torch.equal(network.grid.places[cell], episode.action["look"][step - 1])
        hidden = network.core(features[torch.arange(12), cell], hidden)
        torch.testing.assert_close(episode.answer[step], network.classifier(hidden))


def test_pixels_that_were_not_chosen_may_change_where_scores_are_of_the_memory() -> None:
    """Nothing else of the picture was read; and `pixels` says so. With scores of features everything is."""
    world = make_world()
    agent = hard(world, scores="memory")
    observation = world.begin(EXAMPLE, EXAMPLE)
    chosen = agent.network.grid.nearest(observation["location"])
    picture = torch.zeros_like(observation["glimpse"])
    for lane, cell in enumerate(chosen.tolist()):
        row, column = 2 * (cell // 4), 2 * (cell % 4)
        block = (lane, slice(None), slice(None), slice(row, row + 2), slice(column, column + 2))
        picture[block] = observation["glimpse"][block]
    masked = {**observation, "glimpse": picture}
    before, _ = agent(observation, agent.begin(observation))
    after, _ = agent(masked, agent.begin(masked))
    assert torch.equal(before.answer, after.answer)
    assert torch.equal(before.activations["scores"], after.activations["scores"])
    assert agent.pixels(48) == 3 * 4
    of_features = hard(world)
    seen = (of_features(each, of_features.begin(each))[0].activations["scores"] for each in (observation, masked))
    assert not torch.allclose(*seen)
    assert of_features.pixels(48) == 48


def scored(*scores: float) -> Decision:
    """A decision of 4000 episodes with the same scores of twelve cells."""
    return Decision(torch.zeros(4000, 2), torch.zeros(4000, 4), None, {"scores": torch.tensor([scores] * 4000)})


def test_cells_are_drawn_from_the_softmax() -> None:
    """Frequencies of 4000 draws; a cell that is impossible is never drawn, and greedy is the likeliest."""
    agent = hard(make_world())
    share = torch.tensor([0.5, 0.25, 0.0, 0.15, 0.1] + [0.0] * 7)
    decision = scored(*share.log().clamp(min=-1e4).tolist())
    noise = torch.randn(4000, 3, generator=torch.Generator().manual_seed(1))
    cell = agent.network.grid.nearest(agent.act(decision, noise, False)["look"])
    found = torch.bincount(cell, minlength=12) / 4000
    assert (found - share).abs().max() < 0.03 and not found[share == 0].any()
    extreme = agent.act(decision, torch.full((4000, 3), 40.0), False)["look"]
    assert agent.network.grid.nearest(extreme).max() <= 11
    likeliest = agent.act(decision, noise, True)["look"]
    assert torch.equal(likeliest, agent.network.grid.places[0].expand(4000, 2))
    half = torch.arange(4000) % 2 == 0
    mixed = agent.act(decision, noise, half)["look"]
    assert torch.equal(mixed[half], likeliest[half]) and torch.equal(
        mixed[~half], agent.network.grid.places[cell][~half]
    )


@pytest.mark.parametrize("scores", ["feature", "memory"])
def test_the_scores_are_moved_by_the_policy_term_alone(scores: str) -> None:
    """No path crosses a sampled cell: without the policy's term nothing is left of their gradient."""
    world = make_world()
    agent, blind = (hard(world, scores=scores, policy_weight=weight) for weight in (1.0, 0.0))
    episode = play(world, agent, EXAMPLE, EXAMPLE, copies=2, record=True)
    found, without = gradients(agent, episode), gradients(blind, episode)
    assert part(found, "scores").norm() > 1e-3 and part(without, "scores").count_nonzero() == 0
    for module in ("core", "encoder"):
        assert (part(found, module) - part(without, module)).norm() > 1e-4
    assert torch.equal(part(found, "classifier"), part(without, "classifier"))


def test_the_gradient_of_the_scores_is_the_score_function() -> None:
    """Of W in e = W h + b with respect to b: -advantage * (one-hot - softmax), summed by hand."""
    world = make_world()
    agent = hard(world, scores="memory", baseline="leave_one_out", policy_weight=0.5)
    episode = play(world, agent, EXAMPLE, EXAMPLE, copies=2)
    reward = torch.rand(3, 24, generator=torch.Generator().manual_seed(1))
    network, memory = agent.network, agent.begin({name: seen[0] for name, seen in episode.observation.items()})
    expected = torch.zeros(12)
    for step in (0, 1):  # The last cell is not reinforced: nothing looks at it.
        seen = {name: each[step] for name, each in episode.observation.items()}
        decision, memory = agent(seen, memory)
        chosen = network.grid.nearest(episode.action["look"][step])
        for lane in range(24):
            to_go = reward[step:].sum(0)
            advantage = to_go[lane] - to_go[lane ^ 1]  # the other of two copies
            share = decision.activations["scores"][lane].softmax(-1)
            expected -= 0.5 * advantage * (torch.eye(12)[chosen[lane]] - share) / 24
    found = gradients(agent, replace(episode, reward=reward))["network.scores.score.bias"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert expected.abs().max() > 1e-3


def test_the_last_cell_is_not_reinforced() -> None:
    """The loss does not depend on it."""
    world = make_world()
    agent = hard(world)
    episode = play(world, agent, EXAMPLE, EXAMPLE)
    look = episode.action["look"].clone()
    look[-1] = -look[-1]
    other = replace(episode, action={**episode.action, "look": look})
    assert torch.equal(agent.loss(other).total, agent.loss(episode).total)


@pytest.mark.parametrize("scores", ["feature", "memory"])
@pytest.mark.parametrize("core", ["rnn", "lstm"])
def test_copies_share_what_is_computed_of_their_picture(core: str, scores: str) -> None:
    """The loss of three copies of each picture is that of as many pictures, each on its own."""
    world = make_world()
    agent = hard(world, core=core, scores=scores)
    episode = play(world, agent, EXAMPLE, EXAMPLE, copies=3)
    alone = replace(episode, copies=1)
    torch.testing.assert_close(agent.loss(episode).total, agent.loss(alone).total)
    one, other = gradients(agent, episode), gradients(agent, alone)
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-3, atol=1e-5)


def test_the_learning_rate_of_the_scores_is_their_own() -> None:
    """And no parameter is in both groups, or in none."""
    agent = hard(make_world(), locator_rate=0.25)
    (others, one), (scores, rate) = agent.learning_rates()
    assert (one, rate) == (1.0, 0.25)
    assert {id(p) for p in scores} == {id(p) for p in agent.network.scores.parameters()}
    assert len(others) + len(scores) == len(list(agent.parameters()))


def test_soft_attention_shows_how_much_each_cell_weighs() -> None:
    """A known answer: three quarters on the second cell of the first row, a quarter on the last one."""
    world = make_world()
    agent = soft(world)
    observation = world.begin(EXAMPLE, EXAMPLE)
    weights = torch.zeros(12, 12)
    weights[:, 1], weights[:, 11] = 0.75, 0.25
    sight = agent.sight(observation, agent.begin(observation)._replace(weights=weights))
    torch.testing.assert_close(sight.place[0], torch.tensor([-0.25 * 0.75 + 0.75 * 0.25, -2 / 3 * 0.75 + 2 / 3 * 0.25]))
    assert sight.patch.shape == (12, 1, 1, 3, 4) and sight.boxes.shape == (12, 0, 4)
    assert sight.patch[0, 0, 0, 0, 1] == 1 and sight.patch[0, 0, 0, 2, 3] == pytest.approx(1 / 3)
    assert (sight.share[0, :2, 2:4] == 1).all() and sight.share[0].sum() == pytest.approx(4 + 4 / 3)


def test_hard_attention_shows_the_cell_that_it_reads() -> None:
    """Its pixels, and where they are in the picture."""
    world = make_world(first_place=(0.3, 0.9))
    agent = hard(world)
    observation = world.begin(EXAMPLE, EXAMPLE)
    sight = agent.sight(observation, agent.begin(observation))
    assert torch.equal(sight.patch, observation["glimpse"][..., 4:6, 4:6])
    assert sight.boxes[3].tolist() == [[4, 4, 6, 6]]
    assert sight.share.sum((1, 2)).eq(4).all() and sight.share[:, 4:6, 4:6].eq(1).all()
    assert torch.equal(sight.place, agent.network.grid.places[10].expand(12, 2))


def test_other_eyes_take_the_place_of_the_scores() -> None:
    """Then it reads the cells that they look at; without them nothing has changed."""
    world = make_world()
    agent = hard(world)
    assert agent.foveal and agent.locator is None and not soft(world).foveal
    agent.locator = FixedLocator(torch.tensor([[-0.75, -2 / 3], [0.75, 2 / 3], [0.0, 0.0]]))
    episode = play(world, agent, EXAMPLE, EXAMPLE)
    chosen = agent.network.grid.nearest(episode.observation["location"])
    assert (chosen[1] == 0).all() and (chosen[2] == 11).all()
