"""Digit pairs: an episode by hand, where digits stand, and what an episode does not depend on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from glimpse.envs.images.digit_pair import DigitPair
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.lane_random import mix
from glimpse.envs.options import AugmentOptions, DigitPairOptions

_LABELS = [2, 0, 1, 1, 2]
_SHADES = [40, 80, 120, 160, 200]  # Each image is of one shade, so that it is known where it is seen.


def _data(height: int = 6, width: int = 4, count: int = 5) -> ImageData:
    """Images of one shade each, in three classes."""
    images = torch.tensor(_SHADES, dtype=torch.uint8)[:count, None, None, None].expand(-1, 1, height, width)
    return ImageData(images.contiguous(), torch.tensor(_LABELS[:count]), ("cat", "dog", "owl"))


def _world(data: ImageData | None = None, augment: AugmentOptions | None = None, **options: Any) -> DigitPair:
    given = {"size": 20, "context": 5, "glimpses": 2, "retina": {"patch": 4, "scales": 2}, **options}
    return DigitPair(DigitPairOptions.model_validate({"name": "digit-pair", **given}), data or _data(), augment=augment)


def _keys(count: int, seed: int = 0) -> Tensor:
    return mix(torch.tensor(seed), torch.arange(count))


def _action(answer: Any, look: Any = None) -> dict[str, Tensor]:
    answer = torch.as_tensor(answer)
    return {"answer": answer, "look": torch.zeros(len(answer), 2) if look is None else torch.as_tensor(look)}


def _random_action(lanes: int, step: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(step)
    look = torch.rand(lanes, 2, generator=generator) * 2.4 - 1.2
    return _action(torch.randint(0, 3, (lanes,), generator=generator), look)


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


def _lanes(observation: dict[str, Tensor], lanes: Any) -> dict[str, Tensor]:
    return {name: part[lanes] for name, part in observation.items()}


def test_an_episode_by_hand() -> None:
    """Two answers for the left image and two for the right one; the second and the fourth count."""
    world = _world()
    seen = world.begin(torch.tensor([1] * 40), _keys(40))
    assert set(seen) == {"glimpse", "location", "time", "context"}
    assert seen["glimpse"].shape == (40, 2, 1, 4, 4) and seen["context"].shape == (40, 1, 5, 5)
    assert seen["location"].eq(0).all() and seen["time"].tolist() == [0] * 40
    # Example 1 is the only one of class 0, so the right image is of another class.
    assert set(world.label.tolist()) == {1, 2}
    said = []
    for step, answer in enumerate((1, 0, 2, 2), start=1):
        look = [[-0.5, 0.1 * step]] * 40
        observation, reward, over, label = world.step(_action([answer] * 40, look))
        assert observation["time"].tolist() == [step] * 40
        said.append((reward, over))
        if step < 4:
            assert torch.equal(observation["location"], torch.tensor(look)) and not over.any()
            last = observation
    assert [reward.unique().tolist() for reward, _ in said[:3]] == [[0], [0.5], [0]]
    assert torch.equal(said[3][0], (label % 3 == 2).float() / 2) and said[3][1].all()
    assert torch.equal(observation["glimpse"], last["glimpse"]) and torch.equal(
        observation["location"], last["location"]
    )
    again = world.step(_random_action(40, 9))
    assert _same(again.observation, observation) and not again.reward.any() and again.terminated.all()
    assert reward.dtype == torch.float32 and over.dtype == torch.bool and label.dtype == torch.int64


def test_where_the_two_stand() -> None:
    """The example on the left, another one wholly to its right, each whole, at every place where they fit."""
    world = _world(size=14)
    example = torch.arange(5).repeat(800)
    world.begin(example, _keys(4000))
    picture, places, others = world.picture()[:, 0], set(), set()
    for number in range(4000):
        shade = _SHADES[int(example[number])]
        shades = [one for one in picture[number].unique().tolist() if one]
        assert len(shades) == 2 and shade in shades  # never the same example twice
        other = shades[1 - shades.index(shade)]
        found = [(picture[number] == one).nonzero() for one in (shade, other)]
        assert [len(one) for one in found] == [24, 24]
        left, right = (one.min(0).values.tolist() for one in found)
        assert left[1] + 4 <= right[1]
        assert int(world.label[number]) == 3 * _LABELS[int(example[number])] + _LABELS[_SHADES.index(other)]
        places.add((left[1], right[1]))
        others.add((left[0], right[0]))
    # Left columns 0 to 6 with 4 more columns and any gap: 28 pairs; rows 0 to 8 each.
    assert places == {(one, two + 4) for one in range(7) for two in range(one, 7)} and len(others) == 81


def test_the_context_is_the_mean_of_what_is_shown() -> None:
    """Of 4 x 4 pixels each, where the canvas is 20 and the context 5 wide; also where they do not divide."""
    world = _world()
    seen = world.begin(torch.arange(5), _keys(5))
    picture = world.picture().float() / 255
    expected = picture.unflatten(2, (5, 4)).unflatten(4, (5, 4)).mean((3, 5))
    torch.testing.assert_close(seen["context"], expected)
    for _ in range(4):
        assert torch.equal(world.step(_random_action(5, 0)).observation["context"], seen["context"])
    coarse = _world(context=3).begin(torch.arange(5), _keys(5))["context"]
    assert coarse.shape == (5, 1, 3, 3) and coarse.max() <= 1 and coarse.sum() > 0


@pytest.mark.parametrize("scales", [1, 2])
def test_glimpses_show_the_canvas(scales: int) -> None:
    """With the finest scale, as copied pixels."""
    world = _world(retina={"patch": 20, "scales": scales})
    seen = world.begin(torch.arange(5), _keys(5))
    assert torch.equal(seen["glimpse"][:, 0], world.picture() / 255)


def test_judging_by_hand() -> None:
    """Two glimpses for each; label 5 = 3 * 1 + 2 needs the answers 1 and 2, at the second and fourth glimpse."""
    world = _world()

    def judge(*answers: int) -> list[bool]:
        belief = torch.nn.functional.one_hot(torch.tensor(answers), 3).float()[:, None]
        return world.wrong(belief, torch.tensor([5]))[:, 0].tolist()

    assert judge(1, 1, 0, 2) == [False, False, False, False]
    assert judge(0, 1, 0, 2) == [True, False, False, False]
    assert judge(1, 1, 2, 1) == [False, False, False, True]
    assert judge(1, 2, 2, 2) == [False, True, True, True]
    assert judge(1, 0, 1, 1) == [False, True, True, True]


def test_judging_agrees_with_the_reward() -> None:
    """Both right is a return of 1; and a batch is judged as its rows are."""
    world = _world()
    world.begin(torch.arange(5).repeat(40), _keys(200))
    answers = torch.randint(0, 3, (4, 200), generator=torch.Generator().manual_seed(3))
    total = torch.stack([world.step(_action(answer)).reward for answer in answers]).sum(0)
    belief = torch.nn.functional.one_hot(answers, 3).float()
    assert torch.equal(world.wrong(belief, world.label)[-1], total < 1)
    assert set(total.tolist()) == {0.0, 0.5, 1.0}
    grouped = world.wrong(belief.unflatten(1, (50, 4)), world.label.view(50, 4))
    assert torch.equal(grouped.flatten(1), world.wrong(belief, world.label))


def test_a_lane_does_not_depend_on_the_others() -> None:
    """One of five plays as it does alone."""
    together, alone = _world(first_place="random"), _world(first_place="random")
    seen = together.begin(torch.arange(5), _keys(5))
    assert _same(_lanes(seen, slice(3, 4)), alone.begin(torch.tensor([3]), _keys(5)[3:4]))
    for step in range(4):
        action = _random_action(5, step)
        one = alone.step(_lanes(action, slice(3, 4)))
        assert _same(_lanes(together.step(action).observation, slice(3, 4)), one.observation)


def test_copies_share_the_picture_and_not_the_first_place() -> None:
    """Lane e * M + m is copy m of example e; copy 0 is what is played alone."""
    world = _world(first_place="random")
    seen = world.begin(torch.tensor([3, 1]), _keys(2), copies=3)
    picture = world.picture().view(2, 3, -1)
    assert (picture == picture[:, :1]).all() and not torch.equal(picture[0], picture[1])
    assert (world.label.view(2, 3) == world.label.view(2, 3)[:, :1]).all()
    assert len(seen["location"].unique(dim=0)) == 6
    alone = world.begin(torch.tensor([3, 1]), _keys(2))
    assert _same(_lanes(seen, slice(0, 6, 3)), alone)


def test_some_lanes_can_begin_anew() -> None:
    """With what the new key decides; the others go on as if nothing had happened."""
    world, other, fresh = (_world(first_place="random") for _ in range(3))
    world.begin(torch.arange(5), _keys(5))
    other.begin(torch.arange(5), _keys(5))
    for step in range(3):
        world.step(_random_action(5, step))
        other.step(_random_action(5, step))
    lanes, kept = torch.tensor([3, 1]), torch.tensor([0, 2, 4])
    seen = world.restart(lanes, torch.tensor([4, 2]), _keys(2, seed=9))
    begun = fresh.begin(torch.tensor([4, 2]), _keys(2, seed=9))
    for step in range(4):
        assert _same(_lanes(seen, lanes), begun) and torch.equal(world.label[lanes], fresh.label)
        assert torch.equal(world.picture()[lanes], fresh.picture())
        action = _random_action(5, 50 + step)
        seen, reward, over, _ = world.step(action)
        there, gain, done, _ = other.step(action)
        begun, alone, _, _ = fresh.step(_lanes(action, lanes))
        assert _same(_lanes(seen, kept), _lanes(there, kept)) and torch.equal(reward[kept], gain[kept])
        assert torch.equal(reward[lanes], alone) and done.all() and over[kept].all()
        assert bool(over[lanes].all()) == (step == 3)


def test_augmentation_warps_both_and_each_alone() -> None:
    """Two equal images fill the canvas from left to right: warped, both change, and each in its own way."""
    data = ImageData(torch.full((2, 1, 6, 6), 200, dtype=torch.uint8), torch.tensor([0, 1]), ("a", "b"))
    data.images[:, :, 2, 1] = 0
    sums = []
    for augment in (None, AugmentOptions(shift=2, rotation=30)):
        world = _world(data, augment=augment, size=12)
        world.begin(torch.zeros(20, dtype=torch.int64), _keys(20))
        sums.append(world.picture()[:, 0].sum(1, dtype=torch.int64).view(20, 2, 6))
    plain, warped = sums
    assert torch.equal(plain[:, 0], plain[:, 1])
    assert (warped != plain).any(2).float().mean() > 0.9
    assert (warped[:, 0] != warped[:, 1]).any(1).float().mean() > 0.9


def test_frames_are_of_one_size() -> None:
    """From the first to the last step."""
    world = _world()
    seen = world.begin(torch.arange(2), _keys(2))
    episode = [{name: part[1].numpy() for name, part in seen.items()}]
    shapes = {world.frame(1, episode).shape}
    for step in range(4):
        seen = world.step(_random_action(2, step)).observation
        episode.append({name: part[1].numpy() for name, part in seen.items()})
        frame = world.frame(1, episode)
        shapes.add(frame.shape)
    assert len(shapes) == 1 and frame.dtype == np.uint8 and not np.array_equal(frame, world.frame(0, episode))


def test_what_does_not_fit_is_refused() -> None:
    """A canvas too narrow for two, one example, a context finer than the canvas."""
    with pytest.raises(ValueError, match="size 7 leaves no room for two images of 6 x 4 pixels side by side"):
        _world(size=7)
    with pytest.raises(ValueError, match="two different examples"):
        _world(_data(count=1))
    with pytest.raises(ValidationError, match=r"should be at most the canvas's side, 20 \(got 21\)"):
        _world(context=21)
    assert _world(size=8).examples == 5


def test_a_step_never_waits_for_the_device(trace: Callable[[Callable[[], object]], Any]) -> None:
    """Nothing is read back, and no size depends on values; nor does the number of operations on the lanes."""
    counts = []
    for lanes in (3, 50):
        world = _world()
        world.begin(torch.arange(lanes) % 5, _keys(lanes))
        chosen, key, action = torch.tensor([1, 2]), _keys(2), _random_action(lanes, 0)
        for call in (
            lambda world=world, action=action: world.step(action),
            lambda world=world, chosen=chosen, key=key: world.restart(chosen, chosen, key),
        ):
            names = trace(call).names
            assert not {"_local_scalar_dense", "nonzero", "item", "is_nonzero"} & set(names)
            counts.append(len(names))
    assert counts[:2] == counts[2:]
