"""Picture that is logged to the experiment tracker at the end of training."""

from pathlib import Path
from typing import NamedTuple


class TrackedPicture(NamedTuple):
    """A picture in the run's folder: its name in the tracker, path and caption."""

    name: str
    path: Path
    caption: str
