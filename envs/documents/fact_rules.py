"""Generated questions about one, two or three facts, as a function of a key alone.

Training, validation and test draw from disjoint sets: the entities of a question and of the facts that it needs decide
by a hash in which of the splits the question may occur. Axes: B questions, F facts, L words, C slots.
"""

from functools import cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from glimpse.envs.documents.fact_words import (
    ANSWERS,
    CONTAINERS,
    ENTITIES,
    KINDS,
    MONTHS,
    OBJECTS,
    OTHER_FACTS,
    PEOPLE,
    PLACES,
    RULES,
    SLOTS,
)
from glimpse.envs.lane_random import integers, mix, uniform

NO_WORD = -1
MOST_OTHERS = 16
"""Largest number of facts that no question needs."""
_SHARES = 10
_OF_SPLIT = {"train": tuple(range(2, _SHARES)), "validation": (1,), "test": (0,)}
"""Which of ten shares of all questions a split draws from."""
_SPLIT_NUMBER = {"train": 0, "validation": 1, "test": 2}
_PEOPLE, _PLACES, _OBJECTS = 0, len(PEOPLE), len(PEOPLE) + len(PLACES)
_CONTAINERS = _OBJECTS + len(OBJECTS)
_MONTHS = _CONTAINERS + len(CONTAINERS)
_ANSWER_OF = {name: number for number, name in enumerate(ANSWERS)}


class FactScene(NamedTuple):
    """Questions and their facts, in words of `rule_words`.

    question: (B, L) int64, `NO_WORD` behind the end.
    facts: (B, F, L) int64, in random order.
    needed: (B, 1 to 3) int64, which facts the question needs, in order.
    answer: (B,) int64, of `ANSWERS`.
    """

    question: Tensor
    facts: Tensor
    needed: Tensor
    answer: Tensor


@cache
def rule_words() -> tuple[str, ...]:
    """Return all words of questions and facts: the entities, and then the other words."""
    others = {word for text in _templates() for word in text.split() if not word.startswith("{")}
    return (*ENTITIES, *sorted(others - set(ENTITIES)))


def question_kinds(facts: int, question: str) -> tuple[int, ...]:
    """Return the kinds of questions that need so many facts, of the name `question` or `all`; perhaps none."""
    return tuple(
        number for number, kind in enumerate(KINDS) if len(kind.needed) == facts and question in ("all", kind.name)
    )


def scene_keys(example: Tensor, split: Literal["train", "validation", "test"], seed: int) -> Tensor:
    """Return the key of each example of a split: (B,) int64 -> (B,) int64."""
    return mix(mix(torch.full_like(example, seed), 3 * RULES + _SPLIT_NUMBER[split]), example)


def draw_scenes(key: Tensor, kinds: tuple[int, ...], others: int, split: str) -> FactScene:
    """Draw questions with their facts.

    Args:
        key: (B,) int64.
        kinds: numbers of the kinds of questions, in `KINDS`, which need as many facts each.
        others: number of facts that the question does not need.
        split: the split, which decides which questions may occur.
    """
    kind = torch.tensor(kinds, device=key.device)[integers(mix(key, 1), 1, len(kinds))[:, 0]]
    slots = _entities(key, kind, split)
    needed = _filled(_needed_templates(), kind, slots)  # (B, 3, L)
    rest = _other_facts(key, slots, others)
    count = len(KINDS[kinds[0]].needed)
    facts, place = _shuffled(mix(key, 2), torch.cat([needed[:, :count], rest], 1), count)
    answer = _answers(kind, slots)
    return FactScene(_filled(_question_templates(), kind, slots)[:, 0], facts, place, answer)


