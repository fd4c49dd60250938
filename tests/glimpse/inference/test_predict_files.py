"""`glimpse predict`: pictures, folders, texts, tables and lines, as a user types them."""

import csv
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import glimpse
from glimpse.cli.command_line import main

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("predict")

QUICK = ["train.batch=8", "threads=1", "track.mode=disabled"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a run that tells black from white pictures, and a folder of three pictures of which one is broken."""
    base = tmp_path_factory.mktemp("pictures")
    for name, value in (("black", 0), ("white", 255)):
        for part in ("train", "test"):
            (base / "data" / part / name).mkdir(parents=True)
            for number in range(12):
                Image.new("L", (8, 8), value).save(base / "data" / part / name / f"{number}.png")
    data = ["task.name=images", f"task.data=folder:{base / 'data'}", "train.steps=40"]
    assert main(["train", "digits-ram", *data, *QUICK, "--run", str(base / "run")]) == 0
    (base / "own" / "more").mkdir(parents=True)
    Image.new("L", (8, 8), 255).save(base / "own" / "a.png")
    Image.new("RGB", (20, 16)).save(base / "own" / "more" / "b.jpg")
    (base / "own" / "broken.png").write_text("no picture")
    (base / "own" / "notes.txt").write_text("not asked for")
    return base / "run", base / "own"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that tells good from bad films, whose data are gone."""
    base = tmp_path_factory.mktemp("texts")
    table = base / "films.csv"
    rows = [f"the film was {word} {n},{label}" for word, label in (("good", "yes"), ("bad", "no")) for n in range(40)]
    table.write_text("text,label\n" + "\n".join(rows) + "\n")
    words = [f"task.data=file:{table}", "task.vectors=none", "train.steps=40", "train.learning_rate=0.02"]
    assert main(["train", "sst2-attention", *words, "train.warmup=0", *QUICK, "--run", str(base / "run")]) == 0
    table.unlink()
    return base / "run"


def predict(capsys: Capture, *words: object) -> tuple[int, str, str]:
    """Run the command; return its exit code, output and errors."""
    capsys.readouterr()
    code = main(["predict", *map(str, words)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_folder_of_pictures(pictures: tuple[Path, Path], capsys: Capture) -> None:
    """All pictures in it are answered in order; the broken one is named, and the exit code says that one failed."""
    run, own = pictures
    code, out, errors = predict(capsys, run, own)
    answers = [line.split("\t") for line in out.splitlines()]
    assert code == 1 and [(label, Path(file).name) for label, _, file in answers] == [
        ("white", "a.png"),
        ("black", "b.jpg"),
    ]
    assert errors.count("broken.png cannot be read as an image") == 1 and "1 of 3 inputs could not be" in errors
    code, out, errors = predict(capsys, run, own / "a.png", own / "more", "--csv")
    table = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and not errors and [row["prediction"] for row in table] == ["white", "black"]
    assert all(len(json.loads(row["locations"])) == 4 and 0.5 < float(row["probability"]) <= 1 for row in table)


def test_a_pipe_in_a_folder_is_named(pictures: tuple[Path, Path], tmp_path: Path, capsys: Capture) -> None:
    """It is neither waited for nor passed over."""
    os.mkfifo(tmp_path / "pipe.png")
    code, out, errors = predict(capsys, pictures[0], tmp_path)
    assert code == 1 and not out and "pipe.png is no file" in errors


def test_the_command_answers_as_the_function(pictures: tuple[Path, Path], capsys: Capture) -> None:
    """Its JSON is `to_dict` of what `predict` returns, with sampled rollouts too."""
    run, own = pictures
    agent = glimpse.load(run)
    for words, options in (((), {}), (("--rollouts", "3", "--seed", "4"), {"rollouts": 3, "seed": 4})):
        code, out, _ = predict(capsys, run, own / "a.png", "--json", *words)
        expected = agent.predict([str(own / "a.png")], **options)[0].to_dict()
        assert code == 0
        assert json.loads(out) == {"input": str(own / "a.png"), "prediction": json.loads(json.dumps(expected))}


def test_a_table_of_files_and_lines_of_files(
    pictures: tuple[Path, Path], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures may be named by a table's column, from its folder, and by lines of standard input."""
    run, own = pictures
    (own / "files.csv").write_text("file,who\na.png,x\nmore/b.jpg,y\n")
    code, out, _ = predict(capsys, run, own / "files.csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and [(row["who"], row["prediction"]) for row in rows] == [("x", "white"), ("y", "black")]
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{own / 'a.png'}\n\n{own / 'more' / 'b.jpg'}\n"))
    code, out, errors = predict(capsys, run, "-")
    assert code == 1 and [line.split("\t")[0] for line in out.splitlines()] == ["white", "black"]
    assert "line 2 of standard input: holds no text" in errors


def test_a_table_keeps_its_columns(reader: Path, tmp_path: Path, capsys: Capture) -> None:
    """Rows keep all cells; faulty ones are named with their line, and are not in the output."""
    table = tmp_path / "own.csv"
    table.write_text('id;review;stars\n1;"The film was GOOD; truly";5\n2;;3\n3;bad film;1\n4;x;y;z\n', encoding="utf-8")
    output = tmp_path / "out.tsv"
    code, out, errors = predict(capsys, reader, table, "--column", "review", "--output", output)
    rows = list(csv.DictReader(io.StringIO(output.read_text()), delimiter="\t"))
    assert code == 1 and not out and [(row["id"], row["prediction"]) for row in rows] == [("1", "yes"), ("3", "no")]
    assert rows[0]["review"] == "The film was GOOD; truly" and list(rows[0])[-2:] == ["prediction", "probability"]
    assert "line 3: column 'review' holds no text" in errors and "line 5: has 4 columns, expected 3" in errors
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".tmp")] == []


def test_lines_of_json_keep_their_values(reader: Path, tmp_path: Path, capsys: Capture) -> None:
    """Values of any kind stay as they are; rows that are no objects are named."""
    table = tmp_path / "own.jsonl"
    table.write_text('{"text": "good", "n": null, "tags": [1]}\n[1]\n{bad\n{"id": 2}\n')
    code, out, errors = predict(capsys, reader, table)
    (row,) = map(json.loads, out.splitlines())
    assert code == 1 and row["tags"] == [1] and row["n"] is None and row["prediction"]["label"] == "yes"
    assert [token["span"] for token in row["prediction"]["tokens"]] == [[0, 4]]
    assert [f"line {number}:" in errors for number in (2, 3, 4)] == [True] * 3


def test_lines_are_answered_as_they_come(reader: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to a line is written before the next line is read."""
    seen: list[str] = []

    def lines() -> object:
        for text in ("good", "bad", "good"):
            yield f"{text}\n"
            seen.append(capsys.readouterr().out)

    monkeypatch.setattr(sys, "stdin", lines())
    assert main(["predict", str(reader), "-"]) == 0
    assert [line.split("\t")[0] for line in seen] == ["yes", "no", "yes"]


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("{folder}/notes.txt", "is a file or a folder, and the run takes texts"),
        ("{folder}", "is a file or a folder, and the run takes texts"),
        ("missing.txt", "looks like a file, which does not exist"),
        ("../nothing/", "looks like a file, which does not exist"),
        (" ", "input 2: holds no text"),
    ],
)
def test_a_path_is_no_text(reader: Path, tmp_path: Path, capsys: Capture, word: str, fault: str) -> None:
    """A file's name is not answered as if it were what is in it; texts beside it are."""
    (tmp_path / "notes.txt").write_text("good")
    code, out, errors = predict(capsys, reader, "a good film and/or more", word.format(folder=tmp_path))
    assert code == 1 and fault in errors and out.startswith("yes") and out.count("\n") == 1


def test_lines_that_are_no_text_are_named(reader: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty lines, bytes that are no UTF-8, and a byte order mark are not answered in silence."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("\ufeffgood\n\nbad \udce9\nbad\n"))
    code, out, errors = predict(capsys, reader, "-", "--csv")
    assert code == 1 and [row["input"] for row in csv.DictReader(io.StringIO(out))] == ["good", "bad"]
    assert "line 2 of standard input: holds no text" in errors and "line 3 of standard input: is not UTF-8" in errors


def test_a_name_that_comes_twice_is_a_fault(reader: Path, tmp_path: Path, capsys: Capture) -> None:
    """A JSON object with two texts is not answered by one of them; a number is a text."""
    table = tmp_path / "own.jsonl"
    table.write_text('{"text": "bad", "text": "good"}\n{"text": 5}\n{"text": true}\n')
    code, out, errors = predict(capsys, reader, table)
    assert code == 1 and [json.loads(line)["text"] for line in out.splitlines()] == [5]
    assert "line 1: is no JSON (a name comes twice in it)" in errors and "line 3: column 'text' holds no text" in errors


def test_an_agent_that_reads_in_part_tells_the_spans(tmp_path: Path, capsys: Capture) -> None:
    """The column `kept` holds the positions of what was read, and the words are there."""
    run = tmp_path / "run"
    small = ["train.steps=2", "agent.memory_width=8"]
    assert main(["train", "number-prediction", *small, *QUICK, "--run", str(run)]) == 0
    table = tmp_path / "own.csv"
    table.write_text("text\n3  1 2 0 1 2 3 1 2 2 1 1 1\n")
    code, out, _ = predict(capsys, run, table)
    (row,) = csv.DictReader(io.StringIO(out))
    (seen,) = glimpse.load(run).predict([row["text"]])
    kept = [row["text"][begin:end].split() for begin, end in json.loads(row["kept"])]
    assert code == 0 and [word for words in kept for word in words] == [t.text for t in seen.tokens if t.kept]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{own}/empty"], "holds no pictures"),
        (["{own}/a.png", "--output", "{own}/a.png"], "is one of the inputs"),
        (["{own}", "--output", "{own}/more/b.jpg"], "--output should end with"),
        (["{own}/a.png", "--output", "{own}/a.png/x.csv"], "cannot write"),
        (["{own}/a.png", "--output", "{own}/more"], "is a folder: name a file in it"),
        (["{own}/a.png", "--csv", "--output", "{own}/x.jsonl"], "--csv does not fit --output"),
        (["{own}/a.png", "--rollouts", "0"], "at least 1"),
        (["{own}/t.csv", "--column", "name"], "t.csv has no column 'name'; its columns are: file, x"),
        (["{own}/taken.csv", "--csv"], "has a column 'prediction' already"),
        (["{own}/a.png", "--column2", "b"], "--column2 needs --column"),
        ([], "required: INPUT"),
    ],
)
def test_mistakes_are_one_error(pictures: tuple[Path, Path], words: list[str], message: str, capsys: Capture) -> None:
    """They have the exit code 2, and no file is changed."""
    run, own = pictures
    (own / "empty").mkdir(exist_ok=True)
    (own / "t.csv").write_text("file,x\na.png,1\n")
    (own / "taken.csv").write_text("file,prediction\na.png,1\n")
    before = {file: file.read_bytes() for file in own.rglob("*") if file.is_file()}
    code, _, errors = predict(capsys, run, *(word.format(own=own) for word in words))
    assert code == 2 and message in " ".join(errors.split())
    assert before == {file: file.read_bytes() for file in own.rglob("*") if file.is_file()}
    for name in ("t.csv", "taken.csv"):
        (own / name).unlink()


def test_a_run_without_inputs_is_refused(tmp_path: Path, capsys: Capture) -> None:
    """Catch takes no inputs of a user's own."""
    small = ["train.steps=1", "train.evaluate_every=1", "agent.memory_width=8", "task.screen=6"]
    assert main(["train", "catch-ram", *small, *QUICK, "--run", str(tmp_path / "run")]) == 0
    code, _, errors = predict(capsys, tmp_path / "run", "a.png")
    assert code == 2 and "takes no inputs of your own" in errors


def test_pictures_of_a_batch_are_answered_as_alone(pictures: tuple[Path, Path]) -> None:
    """A broken neighbour changes nothing: the others of its batch have the same answers."""
    run, own = pictures
    agent = glimpse.load(run)
    noise = np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8)
    together, alone = agent.predict(list(noise)), [agent.predict(one) for one in noise]
    assert [one.label for one in together] == [one.label for one in alone]
