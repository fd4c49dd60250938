"""Tests that run the examples of each command's help as they are typed, shortened where they would take long."""

import argparse
import io
import re
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glimpse.benchmarks import bench
from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.cli.command_line import main, make_parser
from glimpse.cli.subcommand import command_parsers
from tests import forked

# Their runs are made once, in the process that has loaded the exporter, which takes long.
pytestmark = pytest.mark.xdist_group("export")

TINY = ["train.steps=2", "train.batch=16", "train.evaluate_every=2", "evaluate.copies=2", "threads=1"]
OFF = "track.mode=disabled"
SHORTER = {
    "train": [*TINY, OFF],
    "train --resume": ["train.steps=3"],
    "sweep": ["--trials", "1", "--workers", "1", *TINY, OFF],
    "evaluate": ["--copies", "1"],
    "reproduce": ["--only", "mnist-centre", "--quick", *TINY[:2], OFF, "task.data=digits", "task.image_size=[28, 28]"],
}
"""What is added to an example, by the words that it begins with; of equal options the last counts."""
NEEDS = {"export": "onnxscript", "sweep": "optuna"}
"""Optional packages of commands."""


def examples_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return the examples in a parser's help."""
    (listed,) = re.findall(r"^examples:\n((?:  .*\n?)+)", parser.format_help(), re.MULTILINE)
    return [line.strip() for line in listed.splitlines()]


PARSERS = command_parsers(make_parser())
EXAMPLES = [example for parser in PARSERS.values() for example in examples_of(parser)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the examples name: two runs of digits, a picture, texts and documents."""
    made = tmp_path_factory.mktemp("typed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        for seed in (0, 1):
            assert main(["train", "digits-ram", f"seed={seed}", *TINY, OFF]) == 0
            assert main(["evaluate", f"runs/digits-ram-seed{seed}", "--split", "test", "--copies", "1"]) == 0
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(made / "digit.png")
    (made / "texts.txt").write_text("a dog runs .\ntwo men sit .\n")
    (made / "papers").mkdir()
    (made / "papers" / "dogs.md").write_text("# Dogs\nA dog runs. Two men sit.\n")
    return made


def test_the_usage_says_what_may_be_given() -> None:
    """What repeats in the help of `publish` is the run alone, and a report's run may be of the zoo, as its example."""
    assert "RUN [RUN ...] TARGET\n" in PARSERS["publish"].format_help()
    assert "a run's folder, or an agent of the zoo" in PARSERS["report"].format_help()


def test_each_command_has_two_examples() -> None:
    """Each command's help has two examples, which begin with its name, and that of glimpse has some of them."""
    for name, parser in PARSERS.items():
        examples = examples_of(parser)
        assert [example.split()[:2] for example in examples] == [["glimpse", name]] * 2
    first = [line.strip() for line in re.findall(r"^  glimpse .*", main_help(), re.MULTILINE)]
    known = [example.split(" --")[0] for example in EXAMPLES]
    assert first and all(one == "glimpse list" or one in known for one in first)


def main_help() -> str:
    """Return the help of glimpse itself."""
    with redirect_stdout(io.StringIO()) as written:
        assert main(["--help"]) == 0
    return written.getvalue()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(
    example: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends without an error, and prints or writes something."""
    _, *words = shlex.split(example)
    if words[0] in NEEDS:
        pytest.importorskip(NEEDS[words[0]])
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GLIMPSE_CACHE", str(folder / "cache"))
    files = {mark: words[words.index(mark) + 1] for mark in "<>" if mark in words}
    typed = [word for word in words if word not in (*files, *files.values())]
    shorter = next((SHORTER[start] for start in sorted(SHORTER, reverse=True) if " ".join(words).startswith(start)), [])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(files.get("<", "texts.txt")).read_bytes())))
    for name in bench.BENCHES:  # They are run by tests of their own.
        monkeypatch.setitem(bench.BENCHES, name, add_one_row)
    if "--workers" not in words:  # Of two sweeps, one starts its workers as a user's does.
        monkeypatch.setattr("glimpse.sweeps.jobs.start_training", forked.Training)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert main([*typed, *shorter]) == 0
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    printed = capsys.readouterr()
    assert printed.out or after != before
    assert "error:" not in printed.err
    for name in re.findall(r"\S+\.(?:html|onnx|svg|json)$|published/\S+", example):
        assert (folder / name).exists() or files.get(">") == name


def add_one_row(watch: Stopwatch) -> None:
    """Stand in for a benchmark."""
    watch.add("nothing", "at all", 1.0, "s")
