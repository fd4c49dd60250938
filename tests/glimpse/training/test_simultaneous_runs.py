"""Runs that interpret: trained, measured beside whole sentences, and drawn as stairs."""

import json
from pathlib import Path

import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.evaluation.evaluator import judge_of

TRAIN = [
    "threads=1",
    "track.mode=disabled",
    "task.longest=4",
    "task.max_pieces=5",
    "task.symbols=4",
    "agent.longest_wait=2",
]


def trained(folder: Path, *given: str) -> Path:
    """An interpreter that has learned to copy strings of up to four symbols."""
    torch.set_num_threads(1)
    assert main(["train", "copy-interpret", *TRAIN, *given, "--run", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a learned policy."""
    folder = tmp_path_factory.mktemp("runs") / "learned"
    return trained(folder, "train.steps=400", "train.evaluate_every=100", "train.batch=48", "agent.begins=0.5")


def test_the_policy_hears_no_more_than_it_must(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Strings are copied about one symbol behind, as well as when they are heard to their end first."""
    assert main(["evaluate", str(run)]) == 0
    told = capsys.readouterr().out
    assert "AL, words" in told and "whole, beam 5" in told
    record = json.loads((run / "evaluation.json").read_text())["test"]
    assert record["interpreted"]["right"] >= 90 and record["greedy"]["right"] >= 90
    assert 1 <= record["interpreted"]["lag_words"] < 1.5
    lags = [wait["lag_words"] for wait in record["waits"]]
    assert lags == sorted(lags) and lags[0] == pytest.approx(1, abs=0.1)
    assert "wait 9" in told


def test_stairs_are_printed_and_drawn(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Never back to the left; in the terminal, as a picture, and in the report beside what was measured."""
    assert main(["translate", str(run), "a b c d", "--show", "--output", str(tmp_path / "stairs.svg")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a b c d" and (tmp_path / "stairs.svg").read_text().count("<svg") == 1
    stairs = [len(line.rstrip()) for line in lines[-5:]]
    assert stairs == sorted(stairs) and stairs[0] < stairs[-1]
    assert main(["evaluate", str(run)]) == 0
    assert main(["show", str(run), "--output", str(tmp_path), "--episodes", "2"]) == 0
    page = (tmp_path / "index.html").read_text()
    assert "Test BLEU by lag" in page and "simultaneous, 1." in page and "words behind" in page
    assert page.count('class="detail"') == 2
    assert (tmp_path / "alignments.svg").exists() and (tmp_path / "alignments.png").exists()


def test_wait_one_is_one_behind(tmp_path: Path) -> None:
    """A control by one line of the config; it needs no copies."""
    given = ["agent.policy=wait_k", "agent.wait=1", "train.copies=1", "train.steps=200", "train.evaluate_every=200"]
    run = trained(tmp_path / "run", *given, "train.batch=32")
    assert main(["evaluate", str(run), "--split", "validation"]) == 0
    record = json.loads((run / "evaluation.json").read_text())["validation"]
    assert record["interpreted"]["right"] >= 95
    assert record["interpreted"]["lag_pieces"] == pytest.approx(1, abs=0.1)


def test_who_learns_needs_copies(capsys: pytest.CaptureFixture[str]) -> None:
    """For its baseline; and an interpreter fits no other world."""
    assert main(["config", "validate", "copy-interpret", "train.copies=1"]) == 2
    assert "agent.baseline is 'leave_one_out'" in capsys.readouterr().err
    assert main(["config", "validate", "copy-interpret", "task.name=translate"]) == 2


def test_what_a_table_has_of_a_record() -> None:
    """Simultaneous and whole; a record fits where the policy was the same."""
    experiment = load_experiment("copy-interpret", [])
    judge = judge_of(experiment)
    record = {
        "beam": 5,
        "length_penalty": 1.0,
        "policy": "learned",
        "searched": {"bleu": 31.0, "chrf": 55.0},
        "greedy": {"bleu": 30.0},
        "perplexity": 4.0,
        "interpreted": {"bleu": 29.0, "lag_words": 3.0, "lag_pieces": 4.0, "reward": 0.3, "dal_words": 5.0},
        "waits": [
            {"wait": 1, "bleu": 20.0, "lag_words": 2.0, "dal_words": 2.0},
            {"wait": 3, "bleu": 28.0, "lag_words": 6.0, "dal_words": 6.0},
        ],
    }
    found = judge.measures(record)
    assert (found["test_bleu_simultaneous"], found["test_lag_words"], found["test_bleu"]) == (29.0, 3.0, 31.0)
    assert found["test_bleu_waits"] == 26.0  # Three quarters of the way from a DAL of two words to one of six.
    assert judge.fits(record, experiment) and not judge.fits({**record, "policy": "full"}, experiment)


def test_a_bare_name_that_does_not_fit_is_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """Where a section may be given by its name alone, the name is what came."""
    assert main(["train", "copy-interpret", "agent.attention=relative"]) == 2
    assert "agent.attention: should be 'multi_head' (got 'relative')" in capsys.readouterr().err
