"""Tests of digit pairs: an episode by hand, locations of the digits, resets, and independence of the lanes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from glimpse.envs.images.digit_pair import DigitPair
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.options import AugmentOptions, DigitPairOptions
from glimpse.envs.lane_random import mix

_LABELS = [2, 0, 1, 1, 2]
_SHADES = [40, 80, 120, 160, 200]  # Each image has one shade, by which it is recognised.


def _data(height: int = 6, width: int = 4, count: int = 5) -> ImageData:
    """Return images of one shade each, in three classes."""
    images = torch.tensor(_SHADES, dtype=torch.uint8)[:count, None, None, None].expand(-1, 1, height, width)
    return ImageData(images.contiguous(), torch.tensor(_LABELS[:count]), ("cat", "dog", "owl"))


def _env(data: ImageData | None = None, augment: AugmentOptions | None = None, **options: Any) -> DigitPair:
    given = {"size": 20, "glance": 5, "glimpses": 2, "retina": {"patch": 4, "scales": 2}, **options}
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
    """Of two answers for the left image and two for the right one, the second and the fourth count."""
    env = _env()
    seen = env.reset(torch.tensor([1] * 40), _keys(40))
    assert set(seen) == {"glimpse", "location", "time", "glance"}
    assert seen["glimpse"].shape == (40, 2, 1, 4, 4) and seen["glance"].shape == (40, 1, 5, 5)
    assert seen["location"].eq(0).all() and seen["time"].tolist() == [0] * 40
    # Example 1 is the only one of class 0, so the right image is of another class.
    assert set(env.label.tolist()) == {1, 2}
    answered = []
    for step, answer in enumerate((1, 0, 2, 2), start=1):
        look = [[-0.5, 0.1 * step]] * 40
        observation, reward, terminated, label = env.step(_action([answer] * 40, look))
        assert observation["time"].tolist() == [step] * 40
        answered.append((reward, terminated))
        if step < 4:
            assert torch.equal(observation["location"], torch.tensor(look)) and not terminated.any()
            last = observation
    assert [reward.unique().tolist() for reward, _ in answered[:3]] == [[0], [0.5], [0]]
    assert torch.equal(answered[3][0], (label % 3 == 2).float() / 2) and answered[3][1].all()
    assert torch.equal(observation["glimpse"], last["glimpse"]) and torch.equal(
        observation["location"], last["location"]
    )
    again = env.step(_random_action(40, 9))
    assert _same(again.observation, observation) and not again.reward.any() and again.terminated.all()
    assert reward.dtype == torch.float32 and terminated.dtype == torch.bool and label.dtype == torch.int64


def test_locations_of_the_two_images() -> None:
    """The example is on the left and another one on its right, both complete, at every location where they fit."""
    env = _env(size=14)
    example = torch.arange(5).repeat(800)
    env.reset(example, _keys(4000))
    picture, locations, others = env.picture()[:, 0], set(), set()
    for number in range(4000):
        shade = _SHADES[int(example[number])]
        shades = [one for one in picture[number].unique().tolist() if one]
        assert len(shades) == 2 and shade in shades  # never the same example twice
        other = shades[1 - shades.index(shade)]
        found = [(picture[number] == one).nonzero() for one in (shade, other)]
        assert [len(one) for one in found] == [24, 24]
        left, right = (one.min(0).values.tolist() for one in found)
        assert left[1] + 4 <= right[1]
        assert int(env.label[number]) == 3 * _LABELS[int(example[number])] + _LABELS[_SHADES.index(other)]
        locations.add((left[1], right[1]))
        others.add((left[0], right[0]))
    # Left columns 0 to 6 with 4 more columns and any gap: 28 pairs; rows 0 to 8 each.
    assert locations == {(one, two + 4) for one in range(7) for two in range(one, 7)} and len(others) == 81


def test_the_glance_is_the_area_average_of_the_canvas() -> None:
    """It averages 4 x 4 pixels for a canvas of 20 and a glance of 5; other ratios work too."""
    env = _env()
    seen = env.reset(torch.arange(5), _keys(5))
    picture = env.picture().float() / 255
    expected = picture.unflatten(2, (5, 4)).unflatten(4, (5, 4)).mean((3, 5))
    torch.testing.assert_close(seen["glance"], expected)
    for _ in range(4):
        assert torch.equal(env.step(_random_action(5, 0)).observation["glance"], seen["glance"])
    coarse = _env(glance=3).reset(torch.arange(5), _keys(5))["glance"]
    assert coarse.shape == (5, 1, 3, 3) and coarse.max() <= 1 and coarse.sum() > 0


@pytest.mark.parametrize("scales", [1, 2])
def test_glimpses_show_the_canvas(scales: int) -> None:
    """The finest scale copies pixels of the canvas."""
    env = _env(retina={"patch": 20, "scales": scales})
    seen = env.reset(torch.arange(5), _keys(5))
    assert torch.equal(seen["glimpse"][:, 0], env.picture() / 255)


def test_wrong_answers_by_hand() -> None:
    """With two glimpses each, label 5 = 3 * 1 + 2 needs the answers 1 and 2 at the second and fourth glimpse."""
    env = _env()

    def wrong(*answers: int) -> list[bool]:
        belief = torch.nn.functional.one_hot(torch.tensor(answers), 3).float()[:, None]
        return env.wrong(belief, torch.tensor([5]))[:, 0].tolist()

    assert wrong(1, 1, 0, 2) == [False, False, False, False]
    assert wrong(0, 1, 0, 2) == [True, False, False, False]
    assert wrong(1, 1, 2, 1) == [False, False, False, True]
    assert wrong(1, 2, 2, 2) == [False, True, True, True]
    assert wrong(1, 0, 1, 1) == [False, True, True, True]


def test_wrong_answers_agree_with_the_reward() -> None:
    """The last row is False exactly for a return of 1, for any shape of the batch."""
    env = _env()
    env.reset(torch.arange(5).repeat(40), _keys(200))
    answers = torch.randint(0, 3, (4, 200), generator=torch.Generator().manual_seed(3))
    total = torch.stack([env.step(_action(answer)).reward for answer in answers]).sum(0)
    belief = torch.nn.functional.one_hot(answers, 3).float()
    assert torch.equal(env.wrong(belief, env.label)[-1], total < 1)
    assert set(total.tolist()) == {0.0, 0.5, 1.0}
    grouped = env.wrong(belief.unflatten(1, (50, 4)), env.label.view(50, 4))
    assert torch.equal(grouped.flatten(1), env.wrong(belief, env.label))


def test_a_lane_does_not_depend_on_the_others() -> None:
    """One of five lanes observes what it observes alone."""
    together, alone = _env(initial_location="random"), _env(initial_location="random")
    seen = together.reset(torch.arange(5), _keys(5))
    assert _same(_lanes(seen, slice(3, 4)), alone.reset(torch.tensor([3]), _keys(5)[3:4]))
    for step in range(4):
        action = _random_action(5, step)
        one = alone.step(_lanes(action, slice(3, 4)))
        assert _same(_lanes(together.step(action).observation, slice(3, 4)), one.observation)


def test_copies_share_the_picture_and_not_the_initial_location() -> None:
    """Lane e * M + m is copy m of example e; copy 0 equals the episode without copies."""
    env = _env(initial_location="random")
    seen = env.reset(torch.tensor([3, 1]), _keys(2), copies=3)
    picture = env.picture().view(2, 3, -1)
    assert (picture == picture[:, :1]).all() and not torch.equal(picture[0], picture[1])
    assert (env.label.view(2, 3) == env.label.view(2, 3)[:, :1]).all()
    assert len(seen["location"].unique(dim=0)) == 6
    alone = env.reset(torch.tensor([3, 1]), _keys(2))
    assert _same(_lanes(seen, slice(0, 6, 3)), alone)


def test_some_lanes_can_be_reset() -> None:
    """Their new keys determine their pictures; the other lanes continue undisturbed."""
    env, other, fresh = (_env(initial_location="random") for _ in range(3))
    env.reset(torch.arange(5), _keys(5))
    other.reset(torch.arange(5), _keys(5))
    for step in range(3):
        env.step(_random_action(5, step))
        other.step(_random_action(5, step))
    lanes, kept = torch.tensor([3, 1]), torch.tensor([0, 2, 4])
    seen = env.reset_lanes(lanes, torch.tensor([4, 2]), _keys(2, seed=9))
    begun = fresh.reset(torch.tensor([4, 2]), _keys(2, seed=9))
    for step in range(4):
        assert _same(_lanes(seen, lanes), begun) and torch.equal(env.label[lanes], fresh.label)
        assert torch.equal(env.picture()[lanes], fresh.picture())
        action = _random_action(5, 50 + step)
        seen, reward, terminated, _ = env.step(action)
        there, gain, done, _ = other.step(action)
        begun, alone, _, _ = fresh.step(_lanes(action, lanes))
        assert _same(_lanes(seen, kept), _lanes(there, kept)) and torch.equal(reward[kept], gain[kept])
        assert torch.equal(reward[lanes], alone) and done.all() and terminated[kept].all()
        assert bool(terminated[lanes].all()) == (step == 3)


def test_augmentation_warps_both_images_independently() -> None:
    """Two equal images that fill the canvas both change, in different ways."""
    data = ImageData(torch.full((2, 1, 6, 6), 200, dtype=torch.uint8), torch.tensor([0, 1]), ("a", "b"))
    data.images[:, :, 2, 1] = 0
    sums = []
    for augment in (None, AugmentOptions(shift=2, rotation=30)):
        env = _env(data, augment=augment, size=12)
        env.reset(torch.zeros(20, dtype=torch.int64), _keys(20))
        sums.append(env.picture()[:, 0].sum(1, dtype=torch.int64).view(20, 2, 6))
    plain, warped = sums
    assert torch.equal(plain[:, 0], plain[:, 1])
    assert (warped != plain).any(2).float().mean() > 0.9
    assert (warped[:, 0] != warped[:, 1]).any(1).float().mean() > 0.9


def test_frames_are_of_one_size() -> None:
    """Frames of a lane have one size from the first to the last step."""
    env = _env()
    seen = env.reset(torch.arange(2), _keys(2))
    episode = [{name: part[1].numpy() for name, part in seen.items()}]
    shapes = {env.frame(1, episode).shape}
    for step in range(4):
        seen = env.step(_random_action(2, step)).observation
        episode.append({name: part[1].numpy() for name, part in seen.items()})
        frame = env.frame(1, episode)
        shapes.add(frame.shape)
    assert len(shapes) == 1 and frame.dtype == np.uint8 and not np.array_equal(frame, env.frame(0, episode))


def test_options_that_do_not_fit_are_refused() -> None:
    """The canvas is too narrow, the split has one example, or the glance is larger than the canvas."""
    with pytest.raises(ValueError, match="size 7 leaves no room for two images of 6 x 4 pixels side by side"):
        _env(size=7)
    with pytest.raises(ValueError, match="two different examples"):
        _env(_data(count=1))
    with pytest.raises(ValidationError, match=r"should be at most the canvas's side, 20 \(got 21\)"):
        _env(glance=21)
    assert _env(size=8).examples == 5


def test_a_step_never_waits_for_the_device(trace: Callable[[Callable[[], object]], Any]) -> None:
    """No operation reads values or makes sizes depend on them, and their number does not depend on the lanes."""
    counts = []
    for lanes in (3, 50):
        env = _env()
        env.reset(torch.arange(lanes) % 5, _keys(lanes))
        chosen, key, action = torch.tensor([1, 2]), _keys(2), _random_action(lanes, 0)
        for call in (
            lambda env=env, action=action: env.step(action),
            lambda env=env, chosen=chosen, key=key: env.reset_lanes(chosen, chosen, key),
        ):
            names = trace(call).names
            assert not {"_local_scalar_dense", "nonzero", "item", "is_nonzero"} & set(names)
            counts.append(len(names))
    assert counts[:2] == counts[2:]
