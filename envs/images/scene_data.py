"""Data of environments that make a scene for each episode of the images of a split."""

from dataclasses import dataclass
from typing import Literal

from glimpse.envs.images.image_data import ImageData

Split = Literal["train", "validation", "test"]
SCENES: dict[str, int] = {"train": 5000, "validation": 500, "test": 1000}
"""Number of scenes of each split. Those of training are drawn anew in each episode; the others are the same."""


@dataclass(frozen=True)
class SceneData:
    """One split: the images of which scenes are made, and its name.

    Attributes:
        images: The images; those of different splits have none in common.
        split: `train`, `validation` or `test`.
        classes: The answers.
    """

    images: ImageData
    split: Split
    classes: tuple[str, ...]

    @property
    def scenes(self) -> int:
        """Number of scenes; none without images."""
        return SCENES[self.split] if len(self.images.labels) else 0
