"""Tests of `glimpse/Facts-v0`: facts that are hidden among generated sentences."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.core import Action, StepResult
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.documents import filler
from glimpse.envs.documents.document_files import Document
from glimpse.envs.documents.fact_words import OBJECTS, PEOPLE, PLACES
from glimpse.envs.documents.facts import Facts
from glimpse.envs.documents.filler import LEAST, filler_store
from glimpse.envs.documents.options import FactsOptions
from glimpse.envs.documents.question_data import NOTHING
from glimpse.envs.documents.sentence_division import SourceLine
from glimpse.envs.errors import DataError
from tests.envs.conftest import Operations


def made(split: Any = "train", meaning: Any = None, **options: Any) -> Facts:
    """Return the environment."""
    task = FactsOptions.model_validate({"name": "facts", **options})
    return Facts(task, Facts.load_data(task, split, meaning=meaning))


def begin(env: Facts, *examples: int) -> dict[str, Tensor]:
    """Reset to some examples."""
    return env.reset(torch.tensor(examples), torch.tensor(examples))


def open_needed(env: Facts) -> StepResult:
    """Open a needed fact in each lane if one is offered, and otherwise the first candidate."""
    needed = (env.candidates.unsqueeze(2) == env.evidence[:, :1]).any(2)
    chosen = torch.where(needed.any(1), needed.long().argmax(1), 0) + 1
    action: Action = {"open": chosen, "answer": env.label}
    return env.step(action)


@pytest.mark.parametrize("facts", [1, 2, 3])
def test_an_oracle_finds_the_facts_among_the_candidates(facts: int) -> None:
    """The needed facts are offered in time, since opened words refine the query; then the right answer is worth 1."""
    env = made(facts=facts, words=10_000, opens=4, cost=0.01, reward="both")
    begin(env, *range(40))
    for _ in range(facts + 1):
        step = open_needed(env)
    found = env.lane_info()["evidence_found"]
    assert found.float().mean() > 0.9 and step.reward.eq(-0.01).all()
    step = env.step({"open": torch.zeros(40, dtype=torch.int64), "answer": env.label})
    assert step.terminated.all() and torch.equal(step.reward, found.float())
    texts = [env.sentence(0, number).text for number in env.opened[0].tolist() if number >= 0]
    assert len(texts) == facts + 1 and any(
        " is in the " in each or " gave " in each or " sold " in each for each in texts
    )


def test_a_text_has_as_many_words_as_asked() -> None:
    """Up to a sentence; each example has its own place in the store, and facts stand anywhere."""
    env = made(words=2_000)
    seen = begin(env, *range(30))
    members, lengths = env._asking.members, env.store.sentences.lengths
    counts = (lengths[members.clamp(min=0)] * (members >= 0)).sum(1) + (env._asking.others >= 0).sum((1, 2))
    assert ((counts <= 2_000) & (counts > 1_980)).all()
    assert len(set(members[:, 0].tolist())) > 25
    assert (members.diff(dim=1)[members[:, 1:] >= 0] == 1).all()
    position = seen["position"][env.candidates >= len(env.store)]
    assert position.min() < 0.1 and position.max() > 0.9


def test_a_long_text_is_shared_by_all_lanes() -> None:
    """A lane of a long text holds its facts alone."""
    env = made(words=filler.LEAST)
    begin(env, *range(8))
    assert env.store.word_count >= filler.LEAST
    held = sum(part.element_size() * part[0].numel() for part in env._asking)
    assert env._asking.members.shape == (8, 0) and held < 5_000


def test_splits_have_other_sentences_and_the_same_words() -> None:
    """Words that are known are those of training, and those of the rules always are."""
    train, test = made(), made("test")
    assert train.meaning() == test.meaning() == made("validation").meaning()
    assert train.store.facts.digest != test.store.facts.digest
    seen = begin(test, *range(20))
    assert (seen["question"] != 1).all()  # None is <unk>.
    longer = made("test", meaning=train.meaning(), words=8_000)
    assert longer.meaning() == train.meaning()
    assert torch.equal(begin(longer, *range(20))["question"], seen["question"])
    assert longer.shown_examples()[:2] == test.shown_examples()[:2] and longer.shown_examples() != test.shown_examples()


def test_facts_are_not_told_by_their_place_in_a_document() -> None:
    """They stand in none, so that the place of other sentences is not observed, either."""
    assert not begin(made(), 0, 1, 2)["in_document"].any()


def test_an_example_is_a_function_of_its_number() -> None:
    """The key does not change it; another seed does."""
    env = made()
    one = env.reset(torch.tensor([5]), torch.tensor([1]))
    other = env.reset(torch.tensor([5]), torch.tensor([2]))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(begin(made(seed=1), 5)["question"], one["question"])


def test_operations_do_not_grow_with_the_batch(trace: Callable[[Callable[[], object]], Operations]) -> None:
    """Resets and steps take as many operations for 20 lanes as for three."""
    env = made()

    def play(lanes: int) -> Callable[[], object]:
        return lambda: (begin(env, *range(lanes)), open_needed(env))

    assert trace(play(3)).names == trace(play(20)).names


def test_sentences_that_may_be_facts_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that names a person and a place or thing of the facts is no filler."""
    lines = ["Rosa is in the kitchen!", "Rosa sings.", "The kitchen is cold.", "'Nora' dropped her lamp"]
    documents = [Document("a", "", [SourceLine(number, line) for number, line in enumerate(lines)])]
    (kept,) = filler._without_facts(documents)
    assert [line.text for line in kept.sentences] == ["Rosa sings.", "The kitchen is cold."]


