"""Options of the environments in which something is searched for in a large picture; nothing heavy is imported."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from glimpse.envs.data.registry import BOXED_SETS
from glimpse.envs.images.options import DataName, ImageSize, LookingOptions
from glimpse.envs.options import TaskDescription


class TargetOptions(LookingOptions):
    """Base class of the options of environments in which something has to be found."""

    has_targets: ClassVar[bool] = True


class MegapixelOptions(TargetOptions):
    """Options of Megapixel MNIST: digits and noise strokes on a large black picture (Katharopoulos and Fleuret, 2019).

    The rule: the picture is divided into square cells, as wide as the smallest power of two that is twice
    the images' longer side (64 pixels for MNIST); what remains at the right and at the bottom is empty. Each digit and
    each stroke has a cell of its own, drawn uniformly, and a uniform place in it. A stroke is an image as large as a
    digit's, one of those of the split. In version 2 there are 50, each of two straight lines that are one pixel wide,
    as Katharopoulos and Fleuret (2019) draw them. In version 1 there are 1,024, each of one line of random place,
    direction and length, as thick as a digit's: in a glance of 180 pixels few can be told from a digit. Digits are
    images of the split. For `majority`, `alike` of them have the class that is asked for, which goes through all
    classes from one example to the next, and each other digit any other class; else all have uniform classes.
    """

    of_data: ClassVar[frozenset[str]] = frozenset(
        {"data", "image_size", "size", "strokes", "initial_location", "initial_location_std"}
    )

    data: DataName = "mnist"
    image_size: ImageSize = None
    size: int = Field(1500, ge=16, le=16_384, description="Side of the square picture, in pixels.")
    digits: int = Field(5, ge=1, le=64, description="Number of digits.")
    alike: int = Field(
        3, ge=1, le=64, description="Number of digits of the class that is asked for, with `question: majority`."
    )
    strokes: int = Field(50, ge=0, le=4096, description="Number of noise strokes.")
    question: Literal["majority", "largest", "sum", "distinct"] = Field(
        "majority",
        validate_default=True,
        description="What is asked for: the class of most digits, the last class that occurs (the largest digit), the "
        "sum of the digits, or how many different ones there are.",
    )
    version: Literal[1, 2] = Field(2, description="Version of the rule, which says how strokes are drawn.")

    @property
    def any_picture_size(self) -> bool:
        """Whether pictures are put on a canvas, so that those of other data may have any size: always."""
        return True

    @field_validator("question")
    @classmethod
    def _most_digits_are_alike(cls, question: str, others: ValidationInfo) -> str:
        alike, digits = others.data.get("alike", 1), others.data.get("digits", 1)
        if question == "majority" and not digits < 2 * alike <= 2 * digits:
            raise ValueError(
                f"'majority' needs more than half of the digits, and no more than all, to be alike (digits is {digits} "
                f"and alike is {alike})"
            )
        return question

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        size = f"{self.digits} in {self.size}x{self.size}"
        return TaskDescription(self.data, size, self.retina.describe(), str(self.glimpses))


class PhotoSearchOptions(TargetOptions):
    """Options of the search in photographs: one digit is hidden among letters and shapes, and is to be named.

    Version 1 of the rule: a scene shows one photograph of the split. The digit and `decoys` letters and shapes are as
    wide as a uniform share, from 1/48 to 1/24, of the photograph's longer side. Each has a square cell of its own, of
    1/12 of this side, drawn uniformly, and a uniform place in it. Each is blended in with an opacity of 0.7 to 0.9, in
    the mean colour of what it covers, made brighter where that is dark and darker where that is bright by 0.35 to 0.55
    of white, and tinted by up to 0.15 in each channel. Digits are images of the split of `data`; the class that is
    asked for goes through all classes.
    """

    of_data: ClassVar[frozenset[str]] = frozenset(
        {"data", "photographs", "longest", "decoys", "initial_location", "initial_location_std"}
    )

    without_point: ClassVar[str] = "task.locate=false"

    data: DataName = "mnist"
    photographs: str = Field(
        "auto",
        pattern="^(auto|photos|scikit-learn|folder:.+)$",
        json_schema_extra={"expected": "auto, photos, scikit-learn or folder:PATH"},
        description="Photographs: folder:PATH (with train, val and test, or a fifth each is held out), photos (a "
        "folder of this name in the data folder), scikit-learn (its two), or auto: photos if they are there, else "
        "scikit-learn's.",
    )
    longest: int = Field(
        8192, ge=32, le=16_384, description="Photographs with a longer side are reduced to so many pixels."
    )
    decoys: int = Field(6, ge=0, le=11, description="Number of letters and shapes beside the digit.")
    locate: bool = Field(
        False,
        description="Ask for the digit's location too: the action `point` must lie in its square for the reward.",
    )
    version: Literal[1] = Field(1, description="Version of the rule.")

    @property
    def any_picture_size(self) -> bool:
        """Whether pictures are put on a canvas, so that those of other data may have any size: always."""
        return True

    @property
    def asks_for_point(self) -> bool:
        """Whether the action has a `point`."""
        return self.locate

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        return TaskDescription(self.data, "photographs", self.retina.describe(), str(self.glimpses))


class FindOptions(TargetOptions):
    """Options of localisation: look at a picture through a few glimpses, and point at an object."""

    of_data: ClassVar[frozenset[str]] = frozenset({"data", "initial_location", "initial_location_std"})
    own_data: ClassVar[tuple[str, ...]] = ("folder:PATH",)
    known_data: ClassVar[Mapping[str, Any]] = BOXED_SETS
    without_point: ClassVar[str] = "task.answer=look"

    data: str = Field(
        "bccd",
        description="bccd, cells, or folder:PATH, pictures with boxes of your own: VOC's Annotations/*.xml and "
        "JPEGImages/*, or COCO's train.json, val.json and test.json.",
    )
    object: str | None = Field(
        None, description="Name of the object to be found, as the boxes have it; by default any of them."
    )
    answer: Literal["look", "point"] = Field(
        "look", description="The answer is the last `look`, or an action of its own beside each look, `point`."
    )
    worth: Literal["hit", "distance"] = Field(
        "hit", description="What an answer is worth: 1 in a box, or 1 less the distance to the nearest box."
    )

    @property
    def asks_for_point(self) -> bool:
        """Whether the action has a `point`."""
        return self.answer == "point"

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        return TaskDescription(self.data, self.object or "any object", self.retina.describe(), str(self.glimpses))
