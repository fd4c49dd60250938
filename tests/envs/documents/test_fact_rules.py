"""Tests of the rules of generated facts: they are a function of a key, answerable, and divided among the splits."""

import re
from collections import Counter, defaultdict
from typing import Literal

import pytest
import torch
from torch import Tensor

from glimpse.envs.documents.fact_rules import FactScene, draw_scenes, question_kinds, rule_words, scene_keys
from glimpse.envs.documents.fact_words import ANSWERS, KINDS, MONTHS, OBJECTS, PEOPLE

Split = Literal["train", "validation", "test"]
CHANCE = {1: 1 / 20, 2: 1 / 20, 3: 1 / 20}


def scenes(count: int, facts: int, question: str = "all", split: Split = "train", others: int = 8) -> FactScene:
    """Draw the first scenes of a split."""
    keys = scene_keys(torch.arange(count), split, seed=0)
    return draw_scenes(keys, question_kinds(facts, question), others, split)


def text(words: Tensor) -> str:
    """Return the words of a question or fact."""
    return " ".join(rule_words()[word] for word in words.tolist() if word >= 0)


def needed(scene: FactScene, number: int) -> list[str]:
    """Return the facts that a question needs, in order."""
    return [text(scene.facts[number, place]) for place in scene.needed[number].tolist()]


def answer_by_rules(question: str, facts: list[str]) -> str:
    """Answer a question from facts alone, by following them."""
    where: dict[str, str] = {one: two for one, two in re.findall(r"(\w+) is in the (\w+) \.", "\n".join(facts))}
    holder: dict[str, str] = {two: one for one, two in re.findall(r"(\w+) has the (\w+) \.", "\n".join(facts))}
    passed: dict[tuple[str, str], str] = {
        (one, two): three
        for one, _, two, three in re.findall(r"(\w+) (gave|sent) the (\w+) to (\w+)", "\n".join(facts))
    }
    sold: dict[str, int] = {
        two: MONTHS.index(three) for _, two, three in re.findall(r"(\w+) sold the (\w+) in (\w+)", "\n".join(facts))
    }
    if found := re.fullmatch(r"who got the (\w+) from (\w+) \?", question):
        return passed[found[2], found[1]]
    if found := re.fullmatch(r"which was sold first , the (\w+) or the (\w+) \?", question):
        return str(min(found[1], found[2], key=sold.__getitem__))
    if found := re.fullmatch(r"where is the (\w+) that (\w+) gave away \?", question):
        person = found[2]
        while (person, found[1]) in passed:
            person = passed[person, found[1]]
        return where[person]
    (thing,) = re.fullmatch(r"where is (?:the )?(\w+) \?", question).groups()  # type: ignore[union-attr]
    while thing not in PEOPLE:
        thing = holder[thing] if thing in holder else where[thing]
    return where[thing]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_the_needed_facts_answer_every_question(kind: int, split: Split) -> None:
    """A reader of the needed facts alone is always right, and without one of them it cannot answer."""
    scene = draw_scenes(scene_keys(torch.arange(200), split, 0), (kind,), 8, split)
    for number in range(200):
        question, facts, answer = text(scene.question[number]), needed(scene, number), ANSWERS[scene.answer[number]]
        assert len(facts) == len(KINDS[kind].needed)
        assert answer_by_rules(question, facts) == answer
        everything = [text(fact) for fact in scene.facts[number]]
        assert answer_by_rules(question, everything) == answer
        for left in facts:
            fewer = [fact for fact in everything if fact != left]
            try:
                assert answer_by_rules(question, fewer) != answer or KINDS[kind].name == "first"
            except KeyError:
                pass


