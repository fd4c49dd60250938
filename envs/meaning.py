"""What the observations and answers of an environment mean, as plain data that a run keeps beside its weights."""

from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field


class Meaning(BaseModel):
    """Meaning of an environment's observations and answers: its classes, and more in a subclass.

    Each field's description names it in the message about data that contradict it.

    uncompared: fields that may differ between the splits of a data set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    uncompared: ClassVar[frozenset[str]] = frozenset()

    classes: tuple[str, ...] = Field((), description="classes")

    def contradiction(self, found: "Meaning") -> str | None:
        """Describe the first difference of data that were found from what was kept; None if they agree."""
        for name, field in type(self).model_fields.items():
            kept, new = getattr(self, name), getattr(found, name, None)
            if name not in self.uncompared and new != kept:
                return f"the {field.description} are {_shorten(new)}, and those of the run are {_shorten(kept)}"
        return None

    def common(self, other: "Meaning") -> "Meaning":
        """Return what holds for another split too, of whose meaning some fields may differ; by default all."""
        return self

    def for_other_data(self, options: Any) -> "Meaning":
        """Return what must hold for data of a task with these options that are not the run's own; by default all."""
        return self

    def continuing(self, earlier: "Meaning") -> "Meaning":
        """Return the meaning with which data are read where training begins with weights of an earlier run.

        Classes are those of the data. A subclass may keep more of what the earlier run knew, such as its words.
        """
        return self

    @property
    def label_kind_name(self) -> str:
        """What labels are: `classes`, `scores` or `many`, as the task's option `labels`."""
        return "classes"

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return what rows of weights may stand for, in their order: `classes`, and more in a subclass."""
        return {"classes": self.classes}

    def sized(self, sizes: dict[str, int]) -> Self | None:
        """Return a meaning with other numbers of `names`, to learn which weights depend on them; None if unknown."""
        return None


class SpacesMeaning(Meaning):
    """Meaning of an environment that says no more of itself: its classes, if it has any, and its spaces.

    observation_space: None where it differs between the splits.
    """

    observation_space: str | None = Field(description="observations")
    action_space: str = Field(description="actions")

    def contradiction(self, found: Meaning) -> str | None:
        """Describe the first difference, as `Meaning.contradiction`."""
        if self.observation_space is None:
            found = found.model_copy(update={"observation_space": None})
        return super().contradiction(found)

    def common(self, other: Meaning) -> Meaning:
        """Return what holds for another split too."""
        if isinstance(other, SpacesMeaning) and other.observation_space == self.observation_space:
            return self
        return self.model_copy(update={"observation_space": None})


@runtime_checkable
class HasMeaning(Protocol):
    """Protocol of an environment that says what its observations and answers mean.

    meaning_kind: class of its meaning.

    Its `load_data` may take `meaning`, that of an earlier environment, or None: then classes have the numbers that
    they have there, words likewise, and data that contradict it are refused by a DataError. Its class may also have a
    static method `data_without_examples`, see `AnswersWithoutData`.
    """

    meaning_kind: ClassVar[type[Meaning]]

    def meaning(self) -> Meaning:
        """Return what the observations and answers mean."""
        raise NotImplementedError("return a Meaning: the classes, and all else that decides what numbers stand for")


@runtime_checkable
class AnswersWithoutData(Protocol):
    """Protocol of an environment's class that can be made of the meaning alone, to answer examples from elsewhere."""

    @staticmethod
    def data_without_examples(options: Any, meaning: Any) -> Any:
        """Return data with this meaning and no examples, for the constructor."""
        raise NotImplementedError("return what `load_data` returns, without examples")


def env_meaning(env: Any) -> Meaning:
    """Return what the observations and answers of an environment mean."""
    if isinstance(env, HasMeaning):
        return env.meaning()
    spaces = {"observation_space": str(env.observation_space), "action_space": str(env.action_space)}
    return SpacesMeaning(classes=tuple(getattr(env, "classes", ())), **spaces)


def meaning_kind(environment: type) -> type[Meaning]:
    """Return the class of an environment's meaning."""
    kind: type[Meaning] = getattr(environment, "meaning_kind", SpacesMeaning)
    return kind


def empty_data(environment: type, options: Any, meaning: Meaning) -> Any:
    """Return an environment's data without examples; None if its class cannot make them."""
    if isinstance(environment, AnswersWithoutData):
        return environment.data_without_examples(options, meaning)
    return None


def unknown_class(name: str, classes: tuple[str, ...]) -> str:
    """Say that a class of the data is none of a run's, and what to do."""
    return (
        f"class {name!r} is none of the run's classes, which are {_shorten(classes)}. Give the examples one of these "
        "classes or remove them, or train a new run"
    )


def _shorten(value: object) -> str:
    """Write a value in a line of limited length."""
    text = ", ".join(map(repr, value)) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 300 else f"{text[:300]} ..."
