"""Tests of translation runs: training, evaluation, report, and translating from the command line."""

import io
import json
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from PIL import Image

from glimpse.agents.translation.translator import Translator
from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.envs.translation.translating import Translating
from glimpse.errors import UserError
from glimpse.evaluation.bleu import bleu_by_length, measure_quality
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.evaluation.generation import translate_texts
from glimpse.reporting.translation.alignment import align
from glimpse.runs.trained_run import open_run

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("translation runs")

TRAIN = ["threads=1", "track.mode=disabled"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of RNNsearch that has learned to reverse strings of up to six symbols."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs") / "reverse"
    small = ["task.strings=2000", "task.symbols=6", "task.longest=6", "train.steps=200", "train.evaluate_every=100"]
    assert main(["train", "reverse-bahdanau", *small, *TRAIN, "--run", str(folder)]) == 0
    return folder


def test_reversal_is_learned_in_seconds(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At least 99 % of unseen strings are reversed, and the record says how it was measured."""
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    printed = capsys.readouterr().out
    assert "BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in printed and "1 to 10" in printed
    record = json.loads((run / "evaluation.json").read_text())["test"]
    assert record["searched"]["right"] >= 99 and record["greedy"]["right"] >= 99
    assert record["perplexity"] < 1.1 and record["beam"] == 5 and record["by_length"][0]["sentences"] == 100


def test_alignments_of_a_reversal_are_the_antidiagonal(
    run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The printed and drawn alignment of a reversal is the antidiagonal."""
    svg, picture = tmp_path / "map.svg", tmp_path / "map.png"
    assert main(["translate", str(run), "a b c d e", "--show", "--output", str(svg)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "e d c b a" and lines[4][5:15:2] == "abcde"
    shades = " \u2591\u2592\u2593\u2588"
    darkest = [max(range(6), key=lambda at: shades.find(line.ljust(17)[5 + 2 * at])) for line in lines[5:10]]
    assert darkest == [4, 3, 2, 1, 0]
    assert svg.read_text().count("<svg") == 1
    assert main(["translate", str(run), "a b", "b a", "--output", str(picture)]) == 0
    with Image.open(picture) as image:
        assert image.height > 100


@pytest.mark.parametrize(
    ("config", "steps", "turned"), [("copy-bahdanau", 150, False), ("reverse-transformer", 600, True)]
)
def test_other_agents_find_the_alignment(
    config: str, steps: int, turned: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copying aligns along the diagonal, and a head of the Transformer aligns a reversal along the antidiagonal."""
    small = [
        "task.strings=2000",
        "task.symbols=6",
        "task.longest=5",
        f"train.steps={steps}",
        "train.evaluate_every=150",
    ]
    assert main(["train", config, *small, *TRAIN, "--run", str(tmp_path)]) == 0
    assert main(["evaluate", str(tmp_path), "--split", "test"]) == 0
    assert json.loads((tmp_path / "evaluation.json").read_text())["test"]["searched"]["right"] >= 99
    trained = open_run(tmp_path, "test", None, print)
    agent, env = cast(Translator, trained.agent), cast(Translating, cast(object, trained.env))
    best = translate_texts(agent, env, ["a b c d e"], agent.options.search, 1)[0]
    assert best.target == ("e d c b a" if turned else "a b c d e")
    read = [head[:5].argmax(-1).tolist() for head in align(agent, env, best).maps.values()]
    assert ([4, 3, 2, 1, 0] if turned else [0, 1, 2, 3, 4]) in read


def test_the_report(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The report has its files, the measures, a map for each sentence, and a hint if the test set is missing."""
    (run / "evaluation.json").unlink(missing_ok=True)
    assert main(["report", str(run), "--output", str(tmp_path), "--episodes", "3"]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {
        "alignments.svg",
        "alignments.png",
        "curves.png",
        "index.html",
    }
    assert "has not been evaluated" in (tmp_path / "index.html").read_text()
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    assert main(["report", str(run), "--output", str(tmp_path), "--episodes", "3"]) == 0
    page = (tmp_path / "index.html").read_text()
    assert "nrefs:1|case:mixed" in page and page.count('class="detail"') == 3 and "has not been evaluated" not in page
    (run / "evaluation.json").write_text("[]")
    assert main(["report", str(run), "--output", str(tmp_path)]) == 2
    assert "is not what glimpse evaluate writes" in capsys.readouterr().err
    (run / "evaluation.json").unlink()


def test_lines_are_translated_as_they_come(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines of standard input are translated one by one or in batches, and empty lines stay empty."""
    for words in ([], ["--batch", "3"], ["--beam", "1", "--length-penalty", "0"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfa b c\n\nd\r\nf f a b")))
        assert main(["translate", str(run), *words]) == 0
        assert capsys.readouterr().out == "c b a\n\nd\nb a f f\n"
    assert main(["translate", str(run), "--beam", "1", "a b", "--batch", "2", "c"]) == 0
    assert capsys.readouterr().out == "b a\nc\n"
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["translate", str(run)]) == 2
    assert "give a TEXT" in capsys.readouterr().err


def test_cut_texts_are_noted(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each text that was cut is noted by its number, beside its translation."""
    assert main(["translate", str(run), "a", "a b " * 60, "b", "--batch", "2"]) == 0
    printed = capsys.readouterr()
    assert "text 2: its last 20 tokens were left out, 100 were read" in printed.err and "text 3" not in printed.err
    assert len(printed.out.splitlines()) == 3


def test_n_best_translations_have_scores(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line has the number, rank, score, log-probability and text; the first is the best, given back its score."""
    assert main(["translate", str(run), "a b c", "d e", "--n-best", "3"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows] == [[text, rank] for text in "12" for rank in "123"]
    assert rows[0][4] == "c b a" and rows[3][4] == "e d"
    scores = [float(row[2]) for row in rows]
    assert scores[:3] == sorted(scores[:3], reverse=True) and len({row[4] for row in rows[:3]}) == 3
    for row in rows[:3]:
        assert main(["translate", str(run), "a b c", "--given", row[4]]) == 0
        first, *each = capsys.readouterr().out.splitlines()
        assert first == f"log-probability {float(row[3]):.4f}" or abs(float(first.split()[1]) - float(row[3])) < 2e-3
        assert abs(sum(float(line.split()[0]) for line in each) - float(row[3])) < 5e-3 and each[-1].endswith("</s>")


def test_translations_keep_to_a_prefix_and_repeat_nothing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All translations begin with the prefix; without repeated symbols, each occurs once."""
    assert main(["translate", str(run), "a b c", "--prefix", "b a", "--n-best", "4"]) == 0
    assert all(line.split("\t")[4].startswith("b a") for line in capsys.readouterr().out.splitlines())
    assert main(["translate", str(run), "a a b", "--no-repeat", "1"]) == 0
    symbols = capsys.readouterr().out.split()
    assert len(symbols) == len(set(symbols))


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["--output", "x.gif"], "should end in .svg or .png"),
        (["--beam", "0"], "whole number of at least 1"),
        (["--length-penalty", "-1"], "number of at least 0"),
        (["--prefix", "a xylophone"], "not in the run's vocabulary ('xylophone')"),
        (["--prefix", "a " * 120], "shorten it"),
        (["--given", "a " * 120], "writes at most"),
        (["b", "--given", "a"], "--given is the translation of one TEXT (got 2 texts)"),
        (["--n-best", "0"], "whole number of at least 1"),
    ],
)
def test_wrong_arguments_are_explained(
    run: Path, words: list[str], printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong argument is explained, with exit code 2."""
    assert main(["translate", str(run), "a", *words]) == 2
    assert printed in capsys.readouterr().err


@pytest.mark.parametrize("option", ["copies", "keep-rate"])
def test_options_without_an_effect_on_translations_are_refused(
    run: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Translation refuses the options of averaged rollouts and of rationales."""
    assert main(["evaluate", str(run), f"--{option}", "1"]) == 2
    assert f"--{option} has no effect in the environment translate" in capsys.readouterr().err


def test_bytes_that_are_no_text_are_named(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is not UTF-8 is named in the error, after the lines before it were translated."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b\ncaf\xe9\n")))
    assert main(["translate", str(run)]) == 2
    printed = capsys.readouterr()
    assert printed.out == "b a\n" and "line 2, is not UTF-8: byte 4" in printed.err


@pytest.mark.parametrize("agent", ["luong", "seq2seq", "transformer"])
@pytest.mark.parametrize("choice", ["loss", "bleu"])
def test_every_agent_trains(agent: str, choice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each agent trains on a user's files with two vocabularies, and is evaluated, also with averaged checkpoints."""
    for name, lines in (("a.en", "a b c\nd e\n"), ("a.de", "c, b. a\ne d\n")):
        (tmp_path / name).write_text(lines * 20)
    config = tmp_path / "own.yaml"
    config.write_text(
        f"task: {{name: translate, data: 'file:{tmp_path}/a', tokenizer: words, shared: false}}\n"
        f"agent: {{name: {agent}, width: 8, embeddings: output_tied}}\n"
        f"train: {{steps: 6, tokens: 40, batch: 10, schedule: noam, evaluate_every: 3, save_every: 2, keep: 3, "
        f"precision: float32}}\n"
        f"evaluate: {{choose_by: {choice}, precision: float32}}\n"
    )
    assert main(["train", str(config), *TRAIN, "--run", str(tmp_path / "run")]) == 0
    assert ("BLEU" if choice == "bleu" else "perplexity") in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path / "run"), "--split", "validation"]) == 0
    assert "note:" not in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path / "run"), "--split", "test"]) == 0
    assert "note: these are the validation sentences" in capsys.readouterr().out
    record: dict[str, Any] = json.loads((tmp_path / "run" / "evaluation.json").read_text())["validation"]
    assert "averaged" not in record
    assert main(["evaluate", str(tmp_path / "run"), "--split", "validation", "--average-checkpoints", "3"]) == 0
    mean = json.loads((tmp_path / "run" / "evaluation.json").read_text())["validation"]
    assert mean["averaged"] == 3 and mean["loss"] != record["loss"]
    assert main(["translate", str(tmp_path / "run"), "a b", "--average-checkpoints", "4"]) == 2
    assert "has 3 of the 4 checkpoints" in capsys.readouterr().err
    assert record["parameters"] > 0 and 0 <= record["searched"]["bleu"] <= 100


