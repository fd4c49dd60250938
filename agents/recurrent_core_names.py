"""Names of recurrent cores, as types of options, made from the registry.

They are made when this module is imported: what the registry holds by then can be written in a config.
"""

from typing import TYPE_CHECKING, Literal

from glimpse.agents.recurrent_cores import RECURRENT_CORES

SEQUENCE_NAMES = tuple(name for name, entry in RECURRENT_CORES.items() if entry.sequence is not None)
"""Names of the cores that have a sequence network."""

if TYPE_CHECKING:
    StepCoreName = str
    SequenceName = str
    LevelName = str
    SelectorName = str
else:
    StepCoreName = Literal[tuple(RECURRENT_CORES)]
    """A core of an agent that acts step by step."""
    SequenceName = Literal[SEQUENCE_NAMES]
    """A recurrent encoder."""
    LevelName = Literal[(*SEQUENCE_NAMES, "cnn")]
    """A reader of a level of a hierarchical encoder."""
    SelectorName = Literal[(*SEQUENCE_NAMES, "cnn", "pooled")]
    """A reader of a selector."""
