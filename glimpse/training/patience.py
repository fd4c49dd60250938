"""Early stopping: training ends when several evaluations in a row did not improve the validation measure."""

from pathlib import Path


class Patience:
    """Evaluations since the last one whose error was lower than all before it.

    most: number of them at which training ends; None for never.
    waited: number of them so far.
    """

    def __init__(self, most: int | None) -> None:
        """Begin to count."""
        self.most, self.waited = most, 0

    @property
    def exhausted(self) -> bool:
        """True if training ends."""
        return self.most is not None and self.waited >= self.most

    def note(self, error: float, best: float) -> None:
        """Count an evaluation; `best` is the lowest error before it."""
        self.waited = 0 if error < best else self.waited + 1

    def describe(self, step: int) -> str:
        """Say that training ends after `step` steps."""
        return f"ended early at step {step}: {self._evaluations} (train.patience)"

    def describe_complete(self, run: Path, step: int) -> str:
        """Say that a run ended early, and how it is trained on."""
        more = f"train.patience={2 * max(self.waited, 1)}"
        made = f"{step} step{'s' * (step != 1)}"
        return (
            f"{run} is complete: it ended early after {made}, since {self._evaluations}; to train on, raise its "
            f"patience: glimpse train --resume {run} {more}"
        )

    @property
    def _evaluations(self) -> str:
        return f"{self.waited} evaluation{'s' * (self.waited > 1)} in a row brought no lower validation error"
