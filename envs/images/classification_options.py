"""Options of the classification of pictures; nothing heavy is imported."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from glimpse.envs.images.folder_parts import validation_folder
from glimpse.envs.images.options import CanvasOptions, ImageSize, LookingOptions, TableOrDataName
from glimpse.envs.options import ClassWeights, Column, Labels, TaskDescription


class ClassificationOptions(LookingOptions):
    """Options of sequential classification: look at an image through a few glimpses, then name its class."""

    of_data: ClassVar[frozenset[str]] = frozenset(
        {
            "data",
            "validation",
            "test",
            "picture",
            "label",
            "labels",
            "image_size",
            "exclude",
            "canvas",
            "initial_location",
            "initial_location_std",
        }
    )
    own_data: ClassVar[tuple[str, ...]] = ("torchvision:NAME", "folder:PATH", "file:TABLE")

    data: TableOrDataName = "mnist"
    validation: str | None = Field(
        None,
        pattern="^(folder|file):.+$",
        json_schema_extra={"expected": "folder:PATH or file:TABLE"},
        description="Validation images of your own, folder:PATH with PATH/CLASS/*.png, or file:TABLE where `data` is a "
        "table; by default those of `data`.",
    )
    test: str | None = Field(
        None,
        pattern="^file:.+$",
        json_schema_extra={"expected": "file:TABLE"},
        description="With file:TABLE: the table of test images, as file:TABLE; by default a tenth of training is held "
        "out.",
    )
    picture: Column = Field(
        "file",
        description="With file:TABLE: column of the picture's file, relative to the table; by name, or by number from "
        "0: no header.",
    )
    label: Column = Field("label", validate_default=True, description="With file:TABLE: column of the label.")
    labels: Labels = "classes"
    image_size: ImageSize = None
    exclude: Literal["people"] | None = Field(
        None,
        description="With mnist: leave the digits that people saw in AttentionMNIST out of training and validation. "
        "They are named by your own copy, FOLDER/human_glimpses/mnist.json (GLIMPSE_DATA=FOLDER).",
    )
    canvas: CanvasOptions = CanvasOptions()
    view: Literal["glimpse", "whole"] = Field(
        "glimpse",
        description="Observation: glimpses through the retina, or the whole picture at every step, for whole-image "
        "baselines and soft attention.",
    )
    class_weights: ClassWeights = None

    @field_validator("exclude")
    @classmethod
    def _only_digits_of_mnist_are_excluded(cls, exclude: str | None, others: ValidationInfo) -> str | None:
        data = others.data.get("data", "mnist")
        if exclude is not None and (data != "mnist" or others.data.get("image_size") is not None):
            raise ValueError(f"applies to MNIST's digits in their own size only (data is {data!r}): leave it out")
        return exclude

    @field_validator("view")
    @classmethod
    def _whole_pictures_are_not_zoomed(cls, view: str, others: ValidationInfo) -> str:
        if view == "whole" and others.data.get("zoom") is not None:
            raise ValueError("should be 'glimpse' because task.zoom is given (got 'whole')")
        return view

    @property
    def is_table(self) -> bool:
        """Whether the data are a table of pictures."""
        return self.data.startswith("file:")

    @property
    def keeps_sizes(self) -> bool:
        """Whether pictures of a folder keep their own height and width: a zoom makes them equal."""
        plain = self.zoom is not None and self.canvas.kind == "plain" and self.view == "glimpse"
        return plain and self.image_size is None and self.data.startswith("folder:")

    @property
    def held_out(self) -> tuple[str, ...]:
        """Options that would name parts of the user's own pictures, which are instead held out of training."""
        kind, _, path = self.data.partition(":")
        if kind != "folder":
            return super().held_out
        given = self.validation is not None or validation_folder(Path(path).expanduser()) is not None
        return () if given else ("validation",)

    @property
    def any_picture_size(self) -> bool:
        """Whether pictures are put on a canvas, so that those of other data may have any size."""
        return self.canvas.kind != "plain"

    @classmethod
    def on_other_data(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parts of other data: a table is evaluated whole. Columns are named as before, if it is a table."""
        if "data" not in given:
            return {}
        table = given["data"] if str(given["data"]).startswith("file:") else None
        columns = () if table else ("picture", "label", "labels")
        usual = {name: cls.model_fields[name].default for name in columns}
        return {"validation": table, "test": table, "exclude": None, **usual}

    @field_validator("validation", "test", "picture", "label", "labels")
    @classmethod
    def _belongs_to_a_table(cls, value: Column | None, info: ValidationInfo) -> Column | None:
        """Refuse options that describe a table if the data are none, and a folder beside a table."""
        data, default = info.data.get("data"), cls.model_fields[str(info.field_name)].default
        if value == default or data is None:
            return value
        folder = info.field_name == "validation" and str(value).startswith("folder:")
        if data.startswith("file:") == folder:
            wanted = "other data than `file:TABLE`" if folder else "`task.data=file:TABLE`"
            raise ValueError(f"applies to {wanted} only (data is {data!r})")
        return value

    @field_validator("label")
    @classmethod
    def _is_named_like_the_picture(cls, value: Column, info: ValidationInfo) -> Column:
        """Refuse a name together with a number: a table has a header, or it has none."""
        picture = info.data.get("picture")
        if picture is not None and isinstance(value, str) != isinstance(picture, str):
            raise ValueError(
                f"should be a {'name' if isinstance(picture, str) else 'number'}, as `picture` is (got {value!r})"
            )
        return value

    def observes_otherwise(self, other: Any) -> str:
        """Name the option of the canvas by which the whole picture would have another size, if that is observed."""
        if self.view == "glimpse":
            return ""
        if self.any_picture_size != other.any_picture_size:
            return "canvas.kind"
        return "canvas.size" if self.any_picture_size and self.canvas.size != other.canvas.size else ""

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        canvas = self.canvas
        size = "the image" if canvas.kind == "plain" else f"{canvas.kind} {canvas.size}x{canvas.size}"
        return TaskDescription(self.data, size, self.retina.describe(), str(self.glimpses))
