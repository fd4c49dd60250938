"""What training tells an experiment tracker."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Tracker:
    """Tracker that sends nothing, and base class of those that do.

    active: whether anything is tracked.
    """

    active = False

    def __init__(self, run_id: str | None = None) -> None:
        """Keep the id of a resumed run for later resumes."""
        self.run_id = run_id
        """Id to keep in the checkpoint: a resumed run continues under it."""
        self.url: str | None = None
        """Address of the run's page; None where it has none."""

    def log(self, row: Mapping[str, float]) -> None:
        """Send a row of metrics; its `step` is what they are plotted over. NaN passes."""

    def log_image(self, name: str, path: Path, caption: str) -> None:
        """Send a picture (PNG or SVG) or an animation (GIF); it belongs to the last logged step."""

    def log_checkpoint(
        self, folder: Path, step: int, metadata: Mapping[str, Any], aliases: Sequence[str] = ("latest",)
    ) -> None:
        """Send a checkpoint's weights (safetensors), config and manifest; never a pickle.

        Args:
            folder: The checkpoint. Its files are copied at once, so it may be deleted afterwards.
            step: Number of updates made.
            metadata: What is shown beside the weights.
            aliases: Names that this version takes over from earlier ones.
        """

    def finish(self, summary: Mapping[str, float] | None = None, exit_code: int = 0) -> None:
        """Send the rest and close the run; an exit code other than 0 marks it as failed."""
