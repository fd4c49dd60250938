"""Tests of Catch: an episode by hand, rewards, glimpses, resets, and independence of the lanes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from glimpse.envs.errors import DataError
from glimpse.envs.images.catch import Catch
from glimpse.envs.images.catch_lane import CatchLane
from glimpse.envs.images.catch_options import CatchOptions
from glimpse.envs.images.retina import Retina
from glimpse.envs.lane_random import mix

LEFT, STAY, RIGHT = 0, 1, 2
VARIANTS: dict[str, dict[str, Any]] = {
    "paper": {"start_rows": 1},
    "public": {"paddle_start": "random", "start_rows": 1},
    "default": {},
    "whole": {"view": "whole"},
    "fast": {"ball_speed": 1.5, "sideways": 4.0, "start_rows": 3},
    "slow": {"ball_speed": 0.3, "initial_location": "random"},
    "small and odd": {"screen": 9, "paddle": 3, "start_rows": 5, "retina": {"patch": 3, "scales": 2}},
}
each_variant = pytest.mark.parametrize("options", [pytest.param(given, id=name) for name, given in VARIANTS.items()])


def _env(split: str = "train", **options: Any) -> Catch:
    return Catch(CatchOptions.model_validate({"name": "catch", **options}), split)


def _keys(count: int, seed: int = 0) -> Tensor:
    return mix(torch.tensor(seed), torch.arange(count))


def _begin(env: Catch, count: int, seed: int = 0) -> dict[str, Tensor]:
    return env.reset(torch.arange(count), _keys(count, seed))


def _action(move: Any, look: Any = None) -> dict[str, Tensor]:
    move = torch.as_tensor(move)
    return {"move": move, "look": torch.zeros(len(move), 2) if look is None else torch.as_tensor(look)}


def _random_action(lanes: int, step: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(step)
    look = torch.rand(lanes, 2, generator=generator) * 2.4 - 1.2
    return _action(torch.randint(0, 3, (lanes,), generator=generator), look)


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


def _lit(env: Catch) -> Tensor:
    """Return the white pixels of each lane's screen: (B, S, S) bool."""
    return env.picture()[:, 0] == 255


def _paddle(env: Catch) -> Tensor:
    """Return the leftmost column of each lane's paddle, for lanes whose episodes run."""
    return _lit(env)[:, -1].int().argmax(1)


def test_an_episode_by_hand() -> None:
    """A ball falls straight down on a screen of 6 x 6, seen whole; the paddle of width 2 begins at columns 2 and 3."""
    env = _env(screen=6, start_rows=1, sideways=0, view="whole")
    seen = _begin(env, 50)
    assert set(seen) == {"glimpse", "location", "time"} and seen["glimpse"].shape == (50, 1, 1, 6, 6)
    top = seen["glimpse"][:, 0, 0, 0]
    assert torch.equal(top, torch.nn.functional.one_hot(env.label, 6).float())
    assert seen["glimpse"][:, 0, 0, 1:5].sum() == 0
    assert seen["glimpse"][0, 0, 0, 5].tolist() == [0, 0, 1, 1, 0, 0]
    moves = [LEFT, LEFT, LEFT, RIGHT, STAY]
    for step, (move, paddle) in enumerate(zip(moves, [1, 0, 0, 1, 1], strict=True), start=1):
        observation, reward, terminated, label = env.step(_action([move] * 50))
        screen = observation["glimpse"][:, 0, 0]
        assert observation["time"].tolist() == [step] * 50 and observation["location"].eq(0).all()
        if step < 5:
            assert torch.equal(screen[:, step], top) and not terminated.any() and not reward.any()
            assert screen[7, 5].nonzero().flatten().tolist() == [paddle, paddle + 1]
    caught = (label == 1) | (label == 2)
    assert terminated.all() and torch.equal(reward, caught.float()) and 0 < caught.sum() < 50
    # A caught ball is on the paddle; a missed one lies beside it.
    assert screen[:, :5].sum() == 0 and torch.equal(screen[:, 5].sum(1), 3 - caught.float())
    assert reward.dtype == torch.float32 and terminated.dtype == torch.bool and label.dtype == torch.int64


