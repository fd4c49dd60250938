"""Sequential classification: the timeline of an episode by hand, and what an episode does not depend on."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.lane_random import mix
from glimpse.envs.options import AugmentOptions, ClassificationOptions

_LABELS = [2, 0, 1, 1, 2]


def _data(height: int = 9, width: int = 9, channels: int = 1) -> ImageData:
    """Five images of random pixels in three classes."""
    shape = (len(_LABELS), channels, height, width)
    images = torch.randint(1, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    return ImageData(images, torch.tensor(_LABELS), ("cat", "dog", "owl"))


def _world(data: ImageData | None = None, augment: AugmentOptions | None = None, **options: Any) -> Classification:
    given = {"retina": {"patch": 3}, "glimpses": 3, **options}
    checked = ClassificationOptions.model_validate({"name": "images", **given})
    return Classification(checked, data or _data(), augment=augment)


_CANVAS = {"size": 14, "pieces": 3, "piece": 4}
_WORLDS: dict[str, Callable[..., Classification]] = {
    "plain": lambda **options: _world(**options),
    "wide retina": lambda **options: _world(retina={"patch": 3, "scales": 3}, **options),
    "augmented": lambda **options: _world(augment=AugmentOptions(rotation=20, shift=1), **options),
    "translated": lambda **options: _world(canvas={"kind": "translated", **_CANVAS}, **options),
    "cluttered": lambda **options: _world(canvas={"kind": "cluttered", **_CANVAS}, **options),
    "colour": lambda **options: _world(
        _data(8, 11, 3), retina={"patch": 4, "scales": 2}, canvas={"kind": "cluttered", **_CANVAS}, **options
    ),
}
every_world = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in _WORLDS.items()])


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
    """Three glimpses: at the centre, at a place, at a place clamped; three answers; nothing follows the third."""
    data = _data()
    world = _world(data, first_place="centre")
    seen = world.begin(torch.tensor([1]), _keys(1))
    assert set(seen) == {"glimpse", "location", "time"}
    assert (seen["location"].tolist(), seen["time"].tolist()) == ([[0, 0]], [0])
    image = data.images[1, 0].float() / 255
    assert torch.equal(seen["glimpse"], image[None, None, None, 3:6, 3:6])

    observation, reward, over, label = world.step(_action([[0.0, -0.5]], [0]))
    assert (observation["location"].tolist(), observation["time"].tolist()) == ([[0, -0.5]], [1])
    # y = -0.5 is pixel coordinate 2.25, and the patch begins at floor(2.25 - 1.5 + 0.5) = 1.
    assert torch.equal(observation["glimpse"][0, 0, 0], image[1:4, 3:6])
    assert (reward.tolist(), over.tolist(), label.tolist()) == ([0], [False], [0])

    observation, reward, over, _ = world.step(_action([[-7.0, 0.0]], [0]))
    assert (observation["location"].tolist(), observation["time"].tolist()) == ([[-1, 0]], [2])
    assert torch.equal(observation["glimpse"][0, 0, 0, :, 1:], image[3:6, :2])
    assert observation["glimpse"][0, 0, 0, :, 0].tolist() == [0, 0, 0]
    assert (reward.tolist(), over.tolist()) == ([0], [False])

    last, reward, over, label = world.step(_action([[0.9, 0.9]], [0]))
    assert torch.equal(last["glimpse"], observation["glimpse"])
    assert (last["location"].tolist(), last["time"].tolist()) == ([[-1, 0]], [3])
    assert (reward.tolist(), over.tolist(), label.tolist()) == ([1], [True], [0])
    assert reward.dtype == torch.float32 and over.dtype == torch.bool and label.dtype == torch.int64


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
    """At the end or at each step, less a cost; once it is over nothing more."""
    world = _world(**options)
    world.begin(torch.tensor([0, 4]), _keys(2))
    steps = [world.step(_action([[0, 0], [0, 0]], answer)) for answer in ([2, 2], [0, 2], [2, 0], [2, 2])]
    torch.testing.assert_close(torch.stack([step.reward for step in steps]), torch.tensor([*expected, [0.0, 0.0]]))


def test_after_the_end_nothing_changes() -> None:
    """However often one steps."""
    world = _world(glimpse_cost=0.1)
    world.begin(torch.tensor([0, 1]), _keys(2))
    ended = [world.step(_random_action(2, step)) for step in range(3)][-1]
    for step in range(3, 6):
        after = world.step(_random_action(2, step))
        assert _same(after.observation, ended.observation)
        assert after.reward.tolist() == [0, 0] and after.terminated.all()


def test_stopping_ends_a_lane_and_leaves_the_others() -> None:
    """Lane 0 stops at its second answer, is paid for it, and stays where it was; lane 1 goes on to the third."""
    world = _world(stop=True, glimpse_cost=0.25)
    world.begin(torch.tensor([0, 0]), _keys(2))
    first = world.step(_action([[0.5, 0.5], [0.5, 0.5]], [2, 2], [0, 0]))
    second = world.step(_action([[-0.5, 0.0], [-0.5, 0.0]], [2, 2], [1, 0]))
    third = world.step(_action([[0.1, 0.1], [0.1, 0.1]], [2, 2], [0, 0]))
    assert [step.reward.tolist() for step in (first, second, third)] == [[-0.25, -0.25], [0.75, -0.25], [0, 0.75]]
    assert [step.terminated.tolist() for step in (first, second, third)] == [[0, 0], [1, 0], [1, 1]]
    assert [step.observation["time"].tolist() for step in (first, second, third)] == [[1, 1], [2, 2], [2, 3]]
    assert second.observation["location"].tolist() == [[0.5, 0.5], [-0.5, 0]]
    assert _same(_lanes(second.observation, [0]), {**_lanes(first.observation, [0]), "time": torch.tensor([2])})
    assert _same(_lanes(third.observation, [0]), _lanes(second.observation, [0]))


def test_the_first_step_may_be_the_last() -> None:
    """One glimpse, one answer."""
    world = _world(glimpses=1)
    first = world.begin(torch.tensor([0]), _keys(1))
    step = world.step(_action([[0.5, 0.5]], [2]))
    assert (step.reward.tolist(), step.terminated.tolist()) == ([1], [True])
    assert _same(step.observation, {**first, "time": torch.tensor([1])})


def test_first_place_at_random_is_uniform() -> None:
    """Over the whole image, each coordinate for itself, another for each key and copy."""
    place = _world().begin(torch.zeros(2000).long(), _keys(2000), copies=2)["location"]
    assert len(set(map(tuple, place.tolist()))) == 4000
    # An even distribution on [-1, 1] has standard deviation 1 / sqrt 3; standard error of the mean 0.009.
    assert place.abs().max() <= 1 and place.mean(0).abs().max() < 0.04
    assert (place.std(0) - 3**-0.5).abs().max() < 0.02
    for one, other in ((place[:, 0], place[:, 1]), (place[::2, 0], place[1::2, 0])):
        assert abs(float(torch.corrcoef(torch.stack([one, other]))[0, 1])) < 0.1


def test_first_place_may_be_given() -> None:
    """The centre, or a place, with or without noise around it, always in the image."""
    example, key = torch.zeros(1000).long(), _keys(1000)
    assert _world(first_place="centre").begin(example, key)["location"].eq(0).all()
    place = _world(first_place=(0.5, -0.25)).begin(example, key)["location"]
    assert set(map(tuple, place.tolist())) == {(0.5, -0.25)}
    place = _world(first_place=(0.5, -0.25), first_spread=0.1).begin(example, key)["location"]
    assert (place.mean(0) - torch.tensor([0.5, -0.25])).abs().max() < 0.015
    assert (place.std(0) - 0.1).abs().max() < 0.01
    place = _world(first_place=(1.0, 0.0), first_spread=0.1).begin(example, key)["location"]
    assert place.max() == 1 and place.min() < 0 and 400 < int(place[:, 0].eq(1).sum()) < 600


@every_world
def test_copies_share_the_picture_and_begin_at_places_of_their_own(make: Callable[..., Classification]) -> None:
    """Lane 3 e + m is copy m of example e; copy 0 is the episode that is played without copies."""
    world, example, key = make(), torch.tensor([3, 1]), _keys(2)
    alone, pictures = world.begin(example, key), world.picture()
    together = world.begin(example, key, copies=3)
    assert torch.equal(world.picture(), pictures.repeat_interleave(3, 0))
    assert world.label.tolist() == [1, 1, 1, 0, 0, 0]
    assert _same(_lanes(together, [0, 3]), alone)
    assert len(set(map(tuple, together["location"].tolist()))) == 6


@every_world
def test_an_episode_is_the_same_whatever_is_beside_it(make: Callable[..., Classification]) -> None:
    """Played among nine, in another order, and alone: each observation to the bit."""
    example, key = torch.arange(9) % 5, _keys(9)

    def play(lanes: list[int]) -> list[dict[str, Tensor]]:
        world = make()
        seen = [world.begin(example[lanes], key[lanes])]
        for step in range(3):
            action = _random_action(9, step)
            seen.append(world.step({name: part[lanes] for name, part in action.items()}).observation)
        return seen

    together = play(list(range(9)))
    for lanes in ([4], [8, 4, 0]):
        assert all(_same(one, _lanes(all_, lanes)) for one, all_ in zip(play(lanes), together, strict=True))


@every_world
def test_restarting_some_lanes_leaves_the_others_alone(make: Callable[..., Classification]) -> None:
    """The new episodes equal those of a fresh world, the old ones go on as if nothing had happened."""
    lanes, example, key = torch.tensor([3, 1]), torch.tensor([4, 2]), _keys(2, seed=1)
    world, undisturbed, fresh = make(), make(), make()
    for each in (world, undisturbed):
        each.begin(torch.arange(5), _keys(5))
        before = each.step(_random_action(5, 0))
    begun, expected = world.restart(lanes, example, key), fresh.begin(example, key)
    assert _same(_lanes(begun, lanes), expected)
    assert _same(_lanes(begun, [0, 2, 4]), _lanes(before.observation, [0, 2, 4]))
    assert torch.equal(world.picture()[lanes], fresh.picture())
    for step in range(1, 4):
        action = _random_action(5, step)
        went, old = world.step(action), undisturbed.step(action)
        new = fresh.step({name: part[lanes] for name, part in action.items()})
        for part, rows, other in ((old, [0, 2, 4], [0, 2, 4]), (new, lanes, [0, 1])):
            assert _same(_lanes(went.observation, rows), _lanes(part.observation, other))
            assert all(torch.equal(a[rows], b[other]) for a, b in zip(went[1:], part[1:], strict=True))


@every_world
def test_what_was_returned_is_never_changed(make: Callable[..., Classification]) -> None:
    """Neither by a step nor by a restart: who keeps a tensor needs no copy."""
    world = make()
    begun = world.begin(torch.arange(4), _keys(4))
    step = world.step(_random_action(4, 0))
    kept = [*begun.values(), *step.observation.values(), *step[1:]]
    copies = [tensor.clone() for tensor in kept]
    world.restart(torch.tensor([2]), torch.tensor([0]), _keys(1, seed=3))
    for number in range(4):
        world.step(_random_action(4, number))
    world.begin(torch.arange(4), _keys(4, seed=4))
    assert all(torch.equal(tensor, copy) for tensor, copy in zip(kept, copies, strict=True))


def test_an_agent_sees_nothing_but_its_glimpses() -> None:
    """Whatever else is in the image, no observation of the episode differs."""
    data, place = _data(), [[-1.0, -1.0]]
    other = data.images.clone()
    seen = torch.zeros(9, 9, dtype=torch.bool)
    seen[3:6, 3:6] = seen[:2, :2] = True  # the centre, and what a patch at the corner covers
    other[..., ~seen] = 255 - other[..., ~seen]
    episodes = []
    for images in (data.images, other):
        world = _world(ImageData(images, data.labels, data.classes), first_place="centre")
        begun = world.begin(torch.tensor([0]), _keys(1))
        episodes.append([begun, *(world.step(_action(place, [0])).observation for _ in range(3))])
    assert all(_same(one, two) for one, two in zip(*episodes, strict=True))


@every_world
def test_observations_and_actions_are_those_of_the_spaces(make: Callable[..., Classification]) -> None:
    """In every lane at every step."""
    world = make(stop=True)
    seen = [world.begin(torch.arange(5), _keys(5))]
    for _ in range(3):
        sampled = [world.action_space.sample() for _ in range(5)]
        action = {name: torch.stack([torch.as_tensor(one[name]) for one in sampled]) for name in world.action_space}
        seen.append(world.step(action).observation)
    for observation in seen:
        for lane in range(5):
            arrays = {name: part[lane].numpy()[()] for name, part in observation.items()}
            assert world.observation_space.contains(arrays)
    assert set(world.action_space) == {"look", "answer", "stop"}
    assert set(make().action_space) == {"look", "answer"}


def test_pictures_are_what_the_options_say() -> None:
    """The image as it is, warped, or on a canvas; each fixed by its key."""
    data, example, key = _data(), torch.tensor([0, 0, 3]), _keys(3)
    for name, make in _WORLDS.items():
        world = make()
        world.begin(example, key)
        picture = world.picture()
        world.begin(example, key)
        assert torch.equal(world.picture(), picture)
        if name in ("plain", "wide retina"):
            assert torch.equal(picture, data.images[example])
        else:
            assert not torch.equal(picture[0], picture[1])
    unwarped = _world(data, AugmentOptions())
    unwarped.begin(example, key)
    assert torch.equal(unwarped.picture(), data.images[example])


def test_training_pictures_are_warped_before_they_are_put_on_a_canvas() -> None:
    """Rotated by up to 180 degrees, a digit at one corner of the canvas still lies inside it."""
    data = _data()
    options: dict[str, Any] = {"canvas": {"kind": "translated", "size": 14}}
    plain, warped = _world(data, **options), _world(data, AugmentOptions(rotation=180), **options)
    pictures = []
    for world in (plain, warped):
        world.begin(torch.zeros(20).long(), _keys(20))
        pictures.append(world.picture())
    nothing = pictures[0] == 0
    assert pictures[1][nothing].eq(0).all() and not torch.equal(*pictures)


def test_a_world_whose_examples_do_not_fit_is_refused_when_it_is_made() -> None:
    """Not only when the first episode begins."""
    with pytest.raises(ValueError, match="canvas.size 8 is smaller"):
        _world(canvas={"kind": "translated", "size": 8})
    with pytest.raises(ValueError, match="canvas.piece 10 is larger"):
        _world(canvas={"kind": "cluttered", "piece": 10})


def test_examples_are_drawn_evenly() -> None:
    """Five examples, 5000 keys: each about 1000 times."""
    drawn = _world().draw_example(_keys(5000)).bincount(minlength=5)
    assert len(drawn) == 5 and (drawn - 1000).abs().max() < 4 * (1000 * 0.8) ** 0.5


# What reads a tensor's values on the host, or sends it new ones: on a GPU each of them waits.
_SYNCHRONISING = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "lift_fresh", "masked_select", "unique"}


@every_world
def test_neither_the_batch_is_looped_over_nor_the_device_waited_for(
    make: Callable[..., Classification], trace: Callable[[Any], Any]
) -> None:
    """Begin, step and restart take as many operations for 64 lanes as for two, and none that synchronises."""

    def names(lanes: int) -> list[list[str]]:
        world = make(stop=True, glimpses=20, first_place=(0.1, 0.2), first_spread=0.1)
        example, key = torch.arange(lanes) % 5, _keys(lanes)
        action = {**_random_action(lanes, 0), "stop": torch.zeros(lanes).long()}
        some = torch.arange(0, lanes, 2)
        calls: list[Callable[[], object]] = [
            lambda: world.begin(example, key, 2),
            lambda: world.begin(example, key),
            lambda: world.step(action),
            lambda: world.restart(some, example[some], key[some]),
        ]
        return [trace(call).names for call in calls]

    few, many = names(4), names(64)
    assert few == many
    assert not {name for each in many for name in each} & _SYNCHRONISING


def test_the_last_step_spends_nothing_on_a_glimpse() -> None:
    """Once no lane goes on, the last glimpse is given again and none is gathered."""
    world, action = _world(glimpses=2), _random_action(3, 0)
    world.begin(torch.arange(3), _keys(3))
    glimpse = world.step(action).observation["glimpse"]
    assert world.step(action).observation["glimpse"] is glimpse
