"""Readers of boxes around objects: VOC's XML, a file for each picture, and COCO's JSON, a file for each part.

Boxes are (left, top, right, bottom) in pixels, from the picture's left and top edge.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from glimpse.envs.data.file_contents import user_content
from glimpse.envs.errors import DataError

Box = tuple[float, float, float, float]


class BoxedFile(NamedTuple):
    """A picture's file, and the boxes in it, by the name of the object."""

    file: Path
    boxes: dict[str, list[Box]]


def read_voc(path: Path) -> dict[str, list[Box]]:
    """Read the boxes of one picture from an XML file of Pascal VOC, whose pixels are counted from 1.

    Raises:
        DataError: It is no such file.
    """
    content = user_content(path)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise DataError(f"{path} declares a document type or entities, which annotations do not need: remove them.")
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise DataError(f"{path} is no XML ({error}). Expected Pascal VOC's annotation.") from None
    found: dict[str, list[Box]] = defaultdict(list)
    for thing in root.iter("object"):
        name = thing.findtext("name")
        edges = [thing.findtext(f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")]
        try:
            left, top, right, bottom = (float(edge or "") for edge in edges)
        except ValueError:
            raise DataError(f"{path}: an object has the box {edges}; expected xmin, ymin, xmax and ymax.") from None
        if name is None:
            raise DataError(f"{path}: an object has no name.")
        found[name.strip()].append((left - 1, top - 1, right, bottom))
    return dict(found)


def read_coco(path: Path) -> list[tuple[str, dict[str, list[Box]]]]:
    """Read the names of pictures, and the boxes of each, from a JSON file of COCO; crowds are left out.

    Raises:
        DataError: It is no such file.
    """
    try:
        given = json.loads(user_content(path))
        names = {one["id"]: str(one["name"]) for one in given["categories"]}
        pictures = {one["id"]: (str(one["file_name"]), defaultdict[str, list[Box]](list)) for one in given["images"]}
        for one in given["annotations"]:
            if not one.get("iscrowd"):
                left, top, width, height = map(float, one["bbox"])
                pictures[one["image_id"]][1][names[one["category_id"]]].append((left, top, left + width, top + height))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is none of COCO's files of boxes ({_what(error)}).") from None
    return [(name, dict(boxes)) for name, boxes in pictures.values()]


def _what(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def clipped(box: Box, height: int, width: int) -> Box | None:
    """Return the part of a box that lies in a picture; None if there is none."""
    left, top, right, bottom = box
    inside = (max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom))
    return inside if inside[2] > inside[0] and inside[3] > inside[1] else None
