"""Tests of runs of simultaneous translation: trained, evaluated beside whole sentences, and drawn as staircases."""

import json
import re
from pathlib import Path

import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.evaluation.evaluator import evaluator_of

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("simultaneous runs")

TRAIN = [
    "threads=1",
    "track.mode=disabled",
    "task.longest=4",
    "task.max_tokens=5",
    "task.symbols=4",
    "agent.longest_wait=2",
]


def trained(folder: Path, *given: str) -> Path:
    """Train a simultaneous translator to copy strings of up to four symbols, and return its run's folder."""
    torch.set_num_threads(1)
    assert main(["train", "copy-simultaneous", *TRAIN, *given, "--run", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with a learned READ / WRITE policy."""
    folder = tmp_path_factory.mktemp("runs") / "learned"
    return trained(folder, "train.steps=400", "train.evaluate_every=100", "train.batch=48", "agent.begins=0.5")


def test_the_policy_reads_no_more_than_needed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The learned policy copies strings about one symbol behind, as well as when it reads them whole first."""
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    printed = capsys.readouterr().out
    assert "SimulEval" in printed and "whole, beam 5" in printed
    record = json.loads((run / "evaluation.json").read_text())["test"]
    assert record["simultaneous"]["right"] >= 90 and record["greedy"]["right"] >= 90
    assert 1 <= record["simultaneous"]["lag_words"] < 1.5
    assert record["simultaneous"]["reference_lag_words"] == pytest.approx(record["simultaneous"]["lag_words"], abs=0.2)
    lags = [wait["lag_words"] for wait in record["waits"]]
    assert lags == sorted(lags) and lags[0] == pytest.approx(1, abs=0.1)
    assert "wait 9" in printed


def test_staircases_are_printed_and_drawn(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The staircase never goes back to the left; it is printed, drawn, and part of the report."""
    assert main(["translate", str(run), "a b c d", "--show", "--output", str(tmp_path / "stairs.svg")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a b c d" and (tmp_path / "stairs.svg").read_text().count("<svg") == 1
    widths = [len(line.rstrip()) for line in lines[-5:]]
    assert widths == sorted(widths) and widths[0] < widths[-1]
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    assert main(["report", str(run), "--output", str(tmp_path), "--episodes", "2"]) == 0
    page = (tmp_path / "index.html").read_text()
    assert "Test BLEU by lag" in page and "differentiable average lagging, words" in page
    heads = re.findall(r'<th scope="col">(AL[^<]*|DAL[^<]*)</th>', page)
    assert heads == ["AL, words", "AL, tokens", "AL at the reference&#39;s pace (SimulEval), words", "DAL, words"]
    assert re.search(r"simultaneous, greedy</th><td>1\.\d\d</td>", page)
    assert page.count('class="detail"') == 2
    assert (tmp_path / "alignments.svg").exists() and (tmp_path / "alignments.png").exists()


def test_wait_one_is_one_behind(tmp_path: Path) -> None:
    """The wait-k control with k = 1 lags one token behind, and trains with one copy."""
    given = ["agent.policy=wait_k", "agent.wait=1", "agent.layers=1", "train.copies=1", "train.steps=200"]
    run = trained(tmp_path / "run", *given, "train.batch=32", "train.evaluate_every=200")
    assert main(["evaluate", str(run), "--split", "validation"]) == 0
    record = json.loads((run / "evaluation.json").read_text())["validation"]
    assert record["simultaneous"]["right"] >= 95
    assert record["simultaneous"]["lag_tokens"] == pytest.approx(1, abs=0.1)


def test_a_learned_policy_needs_copies(capsys: pytest.CaptureFixture[str]) -> None:
    """A learned policy needs copies for its baseline, and the agent does not fit the task `translate`."""
    assert main(["config", "validate", "copy-simultaneous", "train.copies=1"]) == 2
    assert "agent.baseline is 'leave_one_out'" in capsys.readouterr().err
    assert main(["config", "validate", "copy-simultaneous", "task.name=translate"]) == 2


def test_a_record_gives_the_measures_of_a_table() -> None:
    """A table row has BLEU of simultaneous and of whole translation; a record fits only the same policy."""
    experiment = load_experiment("copy-simultaneous", [])
    evaluator = evaluator_of(experiment)
    record = {
        "beam": 5,
        "length_penalty": 1.0,
        "policy": "learned",
        "searched": {"bleu": 31.0, "chrf": 55.0},
        "greedy": {"bleu": 30.0},
        "perplexity": 4.0,
        "simultaneous": {
            "bleu": 29.0,
            "lag_words": 3.0,
            "lag_tokens": 4.0,
            "reference_lag_words": 3.5,
            "reward": 0.3,
            "dal_words": 5.0,
        },
        "waits": [
            {"wait": 1, "bleu": 20.0, "lag_words": 2.0, "reference_lag_words": 2.1, "dal_words": 2.0},
            {"wait": 3, "bleu": 28.0, "lag_words": 6.0, "reference_lag_words": 6.1, "dal_words": 6.0},
        ],
    }
    found = evaluator.measures(record)
    assert (found["test_bleu_simultaneous"], found["test_lag_words"], found["test_bleu"]) == (29.0, 3.0, 31.0)
    assert found["test_reference_lag_words"] == 3.5
    # Interpolated at a DAL of 5 words, three quarters of the way from 2 to 6 words.
    assert found["test_bleu_waits"] == 26.0
    assert evaluator.fits(record, experiment) and not evaluator.fits({**record, "policy": "full"}, experiment)


def test_a_bare_name_that_does_not_fit_is_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """The error for a section given by an unsuitable name repeats that name."""
    assert main(["train", "copy-simultaneous", "agent.attention=relative"]) == 2
    assert "agent.attention: should be 'multi_head' (got 'relative')" in capsys.readouterr().err
