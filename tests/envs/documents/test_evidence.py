"""Tests of `glimpse/Evidence-v0` on fourteen questions about three short documents."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from glimpse.envs.documents.document_env import DocumentEnv
from glimpse.envs.documents.evidence import Evidence
from glimpse.envs.documents.options import EvidenceOptions
from glimpse.envs.documents.question_data import load_questions
from glimpse.envs.documents.ranking import is_among
from glimpse.envs.documents.store_search import Asking
from glimpse.envs.errors import DataError
from tests.envs.conftest import QUESTIONS, Operations

TWO_HOPS, FRAM, ALONE = 6, 8, 3
"""Questions: about two sentences; with two groups of evidence; and one whose evidence is its document's first one."""


def made(**options: Any) -> Evidence:
    """Return the environment of all questions, since validation and test have the same file as training."""
    file = f"file:{QUESTIONS}"
    given = {"data": file, "validation": file, "test": file, "vectors": "none", "min_count": 1, **options}
    task = EvidenceOptions.model_validate({"name": "evidence", **given})
    return Evidence(task, load_questions(task, "train"))


def act(env: DocumentEnv, opens: list[int], answers: list[int] | None = None, **more: Any) -> Any:
    """Take a step."""
    chosen = torch.tensor(answers or [0] * len(opens))
    return env.step({"open": torch.tensor(opens), "answer": chosen, **more})


def begin(env: DocumentEnv, *examples: int) -> dict[str, Tensor]:
    """Reset to some questions."""
    return env.reset(torch.tensor(examples), torch.tensor(examples))


def words(env: DocumentEnv, numbers: Tensor) -> str:
    """Return the words of an observed text."""
    return " ".join(env.vocabulary.words[number] for number in numbers.tolist() if number)


def text(env: DocumentEnv, lane: int, number: int) -> str:
    """Return a sentence as it was written."""
    return env.sentence(lane, number).text


def test_a_candidate_has_its_place_and_its_title() -> None:
    """One over its number in its document, and how many of the words shown are the title's."""
    env = made(candidates=6)
    seen = begin(env, TWO_HOPS)
    for column, number in enumerate(env.candidates[0].tolist()):
        document = int(env.store.document[number])
        place = number - int(env.store.first[document]) + 1
        assert seen["in_document"][0, column].item() == pytest.approx(1 / place)
        shown = words(env, seen["candidates"][0, column]).split()
        title = env.store.facts.titles[document].lower().split()
        assert seen["title_words"][0, column] == len(title) and shown[: len(title)] == title
    assert len(set(seen["in_document"][0].tolist())) > 1
    assert not begin(made(titles=False), TWO_HOPS)["title_words"].any()


