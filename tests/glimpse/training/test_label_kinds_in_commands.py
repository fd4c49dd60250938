"""Scores and several labels through the commands, as a user types them: planted words, and bright corners."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import glimpse
from glimpse.cli.command_line import main
from glimpse.inference.onnx_export import graph_of
from glimpse.runs.trained_run import open_run

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("export")

QUICK = ["threads=1", "track.mode=disabled"]
MARKS = {"cat": "miaow", "dog": "woof", "bird": "tweet"}
CORNERS = {"left": (0, 0), "right": (0, 5)}
Capture = pytest.CaptureFixture[str]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: Capture) -> Command:
    """Return a function that runs a command; it returns the exit code, the output and the errors."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of texts in which a word stands for each label, and of a run of them."""
    base, drawn = tmp_path_factory.mktemp("texts"), np.random.default_rng(0)
    with (base / "t.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for _ in range(150):
            labels = [label for label in MARKS if drawn.random() < 0.4]
            words = [*drawn.choice(["one", "two", "three", "four"], 4), *(MARKS[label] for label in labels)]
            rows.writerow([" ".join(drawn.permutation(words)), "|".join(labels)])
    (base / "t.yaml").write_text(f"""
task: {{name: text, data: "file:{base}/t.csv", labels: many, vectors: none}}
agent: {{name: reader, encoder: {{kind: lstm, width: 16, pooling: {{kind: max}}}}, embedding_width: 16, dropout: 0}}
train: {{steps: 80, batch: 32, learning_rate: 0.02, warmup: 0, ema_decay: 0.9, evaluate_every: 1000, save_every: 1000}}
""")
    words = [str(base / "t.yaml"), *QUICK]
    assert main(["train", *words, "--run", str(base / "run")]) == 0
    assert main(["evaluate", str(base / "run"), "--split", "test"]) == 0
    return base


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of pictures with a score, how bright one corner is, or labels, which corners are bright."""
    base, drawn = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    with (base / "scores.csv").open("w", newline="") as scores, (base / "many.csv").open("w", newline="") as many:
        both = csv.writer(scores), csv.writer(many)
        for rows in both:
            rows.writerow(["picture", "answer"])
        for number in range(160):
            level, there = drawn.random() * 3, [label for label in CORNERS if drawn.random() < 0.5]
            pair = np.full((2, 8, 8), 20, np.uint8)
            pair[0, :3, 5:] = 80 * level
            for label in there:
                row, column = CORNERS[label]
                pair[1, row : row + 3, column : column + 3] = 220
            for name, picture, rows, answer in zip("sm", pair, both, (f"{level:.3f}", "|".join(there)), strict=True):
                Image.fromarray(picture).save(base / f"{name}{number}.png")
                rows.writerow([f"{name}{number}.png", answer])
    for kind in ("scores", "many"):
        (base / f"{kind}.yaml").write_text(f"""
task: {{name: images, data: "file:{base}/{kind}.csv", picture: picture, label: answer, labels: {kind}, glimpses: 3,
  retina: {{patch: 3}}, initial_location: centre}}
agent: {{name: ram, glimpse_width: 16, location_width: 16, feature_width: 32, memory_width: 32,
  initial_path: [[-0.7, -0.7], [0.7, -0.7]]}}
train: {{steps: 120, batch: 64, learning_rate: 0.005, warmup: 0, ema_decay: 0.9, evaluate_every: 900, save_every: 900}}
evaluate: {{copies: 3}}
""")
        words = [str(base / f"{kind}.yaml"), *QUICK]
        assert main(["train", *words, "--run", str(base / kind)]) == 0
        assert main(["evaluate", str(base / kind), "--split", "test"]) == 0
    return base


def record(run: Path, name: str = "test") -> dict[str, dict[str, float]]:
    """Return the record of an evaluation."""
    found: dict[str, dict[str, float]] = json.loads((run / "evaluation.json").read_text())[name]
    return found


def test_a_reader_learns_several_labels(texts: Path, command: Command) -> None:
    """Only a bug misses words that stand for labels; predictions are their names, joined by | in a table."""
    measures = record(texts / "run")["label_measures"]
    assert measures["micro_f1"] > 0.95 and measures["exact_match"] > 0.85
    agent = glimpse.load(texts / "run")
    seen = agent.predict(["one miaow two woof", "tweet four three two", "one two three four"])
    assert [one.labels for one in seen] == [("cat", "dog"), ("bird",), ()]
    assert seen[0].label is None and seen[0].score is None and seen[0].probability is None
    assert seen[0].probabilities["cat"] > 0.5 > seen[0].probabilities["bird"]
    assert json.loads(json.dumps(seen[0].to_dict()))["labels"] == ["cat", "dog"]
    code, out, _ = command("predict", texts / "run", texts / "t.csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    same = [set(row["prediction"].split("|")) == set(row["label"].split("|")) for row in rows]
    assert code == 0 and len(rows) == 150 and sum(same) > 130
    assert command("predict", texts / "run", "one two three four")[1].startswith("-\t")


def test_texts_with_several_labels_in_report_and_terminal(texts: Path, command: Command) -> None:
    """Both name the labels."""
    assert command("report", texts / "run")[0] == 0
    page = (texts / "run" / "report" / "index.html").read_text()
    assert "3 labels, any number of them" in page and "each label" in page and "given rightly" in page
    shown = command("evaluate", texts / "run", "--text", "miaow one woof")[1]
    assert "labels: cat, dog (those of a probability above 0.5)" in shown


@pytest.mark.parametrize(("kind", "port"), [("t", "probability of each label"), ("scores", "score after this glimpse")])
def test_exported_graphs(kind: str, port: str, texts: Path, pictures: Path) -> None:
    """What is exported gives the answers of the agent: probabilities of labels that do not sum to 1, or a score."""
    trained = open_run(texts / "run" if kind == "t" else pictures / kind, None, "cpu", print)
    graph = graph_of(trained)
    assert graph.outputs[0].about.startswith(port)
    for sample in graph.samples:
        found = graph.module(*sample)[0]
        assert found.shape == ((len(sample[0]), 3) if kind == "t" else (len(sample[0]),))
        if kind == "t":
            logits = trained.agent({"text": sample[0]}, None)[0].answer
            torch.testing.assert_close(found, logits.sigmoid())
        else:
            assert ((found >= 0) & (found <= 3)).all()


def test_ram_learns_a_score(pictures: Path, command: Command) -> None:
    """Only a bug misses how bright a corner is; the report, a figure and ONNX have scores."""
    measured = record(pictures / "scores")
    figures = measured["scores"]["ram"]["averaged"]["figures"]  # type: ignore[index]  # Deeper than the others.
    assert figures["pearson"] > 0.95 and measured["score_measures"]["absolute_error"] < 0.3
    assert len(measured["scores"]["ram"]["averaged"]["after_glimpse"]) == 3  # type: ignore[index]
    code, out, _ = command("predict", pictures / "scores", pictures / "scores.csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    pairs = np.array([[float(row["prediction"]), float(row["answer"])] for row in rows])
    assert code == 0 and np.corrcoef(pairs.T)[0, 1] > 0.95
    agent = glimpse.load(pictures / "scores")
    seen = agent.predict(pictures / "s3.png")
    assert seen.score == pytest.approx(pairs[3, 0], abs=1e-4) and seen.label is seen.labels is None
    assert len(seen.answers_over_time) == 3 and seen.answers_over_time[-1] == seen.score
    assert agent.predict(pictures / "s3.png", rollouts=4).score == pytest.approx(pairs[3, 0], abs=0.5)
    assert f"<p>{seen.score:.4g}</p>" in seen._repr_html_()
    assert command("report", pictures / "scores", "--episodes", 2)[0] == 0
    page = (pictures / "scores" / "report" / "index.html").read_text()
    assert "a score from 0 to 3" in page and "largest errors" in page and "Mean absolute error" in page


def test_ram_learns_several_labels(pictures: Path, command: Command) -> None:
    """Only a bug misses bright corners; the controls, the report and a figure know of labels."""
    measured = record(pictures / "many")
    assert measured["label_measures"]["micro_f1"] > 0.9 and "random locations" in measured["scores"]
    seen = glimpse.load(pictures / "many").predict(pictures / "m1.png", rollouts=3)
    code, out, _ = command("predict", pictures / "many", pictures / "many.csv")
    right = [
        set(row["prediction"].split("|")) == set(row["answer"].split("|")) for row in csv.DictReader(io.StringIO(out))
    ]
    assert code == 0 and np.mean(right) > 0.8
    assert set(seen.labels) <= set(CORNERS) and seen.probabilities_over_time.shape == (3, 2)
    assert all(isinstance(answer, tuple) for answer in seen.answers_over_time)
    assert command("report", pictures / "many", "--episodes", 2)[0] == 0
    page = (pictures / "many" / "report" / "index.html").read_text()
    assert "2 labels, any number of them" in page and "each label" in page and "Test exact-match error, %" in page


def test_other_data_and_other_kinds(pictures: Path, texts: Path, command: Command) -> None:
    """A run is measured on another table of its kind; others are refused with exit code 2, in a line."""
    table = f"task.data=file:{pictures}/many.csv"
    assert command("evaluate", pictures / "many", table)[0] == 0
    assert record(pictures / "many", f"test of file:{pictures}/many.csv")["label_measures"]["answers"] == 160
    for words, message in (
        ((pictures / "scores", table, "task.labels=many"), "of the run are scores: set task.labels=scores"),
        ((pictures / "many", "task.data=digits"), "the labels of digits are read as classes"),
        ((texts / "run", "task.data=planted"), "the labels of planted are read as classes"),
        ((texts / "run", f"task.data=file:{texts}/t.csv", "task.labels=scores"), "set task.labels=many"),
    ):
        code, _, errors = command("evaluate", *words)
        assert code == 2 and message in errors and len(errors.splitlines()) == 1


def test_runs_begin_with_others_of_their_kind_and_are_compared(
    pictures: Path, command: Command, tmp_path: Path
) -> None:
    """Labels are known by their names; a run of scores gives no weights to one of labels, nor is compared with it."""
    config = pictures / "many" / "config.yaml"
    again = ["train", config, f"init={pictures / 'many'}", "train.steps=1", "--run", tmp_path / "again"]
    code, out, _ = command(*again)
    assert code == 0 and "begins with the weights of" in out
    other = ["train", config, f"init={pictures / 'scores'}", "train.steps=1", "--run", tmp_path / "other"]
    code, _, errors = command(*other)
    assert code == 2 and "init: the labels are many here (task.labels) and scores in" in errors
    assert command("evaluate", tmp_path / "again", "--split", "test")[0] == 0
    out = command("compare", pictures / "many", tmp_path / "again")[1]
    assert "micro F1" in out and "McNemar" in out
    out = command("compare", pictures / "many", pictures / "scores")[1]
    assert "they were measured on different examples" in out
