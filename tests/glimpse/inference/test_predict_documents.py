"""Tests of answers to questions about a folder of the user's own."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import glimpse
from glimpse.cli.command_line import main
from glimpse.errors import UserError
from glimpse.inference.question_predictions import OpenedSentence, UnknownWords
from tests.envs.conftest import QUESTIONS

FILE = f"file:{QUESTIONS}"
SMALL = ["train.steps=1", "train.batch=4", "train.evaluate_every=1", "threads=1", "track.mode=disabled"]
TASK = [
    "evidence-fever-none",
    "task.store=own",
    f"task.data={FILE}",
    f"task.validation={FILE}",
    f"task.test={FILE}",
    "task.vectors=none",
]
AGENT = ["agent.sentence_width=4", "agent.memory_width=8", "agent.embedding=trained", "task.candidates=5"]
ASKED = "Who built the Maud in Vollen?"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return a function that trains a run once."""
    known: dict[tuple[str, ...], str] = {}

    def run(*more: str) -> str:
        if more not in known:
            known[more] = str(tmp_path_factory.mktemp("documents") / "run")
            assert main(["train", *TASK, *AGENT, *SMALL, *more, "--run", known[more]]) == 0
        return known[more]

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of two documents."""
    (tmp_path / "papers" / "old").mkdir(parents=True)
    (tmp_path / "papers" / "ships.md").write_text("# Ships\n\nThe Fram was built\nin Larvik. The Maud was not.\n")
    (tmp_path / "papers" / "old" / "maud.txt").write_text("Rain fell.\n\nThe Maud was built in Vollen, they say.\n")
    return tmp_path / "papers"


def test_opened_sentences_have_their_file_and_line(trained: Callable[..., str], folder: Path) -> None:
    """BM25's first two sentences of the folder are opened, with their places; the run's own data are not read."""
    agent = glimpse.load(trained("agent.opens=first", "task.opens=2", "task.store=whole"))
    assert agent.takes == "questions" and agent.env.examples == 0
    found, other = agent.predict([ASKED, "Is there zzz?"], documents=folder)
    first, second = found.opened
    assert (first.file, first.line, first.text) == ("old/maud.txt", 3, "The Maud was built in Vollen, they say.")
    assert (second.file, second.line, second.text) == ("ships.md", 3, "The Fram was built in Larvik.")
    assert found.question == ASKED and found.label in agent.classes and len(other.opened) == 2
    assert sum(found.probabilities.values()) == pytest.approx(1)
    alone = agent.predict(ASKED, documents=str(folder))
    assert alone.opened == found.opened and alone.probability == pytest.approx(found.probability, abs=1e-6)
    words = found.unknown_words  # Of rain, fell, they, say, built, in, Larvik and others it has learned some.
    assert 0 < words.unknown < words.different and 0 < words.share < 1 and str(words.unknown) in found.notes()[0]
    rare, common = (replace(found, unknown_words=UnknownWords(22, 105, share)).notes()[0] for share in (0.004, 0.006))
    assert rare.endswith("105 different words, less than 1 % of its text") and common.endswith(", 1 % of its text")
    assert "maud.txt:3" in found._repr_html_() and found.cells()["opened"] == ["old/maud.txt:3", "ships.md:3"]


def test_sentences_and_names_of_files_are_shown_in_one_short_line() -> None:
    """The whole of both is in the prediction."""
    sentence = OpenedSentence("word " * 200, "", "a\tb\nc.txt", 3, 0.5, 200, 64)
    assert sentence.shown.startswith("a\\tb\\nc.txt:3\tword word") and len(sentence.shown) < 600
    assert sentence.shown.endswith("word ... (the first 64 of 200 words were read)")


def test_soft_attention_shows_what_it_read_most(trained: Callable[..., str], folder: Path) -> None:
    """With weights in place of probabilities, since nothing is opened."""
    found = glimpse.load(trained("agent.opens=soft", "task.store=whole", "task.preview=6")).predict(
        ASKED, documents=folder
    )
    weights = [one.weight for one in found.attended]
    assert found.opened == () and weights == sorted(weights, reverse=True) and sum(weights) <= 1 + 1e-5
    places = [f"{one.file}:{one.line}" for one in found.attended]
    assert {"old/maud.txt:3", "ships.md:3"} <= set(places) and found.cells()["attended"] == places
    cuts = [one.words_read < one.words for one in found.attended]
    assert any(cuts) and all(one.words_read < 6 for one in found.attended)  # The title is among the six words.
    ends = [" (the first " if cut else "" for cut in cuts]
    assert all(end in line for end, line in zip(ends, found.lines_below(), strict=True))
    assert [line.split(" (the first")[0] for line in found.lines_below()] == [
        f"{one.weight:.2f}\t{at}\t{one.text}" for one, at in zip(found.attended, places, strict=True)
    ]


@pytest.mark.parametrize("point", ["choose", "query"])
def test_command_prints_answers_and_sentences(
    trained: Callable[..., str], folder: Path, capsys: pytest.CaptureFixture[str], point: str
) -> None:
    """Lines have the answer, and below it what was opened; JSON has all of it, of a table too."""
    run = trained("agent.opens=learned", f"task.point={point}", "task.opens=3", "task.reward=evidence")
    told = [run, "--documents", str(folder)]
    capsys.readouterr()
    assert main(["predict", *told, ASKED]) == 0
    shown = capsys.readouterr()
    answer, *below = shown.out.splitlines()
    assert answer.endswith(ASKED) and all(line.startswith("  ") for line in below)
    assert shown.err.startswith("note: the run does not know")
    table = folder.parent / "asked.jsonl"
    table.write_text(json.dumps({"question": ASKED, "id": 7}) + "\n")
    assert main(["predict", *told, str(table)]) == 0
    written = json.loads(capsys.readouterr().out)
    prediction = written["prediction"]
    assert written["id"] == 7 and prediction["question"] == ASKED
    opened = [f"  {one['file']}:{one['line']}\t{one['text']}" for one in prediction["opened"]]
    assert (opened or ["  (opened nothing)"]) == below
    assert all(0 <= one["probability"] <= 1 for one in prediction["opened"])


def test_unknown_words_and_the_unread_end_of_a_question_are_told(
    trained: Callable[..., str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Notes name the words that the run lacks and the question that is cut, and each is printed once."""
    run = trained("agent.opens=none", "task.max_question=4")
    told = ["predict", run, "--documents", str(folder), "--json"]
    capsys.readouterr()
    assert main([*told, "zzzqq blorp?", ASKED, ASKED]) == 0
    shown = capsys.readouterr()
    first, second, _ = (json.loads(line)["prediction"]["question_words"] for line in shown.out.splitlines())
    assert first == {"words": 3, "words_read": 3, "unknown": ["zzzqq", "blorp"]}
    assert (second["words"], second["words_read"]) == (7, 4)
    _, lacking, cut, *_ = shown.err.splitlines()
    assert lacking == "note: the run does not know these words of the question 'zzzqq blorp?': zzzqq, blorp"
    assert cut.endswith("has 7 words and marks, and the agent reads the first 4 (task.max_question)")
    assert shown.err.count("task.max_question") == 1
    assert main([*told[:-1], ASKED]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["  (opened nothing)"]


def test_the_unread_end_of_an_opened_sentence_is_told(
    trained: Callable[..., str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines, JSON and the page say how many words were read; a title in front takes some of them."""
    run = trained("agent.opens=first", "task.opens=2", "task.max_words=7")
    found = glimpse.load(run).predict(ASKED, documents=folder)
    assert [(one.file, one.words, one.words_read) for one in found.opened] == [
        ("old/maud.txt", 10, 6),
        ("ships.md", 7, 6),
    ]
    told = "(the first 6 of 10 words were read)"
    assert told in found.page and found.to_dict()["opened"][0]["words_read"] == 6
    capsys.readouterr()
    assert main(["predict", run, "--documents", str(folder), ASKED]) == 0
    assert f"Vollen, they say. {told}" in capsys.readouterr().out


def test_files_that_are_left_out_are_told_once(
    trained: Callable[..., str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They cannot be read, or their names have other endings; nothing is said where there are none."""
    told = [trained("agent.opens=first", "task.opens=2", "task.store=whole"), "--documents", str(folder), "--batch=1"]
    for name, note in {
        "": "",
        "word.docx": f"note: 1 file of {folder} was left out; `glimpse data store {folder}` shows which\n",
        "empty.txt": f"note: 2 files of {folder} were left out; `glimpse data store {folder}` shows which\n",
    }.items():
        if name:
            (folder / name).touch()
        capsys.readouterr()
        assert main(["predict", *told, ASKED, "Is there zzz?"]) == 0
        printed = capsys.readouterr().err
        assert printed.count("left out") == bool(note) and printed.startswith(note)


def test_mistakes_are_told_before_anything_is_answered(
    trained: Callable[..., str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing folder, one without text, options of other agents and questions without a word are errors."""
    run = trained("agent.opens=first", "task.opens=2", "task.store=whole")
    blank = folder.parent / "blank"
    blank.mkdir()
    (blank / "empty.txt").touch()
    for more, told in {
        (): "name their folder with --documents FOLDER",
        ("--documents", str(folder / "none")): "error: documents should be a folder of documents",
        ("--documents", ""): "documents should be the path of a folder of documents, got '': name it with --documents",
        ("--documents", str(blank), "A second question?"): "blank has no document with text: add one (.txt,",
        ("--documents", str(folder), "--rollouts", "3"): "is asked greedily",
        ("--documents", str(folder), "--seed", "3"): "leave greedy, rollouts and seed out",
        ("--documents", str(folder), "--column", "a", "--column2", "b"): "a question is one text: leave --column2 out",
        ("--documents", str(folder), "--budget", "3"): "runs that look at pictures",
    }.items():
        capsys.readouterr()
        assert main(["predict", run, ASKED, *more]) == 2
        shown = capsys.readouterr()
        assert told in shown.err and shown.err.count("error:") == 1 and not shown.out
    assert main(["predict", run, "--documents", str(folder), "...", ASKED]) == 1
    assert "one word or more" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"documents should be the path of a folder of documents, got 5: name it with"):
        glimpse.load(run).predict(ASKED, documents=5)
    with pytest.raises(UserError, match="documents are for runs that search them; this one takes pictures"):
        glimpse.load("mnist-ram").predict("x.png", documents=folder)
