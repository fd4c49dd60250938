"""Catch: an episode by hand, what can be won, and what an episode does not depend on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from glimpse.envs.errors import DataError
from glimpse.envs.images.catch import Catch
from glimpse.envs.images.retina import Retina
from glimpse.envs.lane_random import mix
from glimpse.envs.options import AugmentOptions, CatchOptions

LEFT, STAY, RIGHT = 0, 1, 2
VARIANTS: dict[str, dict[str, Any]] = {
    "paper": {"start_rows": 1},
    "default": {},
    "whole": {"view": "whole"},
    "fast": {"ball_speed": 1.5, "sideways": 4.0, "start_rows": 3},
    "slow": {"ball_speed": 0.3, "first_place": "random"},
    "small and odd": {"screen": 9, "paddle": 3, "start_rows": 5, "retina": {"patch": 3, "scales": 2}},
}
each_variant = pytest.mark.parametrize("options", [pytest.param(given, id=name) for name, given in VARIANTS.items()])


def _world(split: str = "train", **options: Any) -> Catch:
    return Catch(CatchOptions.model_validate({"name": "catch", **options}), split)


def _keys(count: int, seed: int = 0) -> Tensor:
    return mix(torch.tensor(seed), torch.arange(count))


def _begin(world: Catch, count: int, seed: int = 0) -> dict[str, Tensor]:
    return world.begin(torch.arange(count), _keys(count, seed))


def _action(move: Any, look: Any = None) -> dict[str, Tensor]:
    move = torch.as_tensor(move)
    return {"move": move, "look": torch.zeros(len(move), 2) if look is None else torch.as_tensor(look)}


def _random_action(lanes: int, step: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(step)
    look = torch.rand(lanes, 2, generator=generator) * 2.4 - 1.2
    return _action(torch.randint(0, 3, (lanes,), generator=generator), look)


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


def _lit(world: Catch) -> Tensor:
    """What is white on each lane's screen: (B, S, S) bool."""
    return world.picture()[:, 0] == 255


def _paddle(world: Catch) -> Tensor:
    """The leftmost column of each lane's paddle, for lanes that are being played."""
    return _lit(world)[:, -1].int().argmax(1)


def test_an_episode_by_hand() -> None:
    """A ball that falls straight down on a screen of 6 x 6, seen whole; the paddle of 2 begins at columns 2 and 3."""
    world = _world(screen=6, start_rows=1, sideways=0, view="whole")
    seen = _begin(world, 50)
    assert set(seen) == {"glimpse", "location", "time"} and seen["glimpse"].shape == (50, 1, 1, 6, 6)
    top = seen["glimpse"][:, 0, 0, 0]
    assert torch.equal(top, torch.nn.functional.one_hot(world.label, 6).float())
    assert seen["glimpse"][:, 0, 0, 1:5].sum() == 0
    assert seen["glimpse"][0, 0, 0, 5].tolist() == [0, 0, 1, 1, 0, 0]
    moves = [LEFT, LEFT, LEFT, RIGHT, STAY]
    for step, (move, paddle) in enumerate(zip(moves, [1, 0, 0, 1, 1], strict=True), start=1):
        observation, reward, over, label = world.step(_action([move] * 50))
        screen = observation["glimpse"][:, 0, 0]
        assert observation["time"].tolist() == [step] * 50 and observation["location"].eq(0).all()
        if step < 5:
            assert torch.equal(screen[:, step], top) and not over.any() and not reward.any()
            assert screen[7, 5].nonzero().flatten().tolist() == [paddle, paddle + 1]
    caught = (label == 1) | (label == 2)
    assert over.all() and torch.equal(reward, caught.float()) and 0 < caught.sum() < 50
    # A ball that was caught is on the paddle; one that was missed lies beside it.
    assert screen[:, :5].sum() == 0 and torch.equal(screen[:, 5].sum(1), 3 - caught.float())
    assert reward.dtype == torch.float32 and over.dtype == torch.bool and label.dtype == torch.int64


def test_the_paddle_stops_at_the_walls() -> None:
    """As far as its width allows."""
    world = _world(paddle=3)
    for move, wall in ((LEFT, 0), (RIGHT, 21)):
        _begin(world, 3)
        places = []
        for _ in range(14):
            world.step(_action([move] * 3))
            places.append(_paddle(world)[0].item())
        assert places == [max(0, 9 - step) if move == LEFT else min(21, 11 + step) for step in range(14)]
        assert places[-1] == wall


