"""Tests of Megapixel MNIST: the scenes, their answers, and their pyramids."""

from typing import Any, Literal, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.megapixel_mnist import MegapixelMnist, answers_to
from glimpse.envs.images.noise_strokes import noise_strokes
from glimpse.envs.images.pyramids import make_pyramids
from glimpse.envs.images.scene_data import SceneData
from glimpse.envs.images.search_options import MegapixelOptions
from glimpse.envs.images.sparse_scenes import cell_side, draw_places, scene_pyramids
from glimpse.envs.lanes import Lanes

Split = Literal["train", "validation", "test"]


def _shades(classes: int = 4) -> ImageData:
    """Return two images of 3 x 3 pixels of each class, whose brightness tells them apart: 50 c + 10 and 50 c + 11."""
    values = torch.tensor([50 * (number // 2) + 10 + number % 2 for number in range(2 * classes)])
    images = values.to(torch.uint8)[:, None, None, None].expand(-1, 1, 3, 3).contiguous()
    return ImageData(images, torch.arange(2 * classes) // 2, tuple(map(str, range(classes))))


def _env(split: Split = "test", **options: Any) -> MegapixelMnist:
    given = {"name": "megapixel-mnist", "size": 64, "strokes": 0, "retina": {"patch": 8}, "glance": 8, **options}
    task = MegapixelOptions.model_validate(given)
    images = _shades()
    return MegapixelMnist(task, SceneData(images, split, answers_to(task, images.classes)))


def _found(env: MegapixelMnist) -> list[list[int]]:
    """Return the classes of the digits of each scene, ascending, as its pixels show them."""
    scenes = env.retina.restore(env._pictures)
    return [sorted((int(value) - 10) // 50 for value in scene[scene > 0][::9]) for scene in _sorted(scenes)]


def _sorted(scenes: Tensor) -> Tensor:
    return scenes.flatten(1).sort(-1).values


def _keys(count: int) -> Tensor:
    return torch.arange(count) + 100


def test_three_digits_are_alike_and_are_the_answer() -> None:
    """All five digits are whole and apart, as 9 pixels of each show; the answer goes through the classes."""
    env = _env()
    env.reset(torch.arange(40), _keys(40))
    found = _found(env)
    assert env.label.tolist() == [number % 4 for number in range(40)]
    assert all(len(digits) == 5 for digits in found)
    assert all(digits.count(label) == 3 for digits, label in zip(found, env.label.tolist(), strict=True))
    assert {digit for digits in found for digit in digits} == {0, 1, 2, 3}


@pytest.mark.parametrize("question", ["largest", "sum", "distinct"])
def test_other_questions(question: str) -> None:
    """The answers are those to the digits that are seen; the names of answers are numbers."""
    env = _env(question=question)
    env.reset(torch.arange(30), _keys(30))
    answered = [int(env.classes[label]) for label in env.label.tolist()]
    wanted = [{"largest": max(one), "sum": sum(one), "distinct": len(set(one))}[question] for one in _found(env)]
    assert answered == wanted and len(set(wanted)) > 1


def test_a_scene_depends_on_its_example_and_key_alone() -> None:
    """Neither on the batch nor on the lane; validation and training scenes of one key differ by their images only."""
    env = _env(strokes=3)
    seen = env.reset(torch.tensor([3, 9]), _keys(2))
    pictures = env._pictures.clone()
    env.reset(torch.tensor([9, 9, 3]), _keys(2)[[1, 0, 0]])
    assert torch.equal(env._pictures[[2, 0]], pictures) and not torch.equal(env._pictures[1], pictures[1])
    again = env.reset_lanes(torch.tensor([1]), torch.tensor([9]), _keys(2)[1:])
    assert torch.equal(again["glance"][1], seen["glance"][1])
    copies = env.reset(torch.tensor([3, 9]), _keys(2), copies=2)
    assert torch.equal(copies["glance"][::2], seen["glance"]) and len(env._pictures) == 2
    assert [_env(split).examples for split in ("train", "validation", "test")] == [5000, 500, 1000]


def test_pyramids_of_scenes_are_those_of_their_pixels() -> None:
    """To the bit, also at levels whose pixels cover several cells, and where the picture is no multiple of a cell."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(1, 256, (3, 7, 2, 5, 4), dtype=torch.uint8, generator=generator)
    side, size = cell_side(5, 4), 70
    assert side == 16
    cell, place = draw_places(torch.arange(3), (size // side) ** 2, 7, (side - 5, side - 4))
    scene = scene_pyramids(images, cell, place, side, size, 7)
    pixels = scene[:, : size * size].transpose(1, 2).reshape(3, 2, size, size)
    assert pixels.ne(0).sum().item() == images.numel()
    assert torch.equal(scene, make_pyramids(pixels, 7))


def test_places_are_uniform_and_cells_are_not_shared() -> None:
    """Each cell is as likely as any other, and so is each place in it."""
    cell, place = draw_places(torch.arange(4000), 9, 3, (2, 4))
    assert all(len(set(row)) == 3 for row in cell.tolist())
    counts = torch.bincount(cell.flatten(), minlength=9) / cell.numel()
    assert (counts - 1 / 9).abs().max() < 0.01
    assert place.amax((0, 1)).tolist() == [4, 2] and place.amin((0, 1)).tolist() == [0, 0]
    assert (place.float().mean((0, 1)) - torch.tensor([2.0, 1.0])).abs().max() < 0.06


def test_strokes_of_version_1_are_as_thick_as_digits() -> None:
    """They differ, cover a tenth of the image or so, and each split has its own."""
    lines = noise_strokes(28, 28, "train", 1)
    assert lines.shape == (1024, 28, 28) and lines.amax((1, 2)).min() > 200
    covered = (lines > 127).float().mean((1, 2))
    assert 0.05 < covered.min() and covered.max() < 0.2
    assert not torch.equal(lines, noise_strokes(28, 28, "test", 1))
    assert torch.equal(lines, noise_strokes(28, 28, "train", 1))


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_strokes_of_version_2_are_two_thin_lines(split: str) -> None:
    """One begins in the first corner; no stroke has more pixels than two lines have, or fewer than one."""
    pairs = noise_strokes(28, 28, split, 2)
    assert pairs.shape == (50, 28, 28) and (pairs[:, 0, 0] > 0).all()
    counts = (pairs > 0).sum((1, 2))
    assert counts.min() >= 28 and counts.max() <= 4 * 28  # A line of up to 72 degrees has 28 to 56 pixels.
    bright = pairs[pairs > 0].float() / 255
    assert 0.798 < bright.min() and bright.max() <= 1 and abs(bright.mean() - 0.9) < 0.01
    others = {"train", "validation", "test"} - {split}
    assert not any(torch.equal(pairs, noise_strokes(28, 28, other, 2)) for other in others)


def test_strokes_follow_the_version() -> None:
    """A scene of version 1 has its strokes, and the digits and places of one of version 2."""
    scenes = {}
    for version in (1, 2):
        env = _env(strokes=4, version=version)
        env.reset(torch.arange(8), _keys(8))
        assert torch.equal(env._strokes, noise_strokes(*env._images.shape[2:], "test", version))
        scenes[version] = env._pictures, env.targets(), env.label
    assert not torch.equal(scenes[1][0], scenes[2][0])
    assert torch.equal(scenes[1][1], scenes[2][1]) and torch.equal(scenes[1][2], scenes[2][2])
    assert _env().options.version == 2


def test_an_episode_by_hand() -> None:
    """The whole picture is seen first; a right last answer is rewarded."""
    env = _env(glimpses=2, zoom={"levels": 2}, initial_location="centre")
    seen = env.reset(torch.tensor([6]), _keys(1))
    torch.testing.assert_close(seen["glimpse"][:, 0], seen["glance"], atol=0.003, rtol=0)
    act = {"look": torch.zeros(1, 2), "zoom": torch.tensor([0]), "answer": torch.tensor([2])}
    first = env.step(act)
    scene = env.retina.restore(env._pictures)[0, 0].float()
    torch.testing.assert_close(first.observation["glimpse"][0, 0, 0] * 255, scene[28:36, 28:36])
    last = env.step(act)
    assert (first.reward.item(), last.reward.item(), last.terminated.item()) == (0.0, 1.0, True)


def test_mistakes_are_named() -> None:
    """There is no room, no majority, or no second class."""
    with pytest.raises(ValueError, match="64 cells of 8 x 8 pixels, too few for 5 digits and 60 strokes"):
        _env(strokes=60)
    with pytest.raises(ValueError, match="more than half of the digits"):
        _env(alike=2)
    images = _shades(1)
    task = _env().options
    with pytest.raises(ValueError, match="at least two classes"):
        MegapixelMnist(task, SceneData(images, "test", images.classes))


def test_a_checkpoint_continues_in_lanes_that_showed_other_scenes() -> None:
    """Scenes are not in it, and are made again: none of the episodes before are left."""
    lanes, others = (Lanes(_env, 2) for _ in range(2))
    for one, seed in ((lanes, 3), (others, 8)):
        one.seed([seed, seed + 1], np.arange(2), np.random.default_rng(0))
        one.reset()
    state = lanes.state()
    assert not {"_pictures", "_glance"} & state["env"].keys()
    others.restore(state)
    action: dict[str, NDArray[Any]] = {"look": np.zeros((2, 2), np.float32), "answer": np.zeros(2, np.int64)}
    expected, found = (one.step(action).observation for one in (lanes, others))
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    cast(MegapixelMnist, others.env).picture()
