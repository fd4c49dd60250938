"""What the card of a published run knows of its training, which the run itself no longer holds."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from glimpse.errors import UserError
from glimpse.runs.durable import read_file, reporting_read_errors
from glimpse.runs.run_folder import RunFolder


@dataclass(frozen=True)
class SeedResult:
    """Result of a run of the config: its seed, its error on validation data, and its main measure on the test set."""

    seed: int
    validation_error: float
    value: float


class EarlierCard(BaseModel):
    """Facts that are taken over from a card when its run is published again.

    seeds: results of all runs among which it was chosen.
    measured_as_float: the main measure before the weights were rounded; None if they were not.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    seeds: tuple[SeedResult, ...] = Field(min_length=1)
    measured_as_float: float | None


def read_earlier_card(folder: RunFolder) -> EarlierCard:
    """Read the facts beside the card of a published run. Raises UserError if they are missing or damaged."""
    path = folder.path / "card.json"
    with reporting_read_errors(path):
        if not path.exists():
            raise UserError(f"{folder.path} has no {path.name}, which knows of its training. Put it back from a copy")
        written = read_file(path)
    try:
        return EarlierCard.model_validate_json(written)
    except ValidationError:
        raise UserError(f"{path} is not what glimpse publish writes. Put it back from a copy") from None
