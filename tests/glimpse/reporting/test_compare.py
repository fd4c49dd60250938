"""Tests of `glimpse compare`: on real runs, whose data it does not read."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from glimpse.cli.command_line import main

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("compare")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two runs on one table, `a` and `b` (with other words), and one on another, `c`."""
    folder = tmp_path_factory.mktemp("compared")
    rows = [f"the film {at} was {word},{label}" for at in range(30) for word, label in (("good", "yes"), ("bad", "no"))]
    (folder / "one.csv").write_text("\n".join(["text,label", *rows, ""]))
    (folder / "two.csv").write_text("\n".join(["text,label", *reversed(rows), ""]))
    small = ["train.batch=8", "train.evaluate_every=2", "threads=1", "track.mode=disabled", "task.name=text"]
    small += ["task.vectors=none", "train.steps=4"]
    for name, data, more in (("a", "one", []), ("b", "one", ["seed=1", "task.min_count=2"]), ("c", "two", [])):
        run = str(folder / name)
        assert main(["train", "trec-lstm", *small, f"task.data=file:{folder}/{data}.csv", *more, "--run", run]) == 0
        assert main(["evaluate", run, "--split", "test"]) == 0
    (folder / "one.csv").unlink()
    return folder


def _compared(made: Path, names: str, tmp_path: Path) -> dict[str, Any]:
    """Compare runs, and return the JSON."""
    target = tmp_path / "compared.json"
    assert main(["compare", *(str(made / name) for name in names), "--json", str(target)]) == 0
    return dict(json.loads(target.read_text()))


def test_two_runs_side_by_side(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what differs in the configs is shown; metrics are those of the records; the test is of all examples."""
    found = _compared(made, "ab", tmp_path)
    printed = capsys.readouterr().out
    assert found["differences"] == {"seed": ["0", "1"], "task.min_count": ["1", "2"]}
    assert "task.min_count" in printed and "agent.encoder" not in printed and "McNemar, exact, 6" in printed
    records = [json.loads((made / name / "evaluation.json").read_text())["test"] for name in "ab"]
    assert found["metrics"]["test"]["macro_f1"] == [one["class_measures"]["macro_f1"] for one in records]
    (pair,) = found["tests"]
    errors = [one["scores"]["reader"]["averaged"]["error"] for one in records]
    (test,) = pair["tests"]
    assert [test["first"], test["second"]] == pytest.approx(errors) and test["examples"] == 6
    assert test["difference"] == pytest.approx(errors[1] - errors[0]) and pair["refused"] == ""
    rows = [json.loads(line) for line in (made / "b/metrics.jsonl").read_text().splitlines()]
    losses = [[row["step"], row["train/loss"]] for row in rows if "train/loss" in row]
    assert found["curves"]["train/loss"][1] == losses


def test_a_pair_on_other_data_is_refused(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same texts in another order are other examples: the pair has no test, and others do."""
    found = _compared(made, "abc", tmp_path)
    assert [(pair["second"], bool(pair["tests"]), pair["refused"]) for pair in found["tests"]] == [
        ("B", True, ""),
        ("C", False, "they were measured on different examples"),
    ]
    assert "note: no test of A and C on test: they were measured on different examples" in capsys.readouterr().out


def test_the_page(made: Path, tmp_path: Path) -> None:
    """The page has the tables, a line for each run, and no scripts or addresses."""
    page = tmp_path / "new folder" / "page.html"
    assert main(["compare", str(made / "a"), str(made / "b"), "--html", str(page)]) == 0
    text = page.read_text()
    assert "task.min_count" in text and "McNemar, exact" in text and "Training loss</h3>" in text
    assert 'class="line agent"' in text and 'class="line averaged"' in text
    assert "<script" not in text and "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_what_cannot_be_compared_is_named(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One run, a run twice, no run, a link in place of a file, and damaged or missing predictions."""
    one, copy = str(made / "a"), tmp_path / "copy"
    cases: list[tuple[list[str], str]] = [
        ([one], "compare takes 2 to 26 runs (got 1)"),
        ([one, f"{one}/../a"], "is named twice"),
        ([one, str(tmp_path)], "holds no run"),
    ]
    for words, message in cases:
        assert main(["compare", *words]) == 2
        assert message in capsys.readouterr().err
    shutil.copytree(made / "b", copy)
    predictions = copy / "predictions-test.safetensors"
    content = predictions.read_bytes()
    predictions.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert main(["compare", one, str(copy)]) == 2
    assert "predictions-test.safetensors is damaged" in capsys.readouterr().err
    predictions.unlink()
    assert main(["compare", one, str(copy)]) == 2
    assert "cannot read" in capsys.readouterr().err
    predictions.symlink_to(made / "b" / predictions.name)
    assert main(["compare", one, str(copy)]) == 2
    assert "is a link" in capsys.readouterr().err
    predictions.unlink()
    records = json.loads((copy / "evaluation.json").read_text())
    (copy / "evaluation.json").write_text(json.dumps({"test": {**records["test"], "predictions": {"file": "../x"}}}))
    assert main(["compare", one, str(copy)]) == 2
    assert "names no file of predictions" in capsys.readouterr().err
    unknown = {**records["test"]["predictions"], "examples_sha256": ""}
    shutil.copy(made / "b" / predictions.name, predictions)
    (copy / "evaluation.json").write_text(json.dumps({"test": {**records["test"], "predictions": unknown}}))
    assert main(["compare", one, str(copy)]) == 0
    assert "does not tell whether their data are the same" in capsys.readouterr().out
    del records["test"]["predictions"]  # As an older version wrote it.
    (copy / "evaluation.json").write_text(json.dumps(records))
    assert main(["compare", one, str(copy)]) == 0
    assert "B keeps no predictions of it: glimpse evaluate" in capsys.readouterr().out
    (copy / "evaluation.json").unlink()
    assert main(["compare", one, str(copy)]) == 0
    assert "B was not evaluated" in capsys.readouterr().out
    (copy / "evaluation.json").write_text('{"test": {"scores": 3}}')
    assert main(["compare", one, str(copy)]) == 2
    assert "is not what glimpse evaluate writes" in capsys.readouterr().err