def test_an_episode_is_as_described() -> None:
    """Opened text is observed with its title; costs and rewards are paid; counts are in the info."""
    env = made(cost=0.25, opens=2, candidates=3, reward="both")
    seen = begin(env, TWO_HOPS, FRAM)
    assert words(env, seen["question"][1]) == "did nansen sail on the fram ?"
    assert env.question_text(1) == "Did Nansen sail on the Fram?"
    assert not seen["opened"].any() and seen["legal"].all() and seen["time"].tolist() == [0, 0]
    first = env.candidates.tolist()
    step = act(env, [2, 1], [1, 1])
    assert step.reward.tolist() == [-0.25, -0.25] and not step.terminated.any() and step.label.tolist() == [1, 1]
    assert env.opened.tolist() == [[first[0][1], -1], [first[1][0], -1]]
    assert text(env, 1, first[1][0]) == "Nansen sailed on the Fram."
    assert words(env, step.observation["opened"][1]) == "captains nansen sailed on the fram ."
    assert all(one not in env.candidates[lane].tolist() for lane, one in enumerate((first[0][1], first[1][0])))
    assert env.sentence(1, first[1][0])[1:] == ("Captains", "people.html", 2)
    info = env.lane_info()
    assert info["opened"].tolist() == [1, 1] and info["words_read"][1] == 7
    assert info["evidence_found"].tolist() == [False, True] and info["evidence_share"][1] == 1
    step = act(env, [1, 0], [1, 1])
    assert step.terminated.tolist() == [False, True] and step.reward.tolist() == [-0.25, 1]
    assert step.observation["legal"].tolist()[0] == [1, 0, 0, 0]
    step = act(env, [1, 1], [1, 1])  # Not legal, so that it answers; the other lane has ended.
    assert step.terminated.all() and step.reward.tolist() == [float(env.lane_info()["evidence_found"][0]), 0]
    assert step.observation["time"].tolist() == [3, 2] and env.lane_info()["opened"].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("reward", "answer", "finds", "worth"),
    [
        ("answer", 1, False, 1),
        ("answer", 0, True, 0),
        ("evidence", 0, True, 1),
        ("evidence", 1, False, 0),
        ("both", 1, True, 1),
        ("both", 0, True, 0),
        ("both", 1, False, 0),
    ],
)
def test_rewards(reward: str, answer: int, finds: bool, worth: float) -> None:
    """The answer, the evidence or both are worth 1; the gold ranker offers the evidence first."""
    env = made(reward=reward, ranker="gold" if finds else "random", candidates=4, opens=1)
    begin(env, ALONE)
    gold = env.evidence[0, 0, 0].item()
    place = next(place for place, one in enumerate(env.candidates[0].tolist(), 1) if (one == gold) == finds)
    assert act(env, [place]).reward.item() == 0
    assert act(env, [0], [answer]).reward.item() == worth
    assert env.lane_info()["evidence_found"].item() == finds


def test_a_question_is_searched_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it begins with is the same whenever it is asked again, beside whichever others; random rankings are not."""
    for ranker, searched in (("bm25", [2, 1]), ("first", [2, 1]), ("gold", [2, 1]), ("random", [2, 3, 2])):
        options = {"ranker": ranker, "candidates": 4, "opens": 2}
        env, counts = made(**options), list[int]()
        rank = env._search.rank

        def counted(asking: Asking, *rest: Tensor, rank: Any = rank, counts: list[int] = counts) -> Any:
            counts.append(len(asking.answer))
            return rank(asking, *rest)

        monkeypatch.setattr(env._search, "rank", counted)
        begin(env, TWO_HOPS, FRAM)
        act(env, [1, 2])
        seen = begin(env, FRAM, ALONE, TWO_HOPS)
        for lane, number in enumerate((FRAM, ALONE, TWO_HOPS)):
            alone = begin(made(**options), number)
            assert all(seen[name][lane].equal(part[0]) for name, part in alone.items())
        twice = torch.tensor([ALONE, ALONE])
        again = env.reset_lanes(torch.tensor([0, 2]), twice, twice)
        assert all(again[name][0].equal(part[1]) for name, part in seen.items())
        assert counts == searched


def test_evidence_is_every_sentence_of_some_group() -> None:
    """Half of a group is no complete evidence; the smaller of two groups suffices."""
    env = made(ranker="gold", opens=2)
    begin(env, TWO_HOPS, FRAM)
    act(env, [1, 1])
    assert env.lane_info()["evidence_share"].tolist() == [0.5, 1.0]
    act(env, [1, 1])
    assert env.lane_info()["evidence_found"].tolist() == [True, True]
    assert set(env.opened[0].tolist()) == set(env.evidence[0, 0].tolist())


def test_own_documents_are_all_that_is_offered() -> None:
    """Own documents in any order, with fewer sentences than candidates; positions are shares of these documents."""
    env = made(store="own", candidates=16, ranker="first")
    begin(env, ALONE, TWO_HOPS, 7)
    files = [
        {env.sentence(lane, one).file for one in each if one >= 0} for lane, each in enumerate(env.candidates.tolist())
    ]
    assert files == [{"ships.txt"}, {"people.html", "ships.txt"}, {"people.html", "ships.txt"}]
    counts = (env.candidates >= 0).sum(1).tolist()
    assert counts == [6, 10, 10] and torch.equal(env.candidates[1], env.candidates[2])
    observation = begin(env, ALONE, TWO_HOPS)
    assert observation["legal"].sum(1).tolist() == [7, 11]
    torch.testing.assert_close(observation["position"][1, :10], torch.arange(10) / 10)
    assert not observation["candidates"][0, 6:].any() and not observation["scores"][0, 6:].any()
    for _ in range(3):
        observation = act(env, [1, 1]).observation
    assert observation["legal"].sum(1).tolist() == [4, 8]


def test_own_and_whole_rank_alike() -> None:
    """Restricted to own documents, the order of the whole store's candidates is that of the own ones."""
    whole, own = made(store="whole", candidates=40), made(store="own", candidates=40)
    begin(whole, *range(14))
    begin(own, *range(14))
    scores = whole._scores.masked_fill(~is_among(whole._ranked, own.candidates), -1)
    torch.testing.assert_close(scores.sort(1, descending=True).values[:, :4], own._scores[:, :4])


