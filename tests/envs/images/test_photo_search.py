"""Tests of the search in photographs: scenes, their windows, answers and locations."""

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from glimpse.envs.errors import DataError
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.options import AugmentOptions
from glimpse.envs.images.photo_search import PhotoSearch, PhotoSearchData
from glimpse.envs.images.photographs import load_photographs
from glimpse.envs.images.picture_store import PictureStore, store_pictures
from glimpse.envs.images.search_options import PhotoSearchOptions
from glimpse.envs.images.stamps import (
    SIDE,
    Placed,
    blend_all_stamps,
    blend_overlapping_stamps,
    blend_stamps,
    decoy_masks,
    make_stamps,
)


def _photographs(grey: int = 60, sizes: tuple[tuple[int, int], ...] = ((480, 720), (960, 384))) -> PictureStore:
    """Return plain photographs, one broad and one high."""
    return store_pictures([np.full((3, *size), grey, np.uint8) for size in sizes], list(sizes), 3)


def _digits() -> ImageData:
    """Return digits that cover their whole square, two of each of three classes."""
    return ImageData(torch.full((6, 1, 28, 28), 255, dtype=torch.uint8), torch.arange(6) % 3, ("a", "b", "c"))


def _env(photographs: PictureStore | None = None, **options: Any) -> PhotoSearch:
    task = PhotoSearchOptions.model_validate({"name": "photo-search", "decoys": 0, "retina": {"patch": 48}, **options})
    return PhotoSearch(task, PhotoSearchData(_digits(), "test", ("a", "b", "c"), photographs or _photographs()))


def _keys(count: int) -> Tensor:
    return torch.arange(count) + 7


def test_a_stamp_covers_its_square_alone() -> None:
    """A full stamp of 28 pixels at (10, 4) blends its colour in there by its opacity, also where pixels are halved."""
    stamps = make_stamps(torch.full((1, SIDE, SIDE), 255, dtype=torch.uint8))
    placed = Placed(
        torch.zeros(1, 1, dtype=torch.int64),
        torch.tensor([[[10.0, 4.0]]]),
        torch.tensor([[28.0]]),
        torch.tensor([[[1.0, 0.5, 0.0]]]),
        torch.tensor([[0.5]]),
    )
    seen = torch.full((1, 3, 40, 60), 0.2)
    blended = blend_stamps(seen, torch.zeros(1, 2), torch.ones(1, 2), placed, stamps)
    expected = seen.clone()
    expected[0, :, 4:32, 10:38] = torch.tensor([0.6, 0.35, 0.1])[:, None, None]
    torch.testing.assert_close(blended, expected)
    for corner in ((0.0, 0.0), (21.0, -5.0), (-3.0, 17.0), (50.0, 0.0), (0.0, 37.0)):  # It may be cut, or beyond.
        at, step = torch.tensor([corner]), torch.tensor([[1.5, 2.0]])
        whole, part = (blend_stamps(seen, at, step, placed, stamps, most) for most in (None, (14, 19)))
        torch.testing.assert_close(part, whole)
    half = blend_stamps(seen[:, :, :20, :30], torch.zeros(1, 2), torch.full((1, 2), 2.0), placed, stamps)
    torch.testing.assert_close(half, expected[:, :, ::2, ::2])


@pytest.mark.parametrize("step", [0.4, 1.0, 6.0])
def test_stamps_beside_a_window_are_not_missed(step: float) -> None:
    """Windows at the corners of stamps, in them and anywhere are the same when all of the stamps are read for each."""
    random, count = torch.Generator().manual_seed(3), 5
    stamps = make_stamps(torch.randint(100, 256, (4, SIDE, SIDE), generator=random).byte())
    cells = torch.tensor([[30.0 + 110 * number, 40.0 + 25 * number] for number in range(count)]).expand(60, -1, -1)
    placed = Placed(
        torch.randint(len(stamps), (60, count), generator=random),
        cells + 10 * torch.rand(60, count, 2, generator=random),
        30 + 30 * torch.rand(60, count, generator=random),
        torch.rand(60, count, 3, generator=random),
        0.5 + 0.5 * torch.rand(60, count, generator=random),
    )
    beside = torch.tensor([30.0, 20.0]) * step + 2 * (torch.rand(40, 2, generator=random) - 0.5)
    corner = torch.cat([placed.corner[:40, 1] - beside, 600 * torch.rand(20, 2, generator=random)])
    seen, steps = torch.rand(60, 3, 20, 30, generator=random), torch.full((60, 2), step)
    whole, part = (blend(seen, corner, steps, placed, stamps) for blend in (blend_all_stamps, blend_overlapping_stamps))
    torch.testing.assert_close(whole, part)
    assert 10 < (whole != seen).flatten(1).any(1).sum() < 55


