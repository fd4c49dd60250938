"""What the numbers in the observations and answers of an environment of pictures mean."""

from pydantic import Field

from glimpse.envs.meaning import Meaning


class PictureMeaning(Meaning):
    """Meaning of labelled pictures.

    shape: (channels, height, width) of each picture of the data set; bytes from 0 (black) to 255.
    """

    shape: tuple[int, int, int] = Field(description="channels, height and width of pictures")
