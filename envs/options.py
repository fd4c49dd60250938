"""The options of every world, checked before anything heavy is imported.

This file knows pydantic and nothing of torch, so that a mistake in a config is answered at once.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationInfo, field_validator, model_validator


class Options(BaseModel):
    """Plain, immutable data; an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RetinaOptions(Options):
    """The sensor: `scales` square patches around one place, all reduced to `patch` x `patch` pixels."""

    patch: int = Field(8, ge=1, le=512, description="Side P of each patch after reduction, in pixels.")
    scales: int = Field(1, ge=1, le=8, description="Number K of patches, each `zoom` times as wide as the last.")
    zoom: int = Field(2, ge=2, le=8, description="Ratio of the widths of two neighbouring scales.")


class CanvasOptions(Options):
    """How an episode's picture is made from an example.

    Version 1 of the clutter rule: `pieces` squares of `piece` x `piece` pixels are cut at uniform places from
    uniformly drawn *other* examples of the same split, put at uniform places inside the canvas, and added;
    the example is put at a uniform place inside the canvas and added; sums are clamped at white.
    With `blend: under` the example replaces what lies below it instead (never occluded: an easier task).
    """

    kind: Literal["plain", "translated", "cluttered"] = Field("plain", description="What is done to the example.")
    size: int = Field(60, ge=1, le=4096, description="Side of the square canvas (translated and cluttered), in pixels.")
    pieces: int = Field(4, ge=1, le=256, description="Clutter: how many pieces.")
    piece: int = Field(8, ge=1, le=512, description="Clutter: side of a piece, in pixels.")
    blend: Literal["add", "under"] = Field("add", description="Clutter is added over the example, or lies under it.")
    version: Literal[1] = Field(1, description="Version of the clutter rule.")


DataName = Annotated[
    str,
    Field(
        description="mnist, fashion-mnist, digits, torchvision:NAME (a torchvision data set), or folder:PATH "
        "(PATH/train/CLASS/*.png and PATH/test/CLASS/*.png)."
    ),
]
ImageSize = Annotated[
    tuple[PositiveInt, PositiveInt] | None,
    Field(description="Resize each image to (height, width) pixels; needed by no built-in data set."),
]


class WorldOptions(Options):
    """What the options of all worlds share: the world's name fills in what is not given."""

    @model_validator(mode="before")
    @classmethod
    def _start_from_the_world(cls, given: Any) -> Any:
        """Fill what is not given from the world's line in `WORLDS`."""
        from glimpse.envs import WORLDS

        if not isinstance(given, dict) or given.get("name") not in list(WORLDS):
            return given
        filled = dict(WORLDS[given["name"]].defaults)
        for key, value in given.items():
            if isinstance(value, dict) and isinstance(filled.get(key), dict):
                value = {**filled[key], **value}
            filled[key] = value
        return filled

    @field_validator("data", check_fields=False)
    @classmethod
    def _data_set_is_known(cls, data: str) -> str:
        """Data sets of the worlds are known without opening the catalogue, which takes longer to import."""
        from glimpse.envs import WORLDS

        if data not in {world.defaults.get("data") for world in WORLDS.values()}:
            from glimpse.envs.data.sources import unknown
            from glimpse.envs.images.image_sets import IMAGE_SETS

            if data not in IMAGE_SETS and not data.startswith(("torchvision:", "folder:")):
                raise unknown(data, [*IMAGE_SETS, "torchvision:NAME", "folder:PATH"], "data set")
        return data

    @field_validator("first_place", check_fields=False)
    @classmethod
    def _place_lies_in_the_image(cls, place: str | tuple[float, float]) -> str | tuple[float, float]:
        if not isinstance(place, str) and max(map(abs, place)) > 1:
            raise ValueError(f"should lie in [-1, 1] x [-1, 1] (got {list(place)})")
        return place


class ClassificationOptions(WorldOptions):
    """Sequential classification: look at an image through a few glimpses, then name its class."""

    name: Literal[
        "mnist",
        "fashion-mnist",
        "digits",
        "translated-mnist",
        "cluttered-mnist",
        "cluttered-mnist-100",
        "images",
    ] = Field(description="Which world; `images` shows any data set named by `data`.")
    data: DataName = "mnist"
    image_size: ImageSize = None
    canvas: CanvasOptions = CanvasOptions()
    retina: RetinaOptions = RetinaOptions()
    view: Literal["glimpse", "whole"] = Field(
        "glimpse",
        description="What is shown: glimpses through the retina, or the whole picture at every step, wherever the "
        "agent looks (for whole-image baselines and soft attention).",
    )
    glimpses: int = Field(6, ge=1, le=1000, description="Number T of glimpses, the first one included.")
    first_place: Literal["random", "centre"] | tuple[float, float] = Field(
        "random",
        description="Where the first glimpse falls: uniform over the image, its centre, or a given (x, y).",
    )
    first_spread: float = Field(
        0.0, ge=0, le=1, description="Standard deviation of noise added to the first place (unless random)."
    )
    stop: bool = Field(False, description="Adds the action `stop`, which answers before the glimpses are used up.")
    glimpse_cost: float = Field(0.0, ge=0, description="Subtracted from the reward at each step.")
    reward: Literal["end", "each_step"] = Field(
        "end", description="A right answer is worth 1 at the end, or 1/T a step."
    )