def test_the_paddle_stops_at_the_walls() -> None:
    """It moves as far as its width allows."""
    env = _env(paddle=3)
    for move, wall in ((LEFT, 0), (RIGHT, 21)):
        _begin(env, 3)
        columns = []
        for _ in range(14):
            env.step(_action([move] * 3))
            columns.append(_paddle(env)[0].item())
        assert columns == [max(0, 9 - step) if move == LEFT else min(21, 11 + step) for step in range(14)]
        assert columns[-1] == wall


def test_caught_at_both_ends_of_the_paddle_and_missed_beside_it() -> None:
    """The left end of the paddle stands from two columns left of the ball to one right of it."""
    env = _env(paddle=2, ball_speed=0.5)
    rewards = {}
    for offset in (-2, -1, 0, 1):
        _begin(env, 300)
        total = torch.zeros(300)
        inside = (env.label + offset >= 0) & (env.label + offset <= 22)
        for _ in range(env.options.steps):
            wanted = env.label + offset
            # After the end of an episode the paddle stays where it was.
            move = (wanted - env._paddle).sign() + 1
            total += env.step(_action(move)).reward
        rewards[offset] = total[inside].unique().tolist()
    assert rewards == {-2: [0], -1: [1], 0: [1], 1: [0]}


@each_variant
def test_a_player_who_knows_the_flight_catches_every_ball(options: dict[str, Any]) -> None:
    """A player who moves to the landing column catches every ball; one who never moves does not."""
    env = _env(**options)
    for moves, worst, best in ((True, 1.0, 1.0), (False, 0.01, 0.5)):
        _begin(env, 2000)
        total, ends = torch.zeros(2000), torch.zeros(2000)
        aim = (env.label - (env.options.paddle - 1) // 2).clamp(max=env.options.screen - env.options.paddle)
        for _ in range(env.options.steps):
            move = (aim - env._paddle).sign() + 1 if moves else torch.full((2000,), STAY)
            _, reward, terminated, _ = env.step(_action(move))
            assert not reward[~terminated].any()  # never before the end
            total, ends = total + reward, ends + terminated
        assert terminated.all() and set(total.tolist()) <= {0.0, 1.0}
        assert worst <= total.mean() <= best


@each_variant
def test_glimpses_equal_those_of_the_drawn_screen(options: dict[str, Any]) -> None:
    """They are equal at each step and location, also with the ball on the paddle and after the end."""
    env = _env(**options)
    whole = options.get("view") == "whole"
    seen = _begin(env, 200)
    retina = Retina(env.retina.options, env.options.screen, env.options.screen)
    for step in range(env.options.steps + 1):
        screen = (_lit(env) * 255).to(torch.uint8)[:, None]
        location = torch.zeros(200, 2) if whole else seen["location"]
        expected = retina.look(retina.prepare(screen), torch.arange(200), location)
        assert torch.equal(seen["glimpse"], expected)
        assert (seen["location"] == location).all() and expected.any()
        action = _random_action(200, step)
        seen, _, terminated, _ = env.step(action)
    assert terminated.all()


def test_a_paddle_may_begin_anywhere() -> None:
    """Its column is one of all 23, drawn anew for each episode, and the same for an example that is shown again."""
    env = _env(paddle_start="random", start_rows=1)
    _begin(env, 2000)
    first = _paddle(env)
    assert sorted(set(first.tolist())) == list(range(23)) and 9.5 < first.float().mean() < 12.5
    _begin(env, 2000)
    assert torch.equal(_paddle(env), first)
    assert env.shown_examples() != _env(start_rows=1).shown_examples()
    lane = CatchLane(env)
    for example in range(20):
        lane.reset(example, int(_keys(20)[example]))
        assert lane._paddle == int(first[example])


def test_episodes_end_at_different_times() -> None:
    """There is one length for each row in which a ball can begin."""
    for rows in (1, 6):
        env = _env(start_rows=rows)
        _begin(env, 300)
        length = torch.zeros(300)
        for step in range(23):
            length += ~env.step(_random_action(300, step)).terminated
        assert sorted(set((length + 1).tolist())) == [float(23 - row) for row in reversed(range(rows))]


def test_after_the_end_nothing_changes() -> None:
    """Further steps repeat the final observation, with reward 0."""
    env = _env()
    _begin(env, 20)
    for step in range(23):
        last = env.step(_random_action(20, step))
    before = env.picture()
    for step in range(3):
        after = env.step(_random_action(20, 90 + step))
        assert _same(last.observation, after.observation)
        assert after.terminated.all() and not after.reward.any() and torch.equal(before, env.picture())


@each_variant
def test_a_lane_does_not_depend_on_the_others(options: dict[str, Any]) -> None:
    """One of seven lanes observes what it observes alone."""
    together, alone = _env(**options), _env(**options)
    seen = _begin(together, 7)
    assert _same({name: part[4:5] for name, part in seen.items()}, alone.reset(torch.tensor([4]), _keys(7)[4:5]))
    for step in range(5):
        action = _random_action(7, step)
        many = together.step(action)
        one = alone.step({name: part[4:5] for name, part in action.items()})
        assert _same({name: part[4:5] for name, part in many.observation.items()}, one.observation)


def test_copies_share_the_ball_and_not_the_initial_location() -> None:
    """Lane e * M + m is copy m of example e; copy 0 equals the episode without copies."""
    env = _env(initial_location="random")
    seen = env.reset(torch.tensor([3, 8]), _keys(2), copies=3)
    label, picture = env.label.view(2, 3), env.picture().view(2, 3, -1)
    assert (label == label[:, :1]).all() and (picture == picture[:, :1]).all()
    assert len(seen["location"].unique(dim=0)) == 6 and not torch.equal(picture[0, 0], picture[1, 0])
    alone = env.reset(torch.tensor([3, 8]), _keys(2))
    assert torch.equal(alone["location"], seen["location"][::3])


def test_some_lanes_can_be_reset() -> None:
    """Their new keys determine their balls; the other lanes continue undisturbed."""
    env, other = _env(initial_location="random"), _env(initial_location="random")
    _begin(env, 5)
    _begin(other, 5)
    for step in range(20):
        action = _random_action(5, step)
        env.step(action)
        other.step(action)
    lanes, key = torch.tensor([3, 1]), _keys(2, seed=9)
    seen = env.reset_lanes(lanes, torch.tensor([7, 6]), key)
    fresh = _env(initial_location="random")
    begun = fresh.reset(torch.tensor([7, 6]), key)
    untouched = torch.tensor([0, 2, 4])
    for step in range(23):
        assert _same({name: part[lanes] for name, part in seen.items()}, begun)
        assert torch.equal(env.picture()[lanes], fresh.picture())
        assert torch.equal(env.label[lanes], fresh.label)
        assert torch.equal(env.picture()[untouched], other.picture()[untouched])
        action = _random_action(5, step)
        seen, reward, terminated, _ = env.step(action)
        begun, alone, _, _ = fresh.step({name: part[lanes] for name, part in action.items()})
        there = other.step(action)
        assert torch.equal(reward[lanes], alone) and torch.equal(reward[untouched], there.reward[untouched])
        assert torch.equal(seen["glimpse"][untouched], there.observation["glimpse"][untouched])
    assert terminated.all()


def test_the_ball_depends_on_key_example_and_split() -> None:
    """Changing any of them changes almost all balls; the same three give the same balls."""
    labels = {}
    for split in ("train", "validation", "test"):
        env = _env(split)
        for seed in (0, 1):
            for first in (0, 5000):
                env.reset(torch.arange(first, first + 500), _keys(500, seed))
                labels[split, seed, first] = env.picture().flatten(1)
    found = list(labels.values())
    for number, one in enumerate(found):
        for other in found[:number]:
            assert (one == other).all(1).float().mean() < 0.05
    env = _env("test")
    env.reset(torch.arange(500), _keys(500, 1))
    assert torch.equal(env.picture().flatten(1), labels["test", 1, 0])


def test_examples_are_drawn_and_splits_are_known() -> None:
    """Each split has ten thousand examples; other names are refused."""
    env = _env()
    drawn = env.draw_example(_keys(2000))
    assert env.examples == 10_000 and drawn.min() >= 0 and drawn.max() < 10_000 and len(drawn.unique()) > 1700
    with pytest.raises(DataError, match="split must be 'train', 'validation' or 'test', got 'dev'"):
        Catch.load_data(env.options, "dev")  # type: ignore[arg-type]  # what is tested


def test_initial_location_of_each_kind() -> None:
    """It is the centre, a given location, or uniform over the screen."""
    assert _begin(_env(), 9)["location"].eq(0).all()
    assert _begin(_env(initial_location=(0.5, -0.25)), 9)["location"].eq(torch.tensor([0.5, -0.25])).all()
    location = _begin(_env(initial_location="random"), 3000)["location"]
    assert location.min() >= -1 and location.max() <= 1 and location.std(0).sub(3**-0.5).abs().max() < 0.03
    assert _begin(_env(initial_location="random", view="whole"), 9)["location"].eq(0).all()


def test_locations_outside_or_not_a_number_are_mapped_to_the_screen() -> None:
    """Locations are clamped; NaN counts as the centre."""
    env = _env()
    _begin(env, 2)
    seen = env.step(_action([STAY, STAY], [[-3.0, 0.5], [float("nan"), 2.0]])).observation
    assert seen["location"].tolist() == [[-1, 0.5], [0, 1]] and seen["glimpse"].isfinite().all()


def test_the_picture_shows_the_path_of_the_ball() -> None:
    """Past pixels are grey, one in each row above the ball; the ball and the paddle are white."""
    env = _env(start_rows=1)
    _begin(env, 30)
    for step in range(10):
        env.step(_random_action(30, step))
    picture = env.picture()
    assert picture.shape == (30, 1, 24, 24) and picture.dtype == torch.uint8
    grey, white = (picture[:, 0] > 0) & (picture[:, 0] < 255), picture[:, 0] == 255
    assert grey[:, :10].sum(2).eq(1).all() and not grey[:, 10:].any()
    assert white.sum(2)[0].tolist() == [*[0] * 10, 1, *[0] * 12, 2]


@pytest.mark.parametrize("view", ["glimpse", "whole"])
def test_frames_are_of_one_size(view: str) -> None:
    """Frames of a lane have one size from the first to the last step, and differ between lanes."""
    env = _env(view=view)
    seen = _begin(env, 2)
    episode = [{name: part[1].numpy() for name, part in seen.items()}]
    shapes = {env.frame(1, episode).shape}
    for step in range(23):
        seen = env.step(_random_action(2, step)).observation
        episode.append({name: part[1].numpy() for name, part in seen.items()})
        frame = env.frame(1, episode)
        shapes.add(frame.shape)
    assert len(shapes) == 1 and frame.dtype == np.uint8
    assert not np.array_equal(frame, env.frame(0, episode))


@pytest.mark.parametrize(
    ("options", "key", "text"),
    [
        ({"screen": 3}, "screen", "greater than or equal to 4"),
        ({"paddle": 25}, "paddle", "should be at most the screen's side, 24 (got 25)"),
        ({"start_rows": 14}, "start_rows", "should be at most 13: the paddle takes 11 steps to a wall (got 14)"),
        (
            {"ball_speed": 2, "start_rows": 6},
            "start_rows",
            "should be at most 3: the paddle takes 11 steps to a wall (got 6)",
        ),
        (
            {"paddle_start": "random", "start_rows": 3},
            "start_rows",
            "should be at most 2: the paddle takes 22 steps to a wall (got 3)",
        ),
        ({"ball_speed": 3}, "start_rows", "falls for as long as the 11 steps that the paddle takes to a wall"),
        ({"paddle": 24, "start_rows": 24}, "start_rows", "should be at most 23"),
        ({"ball_speed": 0}, "ball_speed", "greater than or equal to 0.05"),
        ({"sideways": -1}, "sideways", "greater than or equal to 0"),
        ({"initial_location": (0, 1.5)}, "initial_location", "should lie in [-1, 1] x [-1, 1]"),
        ({"view": "full"}, "view", "'glimpse' or 'whole'"),
        ({"glimpses": 4}, "glimpses", "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_named(options: dict[str, Any], key: str, text: str) -> None:
    """The error gives the wrong option and a message."""
    with pytest.raises(ValidationError) as caught:
        _env(**options)
    (error,) = caught.value.errors()
    assert error["loc"][0] == key and text in error["msg"]


@pytest.mark.parametrize(
    ("options", "rows"),
    [({}, 6), ({"ball_speed": 2}, 3), ({"screen": 8}, 5), ({"screen": 4}, 3), ({"screen": 4, "paddle": 4}, 3)],
)
def test_default_start_rows_depend_on_size_and_speed(options: dict[str, Any], rows: int) -> None:
    """The default is six rows, or fewer if a ball from the lowest row could not always be caught.

    With two rows per step on 24: the paddle takes 11 steps to a wall, a ball in row 2 falls for 11 steps, one in row 3
    for 10.
    """
    checked = CatchOptions.model_validate({"name": "catch", **options})
    assert checked.start_rows == checked.first_rows == rows
    assert CatchOptions.model_validate(checked.model_dump()) == checked


def test_a_resting_paddle_catches_the_balls_above_it() -> None:
    """Landing columns are uniform: the paddle covers 2 of the 23 pixels between the centres of the outer columns."""
    env, episodes = _env(), 20_000
    _begin(env, episodes)
    caught = sum(env.step(_action([STAY] * episodes)).reward.sum().item() for _ in range(23)) / episodes
    assert abs(caught - 2 / 23) < 4 * (2 / 23 * 21 / 23 / episodes) ** 0.5


@pytest.mark.parametrize("options", [{"start_rows": 13}, {"ball_speed": 2, "start_rows": 3}, {"paddle": 24}])
def test_every_ball_can_be_caught_at_the_limits(options: dict[str, Any]) -> None:
    """A ball from the lowest allowed row is caught at both walls, from the middle."""
    env = _env(sideways=0, **options)
    _begin(env, 4000)
    total = torch.zeros(4000)
    aim = env.label.clamp(max=24 - env.options.paddle)
    for _ in range(env.options.steps):
        total += env.step(_action((aim - env._paddle).sign() + 1)).reward
    assert total.eq(1).all() and {0, 23} <= set(env.label.tolist())


def test_there_are_no_answers_and_no_augmentation() -> None:
    """`wrong` raises an error, since there are no answers."""
    env = _env()
    assert env.classes == () and not env.augments
    with pytest.raises(ValueError, match="compare the reward"):
        env.wrong(torch.zeros(1, 1, 1), torch.zeros(1))


@pytest.mark.parametrize("view", ["glimpse", "whole"])
def test_a_step_never_waits_for_the_device(view: str, trace: Callable[[Callable[[], object]], Any]) -> None:
    """No operation reads values or makes sizes depend on them, and their number does not depend on the lanes."""
    counts = []
    for lanes in (3, 50):
        env = _env(view=view)
        _begin(env, lanes)
        chosen, key, action = torch.tensor([1, 2]), _keys(2), _random_action(lanes, 0)
        for call in (
            lambda env=env, action=action: env.step(action),
            lambda env=env, chosen=chosen, key=key: env.reset_lanes(chosen, chosen, key),
        ):
            names = trace(call).names
            assert not {"_local_scalar_dense", "nonzero", "item", "is_nonzero"} & set(names)
            counts.append(len(names))
    assert counts[:2] == counts[2:]
