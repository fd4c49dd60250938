"""The options of every world, checked before anything heavy is imported.

This file knows pydantic and nothing of torch, so that a mistake in a config is answered at once.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator, model_validator


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


class ClassificationOptions(Options):
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
    data: str = Field(
        "mnist",
        description="mnist, fashion-mnist, digits, torchvision:NAME (a torchvision data set), or folder:PATH "
        "(PATH/train/CLASS/*.png and PATH/test/CLASS/*.png).",
    )
    image_size: tuple[PositiveInt, PositiveInt] | None = Field(
        None, description="Resize each image to (height, width) pixels; needed by no built-in data set."
    )
    canvas: CanvasOptions = CanvasOptions()
    retina: RetinaOptions = RetinaOptions()
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

    @field_validator("data")
    @classmethod
    def _data_set_is_known(cls, data: str) -> str:
        """Data sets of the worlds are known without opening the catalogue, which takes longer to import."""
        from glimpse.envs import WORLDS

        if data not in {world.defaults.get("data") for world in WORLDS.values()}:
            from glimpse.envs.catalogue import IMAGE_SETS
            from glimpse.envs.sources import unknown

            if data not in IMAGE_SETS and not data.startswith(("torchvision:", "folder:")):
                raise unknown(data, [*IMAGE_SETS, "torchvision:NAME", "folder:PATH"], "data set")
        return data

    @field_validator("first_place")
    @classmethod
    def _place_lies_in_the_image(cls, place: str | tuple[float, float]) -> str | tuple[float, float]:
        if not isinstance(place, str) and max(map(abs, place)) > 1:
            raise ValueError(f"should lie in [-1, 1] x [-1, 1] (got {list(place)})")
        return place


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
