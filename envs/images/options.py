"""Options of the image environments; this module imports pydantic but nothing heavy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from glimpse.envs.data.registry import IMAGE_SETS
from glimpse.envs.data.sources import unknown_name_error
from glimpse.envs.options import Options, TaskDescription, TaskOptions

TABLES = (".tsv", ".csv", ".jsonl", ".gz", ".xz")
"""Ends of the names of tables."""


class RetinaOptions(Options):
    """Options of the retina: `scales` square patches around one location, all reduced to `patch` x `patch` pixels."""

    patch: int = Field(8, ge=1, le=512, description="Side P of each patch after reduction, in pixels.")
    scales: int = Field(1, ge=1, le=8, description="Number K of patches, each `zoom` times as wide as the one before.")
    zoom: int = Field(2, ge=2, le=8, description="Ratio of the widths of two neighbouring scales.")

    def describe(self) -> str:
        """Describe the retina in a few words, such as `3 scales of 12x12`."""
        return f"{self.scales} scale{'s' if self.scales > 1 else ''} of {self.patch}x{self.patch}"


class ZoomOptions(Options):
    """Options of the zoom: an action chooses how wide the window of the next look is.

    Zoom 0 is the finest: the patch of P x P pixels shows a window of P x P pixels of the picture. Zoom 1 is the
    coarsest: a square window as wide as the picture's longer side. Between them the side grows geometrically. All
    scales of the retina are zoomed together.
    """

    levels: int = Field(5, ge=2, le=64, description="Number of zooms to choose from, from the finest to the coarsest.")
    continuous: bool = Field(False, description="Let the action be any zoom from 0 to 1, instead of one of the levels.")
    initial: float = Field(1.0, ge=0, le=1, description="Zoom of the first glimpse: 1 shows the whole picture.")

    def describe(self) -> str:
        """Describe the zoom in a few words, such as `5 zooms`."""
        return "any zoom" if self.continuous else f"{self.levels} zooms"


class CanvasOptions(Options):
    """Options of the canvas on which an episode shows its example.

    Version 1 of the clutter rule: `distractors` patches of `distractor_size` x `distractor_size` pixels are cut at
    uniform locations from uniformly drawn *other* examples of the same split, and added at uniform locations of the
    canvas. The example is added at a uniform location. Sums are clamped at white. With `blend: under` the example
    replaces the clutter below it, so that it is never occluded, which is easier.
    """

    kind: Literal["plain", "translated", "cluttered"] = Field(
        "plain",
        description="Canvas: the image as it is, or at a random location of a larger canvas without or with clutter.",
    )
    size: int = Field(60, ge=1, le=4096, description="Side of the square canvas (translated and cluttered), in pixels.")
    distractors: int = Field(4, ge=1, le=256, description="Clutter: number of distractor patches.")
    distractor_size: int = Field(8, ge=1, le=512, description="Clutter: side of a distractor patch, in pixels.")
    blend: Literal["add", "under"] = Field(
        "add", description="Whether clutter is added to the example or lies under it."
    )
    version: Literal[1] = Field(1, description="Version of the clutter rule.")


class AugmentOptions(Options):
    """Options of the random changes of training images, drawn for each episode; by default there are none."""

    rotation: float = Field(0.0, ge=0, le=180, description="Largest rotation in either direction, in degrees.")
    scale: float = Field(0.0, ge=0, lt=1, description="Largest relative change of size, drawn for each axis.")
    shear: float = Field(0.0, ge=0, le=1, description="Largest shear, in pixels sideways for each pixel down.")
    shift: float = Field(0.0, ge=0, le=4096, description="Largest shift along each axis, in pixels.")
    elastic: float = Field(
        0.0,
        ge=0,
        le=4096,
        description="Standard deviation, in pixels, of a smooth random displacement at 5 x 5 control points.",
    )
    flip: Literal["none", "horizontal", "vertical", "both"] = Field(
        "none", description="Mirror half of the images left to right (horizontal), top to bottom (vertical), or each."
    )
    recolour: bool = Field(False, description="Exchange the colour channels, in each of the six orders.")

    @property
    def active(self) -> bool:
        """True if any change is switched on."""
        return self.flip != "none" or any(value for name, value in vars(self).items() if name != "flip")


_Coordinate = Annotated[float, WithJsonSchema({"type": "number", "minimum": -1, "maximum": 1})]
Location = tuple[_Coordinate, _Coordinate]
"""Location (x, y); a validator holds it in [-1, 1] x [-1, 1], with one message for both coordinates."""
InitialLocationName = Literal["random", "centre", "raster"]
DataName = Annotated[
    str,
    Field(
        description="mnist, fashion-mnist, digits, elpv, torchvision:NAME (a torchvision data set), or folder:PATH "
        "(PATH/train/CLASS/*.png, PATH/test/CLASS/*.png, and perhaps PATH/val/CLASS/*.png)."
    ),
]
Side = Annotated[int, Field(ge=1, le=16_384)]
TableOrDataName = Annotated[
    str,
    Field(
        description="mnist, fashion-mnist, digits, elpv, torchvision:NAME (a torchvision data set), folder:PATH "
        "(PATH/train/CLASS/*.png, PATH/test/CLASS/*.png, and perhaps PATH/val/CLASS/*.png), or file:TABLE, a .csv, "
        ".tsv or .jsonl file with a column of pictures and one of labels."
    ),
]
ImageSize = Annotated[
    tuple[Side, Side] | None,
    Field(description="Resize each image to (height, width) pixels; no built-in data set needs it."),
]


Zoom = Annotated[
    ZoomOptions | None,
    Field(description="Let the action `zoom` choose how wide the window of a look is; by default it never changes."),
]
Glance = Annotated[
    Annotated[int, Field(ge=1, le=512)] | None,
    Field(
        description="Observe `glance` too: the whole picture of the beginning, its longer side reduced to so many "
        "pixels, centred on a black square."
    ),
]


class ImageTaskOptions(TaskOptions):
    """Base class of the options of all image environments.

    own_data: how data of a user's own are named.
    known_data: data sets that are known by name.
    without_point: the option by which the task does without a `point`.
    """

    own_data: ClassVar[tuple[str, ...]] = ("torchvision:NAME", "folder:PATH")
    known_data: ClassVar[Mapping[str, Any]] = IMAGE_SETS
    without_point: ClassVar[str] = ""

    @property
    def asks_for_point(self) -> bool:
        """Whether the action has a `point` besides its looks, which is part of the answer."""
        return False

    @property
    def any_picture_size(self) -> bool:
        """Whether pictures are put on a canvas, so that those of other data may have any size."""
        return False

    @field_validator("data", check_fields=False)
    @classmethod
    def _data_set_is_known(cls, data: str) -> str:
        """Accept the image data sets of the registry, torchvision's, a folder of images, and perhaps a table."""
        kinds = {form.partition(":")[0] for form in cls.own_data}
        if data not in cls.known_data and not (":" in data and data.partition(":")[0] in kinds):
            if "file" in kinds and data.endswith(TABLES):
                raise ValueError(f"should be file:{data} for a table of your own (got {data!r})")
            if "folder" in kinds and Path(data).is_dir():
                raise ValueError(f"should be folder:{data} for pictures of your own (got {data!r})")
            raise unknown_name_error(data, [*cls.known_data, *cls.own_data], "data set")
        return data

    @field_validator("initial_location", check_fields=False)
    @classmethod
    def _location_lies_in_the_image(cls, location: str | tuple[float, float]) -> str | tuple[float, float]:
        if not isinstance(location, str) and max(map(abs, location)) > 1:
            raise ValueError(f"should lie in [-1, 1] x [-1, 1] (got {list(location)})")
        return location


