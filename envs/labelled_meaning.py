"""What the labels of an environment mean: classes, scores, or several labels at once."""

from typing import Literal, Self

from pydantic import Field

from glimpse.envs.label_kinds import LabelKind, label_kind
from glimpse.envs.meaning import Meaning
from glimpse.envs.options import LabelKindName


class LabelledMeaning(Meaning):
    """Meaning of labels.

    labels: whether an example has one label, or any number of the classes.
    scores: the lowest and the highest score, or None where labels are classes.
    """

    labels: Literal["one", "many"] = Field("one", description="labels of an example")
    scores: tuple[float, float] | None = Field(None, description="lowest and highest scores")

    @property
    def kind(self) -> LabelKind:
        """The kind of the labels."""
        return label_kind(self.classes, self.scores, self.labels == "many")

    @property
    def label_kind_name(self) -> LabelKindName:
        """The task's option `labels` that reads such labels."""
        return self.kind.name

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return the classes, or the levels of scores."""
        return {"classes": self.classes or _levels(self.scores)}

    def sized(self, sizes: dict[str, int]) -> Self:
        """Return the meaning with another number of classes, or levels."""
        classes = tuple(map(str, range(sizes["classes"]))) if self.classes else ()
        scores = None if self.scores is None else (0.0, sizes["classes"] - 1.0)
        return self.model_copy(update={"classes": classes, "scores": scores})


def _levels(scores: tuple[float, float] | None) -> tuple[str, ...]:
    """Return the names of the levels from the lowest to the highest score, 1 apart."""
    if scores is None:
        return ()
    low, high = scores
    return tuple(f"{low + level:g}" for level in range(round(high - low) + 1))
