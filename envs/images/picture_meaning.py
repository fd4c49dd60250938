"""What the numbers in the observations and answers of an environment of pictures mean."""

from typing import Any

from pydantic import Field

from glimpse.envs.labelled_meaning import LabelledMeaning
from glimpse.envs.meaning import Meaning


class PictureMeaning(LabelledMeaning):
    """Meaning of labelled pictures.

    shape: (channels, height, width) of each picture of the data set; bytes from 0 (black) to 255. A height and a width
        of 0 mean any, for pictures that are put on a canvas.
    """

    shape: tuple[int, int, int] = Field(description="channels, height and width of pictures")

    def has_shape(self, shape: tuple[int, ...]) -> bool:
        """Return whether pictures have a shape that is meant."""
        return shape == self.shape or (self.shape[1:] == (0, 0) and shape[0] == self.shape[0])

    def contradiction(self, found: Meaning) -> str | None:
        """Describe the first difference, as `Meaning.contradiction`."""
        if isinstance(found, PictureMeaning) and self.has_shape(found.shape):
            found = found.model_copy(update={"shape": self.shape})
        return super().contradiction(found)

    def for_other_data(self, options: Any) -> "PictureMeaning":
        """Return what must hold for other data: on a canvas, pictures may have any size."""
        if not getattr(options, "any_picture_size", False):
            return self
        return self.model_copy(update={"shape": (self.shape[0], 0, 0)})
