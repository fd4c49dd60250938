"""Three walks, as a user types them: a trained agent in five lines of Python, own reviews, and own pictures."""

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from glimpse.cli.command_line import main

QUICK = ["threads=1", "track.mode=disabled"]
Capture = pytest.CaptureFixture[str]
WORDS = "the a film plot scene actor was and with very some long short first last in of it we saw".split()
TELLING = {"praise": "superb", "blame": "dreadful", "shrug": "passable"}
SHARES = {"praise": 0.7, "blame": 0.2, "shrug": 0.1}


STUDENT = """import glimpse
agent = glimpse.load("cluttered-ram")
seen = agent.predict("digit.png")
print(seen.label, *seen.locations)
seen.figure().savefig("scanpath.png")
"""


def test_a_student_with_a_drawn_digit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Five lines load an agent of the zoo and draw where it looked at a digit."""
    digit = Image.new("L", (28, 28))
    ImageDraw.Draw(digit).line([(7, 6), (20, 6), (11, 22)], fill=255, width=3)
    digit.save(tmp_path / "digit.png")
    monkeypatch.chdir(tmp_path)
    exec(STUDENT, {})
    label, *locations = capsys.readouterr().out.split(maxsplit=1)
    assert label == "7" and locations
    with Image.open(tmp_path / "scanpath.png") as drawn:
        assert drawn.width > 300


def write_reviews(file: Path, count: int, seed: int) -> None:
    """Write reviews of twelve words, of which one tells the label; the labels are uneven."""
    drawn = random.Random(seed)
    rows = []
    for number in range(count):
        label = drawn.choices(list(SHARES), list(SHARES.values()))[0]
        words = drawn.choices(WORDS, k=11)
        words.insert(drawn.randrange(12), TELLING[label])
        rows.append((number, " ".join(words), label))
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("id", "review", "label"), *rows])


def test_a_practitioner_with_reviews(tmp_path: Path, capsys: Capture) -> None:
    """2,000 reviews with three uneven labels: F1 and confusion; a second table with its reasons, without the data."""
    write_reviews(tmp_path / "reviews.csv", 2000, 0)
    write_reviews(tmp_path / "more.csv", 60, 1)
    run = tmp_path / "run"
    own = [f"task.data=file:{tmp_path}/reviews.csv", "task.text=review", "task.class_weights=balanced"]
    assert main(["train", "planted", *own, "train.steps=250", *QUICK, "--run", str(run)]) == 0
    assert "3 classes" in capsys.readouterr().out
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    assert "macro F1" in capsys.readouterr().out
    measures = json.loads((run / "evaluation.json").read_text())["test"]["class_measures"]
    assert sum(map(sum, measures["confusion"])) == 200 and measures["macro_f1"] > 0.9
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "reviews.csv").unlink()
    moved = run.rename(tmp_path / "elsewhere" / "run")
    capsys.readouterr()
    assert main(["predict", str(moved), str(tmp_path / "more.csv"), "--column", "review"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 60 and sum(row["prediction"] == row["label"] for row in rows) >= 55
    reasons = [[row["review"][begin:end] for begin, end in json.loads(row["kept"])] for row in rows]
    told = [TELLING[row["label"]] in " ".join(words) for row, words in zip(rows, reasons, strict=True)]
    assert sum(told) >= 50 and np.mean([len(" ".join(words)) for words in reasons]) < 30


def write_pictures(
    folder: Path, classes: dict[str, tuple[int, int, int]], count: int, seed: int, shift: int = 0
) -> None:
    """Write RGB pictures of mixed sizes: a square of the class's colour on dark noise, perhaps moved to the right."""
    noise = np.random.default_rng(seed)
    for name, colour in classes.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            height, width = noise.integers(18, 27, 2)
            pixels = noise.integers(0, 60, (height, width, 3)).astype(np.uint8)
            pixels[5:13, 3 + shift : 11 + shift] = colour
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def read_classes(agent: Any, facts: dict[str, Any], pictures: np.ndarray[Any, Any]) -> list[str]:
    """Play an episode on pictures (B, C, H, W) with onnxruntime alone; return the classes that are answered."""
    count = len(pictures)
    location = np.tile(np.array(facts["initial_location"], np.float32), (count, 1))
    memory = np.zeros((count, agent.get_inputs()[3].shape[1]), np.float32)
    for step in range(facts["steps"]):
        given = {"picture": pictures, "location": location, "time": np.full(count, step), "memory": memory}
        probabilities, location, memory = agent.run(None, given)
    return [facts["meaning"]["classes"][number] for number in probabilities.argmax(1)]


# What the exporter does at its first use, it does in one of the processes that share the tests.
@pytest.mark.xdist_group("export")
def test_a_vision_user_with_pictures(tmp_path: Path, capsys: Capture) -> None:
    """RGB pictures of mixed sizes with val/: a shifted copy, a new class by fine-tuning, an ONNX graph."""
    onnxruntime = pytest.importorskip("onnxruntime")
    colours = {"leaf": (30, 220, 40), "rust": (210, 60, 30)}
    for number, part in enumerate(("train", "val", "test")):
        write_pictures(tmp_path / "own" / part, colours, 40 if part == "train" else 12, number)
    write_pictures(tmp_path / "shifted", colours, 12, 7, shift=3)
    run, size = tmp_path / "run", "task.image_size=[20, 20]"
    own = ["digits-ram", "task.name=images", f"task.data=folder:{tmp_path}/own", size, "task.retina.patch=6"]
    learn = ["train.batch=16", "train.learning_rate=0.003", "train.warmup=0", *QUICK]
    assert main(["train", *own, "train.steps=120", *learn, "--run", str(run)]) == 0
    assert main(["evaluate", str(run), "--split", "test", "--copies", "1"]) == 0
    assert main(["evaluate", str(run), f"task.data=folder:{tmp_path}/shifted", "--copies", "1"]) == 0
    records = json.loads((run / "evaluation.json").read_text())
    assert len(records) == 2 and records["test"]["scores"]["ram"]["greedy"]["error"] < 10

    colours["sky"] = (40, 90, 230)
    for number, part in enumerate(("train", "test")):
        write_pictures(tmp_path / "new" / part, colours, 40 if part == "train" else 12, 10 + number)
    tuned = tmp_path / "tuned"
    new = [word.replace("/own", "/new") for word in own]
    fine = ["train.steps=150", f"init={run}", "train.freeze=[glimpse_network]"]
    capsys.readouterr()
    assert main(["train", *new, *fine, *learn, "--run", str(tuned)]) == 0
    assert "2 ('leaf', 'rust') with the weights known, 1 ('sky') initialised anew" in capsys.readouterr().out

    assert main(["export", str(tuned), "--onnx", str(tmp_path / "agent.onnx")]) == 0
    names = [str(file) for file in sorted((tmp_path / "new" / "test").glob("*/*.png"))]
    capsys.readouterr()
    assert main(["predict", str(tuned), *names, "--csv"]) == 0
    answered = [row["prediction"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]
    right = [Path(name).parent.name for name in names]
    assert sum(one == other for one, other in zip(answered, right, strict=True)) >= 30
    pixels = [np.array(Image.open(name).resize((20, 20), Image.Resampling.BILINEAR)) for name in names]
    session = onnxruntime.InferenceSession(tmp_path / "agent.onnx")
    facts = json.loads((tmp_path / "agent.json").read_text())
    alone = read_classes(session, facts, np.stack(pixels).transpose(0, 3, 1, 2))
    assert sum(one == other for one, other in zip(alone, answered, strict=True)) >= 34
