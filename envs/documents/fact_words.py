"""Words and sentences of the generated facts, version 1: who is where, who gave what to whom, what was sold when.

A sentence is a template whose slots are filled with entities. Changing anything here makes other episodes: raise
`RULES`, and keep the old version for runs that were trained on it.
"""

from typing import NamedTuple

RULES = 1
"""Version of the words, the sentences and the draws."""

PEOPLE = tuple(
    "alice bruno carla dmitri elena felix greta hugo ines jonas karin leo marta nils olga pavel quentin rosa stefan "
    "tilda ulrich vera wanda xenia yusuf zelda anton berta cyril dora emil flora gustav hilda igor julia klaus lydia "
    "moritz nora".split()
)
PLACES = tuple(
    "kitchen garden attic cellar library garage bedroom bathroom office hallway barn stable chapel harbour museum "
    "bakery school hospital station market".split()
)
OBJECTS = tuple(
    "apple lamp book key clock umbrella violin mirror hammer candle coin letter map ring scarf spoon ball bottle brush "
    "camera carpet comb cup flute glove hat kettle knife pencil rope".split()
)
CONTAINERS = tuple("box bag basket suitcase crate drawer trunk bucket jar chest sack backpack".split())
MONTHS = tuple("january february march april may june july august september october november december".split())
ANSWERS = (*PLACES, *PEOPLE, *OBJECTS)
"""Classes of the task."""
ENTITIES = (*PEOPLE, *PLACES, *OBJECTS, *CONTAINERS, *MONTHS)
"""What slots are filled with."""


class QuestionKind(NamedTuple):
    """Kind of questions.

    name: the task's option `question`.
    question: template of the question.
    needed: templates of the facts that it needs.

    Slots: {p}, {r}, {s} people, {l} place, {o}, {u} objects, {c} container, {m}, {n} months, {m} before {n}.
    """

    name: str
    question: str
    needed: tuple[str, ...]


IS_IN, HAS, GAVE = "{p} is in the {l} .", "{p} has the {o} .", "{p} gave the {o} to {r} ."
SENT, PACKED, SOLD = "{p} sent the {o} to {r} .", "the {o} is in the {c} .", "{p} sold the {o} in {m} ."
_GIVEN = "where is the {o} that {p} gave away ?"
KINDS: tuple[QuestionKind, ...] = (
    QuestionKind("where", "where is {p} ?", (IS_IN,)),
    QuestionKind("gave", "who got the {o} from {p} ?", (GAVE,)),
    QuestionKind("where", "where is the {o} ?", (HAS, IS_IN)),
    QuestionKind("gave", _GIVEN, (GAVE, "{r} is in the {l} .")),
    QuestionKind("first", "which was sold first , the {o} or the {u} ?", (SOLD, "{r} sold the {u} in {n} .")),
    QuestionKind("where", "where is the {o} ?", (PACKED, "{p} has the {c} .", IS_IN)),
    QuestionKind("gave", _GIVEN, (GAVE, "{r} sent the {o} to {s} .", "{s} is in the {l} .")),
)
"""Kinds of questions, by the number of facts that they need."""
OTHER_FACTS = (IS_IN, HAS, GAVE, SENT, PACKED, "{p} has the {c} .", SOLD)
"""Templates of facts that no question needs."""
SLOTS = "prsloucmn"
"""Letters of the slots, in order."""
