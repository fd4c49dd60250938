"""Tests of localisation: rewards by hand, the boxes of VOC and COCO, and the shipped data."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from glimpse.envs.data.registry import BOXED_SETS
from glimpse.envs.errors import DataError
from glimpse.envs.images.box_files import clipped, read_coco, read_voc
from glimpse.envs.images.boxed_data import FindData, load_boxed
from glimpse.envs.images.find import Find
from glimpse.envs.images.picture_store import store_pictures
from glimpse.envs.images.search_options import FindOptions
from glimpse.envs.make_batched import make_batched_env

VOC = """<annotation>
<object><name>cat</name><bndbox><xmin>1</xmin><ymin>11</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>
</object><object><name>dog</name><bndbox><xmin>31</xmin><ymin>1</ymin><xmax>90</xmax><ymax>10</ymax></bndbox></object>
</annotation>"""


def _env(answer: str = "point", **options: Any) -> Find:
    """Return pictures of 40 x 80 pixels: one with two boxes, and one with one."""
    store = store_pictures([np.zeros((1, 40, 80), np.uint8)] * 2, [(40, 80)] * 2, 1)
    boxes = torch.tensor([[[-0.5, -0.5, 0.0, 0.5], [0.5, -1.0, 1.0, 0.0]], [[0.0, 0.0, 0.5, 1.0]] * 2])
    task = FindOptions.model_validate(
        {"name": "find", "answer": answer, "glimpses": 1, "retina": {"patch": 8}, **options}
    )
    return Find(task, FindData(store, torch.tensor([0, 1]), boxes))


def _reward(env: Find, example: int, point: tuple[float, float]) -> float:
    env.reset(torch.tensor([example]), torch.tensor([0]))
    given = "point" if env.options.asks_for_point else "look"
    action = {"look": torch.zeros(1, 2), given: torch.tensor([point])}
    return float(env.step(action).reward)


def test_a_point_in_any_box_is_right() -> None:
    """Its border belongs to a box; the label has all boxes of the lane."""
    env = _env()
    assert [_reward(env, 0, at) for at in ((-0.2, 0.0), (0.9, -0.9), (0.0, 0.5), (0.3, 0.0))] == [1.0, 1.0, 1.0, 0.0]
    assert [_reward(env, 1, at) for at in ((-0.2, 0.0), (0.3, 0.9), (9.0, 0.5))] == [0.0, 1.0, 0.0]
    env.reset(torch.tensor([1, 0]), torch.tensor([0, 0]))
    assert env.label[1].tolist() == [-0.5, -0.5, 0.0, 0.5, 0.5, -1.0, 1.0, 0.0] and env.targets().shape == (2, 2, 4)


def test_the_reward_by_distance_is_measured_in_halves_of_the_longer_side() -> None:
    """Downwards a location's unit is half as long as to the right, in a picture twice as wide as high."""
    env = _env(worth="distance")
    found = [_reward(env, 0, at) for at in ((-0.2, 0.0), (0.2, 0.0), (-0.2, 0.7), (-1.0, 1.0))]
    assert found == pytest.approx([1.0, 0.8, 0.9, 1 - (0.25 + 0.0625) ** 0.5])


def test_the_last_look_may_be_the_answer() -> None:
    """Then the action has no `point`."""
    env = _env(answer="look")
    assert list(env.action_space) == ["look"]
    assert [_reward(env, 0, at) for at in ((-0.2, 0.0), (0.3, 0.0))] == [1.0, 0.0]


def test_boxes_are_drawn_white() -> None:
    """The outline of the second picture's box, and nothing else, since the picture is black."""
    env = _env()
    env.reset(torch.tensor([1]), torch.tensor([0]))
    picture = env.picture()[0, 0]
    expected = torch.zeros(160, 320, dtype=torch.uint8)  # Drawings of small pictures are enlarged.
    left, right, top, bottom = round(319 / 2), round(0.75 * 319), round(159 / 2), 159
    expected[top : bottom + 1, [left, right]] = 255
    expected[[top, bottom], left : right + 1] = 255
    assert torch.equal(picture, expected)


def test_voc_and_coco_say_the_same(tmp_path: Path) -> None:
    """VOC's pixels are counted from 1, and the last one belongs to the box; COCO has corner and size."""
    (tmp_path / "one.xml").write_text(VOC)
    expected = {"cat": [(0.0, 10.0, 20.0, 20.0)], "dog": [(30.0, 0.0, 90.0, 10.0)]}
    assert read_voc(tmp_path / "one.xml") == expected
    boxes = [
        {"image_id": 7, "category_id": 2, "bbox": [0, 10, 20, 10]},
        {"image_id": 7, "category_id": 5, "bbox": [30, 0, 60, 10]},
    ]
    crowd = {"image_id": 7, "category_id": 5, "bbox": [0, 0, 1, 1], "iscrowd": 1}
    content = {
        "images": [{"id": 7, "file_name": "one.png"}, {"id": 8, "file_name": "none.png"}],
        "categories": [{"id": 2, "name": "cat"}, {"id": 5, "name": "dog"}],
        "annotations": [*boxes, crowd],
    }
    (tmp_path / "one.json").write_text(json.dumps(content))
    assert read_coco(tmp_path / "one.json") == [("one.png", expected), ("none.png", {})]
    assert clipped((-3, 4, 9, 50), 20, 40) == (0, 4, 9, 20) and clipped((50, 0, 60, 5), 20, 40) is None