def _entities(key: Tensor, kind: Tensor, split: str) -> Tensor:
    """Draw what fills the slots of questions: (B, C) numbers of entities, in the order of `SLOTS`.

    The last entity of each chain of facts is the first, in a random order, that puts the question into the split.
    """
    people, places, objects, containers = (
        uniform(mix(key, 10 + number), count).argsort(1)
        for number, count in enumerate((len(PEOPLE), len(PLACES), len(OBJECTS), len(CONTAINERS)))
    )
    person, receiver, second = people[:, 0], people[:, 1], people[:, 2]
    early = integers(mix(key, 15), 1, len(MONTHS) - 1)[:, 0]
    late = early + 1 + integers(mix(key, 16), 1, len(MONTHS) - 1 - early.unsqueeze(1))[:, 0]
    # Which of the two objects was sold first is drawn by swapping their months.
    swaps = integers(mix(key, 17), 1, 2)[:, 0] == 1
    month, other_month = torch.where(swaps, late, early), torch.where(swaps, early, late)
    chain = torch.stack([kind, receiver, second, objects[:, 0], objects[:, 1], containers[:, 0], month, other_month], 1)
    # A kind's chain has the entities that its facts have, but for the last one, which is chosen then.
    has, last = _chains(key.device)
    digest = torch.zeros_like(key)
    for column in range(chain.shape[1]):
        digest = mix(digest, torch.where(has[kind, column], chain[:, column], 0))
    # The first person is added, and not hashed, so that all pairs of a person and a place are as frequent.
    share = (digest >> 33) + person
    place = _first_allowed(places, share, split)
    chosen = _first_allowed(people[:, 1:], share, split)
    receiver = torch.where(last[kind], chosen, receiver)
    return torch.stack(
        [
            _PEOPLE + person,
            _PEOPLE + receiver,
            _PEOPLE + second,
            _PLACES + place,
            _OBJECTS + objects[:, 0],
            _OBJECTS + objects[:, 1],
            _CONTAINERS + containers[:, 0],
            _MONTHS + month,
            _MONTHS + other_month,
        ],
        1,
    )


def _first_allowed(order: Tensor, chain: Tensor, split: str) -> Tensor:
    """Return the first number in each random order (B, n) whose sum with the chain's is a share of the split: (B,)."""
    share = (order + chain.unsqueeze(1)) % _SHARES
    allowed = torch.zeros(_SHARES, dtype=torch.bool, device=order.device)
    allowed[list(_OF_SPLIT[split])] = True
    return order.gather(1, allowed[share].long().argmax(1, keepdim=True))[:, 0]