def test_stamps_keep_their_weight_when_they_are_smaller_than_a_pixel() -> None:
    """The mean over a window stays nearly the same, however coarse its samples are."""
    stamps = make_stamps(decoy_masks()[:1])
    placed = Placed(
        torch.zeros(1, 1, dtype=torch.int64),
        torch.tensor([[[513.0, 470.0]]]),
        torch.tensor([[60.0]]),
        torch.ones(1, 1, 3),
        torch.ones(1, 1),
    )
    weights = []
    for samples in (1024, 256, 64, 32):
        step = torch.full((1, 2), 1024 / samples)
        seen = blend_stamps(torch.zeros(1, 3, samples, samples), torch.zeros(1, 2), step, placed, stamps)
        weights.append(seen.mean().item() * 1024**2)
    assert weights == pytest.approx([weights[0]] * 4, rel=0.15) and weights[0] > 300


def test_decoys_are_as_thick_as_digits_and_differ() -> None:
    """Each covers 6 to 30 % of its square, as digits of MNIST do, and no two are equal."""
    masks = decoy_masks().float() / 255
    covered = masks.mean((1, 2))
    assert masks.shape[1:] == (28, 28) and len(masks.flatten(1).unique(dim=0)) == len(masks) == 25
    assert 0.06 < covered.min() and covered.max() < 0.3


def test_the_digit_lies_where_its_target_says() -> None:
    """On a plain photograph only the digit's square differs, with a side of 1/48 to 1/24 of the longer side."""
    env = _env(zoom={"continuous": True, "initial": 1.0}, initial_location="centre", retina={"patch": 480})
    seen = env.reset(torch.arange(20), _keys(20))["glimpse"][:, 0]
    differs = (seen - 60 / 255).abs().amax(1) > 0.1
    for lane, (left, top, right, bottom) in enumerate(env.targets()[:, 0].tolist()):
        width, height = ((720, 480), (384, 960))[lane % 2]
        longer = max(width, height)
        box = [(left + 1) / 2 * width, (top + 1) / 2 * height, (right + 1) / 2 * width, (bottom + 1) / 2 * height]
        assert longer / 48 <= box[2] - box[0] <= longer / 24 and box[2] - box[0] == pytest.approx(
            box[3] - box[1], abs=0.01
        )
        inside = differs[lane].nonzero().float() * longer / 480 - torch.tensor([longer - height, longer - width]) / 2
        # Only pixels of the photograph count: around it there is black.
        rows, columns = inside[:, 0], inside[:, 1]
        real = (rows >= 2) & (rows < height - 4) & (columns >= 2) & (columns < width - 4)
        assert rows[real].min().item() == pytest.approx(box[1], abs=4) and rows[real].max() <= box[3] + 4
        assert columns[real].min().item() == pytest.approx(box[0], abs=4) and columns[real].max() <= box[2] + 4


def test_scenes_do_not_depend_on_the_batch() -> None:
    """A scene is a function of its example and key; classes and photographs take turns."""
    env = _env(decoys=6)
    seen = env.reset(torch.arange(6), _keys(6))
    assert env.label.tolist() == [0, 0, 1, 1, 2, 2]
    glance = seen["glance"].clone()
    env.reset(torch.tensor([5, 0, 5]), _keys(6)[[5, 0, 0]])
    torch.testing.assert_close(
        env.reset_lanes(torch.tensor([2]), torch.tensor([3]), _keys(6)[3:4])["glance"][2], glance[3]
    )
    assert not torch.equal(env._placed.corner[0], env._placed.corner[1])
    copies = env.reset(torch.arange(6), _keys(6), copies=2)["glance"]
    torch.testing.assert_close(copies[::2], glance)


def test_stamps_do_not_overlap_and_lie_inside() -> None:
    """Digit and decoys keep to cells of their own, whatever the shape of the photograph."""
    env = _env(_photographs(sizes=((100, 1200), (700, 650))), decoys=11)
    env.reset(torch.arange(40), _keys(40))
    placed, sides = env._placed, env.zoom_retina.place(env._picture)[1]
    corner, end = placed.corner, placed.corner + placed.side[..., None]
    assert (corner >= 0).all() and (end <= sides[:, None] + 0.01).all()
    apart = (corner[:, :, None] >= end[:, None]) | (end[:, :, None] <= corner[:, None])
    assert (apart.any(-1) | torch.eye(12, dtype=torch.bool)).all()


def test_the_reward_asks_for_digit_and_location() -> None:
    """With `locate` a right answer counts where the point lies in the digit's square only."""
    env = _env(locate=True, glimpses=1)
    env.reset(torch.arange(3), _keys(3))
    target = env.targets()[:, 0]
    middle = (target[:, :2] + target[:, 2:]) / 2
    point = torch.stack([middle[0], middle[1], target[2, 2:] + 0.01])
    answer = torch.stack([env.label[0], env.label[1] + 1, env.label[2]])
    reward = env.step({"look": torch.zeros(3, 2), "answer": answer, "point": point}).reward
    assert reward.tolist() == [1.0, 0.0, 0.0] and "point" in env.action_space.spaces
    plain = _env(glimpses=1)
    plain.reset(torch.arange(3), _keys(3))
    assert plain.step({"look": torch.zeros(3, 2), "answer": plain.label}).reward.tolist() == [1.0] * 3