SUBPIXEL_BITS = 16
SUBPIXELS = 1 << SUBPIXEL_BITS
"""Parts of a pixel in which the flight of a ball is counted; see `flights.py`."""


class CatchOptions(WorldOptions):
    """Catch: look for a falling ball through glimpses, and move a paddle under it (Mnih et al., 2014, section 4.2)."""

    name: Literal["catch"] = Field(description="Which world.")
    screen: int = Field(24, ge=4, le=512, description="Side S of the square screen, in pixels.")
    paddle: int = Field(2, ge=1, le=512, description="Width of the paddle, in pixels; it moves one pixel a step.")
    ball_speed: float = Field(1.0, ge=0.05, le=16, description="How fast the ball falls, in rows a step.")
    sideways: float = Field(
        1.0, ge=0, le=16, description="Fastest speed sideways, in columns a step; each ball's is uniform up to it."
    )
    start_rows: int | None = Field(
        None,
        ge=1,
        validate_default=True,
        description="The ball begins in one of this many rows at the top; 1 is the paper's, with falls of one length. "
        "By default 6, or fewer where a ball that begins lower could not always be caught.",
    )
    view: Literal["glimpse", "whole"] = Field(
        "glimpse", description="What is seen of the screen: a glimpse, or as a control all of it."
    )
    retina: RetinaOptions = RetinaOptions()
    first_place: Literal["random", "centre"] | tuple[float, float] = Field(
        "centre",
        description="Where the first glimpse falls: uniform over the screen, its centre, or a given (x, y).",
    )

    @property
    def first_rows(self) -> int:
        """In how many rows at the top balls begin: `start_rows`, which is always a number once it was checked."""
        return self.start_rows or 1

    @property
    def fall(self) -> int:
        """How far the ball falls in a step, in sub-pixels; rounded up, so that it is never down too late."""
        return math.ceil(self.ball_speed * SUBPIXELS)

    @property
    def steps(self) -> int:
        """Length T of the longest episode, that of a ball which begins in the top row."""
        return -((1 - self.screen) * SUBPIXELS // self.fall)

    # A check across keys is a validator of the later one, so that it is made even where other keys are wrong.
    @field_validator("paddle")
    @classmethod
    def _paddle_fits_the_screen(cls, paddle: int, others: ValidationInfo) -> int:
        if paddle > others.data.get("screen", paddle):
            raise ValueError(f"should be at most the screen's side, {others.data['screen']} (got {paddle})")
        return paddle

    @field_validator("start_rows")
    @classmethod
    def _every_ball_can_be_caught(cls, start_rows: int | None, others: ValidationInfo) -> int | None:
        if not {"screen", "paddle", "ball_speed"} <= others.data.keys():
            return start_rows
        screen, room = others.data["screen"], others.data["screen"] - others.data["paddle"]
        needed = room - room // 2  # The paddle begins in the middle.
        most: int = min(screen - 1, math.ceil(screen - (needed - 1) * others.data["ball_speed"]) - 1)
        if most < 1:
            raise ValueError(
                f"no ball of ball_speed {others.data['ball_speed']:g} stays in the air for the {needed} steps that the "
                "paddle takes to a wall: lower ball_speed, or widen the paddle"
            )
        if start_rows is None:
            return min(6, most)
        if start_rows > most:
            raise ValueError(f"should be at most {most}: the paddle takes {needed} steps to a wall (got {start_rows})")
        return start_rows


class DigitPairOptions(WorldOptions):
    """Two digits on one canvas, to be read from left to right (Ba, Mnih and Kavukcuoglu, 2015, section 5.1)."""

    name: Literal["digit-pair"] = Field(description="Which world.")
    data: DataName = "mnist"
    image_size: ImageSize = None
    size: int = Field(60, ge=2, le=4096, description="Side of the square canvas, in pixels; the paper's is 100.")
    context: int = Field(12, ge=1, le=512, description="Side of the coarse picture of the whole, in pixels.")
    retina: RetinaOptions = RetinaOptions()
    glimpses: int = Field(3, ge=1, le=500, description="Glimpses S for each of the two; the first one included.")
    first_place: Literal["random", "centre"] | tuple[float, float] = Field(
        "centre",
        description="Where the first glimpse falls: uniform over the canvas, its centre, or a given (x, y).",
    )

    @field_validator("context")
    @classmethod
    def _context_is_no_larger(cls, context: int, others: ValidationInfo) -> int:
        if context > others.data.get("size", context):
            raise ValueError(f"should be at most the canvas's side, {others.data['size']} (got {context})")
        return context


class AugmentOptions(Options):
    """Random warps of the training images, drawn anew for each episode; all zero means none."""

    rotation: float = Field(0.0, ge=0, le=180, description="Largest rotation either way, in degrees.")
    scale: float = Field(0.0, ge=0, lt=1, description="Largest relative change of size, each axis alone.")
    shear: float = Field(0.0, ge=0, le=1, description="Largest shear: pixels sideways for each pixel down.")
    shift: float = Field(0.0, ge=0, description="Largest shift along each axis, in pixels.")
    elastic: float = Field(
        0.0,
        ge=0,
        description="Standard deviation, in pixels, of a smooth random displacement at 5 x 5 control points.",
    )

    @property
    def active(self) -> bool:
        """Whether any warp is asked for."""
        return any(self.model_dump().values())
