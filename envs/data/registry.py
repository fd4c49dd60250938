"""Registry of the data sets that are known by name.

`DATA_SETS` names every data set. Adding one: an entry in the table of its kind (`image_sets.py`, `boxed_sets.py`,
`text_sets.py`, `parallel_sets.py`, `question_sets.py`), or, from another package, an entry point of the group
`glimpse.data` that names an `ImageSet`, a `BoxedSet`, a `TextSet`, a `ParallelSet` or a `QuestionSet`. Its `read` says
which function reads it, so that nothing else has to change.
"""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from glimpse.envs.data.boxed_sets import BOXED_SET_TABLE
from glimpse.envs.data.data_set import BoxedSet, DataSet, ImageSet, ParallelSet, QuestionSet, TextSet
from glimpse.envs.data.image_sets import IMAGE_SET_TABLE
from glimpse.envs.data.parallel_sets import PARALLEL_SET_TABLE
from glimpse.envs.data.question_sets import QUESTION_SET_TABLE
from glimpse.envs.data.text_sets import TEXT_SET_TABLE
from glimpse.envs.entry_points import add_entry_points

DATA_SETS: dict[str, DataSet] = {
    **IMAGE_SET_TABLE,
    **BOXED_SET_TABLE,
    **TEXT_SET_TABLE,
    **PARALLEL_SET_TABLE,
    **QUESTION_SET_TABLE,
}
add_entry_points(DATA_SETS, "glimpse.data", DataSet)

_Kind = TypeVar("_Kind", bound=DataSet)


class DataSetsOfKind(Mapping[str, _Kind], Generic[_Kind]):
    """Read-only view of the entries of `DATA_SETS` that are of one kind, in the registry's order."""

    def __init__(self, kind: type[_Kind]) -> None:
        """Choose the kind: `ImageSet`, `BoxedSet`, `TextSet`, `ParallelSet` or `QuestionSet`."""
        self._kind = kind

    def __getitem__(self, name: str) -> _Kind:
        """Return the entry of this name; raises KeyError if there is none of this kind."""
        entry = DATA_SETS[name]
        if not isinstance(entry, self._kind):
            raise KeyError(name)
        return entry

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of this kind."""
        return (name for name, entry in DATA_SETS.items() if isinstance(entry, self._kind))

    def __len__(self) -> int:
        """Return the number of data sets of this kind."""
        return sum(1 for _ in self)


IMAGE_SETS = DataSetsOfKind(ImageSet)
BOXED_SETS = DataSetsOfKind(BoxedSet)
TEXT_SETS = DataSetsOfKind(TextSet)
PARALLEL_SETS = DataSetsOfKind(ParallelSet)
QUESTION_SETS = DataSetsOfKind(QuestionSet)