def test_opened_words_refine_the_query() -> None:
    """The second sentence of two that are needed rises when the first was opened, if `expand` is on."""
    place = {}
    for expand in (0.0, 1.0):
        env = made(expand=expand, candidates=24)
        begin(env, TWO_HOPS)
        bought, sailed = env.evidence[0, 0].tolist()
        act(env, [env.candidates[0].tolist().index(bought) + 1])
        place[expand] = env.candidates[0].tolist().index(sailed)
        assert bought not in env.candidates[0].tolist()
    assert place[1.0] <= place[0.0] and place[1.0] == 0


@pytest.mark.parametrize("ranker", ["bm25", "cosine", "random", "first", "gold"])
def test_candidates_are_what_is_left_whatever_is_opened(ranker: str) -> None:
    """No sentence is offered twice, none is offered again after it was opened, and K are left after T steps."""
    env = made(ranker=ranker, candidates=5, opens=6)
    begin(env, 0, 6, 9)
    for step in range(6):
        for lane, each in enumerate(env.candidates.tolist()):
            assert len(set(each)) == 5 and -1 not in each and not set(each) & set(env.opened[lane, :step].tolist())
        act(env, [1 + step % 5] * 3)
    assert (env.opened >= 0).all()


def test_a_query_opens_what_is_nearest() -> None:
    """The vector of a sentence opens it, and when it is open the next nearest one; 0 answers."""
    env = made(point="query", opens=3)
    seen = begin(env, ALONE, FRAM)
    assert set(seen) == {"question", "opened", "legal", "time", "question_vector", "opened_vector"}
    wanted = [7, 12]
    query = env.store.vectors[wanted]
    order = (query @ env.store.vectors.T).argsort(1, descending=True)
    for step in range(3):
        seen = act(env, [1, 1], query=query * 0.5).observation
        assert env.opened[:, step].tolist() == order[:, step].tolist()
        torch.testing.assert_close(seen["opened_vector"], env.store.vectors[order[:, step]])
    assert env.opened[:, 0].tolist() == wanted and seen["legal"].tolist() == [[1, 0]] * 2
    assert act(env, [0, 0], query=query).terminated.all()


def test_controls_are_in_order() -> None:
    """Of the first two that are opened, gold has all evidence, BM25 most, and a random choice the least."""
    found = {}
    for ranker in ("gold", "bm25", "random"):
        env = made(ranker=ranker, opens=2)
        begin(env, *range(14))
        for _ in range(2):
            act(env, [1] * 14)
        found[ranker] = env.lane_info()["evidence_found"].float().mean().item()
    assert found["gold"] == 1 >= found["bm25"] > 0.6 > 0.4 > found["random"]


