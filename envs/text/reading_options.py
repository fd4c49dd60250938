"""The options of the world that shows whole texts; pydantic only."""

from typing import Literal

from pydantic import Field

from glimpse.envs.text.options import TextOptions


class ReadingOptions(TextOptions):
    """A whole text, or a pair of them, is shown at once; a class or a score is asked for."""

    name: Literal["text"] = Field(description="Which world.")
    sentences: bool = Field(False, description="Whether documents are shown divided into sentences.")