def test_training_photographs_are_mirrored_and_recoloured() -> None:
    """Every combination occurs; under the digit lies the mirrored photograph, in channels of another order."""
    generator = np.random.default_rng(0)
    pixels = [generator.integers(0, 256, (3, *size), np.uint8) for size in ((48, 72), (72, 48))]
    store = store_pictures(pixels, [(48, 72), (72, 48)], 3)
    task = PhotoSearchOptions.model_validate({"name": "photo-search", "decoys": 0, "retina": {"patch": 72}})
    data = PhotoSearchData(_digits(), "train", ("a", "b", "c"), store)
    env = PhotoSearch(task, data, augment=AugmentOptions(flip="both", recolour=True))
    env.reset(torch.arange(200), _keys(200))
    assert len(env._change.unique(dim=0)) == 24
    lanes = torch.arange(200)
    corner, step = env.zoom_retina.glance_window(env._picture, 72)
    bare = env._read(env._picture, env._change, corner, step, (72, 72))
    shown = env._compose(lanes, corner, step, (72, 72))
    for lane in range(24):
        across, down, order = env._change[lane].tolist()
        expected = torch.tensor(pixels[lane % 2])[list(list(permutations(range(3)))[order])] / 255
        expected = expected.flip([axis for axis, there in ((2, across), (1, down)) if there])
        rows, columns = ((slice(12, 60), slice(0, 72)), (slice(0, 72), slice(12, 60)))[lane % 2]
        torch.testing.assert_close(bare[lane][:, rows, columns], expected, atol=1e-5, rtol=0)
        sides = torch.tensor([[72, 48], [48, 72]][lane % 2]).repeat(2)
        left, top, right, bottom = ((env.targets()[lane, 0] + 1) / 2 * sides).tolist()
        differs = (shown[lane] - bare[lane]).abs().amax(0)[rows, columns] > 0.02
        where = differs.nonzero()
        assert (where[:, 0] >= top - 2).all() and (where[:, 0] <= bottom + 1).all() and len(where)
        assert (where[:, 1] >= left - 2).all() and (where[:, 1] <= right + 1).all()


def test_photographs_are_not_warped() -> None:
    """Rotations and the like are refused; other environments refuse new colours."""
    data = PhotoSearchData(_digits(), "train", ("a", "b", "c"), _photographs())
    with pytest.raises(ValueError, match="not warped"):
        PhotoSearch(_env().options, data, augment=AugmentOptions(flip="both", rotation=5))
    task = ClassificationOptions(name="images", data="digits")
    with pytest.raises(ValueError, match=r"train.augment.recolour is for photographs"):
        Classification(task, _digits(), augment=AugmentOptions(recolour=True))


def test_no_photograph_is_in_two_splits(tmp_path: Path) -> None:
    """A fifth each of a folder is held out; scikit-learn's flower is cut in halves; parts may be folders."""
    for number in range(10):
        Image.new("RGB", (8 + number, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    widths = {
        split: [int(width) for width, _ in load_photographs(f"folder:{tmp_path}", split, None, 8192).table.sides]
        for split in ("train", "validation", "test")
    }
    assert widths == {"train": [8, 9, 10, 13, 14, 15], "validation": [11, 16], "test": [12, 17]}
    assert load_photographs(f"folder:{tmp_path}", "test", None, 6).table.sides[1].tolist() == [6, 3]
    parts = [load_photographs("scikit-learn", split, None, 8192) for split in ("train", "validation", "test")]
    assert [part.table.sides.tolist() for part in parts] == [[[640, 427]], [[320, 427]], [[320, 427]]]
    assert not torch.equal(parts[1].pixels, parts[2].pixels)
    for part, number in (("train", 1), ("test", 2)):
        (tmp_path / part).mkdir()
        Image.new("RGB", (20 + number, 8)).save(tmp_path / part / "one.png")
    assert load_photographs(f"folder:{tmp_path}", "test", None, 99).table.sides.tolist() == [[22, 8]]
    with pytest.raises(DataError, match="val is not a folder"):
        load_photographs(f"folder:{tmp_path}", "validation", None, 99)


def test_photographs_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`photos` is looked for in the data folder and the cache; `auto` does without."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match=r"photos was found nowhere.*task\.photographs"):
        load_photographs("photos", "train", str(tmp_path), 99)
    assert load_photographs("auto", "train", str(tmp_path), 99).table.sides.tolist() == [[640, 427]]
    (tmp_path / "photos").mkdir()
    for number in range(5):
        Image.new("RGB", (30, 20 + number)).save(tmp_path / "photos" / f"{number}.jpg")
    assert load_photographs("auto", "test", str(tmp_path), 99).table.sides.tolist() == [[30, 24]]
    (tmp_path / "photos" / "0.jpg").unlink()
    with pytest.raises(DataError, match="has 4 photographs; expected 5 or more"):
        load_photographs("photos", "test", str(tmp_path), 99)