class LookingOptions(ImageTaskOptions):
    """Base class of the options of environments that are answered after a few glimpses.

    has_targets: whether the environment knows where the things are that have to be found.
    """

    has_targets: ClassVar[bool] = False

    retina: RetinaOptions = RetinaOptions()
    zoom: Zoom = None
    glance: Glance = None
    glimpses: int = Field(6, ge=1, le=1000, description="Number T of glimpses, including the first one.")
    initial_location: InitialLocationName | Location = Field(
        "random",
        description="Location of the first glimpse: uniform over the image, its centre, the first cell of a "
        "grid with a cell for each glimpse (`raster`, as the raster control begins), or a given (x, y).",
    )
    initial_location_std: float = Field(
        0.0, ge=0, le=1, description="Standard deviation of noise added to an initial location that is not random."
    )
    stop: bool = Field(
        False, description="Add the action `stop`, which ends the episode early with the current answer."
    )
    glimpse_cost: float = Field(0.0, ge=0, le=1e6, description="Cost that is subtracted from the reward at each step.")
    reward: Literal["end", "each_step"] = Field(
        "end", description="Reward of a right answer: 1 at the end, or 1/T at each step."
    )


class DigitPairOptions(ImageTaskOptions):
    """Options of digit pairs: two digits to be read from left to right (Ba et al., 2015, section 5.1)."""

    of_data: ClassVar[frozenset[str]] = frozenset({"data", "image_size", "size", "initial_location"})

    data: DataName = "mnist"
    image_size: ImageSize = None
    size: int = Field(60, ge=2, le=4096, description="Side of the square canvas, in pixels; the paper's is 100.")
    glance: int = Field(
        12, ge=1, le=512, description="Side of the glance, a coarse picture of the whole canvas, in pixels."
    )
    retina: RetinaOptions = RetinaOptions()
    glimpses: int = Field(3, ge=1, le=500, description="Number S of glimpses for each digit, including the first one.")
    initial_location: InitialLocationName | Location = Field(
        "centre",
        description="Location of the first glimpse: uniform over the canvas, its centre, the first cell of "
        "a grid with a cell for each glimpse (`raster`), or a given (x, y).",
    )

    @property
    def any_picture_size(self) -> bool:
        """Whether pictures are put on a canvas, so that those of other data may have any size: always."""
        return True

    @model_validator(mode="before")
    @classmethod
    def _glance_was_called_context(cls, given: Any) -> Any:
        """Read runs of earlier versions, in which `glance` was `context`."""
        if isinstance(given, dict) and "context" in given and "glance" not in given:
            return {("glance" if key == "context" else key): value for key, value in given.items()}
        return given

    @field_validator("glance")
    @classmethod
    def _glance_is_no_larger(cls, glance: int, others: ValidationInfo) -> int:
        if glance > others.data.get("size", glance):
            raise ValueError(f"should be at most the canvas's side, {others.data['size']} (got {glance})")
        return glance

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        size = f"pair {self.size}x{self.size}"
        return TaskDescription(f"{self.data}, two", size, self.retina.describe(), str(2 * self.glimpses))