def _voc_folder(folder: Path, count: int = 10) -> None:
    (folder / "Annotations").mkdir(parents=True)
    (folder / "JPEGImages").mkdir()
    for number in range(count):
        Image.new("RGB", (80 + number, 40)).save(folder / "JPEGImages" / f"p{number}.png")
        (folder / "Annotations" / f"p{number}.xml").write_text(VOC)


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    """Without lists a fifth each is held out; with them they count; boxes are cut at the border."""
    _voc_folder(tmp_path)
    data = f"folder:{tmp_path}"
    shown = {split: load_boxed(data, None, split, None, False) for split in ("train", "validation", "test")}
    widths = {split: {int(width) for width, _ in found.store.table.sides} for split, found in shown.items()}
    assert [len(found.example) for found in shown.values()] == [6, 2, 2]
    assert set.union(*widths.values()) == set(range(80, 90)) and sum(map(len, widths.values())) == 10
    found = load_boxed(data, "dog", "test", None, False)
    width = int(found.store.table.sides[0, 0])
    assert found.boxes[0, 0].tolist() == pytest.approx([30 / width * 2 - 1, -1, 1, -0.5])
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "test.txt").write_text("p4\np2 1\n")
    assert load_boxed(data, "cat", "test", None, False).store.table.sides[:, 0].tolist() == [84, 82]


def test_a_folder_with_jsons(tmp_path: Path) -> None:
    """Pictures lie beside the file, in `images`, or in a folder of the split's name."""
    (tmp_path / "images").mkdir()
    (tmp_path / "annotations").mkdir()
    Image.new("L", (20, 10)).save(tmp_path / "images" / "a.png")
    content: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [5, 0, 5, 10]}],
    }
    (tmp_path / "annotations" / "instances_val.json").write_text(json.dumps(content))
    found = load_boxed(f"folder:{tmp_path}", "cat", "validation", None, False)
    assert found.boxes.tolist() == [[[-0.5, -1.0, 0.0, 1.0]]] and found.store.pixels.shape[1] == 1
    content["images"][0]["file_name"] = "../secret.png"
    (tmp_path / "annotations" / "instances_val.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="lies outside of the data"):
        load_boxed(f"folder:{tmp_path}", "cat", "validation", None, False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotation>", "is no XML"),
        (VOC.replace("<xmin>1<", "<xmin>one<"), "an object has the box"),
        (VOC.replace("<name>cat</name>", ""), "an object has no name"),
        (f'<!DOCTYPE a [<!ENTITY b "c">]>{VOC}', "declares a document type"),
    ],
)
def test_damaged_annotations_are_named(content: str, message: str, tmp_path: Path) -> None:
    """The error says which file is wrong, and how."""
    (tmp_path / "odd.xml").write_text(content)
    with pytest.raises(DataError, match=f"odd.xml.*{message}"):
        read_voc(tmp_path / "odd.xml")


def test_other_mistakes_are_named(tmp_path: Path) -> None:
    """Objects that are not there, pictures that are missing, folders of neither kind, and unknown names."""
    _voc_folder(tmp_path / "voc")
    data = f"folder:{tmp_path / 'voc'}"
    with pytest.raises(DataError, match="has no box of 'cow' in train; there are 'cat', 'dog'"):
        load_boxed(data, "cow", "train", None, False)
    for file in (tmp_path / "voc" / "JPEGImages").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="is not there, and .* has boxes of it"):
        load_boxed(data, "cat", "train", None, False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no boxes of the split 'test'"):
        load_boxed(f"folder:{tmp_path / 'empty'}", None, "test", None, False)
    with pytest.raises(ValueError, match="Did you mean bccd"):
        FindOptions.model_validate({"name": "find", "data": "bcd"})
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(DataError, match="'categories' is missing"):
        read_coco(tmp_path / "odd.json")


def test_drawn_cells_lie_in_their_boxes() -> None:
    """Each box has a mean that is darker than the ground; every split has its own pictures."""
    known = BOXED_SETS["cells"]
    for split, count in zip(("train", "validation", "test"), known.parts, strict=True):
        env = make_batched_env("find", split=split, data="cells", object="disc", zoom={"continuous": True})
        assert env.examples == count
    found = load_boxed("cells", "disc", "test", None, False)
    pixels = found.store.pixels[: 72 * 96].view(72, 96, 3).float().mean(-1)
    left, top, right, bottom = ((found.boxes[0, 0] + 1) / 2 * torch.tensor([96.0, 72, 96, 72])).round().int().tolist()
    assert pixels[top:bottom, left:right].mean() < 175 < pixels.median()


REAL = Path(os.environ.get("GLIMPSE_DATA", "")) / "bccd"


@pytest.mark.skipif(not REAL.is_dir(), reason="bccd is not in the data folder")
def test_the_real_data_have_their_objects(tmp_path: Path) -> None:
    """Numbers of pictures by split and object; a damaged file is named."""
    assert BOXED_SETS["bccd"].parts == (205, 87, 72)
    counts = [len(load_boxed("bccd", thing, "test", None, False).example) for thing in ("WBC", "RBC", "Platelets")]
    assert counts == [68, 69, 39]
    files = BOXED_SETS["bccd"].files
    assert files is not None
    for name in files.md5:
        target = tmp_path / "bccd" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(REAL / name)
    odd = tmp_path / "bccd" / "Annotations" / "BloodImage_00007.xml"
    odd.unlink()
    odd.write_text(VOC)
    with pytest.raises(DataError, match="BloodImage_00007.xml"):
        load_boxed("bccd", "WBC", "test", str(tmp_path), False)