@pytest.mark.parametrize("options", [{}, {"store": "own"}, {"expand": 0.5}, {"point": "query"}], ids=str)
def test_operations_do_not_grow_with_the_batch(
    options: dict[str, Any], trace: Callable[[Callable[[], object]], Operations]
) -> None:
    """Steps take as many operations for 14 lanes as for three."""
    env = made(**options)

    def step(lanes: int) -> Callable[[], object]:
        begin(env, *range(lanes))
        more: dict[str, Any] = {} if env.chooses else {"query": torch.ones(lanes, env.store.vectors.shape[1])}
        return lambda: act(env, [1] * lanes, **more)

    assert trace(step(3)).names == trace(step(14)).names


def test_a_run_keeps_the_numbers_of_words_and_answers() -> None:
    """Data that are read with a meaning have its numbers; unknown words are <unk>."""
    env = made()
    meaning = env.meaning()
    fewer = meaning.model_copy(update={"words": meaning.words[:20], "classes": ("yes", "no")})
    data = load_questions(
        env.options if isinstance(env.options, EvidenceOptions) else cast(Any, None), "train", meaning=fewer
    )
    again = Evidence(cast(EvidenceOptions, env.options), data)
    old, new = begin(env, 0)["question"][0], begin(again, 0)["question"][0]
    assert torch.equal(new, torch.where(old < 20, old, 1)) and (old >= 20).any()
    assert env.label.tolist() == [1] and again.label.tolist() == [0]
    with pytest.raises(DataError, match="'no' is none of the run's classes"):
        load_questions(
            cast(EvidenceOptions, env.options), "train", meaning=fewer.model_copy(update={"classes": ("yes",)})
        )


GOOD = '{"question": "Is it?", "answer": "yes"}\n'
MANY = "".join(GOOD.replace("it", f"it {number}") for number in range(20))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is no JSON"),
        ("[1]", "line 2 should be {"),
        ('{"question": "Is it?"}', "line 2 should be {"),
        ('{"question": "Is it?", "answer": "yes", "label": 1}', "line 2 has 'label'; known are question"),
        ('{"question": "Is it \\ud800?", "answer": "yes"}', "line 2 has half of a surrogate pair in its question"),
        ('{"question": "Is it?", "answer": 1}', "line 2 should have a text as its answer, got '1'"),
        ('{"question": "Is it?", "answer": "yes", "documents": "a"}', "should have a list as its documents"),
        (
            '{"question": "Is it?", "answer": "yes", "documents": ["b.txt"]}',
            "names the document 'b.txt', which the store of",
        ),
        ('{"question": "???", "answer": "yes"}', "line 2 should have a question of one word or more, got '\"???\"'"),
        (
            '{"question": "Is it?", "answer": "yes", "documents": ["a.txt", "a.txt"]}',
            "line 2 names the document 'a.txt' twice",
        ),
        ('{"question": "Is it?", "answer": "yes", "evidence": [{"file": "a.txt"}]}', "should have groups"),
        ('{"question": "Is it?", "answer": "yes", "evidence": [[{"file": "a.txt"}]]}', "should have evidence"),
        (
            '{"question": "Is it?", "answer": "yes", "evidence": [[{"file": "a.txt", "line": 2}]]}',
            "has evidence in a.txt, line 2, on which no sentence begins",
        ),
        (
            '{"question": "Is it?", "answer": "yes", "evidence": [[{"file": "a.txt", "line": 1, "text": "was"}]]}',
            "has evidence in a.txt, line 1, on which no sentence contains 'was'",
        ),
    ],
)
def test_a_faulty_row_is_named(line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file and the line, and says what was expected."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a.txt").write_text("It is.")
    (tmp_path / "q.jsonl").write_text(GOOD + line + "\n" + MANY)
    options = EvidenceOptions.model_validate(
        {"name": "evidence", "data": f"file:{tmp_path}/q.jsonl", "vectors": "none"}
    )
    with pytest.raises(DataError) as caught:
        load_questions(options, "train")
    assert message in str(caught.value) and "q.jsonl" in str(caught.value)
    (tmp_path / "q.jsonl").write_text(MANY)
    data = load_questions(options, "train")
    assert len(data.labels) == 20 - 2 - 1
    for more, told in (
        ({"store": "own"}, "task.store=own needs"),
        ({"reward": "both"}, "task.reward=both needs .* has; use task.reward=answer"),
        ({"ranker": "gold"}, "task.ranker=gold needs .* has; use task.ranker=bm25"),
    ):
        with pytest.raises(DataError, match=told):
            Evidence(options.model_copy(update=more), data)


