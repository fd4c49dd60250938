"""Base classes of the options of all environments.

This module imports pydantic but not torch, so that a mistake in a config is reported at once.
"""

from collections.abc import Mapping
from pathlib import PurePath
from pkgutil import resolve_name
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from glimpse.envs import ENVIRONMENTS


class Options(BaseModel):
    """Immutable options; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


ClassWeight = Annotated[float, Field(gt=0, le=1e6)]
ClassWeights = Annotated[
    Literal["balanced"] | Annotated[dict[str, ClassWeight], Field(min_length=1, max_length=10_000)] | None,
    Field(
        description="Weights of classes in the cross-entropy, not in rewards: balanced, inversely proportional to "
        "their numbers of training examples; or {class: weight}, 1 for the others."
    ),
]

Column = str | Annotated[int, Field(ge=0, le=10_000)]
"""Column of a table, by name; or by number from 0 where there is no header."""
LabelKindName = Literal["classes", "scores", "many"]
Labels = Annotated[
    LabelKindName,
    Field(
        description="With file:PATH: what the column of labels holds: the name of a class; scores, numbers to be "
        "predicted; or many, any number of labels divided by |, each of which is given or not."
    ),
]


def data_title(data: str) -> str:
    """Return the name of a data set for people: of a folder or file of the user's own its name, without the path."""
    kind, _, rest = data.partition(":")
    if kind in ("folder", "file") and rest:
        return PurePath(rest).name or rest
    return rest if kind == "torchvision" and rest else data


class TaskDescription(NamedTuple):
    """Row of an environment in `glimpse list environments`.

    data: data set. picture: size of the pictures, or parts of the texts. retina: the sensor. steps: episode length.
    """

    data: str = ""
    picture: str = ""
    retina: str = "none"
    steps: str = ""


class TaskOptions(Options):
    """Options of a task; `name` chooses the environment, whose defaults fill in missing options.

    of_data: options in which a trained run may be evaluated on other data: they say what is shown, and nothing of what
        the agent observes of it.
    label_kinds: kinds of labels that the environment can ask for, where it has the option `labels`.
    """

    of_data: ClassVar[frozenset[str]] = frozenset({"data"})
    label_kinds: ClassVar[tuple[LabelKindName, ...]] = ("classes", "scores", "many")

    name: str = Field(description="Name of the environment; see `glimpse list environments`.")

    @property
    def title(self) -> str:
        """Name of the task in tables and reports: the environment's, and its data's where they are not the usual."""
        data = self.data_title
        return self.name if data is None else f"{self.name}, {data}"

    @property
    def data_title(self) -> str | None:
        """Name of the data set, for people; None for the one that the environment has by default, or without data."""
        data = getattr(self, "data", None)
        usual = ENVIRONMENTS[self.name].defaults.get("data") if self.name in ENVIRONMENTS else None
        return None if data is None or data == usual else data_title(str(data))

    @property
    def held_out(self) -> tuple[str, ...]:
        """Options that would name parts of the user's own data, which are instead held out of training."""
        own = str(getattr(self, "data", "")).startswith("file:")
        return tuple(part for part in ("validation", "test") if own and getattr(self, part, "") is None)

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        return TaskDescription(str(getattr(self, "data", "")))

    @classmethod
    def on_other_data(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return further options that follow from those given for an evaluation on other data; by default none."""
        return {}

    def observes_otherwise(self, other: Any) -> str:
        """Name the option of `of_data` by which an agent of this task would observe something else; "" for none."""
        return ""

    @model_validator(mode="before")
    @classmethod
    def _start_from_the_environment(cls, given: Any) -> Any:
        """Fill in missing options from the environment's entry in `ENVIRONMENTS`."""
        if not isinstance(given, dict) or given.get("name") not in list(ENVIRONMENTS):
            return given
        filled = dict(ENVIRONMENTS[given["name"]].defaults)
        for key, value in given.items():
            if isinstance(value, dict) and isinstance(filled.get(key), dict):
                value = {**filled[key], **value}
            filled[key] = value
        return filled

    @field_validator("name")
    @classmethod
    def _environment_has_these_options(cls, name: str) -> str:
        own = f"{cls.__module__}:{cls.__qualname__}"
        known = [known for known, entry in ENVIRONMENTS.items() if entry.options == own]
        if name not in known and not (name in ENVIRONMENTS and resolve_name(ENVIRONMENTS[name].options) is cls):
            raise ValueError(
                f"should be {' or '.join(map(repr, known)) or 'registered in ENVIRONMENTS'} (got {name!r})"
            )
        return name

    @field_validator("labels", check_fields=False)
    @classmethod
    def _labels_can_be_asked_for(cls, labels: str, info: ValidationInfo) -> str:
        if labels not in cls.label_kinds:
            name, known = info.data.get("name"), " or ".join(map(repr, cls.label_kinds))
            raise ValueError(f"should be {known} because task.name is {name!r} (got {labels!r})")
        return labels

    @field_validator("class_weights", check_fields=False)
    @classmethod
    def _weights_are_of_classes(cls, weights: Any, info: ValidationInfo) -> Any:
        labels = info.data.get("labels", "classes")
        if weights is not None and labels != "classes":
            raise ValueError(f"applies to `labels: classes` only (task.labels is {labels!r}): leave it out")
        return weights
