"""State that training keeps in a checkpoint beside the weights, checked when it is read back."""

import math
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from glimpse.runs.checkpoint import Checkpoint, CheckpointError
from glimpse.runs.run_folder import CONFIG


@checked_dataclass(frozen=True, config=ConfigDict(strict=True, extra="ignore"))
class TrainedState:
    """What the use of trained weights needs.

    seconds: seconds of training.
    trained_on: device, in words.
    commit: code that trained, see `glimpse.runs.commit`; empty if it was not noted.
    """

    seconds: float
    trained_on: str
    commit: str = ""

    def __post_init__(self) -> None:
        """Refuse a time that training cannot have saved."""
        if not 0 <= self.seconds < math.inf:
            raise ValueError(f"seconds should be a number from 0 on (got {self.seconds})")


@checked_dataclass(frozen=True, config=ConfigDict(strict=True, extra="ignore"))
class TrainingState(TrainedState):
    """What a resumed training needs.

    learner: state of its learner: optimiser, weights that are not averaged, step.
    best_error: lowest validation error so far; infinite if there is none that counts.
    steps, minutes: its budget.
    run_id: id of the run in Weights & Biases.
    waited: number of evaluations since the last one that brought a lower error.
    """

    learner: dict[str, Any] = field(kw_only=True)
    best_error: float = field(kw_only=True)
    steps: int | None = None
    minutes: float | None = None
    run_id: str | None = None
    waited: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that training cannot have saved."""
        super().__post_init__()
        if math.isnan(self.best_error):
            raise ValueError("best_error should be a number (got nan)")
        if self.waited < 0:
            raise ValueError(f"waited should be a number from 0 on (got {self.waited})")


State = TypeVar("State", bound=TrainedState)


def state_of(checkpoint: Checkpoint, kind: type[State], folder: Path) -> State:
    """Return a checkpoint's state.

    Args:
        checkpoint: the checkpoint.
        kind: what is needed of its state.
        folder: the run's folder, for messages.

    Raises:
        CheckpointError: if a part of it is missing or of another type.
    """
    try:
        return kind(**checkpoint.state)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
    except TypeError as error:
        wrong = str(error)
    raise CheckpointError(
        f"the checkpoint of step {checkpoint.step} in {folder} has a state that training does not write "
        f"({in_a_line(wrong)}). Remove that checkpoint, so that an earlier one is used, or train a new run"
    )


@contextmanager
def reporting_misfits(folder: Path, step: int) -> Iterator[None]:
    """Turn an error met in loading a checkpoint's tensors and numbers into one UserError.

    Args:
        folder: the run's folder, for the message.
        step: the checkpoint's step, for the message.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        what = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(
            f"{folder / CONFIG}, or the data that it names, does not fit the checkpoint of step {step} "
            f"({in_a_line(what)}). Put them back as they were, or train a new run"
        ) from error


def in_a_line(text: str) -> str:
    """Return a text as a line of at most 200 characters."""
    return textwrap.shorten(text, 200)