def test_own_questions_are_divided_by_what_they_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal questions are all in one split; without documents the error names the option."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "q.jsonl").write_text(MANY + MANY.upper().replace("QUESTION", "question").replace("ANSWER", "answer"))
    options = EvidenceOptions.model_validate({"name": "evidence", "data": f"file:{tmp_path}/q.jsonl"})
    with pytest.raises(DataError, match=r"there is no folder .*documents: name the documents .* task.documents=FOLDER"):
        load_questions(options, "train")
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a.txt").write_text("It is.")
    parts = [load_questions(options, split) for split in ("train", "validation", "test")]
    asked = [{text.lower() for text in part.texts} for part in parts]
    assert [len(part.texts) for part in parts] == [34, 2, 4] and [len(each) for each in asked] == [17, 1, 2]
    assert not asked[0] & asked[1] and not asked[0] & asked[2] and not asked[1] & asked[2]


def test_other_questions_are_asked_about_the_same_documents() -> None:
    """Unless others are named, or the data are no file, which has documents of its own."""
    assert "documents" not in EvidenceOptions.on_other_data({"data": "file:q.jsonl"})
    assert EvidenceOptions.on_other_data({"data": "eraser-multirc"})["documents"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "fever"}, "eraser-fever"),
        ({"data": "q.jsonl"}, "should be file:q.jsonl"),
        ({"documents": "papers"}, "applies to `task.data=file:PATH` only"),
        ({"test": "file:a.jsonl"}, "applies to `task.data=file:PATH` only"),
        ({"sentence_vectors": "bert"}, "should be hashing, glove"),
        ({"vectors": "word2vec"}, "should be none, glove or file:PATH"),
    ],
)
def test_mistakes_in_options_are_named(options: dict[str, Any], message: str) -> None:
    """Each says what was expected."""
    with pytest.raises(ValueError, match=message):
        EvidenceOptions.model_validate({"name": "evidence", **options})


@pytest.mark.skipif(
    not (Path(os.environ.get("GLIMPSE_DATA", "none")) / "eraser_fever").is_dir(), reason="GLIMPSE_DATA has no FEVER"
)
def test_bm25_finds_the_known_shares_of_fevers_evidence() -> None:
    """On every 24th test claim, in the whole store and in a claim's own page."""
    shares = {}
    for store in ("whole", "own"):
        task = EvidenceOptions.model_validate(
            {"name": "evidence", "store": store, "vectors": "none", "opens": 4, "candidates": 1, "reward": "evidence"}
        )
        data = load_questions(task, "test")
        assert (len(data.store), len(data.store.facts.files), len(data.labels)) == (43_888, 4_064, 6_012)
        env, found = Evidence(task, data), torch.zeros(4)
        for example in torch.arange(0, 6012, 24).split(64):
            env.reset(example, example)
            for opened in range(4):
                act(env, [1] * len(example))
                found[opened] += env.lane_info()["evidence_found"].sum()
        shares[store] = (found / 251).tolist()
    # Of all 6,012 claims: .741, .844, .891, .912 and .775, .877, .924, .944.
    assert shares["whole"] == pytest.approx([0.777, 0.880, 0.916, 0.932], abs=0.005)
    assert shares["own"] == pytest.approx([0.809, 0.908, 0.936, 0.960], abs=0.005)