def test_unknown_words_are_copied_from_the_attended_position(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown symbol is replaced by the attended source symbol; five of eight symbols are in the vocabulary."""
    small = ["task.strings=2000", "task.symbols=8", "task.longest=6", "task.vocabulary=9", "train.steps=250"]
    run = tmp_path / "run"
    assert main(["train", "reverse-bahdanau", *small, *TRAIN, "train.evaluate_every=250", "--run", str(run)]) == 0
    capsys.readouterr()
    assert main(["translate", str(run), "a b c d e f g h"[:11], "h g f c"]) == 0
    assert capsys.readouterr().out == "f e d c b a\nc f g h\n"
    assert main(["translate", str(run), "zebra", "--show"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "zebra" and printed[-2].startswith("<unk>")
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="ascii"))
    assert main(["translate", str(run), "M\u00e4dchen"]) == 0
    assert out.getvalue() == b"M\\xe4dchen\n"  # Characters that the terminal lacks are escaped.


def test_a_record_gives_the_measures_of_a_table() -> None:
    """A table row has BLEU of the beam first; a record fits only the same search."""
    experiment = load_experiment("reverse-bahdanau", [])
    evaluator = evaluator_of(experiment)
    record = {
        "beam": 5,
        "length_penalty": 1.0,
        "searched": {"bleu": 31.0, "chrf": 55.0},
        "greedy": {"bleu": 30.0},
        "perplexity": 4.0,
    }
    assert evaluator.measures(record) == {
        "test_bleu": 31.0,
        "test_bleu_greedy": 30.0,
        "test_chrf": 55.0,
        "test_perplexity": 4.0,
    }
    assert evaluator.fits(record, experiment) and not evaluator.fits({**record, "beam": 4}, experiment)


def test_tied_vectors_need_one_vocabulary(capsys: pytest.CaptureFixture[str]) -> None:
    """Tied embeddings without a shared vocabulary are refused when the config is read."""
    assert main(["config", "validate", "reverse-bahdanau", "task.shared=false"]) == 2
    assert "'tied' needs task.shared: true" in capsys.readouterr().err


def test_quality_by_hand() -> None:
    """Measures are 100 for perfect translations, 0 for wrong ones, and 50 % exact for one right of two."""
    references = ["two dogs play in the snow .", "a man reads ."]
    whole = measure_quality(references, references)
    assert [whole.bleu, whole.chrf, whole.right] == pytest.approx([100, 100, 100])
    assert measure_quality(["x", "y"], references).bleu == 0
    small = measure_quality(["A man reads."], ["a man reads."], lower=True)
    assert small.bleu == pytest.approx(100) and "case:lc" in small.signatures[0]
    half = measure_quality([references[0], "y"], references)
    assert half.right == 50 and 0 < half.bleu < 100
    groups = bleu_by_length(["a " * 10, "b " * 11, "c " * 40], ["x"] * 3, ["x", "y", "x"])
    assert [(one.words, one.sentences) for one in groups] == [(10, 1), (15, 1), (None, 1)]


def test_quality_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sacrebleu, the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(UserError, match=r"not installed: pip install 'glimpse-rl\[translation\]'"):
        measure_quality(["a"], ["a"])
