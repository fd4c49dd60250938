"""Tests of sequential classification: an episode by hand, rewards, resets, and independence of the lanes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.options import AugmentOptions
from glimpse.envs.lane_random import mix

_LABELS = [2, 0, 1, 1, 2]


def _data(height: int = 9, width: int = 9, channels: int = 1) -> ImageData:
    """Return five images of random pixels in three classes."""
    shape = (len(_LABELS), channels, height, width)
    images = torch.randint(1, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    return ImageData(images, torch.tensor(_LABELS), ("cat", "dog", "owl"))


def _env(data: ImageData | None = None, augment: AugmentOptions | None = None, **options: Any) -> Classification:
    given = {"retina": {"patch": 3}, "glimpses": 3, **options}
    checked = ClassificationOptions.model_validate({"name": "images", **given})
    return Classification(checked, data or _data(), augment=augment)


_CANVAS = {"size": 14, "distractors": 3, "distractor_size": 4}
_ENVS: dict[str, Callable[..., Classification]] = {
    "plain": lambda **options: _env(**options),
    "wide retina": lambda **options: _env(retina={"patch": 3, "scales": 3}, **options),
    "augmented": lambda **options: _env(augment=AugmentOptions(rotation=20, shift=1), **options),
    "translated": lambda **options: _env(canvas={"kind": "translated", **_CANVAS}, **options),
    "cluttered": lambda **options: _env(canvas={"kind": "cluttered", **_CANVAS}, **options),
    "colour": lambda **options: _env(
        _data(8, 11, 3), retina={"patch": 4, "scales": 2}, canvas={"kind": "cluttered", **_CANVAS}, **options
    ),
}
every_env = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in _ENVS.items()])


def _keys(count: int, seed: int = 0) -> Tensor:
    return mix(torch.tensor(seed), torch.arange(count))


def _action(look: Any, answer: Any, stop: Any = None) -> dict[str, Tensor]:
    action = {"look": torch.as_tensor(look, dtype=torch.float32), "answer": torch.as_tensor(answer)}
    return action if stop is None else {**action, "stop": torch.as_tensor(stop)}


def _random_action(lanes: int, step: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(step)
    look = torch.rand(lanes, 2, generator=generator) * 2.4 - 1.2
    return _action(look, torch.randint(0, 3, (lanes,), generator=generator))


def _flat(observation: dict[str, Tensor]) -> list[Tensor]:
    return [observation[name].flatten(1) if name == "glimpse" else observation[name] for name in sorted(observation)]


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(_flat(one), _flat(other), strict=True))


def _lanes(observation: dict[str, Tensor], lanes: Any) -> dict[str, Tensor]:
    return {name: part[lanes] for name, part in observation.items()}


def test_timeline_of_an_episode() -> None:
    """Three glimpses fall at the centre, at a location and at a clamped one; no glimpse follows the third answer."""
    data = _data()
    env = _env(data, initial_location="centre")
    seen = env.reset(torch.tensor([1]), _keys(1))
    assert set(seen) == {"glimpse", "location", "time"}
    assert (seen["location"].tolist(), seen["time"].tolist()) == ([[0, 0]], [0])
    image = data.images[1, 0].float() / 255
    assert torch.equal(seen["glimpse"], image[None, None, None, 3:6, 3:6])

    observation, reward, terminated, label = env.step(_action([[0.0, -0.5]], [0]))
    assert (observation["location"].tolist(), observation["time"].tolist()) == ([[0, -0.5]], [1])
    # y = -0.5 is pixel coordinate 2.25, and the patch begins at floor(2.25 - 1.5 + 0.5) = 1.
    assert torch.equal(observation["glimpse"][0, 0, 0], image[1:4, 3:6])
    assert (reward.tolist(), terminated.tolist(), label.tolist()) == ([0], [False], [0])

    observation, reward, terminated, _ = env.step(_action([[-7.0, 0.0]], [0]))
    assert (observation["location"].tolist(), observation["time"].tolist()) == ([[-1, 0]], [2])
    assert torch.equal(observation["glimpse"][0, 0, 0, :, 1:], image[3:6, :2])
    assert observation["glimpse"][0, 0, 0, :, 0].tolist() == [0, 0, 0]
    assert (reward.tolist(), terminated.tolist()) == ([0], [False])

    last, reward, terminated, label = env.step(_action([[0.9, 0.9]], [0]))
    assert torch.equal(last["glimpse"], observation["glimpse"])
    assert (last["location"].tolist(), last["time"].tolist()) == ([[-1, 0]], [3])
    assert (reward.tolist(), terminated.tolist(), label.tolist()) == ([1], [True], [0])
    assert reward.dtype == torch.float32 and terminated.dtype == torch.bool and label.dtype == torch.int64


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # The label is 2. Lane 0 answers 2 0 2, lane 1 answers 2 2 0.
        ({}, [[0, 0], [0, 0], [1, 0]]),
        ({"glimpse_cost": 0.25}, [[-0.25, -0.25], [-0.25, -0.25], [0.75, -0.25]]),
        ({"reward": "each_step"}, [[1 / 3, 1 / 3], [0, 1 / 3], [1 / 3, 0]]),
        ({"reward": "each_step", "glimpse_cost": 1}, [[-2 / 3, -2 / 3], [-1, -2 / 3], [-2 / 3, -1]]),
    ],
)
def test_rewards(options: dict[str, Any], expected: list[list[float]]) -> None:
    """A right answer is paid at the end or at each step, less a cost; after the end the reward is 0."""
    env = _env(**options)
    env.reset(torch.tensor([0, 4]), _keys(2))
    steps = [env.step(_action([[0, 0], [0, 0]], answer)) for answer in ([2, 2], [0, 2], [2, 0], [2, 2])]
    torch.testing.assert_close(torch.stack([step.reward for step in steps]), torch.tensor([*expected, [0.0, 0.0]]))


def test_after_the_end_nothing_changes() -> None:
    """Further steps repeat the final observation, with reward 0."""
    env = _env(glimpse_cost=0.1)
    env.reset(torch.tensor([0, 1]), _keys(2))
    ended = [env.step(_random_action(2, step)) for step in range(3)][-1]
    for step in range(3, 6):
        after = env.step(_random_action(2, step))
        assert _same(after.observation, ended.observation)
        assert after.reward.tolist() == [0, 0] and after.terminated.all()


def test_stopping_ends_a_lane_and_leaves_the_others() -> None:
    """Lane 0 stops at its second answer, is paid for it, and no longer moves; lane 1 continues to the third."""
    env = _env(stop=True, glimpse_cost=0.25)
    env.reset(torch.tensor([0, 0]), _keys(2))
    first = env.step(_action([[0.5, 0.5], [0.5, 0.5]], [2, 2], [0, 0]))
    second = env.step(_action([[-0.5, 0.0], [-0.5, 0.0]], [2, 2], [1, 0]))
    third = env.step(_action([[0.1, 0.1], [0.1, 0.1]], [2, 2], [0, 0]))
    assert [step.reward.tolist() for step in (first, second, third)] == [[-0.25, -0.25], [0.75, -0.25], [0, 0.75]]
    assert [step.terminated.tolist() for step in (first, second, third)] == [[0, 0], [1, 0], [1, 1]]
    assert [step.observation["time"].tolist() for step in (first, second, third)] == [[1, 1], [2, 2], [2, 3]]
    assert second.observation["location"].tolist() == [[0.5, 0.5], [-0.5, 0]]
    assert _same(_lanes(second.observation, [0]), {**_lanes(first.observation, [0]), "time": torch.tensor([2])})
    assert _same(_lanes(third.observation, [0]), _lanes(second.observation, [0]))


def test_the_first_step_may_be_the_last() -> None:
    """An episode of one glimpse ends with its first answer."""
    env = _env(glimpses=1)
    first = env.reset(torch.tensor([0]), _keys(1))
    step = env.step(_action([[0.5, 0.5]], [2]))
    assert (step.reward.tolist(), step.terminated.tolist()) == ([1], [True])
    assert _same(step.observation, {**first, "time": torch.tensor([1])})


def test_random_initial_location_is_uniform() -> None:
    """It covers the whole image, with independent coordinates, keys and copies."""
    location = _env().reset(torch.zeros(2000).long(), _keys(2000), copies=2)["location"]
    assert len(set(map(tuple, location.tolist()))) == 4000
    # An even distribution on [-1, 1] has standard deviation 1 / sqrt 3; standard error of the mean 0.009.
    assert location.abs().max() <= 1 and location.mean(0).abs().max() < 0.04
    assert (location.std(0) - 3**-0.5).abs().max() < 0.02
    for one, other in ((location[:, 0], location[:, 1]), (location[::2, 0], location[1::2, 0])):
        assert abs(float(torch.corrcoef(torch.stack([one, other]))[0, 1])) < 0.1


def test_initial_location_may_be_given() -> None:
    """It is the centre or a given location, with or without noise, always inside the image."""
    example, key = torch.zeros(1000).long(), _keys(1000)
    assert _env(initial_location="centre").reset(example, key)["location"].eq(0).all()
    location = _env(initial_location=(0.5, -0.25)).reset(example, key)["location"]
    assert set(map(tuple, location.tolist())) == {(0.5, -0.25)}
    location = _env(initial_location=(0.5, -0.25), initial_location_std=0.1).reset(example, key)["location"]
    assert (location.mean(0) - torch.tensor([0.5, -0.25])).abs().max() < 0.015
    assert (location.std(0) - 0.1).abs().max() < 0.01
    location = _env(initial_location=(1.0, 0.0), initial_location_std=0.1).reset(example, key)["location"]
    assert location.max() == 1 and location.min() < 0 and 400 < int(location[:, 0].eq(1).sum()) < 600


@every_env
def test_copies_share_the_picture_and_have_their_own_initial_locations(make: Callable[..., Classification]) -> None:
    """Lane 3 e + m is copy m of example e; copy 0 equals the episode without copies."""
    env, example, key = make(), torch.tensor([3, 1]), _keys(2)
    alone, pictures = env.reset(example, key), env.picture()
    together = env.reset(example, key, copies=3)
    assert torch.equal(env.picture(), pictures.repeat_interleave(3, 0))
    assert env.label.tolist() == [1, 1, 1, 0, 0, 0]
    assert _same(_lanes(together, [0, 3]), alone)
    assert len(set(map(tuple, together["location"].tolist()))) == 6


@every_env
def test_an_episode_does_not_depend_on_the_other_lanes(make: Callable[..., Classification]) -> None:
    """Among nine, in another order, and alone, observations are equal to the bit."""
    example, key = torch.arange(9) % 5, _keys(9)

    def play(lanes: list[int]) -> list[dict[str, Tensor]]:
        env = make()
        seen = [env.reset(example[lanes], key[lanes])]
        for step in range(3):
            action = _random_action(9, step)
            seen.append(env.step({name: part[lanes] for name, part in action.items()}).observation)
        return seen

    together = play(list(range(9)))
    for lanes in ([4], [8, 4, 0]):
        assert all(_same(one, _lanes(all_, lanes)) for one, all_ in zip(play(lanes), together, strict=True))


@every_env
def test_resetting_some_lanes_leaves_the_others_alone(make: Callable[..., Classification]) -> None:
    """New episodes equal those of a fresh environment; the others continue undisturbed."""
    lanes, example, key = torch.tensor([3, 1]), torch.tensor([4, 2]), _keys(2, seed=1)
    env, undisturbed, fresh = make(), make(), make()
    for each in (env, undisturbed):
        each.reset(torch.arange(5), _keys(5))
        before = each.step(_random_action(5, 0))
    begun, expected = env.reset_lanes(lanes, example, key), fresh.reset(example, key)
    assert _same(_lanes(begun, lanes), expected)
    assert _same(_lanes(begun, [0, 2, 4]), _lanes(before.observation, [0, 2, 4]))
    assert torch.equal(env.picture()[lanes], fresh.picture())
    for step in range(1, 4):
        action = _random_action(5, step)
        result, old = env.step(action), undisturbed.step(action)
        new = fresh.step({name: part[lanes] for name, part in action.items()})
        for part, rows, other in ((old, [0, 2, 4], [0, 2, 4]), (new, lanes, [0, 1])):
            assert _same(_lanes(result.observation, rows), _lanes(part.observation, other))
            assert all(torch.equal(a[rows], b[other]) for a, b in zip(result[1:], part[1:], strict=True))


@every_env
def test_returned_tensors_are_never_changed(make: Callable[..., Classification]) -> None:
    """Neither a step nor a reset changes them, so a caller can keep them without a copy."""
    env = make()
    begun = env.reset(torch.arange(4), _keys(4))
    step = env.step(_random_action(4, 0))
    kept = [*begun.values(), *step.observation.values(), *step[1:]]
    copies = [tensor.clone() for tensor in kept]
    env.reset_lanes(torch.tensor([2]), torch.tensor([0]), _keys(1, seed=3))
    for number in range(4):
        env.step(_random_action(4, number))
    env.reset(torch.arange(4), _keys(4, seed=4))
    assert all(torch.equal(tensor, copy) for tensor, copy in zip(kept, copies, strict=True))


def test_an_agent_sees_nothing_but_its_glimpses() -> None:
    """Changing pixels that no glimpse covers changes no observation."""
    data, location = _data(), [[-1.0, -1.0]]
    other = data.images.clone()
    seen = torch.zeros(9, 9, dtype=torch.bool)
    seen[3:6, 3:6] = seen[:2, :2] = True  # the centre, and what a patch at the corner covers
    other[..., ~seen] = 255 - other[..., ~seen]
    episodes = []
    for images in (data.images, other):
        env = _env(ImageData(images, data.labels, data.classes), initial_location="centre")
        begun = env.reset(torch.tensor([0]), _keys(1))
        episodes.append([begun, *(env.step(_action(location, [0])).observation for _ in range(3))])
    assert all(_same(one, two) for one, two in zip(*episodes, strict=True))


@every_env
def test_observations_and_actions_are_those_of_the_spaces(make: Callable[..., Classification]) -> None:
    """The spaces contain what every lane observes at every step."""
    env = make(stop=True)
    seen = [env.reset(torch.arange(5), _keys(5))]
    for _ in range(3):
        sampled = [env.action_space.sample() for _ in range(5)]
        action = {name: torch.stack([torch.as_tensor(one[name]) for one in sampled]) for name in env.action_space}
        seen.append(env.step(action).observation)
    for observation in seen:
        for lane in range(5):
            arrays = {name: part[lane].numpy()[()] for name, part in observation.items()}
            assert env.observation_space.contains(arrays)
    assert set(env.action_space) == {"look", "answer", "stop"}
    assert set(make().action_space) == {"look", "answer"}


def test_pictures_follow_the_options() -> None:
    """The image is shown unchanged, warped, or on a canvas; the key determines the picture."""
    data, example, key = _data(), torch.tensor([0, 0, 3]), _keys(3)
    for name, make in _ENVS.items():
        env = make()
        env.reset(example, key)
        picture = env.picture()
        env.reset(example, key)
        assert torch.equal(env.picture(), picture)
        if name in ("plain", "wide retina"):
            assert torch.equal(picture, data.images[example])
        else:
            assert not torch.equal(picture[0], picture[1])
    unwarped = _env(data, AugmentOptions())
    unwarped.reset(example, key)
    assert torch.equal(unwarped.picture(), data.images[example])


def test_training_images_are_warped_before_they_are_put_on_a_canvas() -> None:
    """A rotated image does not leave its square on the canvas."""
    data = _data()
    options: dict[str, Any] = {"canvas": {"kind": "translated", "size": 14}}
    plain, warped = _env(data, **options), _env(data, AugmentOptions(rotation=180), **options)
    pictures = []
    for env in (plain, warped):
        env.reset(torch.zeros(20).long(), _keys(20))
        pictures.append(env.picture())
    nothing = pictures[0] == 0
    assert pictures[1][nothing].eq(0).all() and not torch.equal(*pictures)


def test_examples_that_do_not_fit_are_refused_at_construction() -> None:
    """The constructor raises the error, not the first reset."""
    with pytest.raises(ValueError, match="canvas.size 8 is smaller"):
        _env(canvas={"kind": "translated", "size": 8})
    with pytest.raises(ValueError, match="canvas.distractor_size 10 is larger"):
        _env(canvas={"kind": "cluttered", "distractor_size": 10})


def test_examples_are_drawn_evenly() -> None:
    """5000 keys draw each of five examples about 1000 times."""
    drawn = _env().draw_example(_keys(5000)).bincount(minlength=5)
    assert len(drawn) == 5 and (drawn - 1000).abs().max() < 4 * (1000 * 0.8) ** 0.5


# Operations that read a tensor's values on the host, or send new ones: on a GPU the host waits for each.
_SYNCHRONISING = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "lift_fresh", "masked_select", "unique"}


@every_env
def test_operations_do_not_grow_with_the_batch_and_never_synchronise(
    make: Callable[..., Classification], trace: Callable[[Any], Any]
) -> None:
    """Resets and steps take as many operations for 64 lanes as for four, none of which synchronises."""

    def names(lanes: int) -> list[list[str]]:
        env = make(stop=True, glimpses=20, initial_location=(0.1, 0.2), initial_location_std=0.1)
        example, key = torch.arange(lanes) % 5, _keys(lanes)
        action = {**_random_action(lanes, 0), "stop": torch.zeros(lanes).long()}
        some = torch.arange(0, lanes, 2)
        calls: list[Callable[[], object]] = [
            lambda: env.reset(example, key, 2),
            lambda: env.reset(example, key),
            lambda: env.step(action),
            lambda: env.reset_lanes(some, example[some], key[some]),
        ]
        return [trace(call).names for call in calls]

    few, many = names(4), names(64)
    assert few == many
    assert not {name for each in many for name in each} & _SYNCHRONISING


def test_the_last_step_gathers_no_glimpse() -> None:
    """When all lanes have terminated, the last glimpse is returned again and none is gathered."""
    env, action = _env(glimpses=2), _random_action(3, 0)
    env.reset(torch.arange(3), _keys(3))
    glimpse = env.step(action).observation["glimpse"]
    assert env.step(action).observation["glimpse"] is glimpse