def test_caught_at_both_ends_of_the_paddle_and_missed_beside_it() -> None:
    """For each place of the paddle's left end from two left of the ball to one right of it."""
    world = _world(paddle=2, ball_speed=0.5)
    rewards = {}
    for offset in (-2, -1, 0, 1):
        _begin(world, 300)
        total = torch.zeros(300)
        inside = (world.label + offset >= 0) & (world.label + offset <= 22)
        for _ in range(world.options.steps):
            wanted = world.label + offset
            # After an episode's end the screen has no ball above the paddle, but the paddle is where it was.
            move = (wanted - world._paddle).sign() + 1
            total += world.step(_action(move)).reward
        rewards[offset] = total[inside].unique().tolist()
    assert rewards == {-2: [0], -1: [1], 0: [1], 1: [0]}


@each_variant
def test_whoever_sees_all_can_catch_every_ball(options: dict[str, Any]) -> None:
    """A player who knows where the ball comes down catches it, whatever it does; one who stays does not."""
    world = _world(**options)
    for plays, worst, best in ((True, 1.0, 1.0), (False, 0.01, 0.5)):
        _begin(world, 2000)
        total, ends = torch.zeros(2000), torch.zeros(2000)
        aim = (world.label - (world.options.paddle - 1) // 2).clamp(max=world.options.screen - world.options.paddle)
        for _ in range(world.options.steps):
            move = (aim - world._paddle).sign() + 1 if plays else torch.full((2000,), STAY)
            _, reward, over, _ = world.step(_action(move))
            assert not reward[~over].any()  # never before the end
            total, ends = total + reward, ends + over
        assert over.all() and set(total.tolist()) <= {0.0, 1.0}
        assert worst <= total.mean() <= best


@each_variant
def test_what_is_seen_is_what_the_retina_sees_of_the_screen(options: dict[str, Any]) -> None:
    """At each step, wherever one looks, also when the ball lies on the paddle and after the end."""
    world = _world(**options)
    whole = options.get("view") == "whole"
    seen = _begin(world, 200)
    retina = Retina(world.retina.options, world.options.screen, world.options.screen)
    for step in range(world.options.steps + 1):
        screen = (_lit(world) * 255).to(torch.uint8)[:, None]
        location = torch.zeros(200, 2) if whole else seen["location"]
        expected = retina.look(retina.prepare(screen), torch.arange(200), location)
        assert torch.equal(seen["glimpse"], expected)
        assert (seen["location"] == location).all() and expected.any()
        action = _random_action(200, step)
        seen, _, over, _ = world.step(action)
    assert over.all()


def test_episodes_end_at_different_times() -> None:
    """One for each row in which a ball can begin; with one row, all at once."""
    for rows in (1, 6):
        world = _world(start_rows=rows)
        _begin(world, 300)
        length = torch.zeros(300)
        for step in range(23):
            length += ~world.step(_random_action(300, step)).terminated
        assert sorted(set((length + 1).tolist())) == [float(23 - row) for row in reversed(range(rows))]


def test_after_the_end_nothing_changes() -> None:
    """However often one steps."""
    world = _world()
    _begin(world, 20)
    for step in range(23):
        last = world.step(_random_action(20, step))
    before = world.picture()
    for step in range(3):
        after = world.step(_random_action(20, 90 + step))
        assert _same(last.observation, after.observation)
        assert after.terminated.all() and not after.reward.any() and torch.equal(before, world.picture())


@each_variant
def test_a_lane_does_not_depend_on_the_others(options: dict[str, Any]) -> None:
    """One of seven plays as it does alone, and a copy as it does among its copies, but for its first place."""
    together, alone = _world(**options), _world(**options)
    seen = _begin(together, 7)
    assert _same({name: part[4:5] for name, part in seen.items()}, alone.begin(torch.tensor([4]), _keys(7)[4:5]))
    for step in range(5):
        action = _random_action(7, step)
        many = together.step(action)
        one = alone.step({name: part[4:5] for name, part in action.items()})
        assert _same({name: part[4:5] for name, part in many.observation.items()}, one.observation)


def test_copies_share_the_ball_and_not_the_first_place() -> None:
    """Lane e * M + m is copy m of example e; copy 0 is what is played alone."""
    world = _world(first_place="random")
    seen = world.begin(torch.tensor([3, 8]), _keys(2), copies=3)
    label, picture = world.label.view(2, 3), world.picture().view(2, 3, -1)
    assert (label == label[:, :1]).all() and (picture == picture[:, :1]).all()
    assert len(seen["location"].unique(dim=0)) == 6 and not torch.equal(picture[0, 0], picture[1, 0])
    alone = world.begin(torch.tensor([3, 8]), _keys(2))
    assert torch.equal(alone["location"], seen["location"][::3])


def test_some_lanes_can_begin_anew() -> None:
    """With the ball that the new key decides; the others go on as if nothing had happened."""
    world, other = _world(first_place="random"), _world(first_place="random")
    _begin(world, 5)
    _begin(other, 5)
    for step in range(20):
        action = _random_action(5, step)
        world.step(action)
        other.step(action)
    lanes, key = torch.tensor([3, 1]), _keys(2, seed=9)
    seen = world.restart(lanes, torch.tensor([7, 6]), key)
    fresh = _world(first_place="random")
    begun = fresh.begin(torch.tensor([7, 6]), key)
    untouched = torch.tensor([0, 2, 4])
    for step in range(23):
        assert _same({name: part[lanes] for name, part in seen.items()}, begun)
        assert torch.equal(world.picture()[lanes], fresh.picture())
        assert torch.equal(world.label[lanes], fresh.label)
        assert torch.equal(world.picture()[untouched], other.picture()[untouched])
        action = _random_action(5, step)
        seen, reward, over, _ = world.step(action)
        begun, alone, _, _ = fresh.step({name: part[lanes] for name, part in action.items()})
        there = other.step(action)
        assert torch.equal(reward[lanes], alone) and torch.equal(reward[untouched], there.reward[untouched])
        assert torch.equal(seen["glimpse"][untouched], there.observation["glimpse"][untouched])
    assert over.all()


def test_key_example_and_split_each_decide_the_ball() -> None:
    """Change one, and almost all balls change; change none, and none does."""
    labels = {}
    for split in ("train", "validation", "test"):
        world = _world(split)
        for seed in (0, 1):
            for first in (0, 5000):
                world.begin(torch.arange(first, first + 500), _keys(500, seed))
                labels[split, seed, first] = world.picture().flatten(1)
    found = list(labels.values())
    for number, one in enumerate(found):
        for other in found[:number]:
            assert (one == other).all(1).float().mean() < 0.05
    world = _world("test")
    world.begin(torch.arange(500), _keys(500, 1))
    assert torch.equal(world.picture().flatten(1), labels["test", 1, 0])


def test_examples_are_drawn_and_splits_are_known() -> None:
    """Ten thousand in each split; another name is no split."""
    world = _world()
    drawn = world.draw_example(_keys(2000))
    assert world.examples == 10_000 and drawn.min() >= 0 and drawn.max() < 10_000 and len(drawn.unique()) > 1700
    with pytest.raises(DataError, match="split must be 'train', 'validation' or 'test', got 'dev'"):
        Catch.load_data(world.options, "dev")  # type: ignore[arg-type]  # what is tested


def test_where_the_first_glimpse_falls() -> None:
    """The centre, a given place, or anywhere."""
    assert _begin(_world(), 9)["location"].eq(0).all()
    assert _begin(_world(first_place=(0.5, -0.25)), 9)["location"].eq(torch.tensor([0.5, -0.25])).all()
    place = _begin(_world(first_place="random"), 3000)["location"]
    assert place.min() >= -1 and place.max() <= 1 and place.std(0).sub(3**-0.5).abs().max() < 0.03
    assert _begin(_world(first_place="random", view="whole"), 9)["location"].eq(0).all()


def test_a_place_outside_or_none_is_brought_to_the_screen() -> None:
    """Clamped; what is not a number is the centre."""
    world = _world()
    _begin(world, 2)
    seen = world.step(_action([STAY, STAY], [[-3.0, 0.5], [float("nan"), 2.0]])).observation
    assert seen["location"].tolist() == [[-1, 0.5], [0, 1]] and seen["glimpse"].isfinite().all()


def test_the_picture_shows_where_the_ball_has_been() -> None:
    """In grey, a pixel in each row above it; its place and the paddle are white."""
    world = _world(start_rows=1)
    _begin(world, 30)
    for step in range(10):
        world.step(_random_action(30, step))
    picture = world.picture()
    assert picture.shape == (30, 1, 24, 24) and picture.dtype == torch.uint8
    grey, white = (picture[:, 0] > 0) & (picture[:, 0] < 255), picture[:, 0] == 255
    assert grey[:, :10].sum(2).eq(1).all() and not grey[:, 10:].any()
    assert white.sum(2)[0].tolist() == [*[0] * 10, 1, *[0] * 12, 2]


@pytest.mark.parametrize("view", ["glimpse", "whole"])
def test_frames_are_of_one_size(view: str) -> None:
    """From the first to the last step, and of the lane that was asked for."""
    world = _world(view=view)
    seen = _begin(world, 2)
    episode = [{name: part[1].numpy() for name, part in seen.items()}]
    shapes = {world.frame(1, episode).shape}
    for step in range(23):
        seen = world.step(_random_action(2, step)).observation
        episode.append({name: part[1].numpy() for name, part in seen.items()})
        frame = world.frame(1, episode)
        shapes.add(frame.shape)
    assert len(shapes) == 1 and frame.dtype == np.uint8
    assert not np.array_equal(frame, world.frame(0, episode))


@pytest.mark.parametrize(
    ("options", "place", "text"),
    [
        ({"screen": 3}, "screen", "greater than or equal to 4"),
        ({"paddle": 25}, "paddle", "should be at most the screen's side, 24 (got 25)"),
        ({"start_rows": 14}, "start_rows", "should be at most 13: the paddle takes 11 steps to a wall (got 14)"),
        (
            {"ball_speed": 2, "start_rows": 6},
            "start_rows",
            "should be at most 3: the paddle takes 11 steps to a wall (got 6)",
        ),
        ({"ball_speed": 3}, "start_rows", "stays in the air for the 11 steps that the paddle takes to a wall"),
        ({"paddle": 24, "start_rows": 24}, "start_rows", "should be at most 23"),
        ({"ball_speed": 0}, "ball_speed", "greater than or equal to 0.05"),
        ({"sideways": -1}, "sideways", "greater than or equal to 0"),
        ({"first_place": (0, 1.5)}, "first_place", "should lie in [-1, 1] x [-1, 1]"),
        ({"view": "full"}, "view", "'glimpse' or 'whole'"),
        ({"glimpses": 4}, "glimpses", "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_named(options: dict[str, Any], place: str, text: str) -> None:
    """By its place in the options, and in words."""
    with pytest.raises(ValidationError) as caught:
        _world(**options)
    (error,) = caught.value.errors()
    assert error["loc"][0] == place and text in error["msg"]


@pytest.mark.parametrize(
    ("options", "rows"),
    [({}, 6), ({"ball_speed": 2}, 3), ({"screen": 8}, 5), ({"screen": 4}, 3), ({"screen": 4, "paddle": 4}, 3)],
)
def test_where_balls_begin_follows_from_size_and_speed(options: dict[str, Any], rows: int) -> None:
    """By default in six rows; in fewer where a ball that begins lower could not always be caught.

    Two rows a step on 24: the paddle takes 11 steps to a wall, a ball in row 2 falls for 11 steps, one in row 3 for 10.
    """
    checked = CatchOptions.model_validate({"name": "catch", **options})
    assert checked.start_rows == checked.first_rows == rows
    assert CatchOptions.model_validate(checked.model_dump()) == checked


def test_who_stands_still_catches_the_share_above_the_paddle() -> None:
    """Balls come down uniformly: the paddle has 2 of the 23 pixels between the centres of the outer columns."""
    world, episodes = _world(), 20_000
    _begin(world, episodes)
    caught = sum(world.step(_action([STAY] * episodes)).reward.sum().item() for _ in range(23)) / episodes
    assert abs(caught - 2 / 23) < 4 * (2 / 23 * 21 / 23 / episodes) ** 0.5


@pytest.mark.parametrize("options", [{"start_rows": 13}, {"ball_speed": 2, "start_rows": 3}, {"paddle": 24}])
def test_every_ball_can_be_caught_at_the_limits(options: dict[str, Any]) -> None:
    """In the lowest row that is allowed, at the walls, from the middle."""
    world = _world(sideways=0, **options)
    _begin(world, 4000)
    total = torch.zeros(4000)
    aim = world.label.clamp(max=24 - world.options.paddle)
    for _ in range(world.options.steps):
        total += world.step(_action((aim - world._paddle).sign() + 1)).reward
    assert total.eq(1).all() and {0, 23} <= set(world.label.tolist())


def test_nothing_is_answered_and_nothing_warped() -> None:
    """What cannot be is said."""
    world = _world()
    assert world.classes == ()
    with pytest.raises(ValueError, match="judge it by the reward"):
        world.wrong(torch.zeros(1, 1, 1), torch.zeros(1))
    with pytest.raises(ValueError, match="train.augment"):
        Catch(world.options, "train", augment=AugmentOptions(shift=1))
    assert Catch(world.options, "train", augment=AugmentOptions()).examples


@pytest.mark.parametrize("view", ["glimpse", "whole"])
def test_a_step_never_waits_for_the_device(view: str, trace: Callable[[Callable[[], object]], Any]) -> None:
    """Nothing is read back, and no size depends on values; nor does the number of operations on the lanes."""
    counts = []
    for lanes in (3, 50):
        world = _world(view=view)
        _begin(world, lanes)
        chosen, key, action = torch.tensor([1, 2]), _keys(2), _random_action(lanes, 0)
        for call in (
            lambda world=world, action=action: world.step(action),
            lambda world=world, chosen=chosen, key=key: world.restart(chosen, chosen, key),
        ):
            names = trace(call).names
            assert not {"_local_scalar_dense", "nonzero", "item", "is_nonzero"} & set(names)
            counts.append(len(names))
    assert counts[:2] == counts[2:]