def _chains(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return which entities are hashed of each kind, (kinds, 8) bool; and whether its last one is a person.

    The columns are: kind, the slots r, s, o, u, c, m and n.
    """
    has, last = torch.zeros(len(KINDS), 8, dtype=torch.bool), torch.zeros(len(KINDS), dtype=torch.bool)
    for number, kind in enumerate(KINDS):
        used = "".join(kind.needed)
        last[number] = "{l}" not in used
        slots = ("{r}", "{s}", "{o}", "{u}", "{c}", "{m}", "{n}")
        here = [slot in used and not (slot == "{r}" and bool(last[number])) for slot in slots]
        has[number] = torch.tensor([True, *here])
    return has.to(device), last.to(device)


def _other_facts(key: Tensor, slots: Tensor, others: int) -> Tensor:
    """Draw facts about people, objects and containers that no question's facts are about: (B, others, L)."""
    lanes = len(key)
    people = _unused(mix(key, 20), slots[:, :3] - _PEOPLE, len(PEOPLE))
    objects = _unused(mix(key, 21), slots[:, 4:6] - _OBJECTS, len(OBJECTS))
    containers = _unused(mix(key, 22), slots[:, 6:7] - _CONTAINERS, len(CONTAINERS))
    at = torch.arange(others, device=key.device)
    place = integers(mix(key, 23), others, len(PLACES))
    month = integers(mix(key, 24), others, len(MONTHS))
    template = integers(mix(key, 25), others, len(OTHER_FACTS))
    filled = torch.zeros(lanes, others, len(SLOTS), dtype=torch.int64, device=key.device)
    # Each person, object and container is in one fact alone; containers are fewer, and may be in two.
    filled[..., 0], filled[..., 1] = people[:, 2 * at], people[:, 2 * at + 1]
    filled[..., 3], filled[..., 4] = _PLACES + place, _OBJECTS + objects[:, at]
    filled[..., 6], filled[..., 7] = _CONTAINERS + containers[:, at % (len(CONTAINERS) - 1)], _MONTHS + month
    flat = _filled(_other_templates(), template.flatten(), filled.flatten(0, 1))
    return flat[:, 0].view(lanes, others, flat.shape[2])


def _unused(key: Tensor, used: Tensor, count: int) -> Tensor:
    """Return the numbers below `count` in a random order, the used ones last: (B,), (B, n) -> (B, count)."""
    order = uniform(key, count)
    return order.scatter(1, used, 2.0).argsort(1)


def _shuffled(key: Tensor, facts: Tensor, needed: int) -> tuple[Tensor, Tensor]:
    """Return facts in a random order, and where the needed ones, which come first, are then: (B, needed) int64."""
    order = uniform(key, facts.shape[1]).argsort(1)
    return facts.take_along_dim(order.unsqueeze(-1), 1), order.argsort(1)[:, :needed]


def _answers(kind: Tensor, slots: Tensor) -> Tensor:
    """Return the answers: the place; the person who got it; or the object of the earlier month."""
    to_answer = torch.tensor([_ANSWER_OF.get(name, 0) for name in ENTITIES], device=kind.device)
    names = [_answer_slot(number) for number in range(len(KINDS))]
    first = torch.where(slots[:, 7] < slots[:, 8], slots[:, 4], slots[:, 5])
    chosen = torch.tensor([max(name, 0) for name in names], device=kind.device)[kind]
    entity = slots.gather(1, chosen.unsqueeze(1))[:, 0]
    compares = torch.tensor([name < 0 for name in names], device=kind.device)[kind]
    return to_answer[torch.where(compares, first, entity)]


def _answer_slot(kind: int) -> int:
    """Return the slot of a kind's answer; -1 where it is the object that was sold first."""
    if KINDS[kind].name == "first":
        return -1
    return SLOTS.index("l") if "{l}" in "".join(KINDS[kind].needed) else SLOTS.index("r")


def _templates() -> tuple[str, ...]:
    return (*(text for kind in KINDS for text in (kind.question, *kind.needed)), *OTHER_FACTS)


@cache
def _question_templates() -> Tensor:
    return _encoded([[kind.question] for kind in KINDS])


@cache
def _needed_templates() -> Tensor:
    return _encoded([[*kind.needed, *[""] * (3 - len(kind.needed))] for kind in KINDS])


@cache
def _other_templates() -> Tensor:
    return _encoded([[text] for text in OTHER_FACTS])


def _encoded(texts: list[list[str]]) -> Tensor:
    """Return templates as numbers (n, rows, L): words, `NO_WORD`, and -2 - c for slot c."""
    number = {word: place for place, word in enumerate(rule_words())}
    number |= {f"{{{slot}}}": -2 - place for place, slot in enumerate(SLOTS)}
    longest = max(len(text.split()) for text in _templates())
    return torch.tensor(
        [
            [[*(number[word] for word in text.split()), *[NO_WORD] * (longest - len(text.split()))] for text in row]
            for row in texts
        ]
    )


def _filled(templates: Tensor, chosen: Tensor, slots: Tensor) -> Tensor:
    """Fill templates (n, rows, L), chosen by (B,), with entities (B, C): (B, rows, L)."""
    text = templates.to(slots.device)[chosen]
    slot = (-2 - text).clamp(min=0)
    return torch.where(text <= -2, slots.unsqueeze(1).expand(-1, text.shape[1], -1).gather(2, slot), text)
