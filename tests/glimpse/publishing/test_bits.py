"""Tests of runs that are published with 8 bits a weight: they are used like others, and published again."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import glimpse
from glimpse.cli.command_line import main
from glimpse.runs.checkpoint import load_newest
from glimpse.runs.evaluation_file import read_evaluation_file
from glimpse.runs.stored_weights import PRECISION_OF_BITS

pytestmark = pytest.mark.xdist_group("publish")


@pytest.fixture(scope="module")
def published(digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Return the run, published with 32 bits, with 16 from these, and with 8 from those of 16."""
    folder = tmp_path_factory.mktemp("published")
    targets = {bits: folder / str(bits) for bits in (32, 16, 8)}
    for bits, source in ((32, digits_run), (16, targets[32]), (8, targets[16])):
        assert main(["publish", str(source), str(targets[bits]), "--bits", str(bits)]) == 0
    return targets


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their names in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def facts_of(folder: Path) -> dict[str, Any]:
    """Return the facts of a card."""
    facts: dict[str, Any] = json.loads((folder / "card.json").read_text())
    return facts


def test_each_weight_is_near_its_own(published: dict[int, Path]) -> None:
    """Matrices are loaded in single precision, and off by at most half a scale, which is 1/254 of a row's size."""
    before, after = (load_newest(published[bits] / "best", pytest.fail, read_only=True) for bits in (16, 8))
    assert before is not None and after is not None
    assert (before.bits, after.bits) == (16, 8) and after.weights.keys() == before.weights.keys()
    matrices = [name for name, value in after.weights.items() if value.dtype == torch.float32]
    assert len(matrices) > 3
    for name in matrices:
        given = before.weights[name].float().flatten(1)
        error = (after.weights[name].flatten(1) - given).abs().amax(1)
        assert (error <= given.abs().amax(1) * 0.501 / 127).all() and error.any()
    others = before.weights.keys() - set(matrices)
    assert others and all(torch.equal(before.weights[name], after.weights[name]) for name in others)


def test_the_card_says_how_many_bits(published: dict[int, Path]) -> None:
    """Precision and size are said, the measure is that of the rounded weights, and that of the trained ones is kept."""
    trained = facts_of(published[32])["measure"]["value"]
    for bits, folder in published.items():
        facts, card = facts_of(folder), (folder / "README.md").read_text()
        record = read_evaluation_file(folder / "evaluation.json")["test"]
        assert facts["bits"] == bits and f"parameters ({PRECISION_OF_BITS[bits]})" in card
        assert facts["measure"]["value"] == record["scores"]["ram"]["averaged"]["error"]
        assert facts["measured_as_float"] == (None if bits == 32 else trained)
        assert (f"rounded ({PRECISION_OF_BITS[bits]})" in card) == (bits < 32)
    weights = {
        bits: len(files_of(next(folder.glob("best/*")))["weights.safetensors"]) for bits, folder in published.items()
    }
    assert 0.25 < weights[8] / weights[32] < 0.3


def test_a_card_keeps_what_it_knows_of_training(published: dict[int, Path]) -> None:
    """Seeds, command, time and step stay when a run is published again."""
    kept = ("seeds", "command", "minutes", "trained_on", "step", "examples", "parameters", "data")
    facts = [{name: facts_of(folder)[name] for name in kept} for folder in published.values()]
    assert facts[0] == facts[1] == facts[2] and facts[0]["seeds"][0]["validation_error"] > 0


def test_published_again_it_is_the_same(
    published: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --bits, and with its own, nothing is measured, and every file is as it was."""
    monkeypatch.setattr("glimpse.publishing.publish.evaluate_run", pytest.fail)
    for target, words in (("a/8", []), ("b/8", ["--bits", "8"])):
        assert main(["publish", str(published[8]), str(tmp_path / target), *words]) == 0
        assert files_of(tmp_path / target) == files_of(published[8])


def test_it_is_used_as_any_run(published: dict[int, Path], tmp_path: Path) -> None:
    """It answers nearly as the run of single precision, is measured as its card says, and begins a training."""
    picture = np.zeros((8, 8), np.uint8)
    picture[1:7, 4] = 255
    single, rounded = (
        np.array(list(glimpse.load(published[bits]).predict(picture).probabilities.values())) for bits in (32, 8)
    )
    assert 0 < np.abs(single - rounded).max() < 0.05
    assert all(value.dtype == torch.float32 for value in glimpse.load(published[8]).module.parameters())
    copy = Path(shutil.copytree(published[8], tmp_path / "copy"))
    assert main(["evaluate", str(copy), "--split", "test", "--copies", "2"]) == 0
    measured = read_evaluation_file(copy / "evaluation.json")["test"]["scores"]["ram"]["averaged"]["error"]
    assert measured == facts_of(published[8])["measure"]["value"]
    words = ["digits-ram", f"init={copy}", "train.steps=1", "train.batch=4", "threads=1", "track.mode=disabled"]
    assert main(["train", *words, "--run", str(tmp_path / "more")]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{with8}", "{new}", "--bits", "16"], "have 8 bits, and more would make them no better: leave out --bits"),
        (["{with16}", "{new}", "--bits", "32"], "have 16 bits, and more would make them no better"),
        (["{with32}", "{with16}", "{new}"], "is a published run already, and is published alone"),
        (["{with32}", "{new}", "--bits", "4"], "argument --bits: invalid choice: 4"),
        (["{with32}", "{new}", "--bits", "8", "--half"], "not allowed with argument --bits"),
    ],
)
def test_mistakes_with_bits(
    words: list[str], told: str, published: dict[int, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is told, and nothing is written."""
    places = {f"with{bits}": folder for bits, folder in published.items()}
    assert main(["publish", *(word.format(**places, new=tmp_path / "new") for word in words)]) == 2
    assert told in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_result_that_rounding_changes_is_refused(
    published: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A measure that is another one with fewer bits is no result of this agent."""
    record = json.loads((published[16] / "evaluation.json").read_text())["test"]
    record["scores"]["ram"]["averaged"]["error"] += 20
    monkeypatch.setattr("glimpse.publishing.publish.evaluate_run", lambda *_: record)
    capsys.readouterr()
    assert main(["publish", str(published[16]), str(tmp_path / "new"), "--bits", "8"]) == 2
    assert "with 8 bits a weight the result is" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("harm", ["missing", "{}", '{"seeds": [], "measured_as_float": null}', "\xff"])
def test_a_damaged_card_is_one_error(
    harm: str, published: dict[int, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A published run whose card does not know of its training is not published again."""
    copy = Path(shutil.copytree(published[32], tmp_path / "copy"))
    (copy / "card.json").write_bytes(harm.encode("latin-1"))
    if harm == "missing":
        (copy / "card.json").unlink()
    capsys.readouterr()
    assert main(["publish", str(copy), str(tmp_path / "new")]) == 2
    told = capsys.readouterr().err
    assert "card.json" in told and told.count("\n") == 1 and not (tmp_path / "new").exists()


def test_damaged_weights_are_one_error(
    published: dict[int, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A published run has no other weights that could be used instead, and says what to do."""
    copy = Path(shutil.copytree(published[8], tmp_path / "copy"))
    (weights,) = copy.glob("best/*/weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    capsys.readouterr()
    assert main(["evaluate", str(copy), "--split", "test"]) == 2
    told = capsys.readouterr()
    assert "weights.safetensors differs from manifest.json. Put the published run back" in told.err
    assert told.err.count("\n") == 1 and "passed over" not in told.out