def test_a_filler_with_too_few_words_is_refused(tmp_path: Path) -> None:
    """The error says how many there are; with fewer words a folder will do."""
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("One two three four. " * 200)
    path = SearchPath(None, tmp_path / "cache")
    with pytest.raises(
        DataError, match=r"filler=folder:.*texts has 1,000 words in its test part, and task.words is 4,000"
    ):
        filler_store(f"folder:{tmp_path}/texts", "test", 4_000, "hashing", path)
    assert filler_store(f"folder:{tmp_path}/texts", "train", 800, "hashing", path).word_count == 1_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"facts": 3, "question": "first"}, "should be all, where or gave because task.facts is 3"),
        ({"filler": "imbd"}, "Did you mean imdb"),
        ({"filler": "/"}, "should be folder:/ for a folder of your own"),
        ({"sentence_vectors": "model2vec:m"}, "should be hashing, glove or file:PATH, which make vectors of new facts"),
        ({"words": 2_000_000}, "less than or equal to 1000000"),
        ({"words": 500, "distractors": 41}, "should be 40 or less because task.words is 500"),
        (
            {"facts": 3, "opens": 2, "reward": "both"},
            "should be 2 or less because task.opens is 2 and task.reward 'both'",
        ),
    ],
)
def test_mistakes_in_options_are_named(options: dict[str, Any], message: str) -> None:
    """Each says what was expected."""
    with pytest.raises(ValueError, match=message):
        FactsOptions.model_validate({"name": "facts", **options})


def test_distractors_name_what_the_facts_name(tmp_path: Path) -> None:
    """Half of them name what the needed facts name, except the answer, unless the question names it, too."""
    names = [*PEOPLE[::2], *OBJECTS, *PLACES]
    (tmp_path / "a.txt").write_text(" ".join(f"The old {name} was there again ." for name in names * 6))
    task = {"filler": f"folder:{tmp_path}", "words": 500}
    plain, env = made(**task), made(**task, distractors=6)
    begin(plain, *range(20))
    begin(env, *range(20))
    few, many = plain._asking, env._asking
    facts = few.others.shape[1]
    assert many.others.shape[1] == facts + 6 and torch.equal(many.groups, few.groups)
    for lane in range(20):
        # The file's name, which is no known word, stands in front as its title.
        texts = [env.sentence(lane, len(env.store) + facts + number).text.split() for number in range(6)]
        assert all(len(text) == 8 and text[1:3] == ["the", "old"] for text in texts), texts
        needed, every = (
            {word for number in numbers for word in env.sentence(lane, number).text.split()}
            for numbers in (many.groups[lane, 0].tolist(), range(len(env.store), len(env.store) + facts))
        )
        told = {env.classes[int(many.answer[lane])]} - set(env.question_text(lane).split())
        near = needed & set(names) - told
        assert all(text[3] in every for text in texts)
        assert not near or all(text[3] in near for text in texts[:3])
    text = (many.members[0] != NOTHING).sum() * 7 + (many.others[0] != NOTHING).sum()
    assert 490 <= text <= 500
    whole = FactsOptions.model_validate({"name": "facts", "words": 500, "distractors": 6})
    assert Facts(whole.model_copy(update={"words": LEAST}), Facts.load_data(whole, "train"))._distractors == 0