@pytest.mark.parametrize("facts", [1, 2, 3])
@pytest.mark.parametrize("question", ["where", "gave", "first"])
def test_the_question_alone_is_answered_at_chance(facts: int, question: str) -> None:
    """The commonest training answer to the same question is right no more often than a guess."""
    if not question_kinds(facts, question):
        return
    chance = 0.5 if question == "first" else 0.025 if (facts, question) == (1, "gave") else 0.05
    train, test = scenes(20_000, facts, question, others=0), scenes(2_000, facts, question, "test", others=0)
    common: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for asked, answer in zip(train.question, train.answer.tolist(), strict=True):
        common[text(asked)][answer] += 1
    guessed = [
        common[text(asked)].most_common(1)[0][0] == answer
        for asked, answer in zip(test.question, test.answer.tolist(), strict=True)
        if text(asked) in common
    ]
    assert len(guessed) > 400 and sum(guessed) / len(guessed) < chance + 3 * (chance / len(guessed)) ** 0.5


@pytest.mark.parametrize("facts", [1, 2, 3])
def test_splits_ask_about_disjoint_facts(facts: int) -> None:
    """No question occurs with the same needed facts in two splits; answers are as frequent in each."""
    seen = {}
    for split, count in (("train", 8_000), ("validation", 1_000), ("test", 2_000)):
        drawn = scenes(count, facts, split=split, others=0)  # type: ignore[arg-type]
        seen[split] = {(text(drawn.question[number]), *sorted(needed(drawn, number))) for number in range(count)}
        assert len(seen[split]) > (count // 40 if facts == 1 else 0.9 * count)
        places = torch.bincount(drawn.answer, minlength=len(ANSWERS))[:20]
        assert places.min() > 0.5 * places.float().mean() and places.max() < 1.7 * places.float().mean()
    assert seen["train"].isdisjoint(seen["test"]) and seen["train"].isdisjoint(seen["validation"])
    assert seen["validation"].isdisjoint(seen["test"])


def test_other_facts_are_about_others() -> None:
    """No fact that is not needed names a person or an object of the needed ones, and no object is in two facts."""
    for facts in (1, 2, 3):
        drawn = scenes(300, facts, others=16)
        for number in range(300):
            own = {word for fact in needed(drawn, number) for word in fact.split() if word in {*PEOPLE, *OBJECTS}}
            places = set(range(facts + 16)) - set(drawn.needed[number].tolist())
            rest = [text(drawn.facts[number, place]) for place in places]
            assert len(rest) == 16 and not own & {word for fact in rest for word in fact.split()}
            named = Counter(word for fact in rest for word in fact.split() if word in {*PEOPLE, *OBJECTS})
            assert max(named.values()) == 1


def test_a_scene_does_not_depend_on_its_batch() -> None:
    """Alone and in a batch it is the same; another number or seed makes another one."""
    keys = scene_keys(torch.arange(50), "test", 3)
    drawn = draw_scenes(keys, question_kinds(2, "all"), 5, "test")
    alone = draw_scenes(keys[17:18], question_kinds(2, "all"), 5, "test")
    assert all(torch.equal(many[17:18], one) for many, one in zip(drawn, alone, strict=True))
    assert len(set(keys.tolist()) | set(scene_keys(torch.arange(50), "test", 4).tolist())) == 100


def test_version_1_is_pinned() -> None:
    """These are the first questions of version 1; other ones need another version."""
    shown = [
        (text(drawn.question[0]), needed(drawn, 0), ANSWERS[drawn.answer[0]])
        for drawn in (scenes(1, facts, split="test") for facts in (1, 2, 3))
    ]
    assert shown == PINNED


PINNED: list[tuple[str, list[str], str]] = [
    ("who got the knife from yusuf ?", ["yusuf gave the knife to anton ."], "anton"),
    (
        "which was sold first , the knife or the map ?",
        ["yusuf sold the knife in january .", "rosa sold the map in april ."],
        "knife",
    ),
    (
        "where is the knife that yusuf gave away ?",
        ["yusuf gave the knife to marta .", "marta sent the knife to rosa .", "rosa is in the station ."],
        "station",
    ),
]
