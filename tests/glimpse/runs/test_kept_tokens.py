"""Tests that a run answers texts alike when all files are gone that its tokens were made from."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from glimpse.cli.command_line import main

SMALL = ["threads=1", "track.mode=disabled", "task.vectors=none", "train.steps=2", "train.batch=4"]
GOOD, BAD = "\u8fd9\u5bb6\u9152\u5e97\u5f88\u597d", "\u592a\u5dee\u4e86\uff0c\u4e0d\u597d"


def train(folder: Path, config: str, *tokens: str) -> Path:
    """Train for two steps on a table in the folder; return the run."""
    (folder / "zh.csv").write_text("text,label\n" + f"{GOOD} low lower,yes\n{BAD},no\n" * 20, encoding="utf-8")
    data = f"task.data=file:{folder / 'zh.csv'}"
    assert main(["train", config, data, *tokens, *SMALL, "--run", str(folder / "run")]) == 0
    return folder / "run"


@pytest.mark.parametrize(
    ("config", "tokens", "shown"),
    [
        ("sst2-mean", "subwords", "low \xb7q"),
        ("sst2-jump", "subwords", "low \xb7q"),
        ("sst2-mean", "jieba", "\u9152\u5e97"),
        ("sst2-mean", "file", "##er"),
    ],
)
def test_a_run_needs_no_other_file_for_its_tokens(
    config: str, tokens: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its table and its tokenizer are removed."""
    pieces = ("[UNK]", "low", "##er", *GOOD, *(f"##{letter}" for letter in GOOD + BAD))
    tokenizer = Tokenizer(models.WordPiece({piece: at for at, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(tmp_path / "own.json"))
    given = str(tmp_path / "own.json") if tokens == "file" else tokens
    run = train(tmp_path, config, f"task.tokens={given}")
    kept = json.loads((run / "meaning.json").read_text(encoding="utf-8"))["meaning"]["tokenizer"]
    assert (kept is None) == (tokens == "jieba")
    asked = ["evaluate", str(run), "--text", f"{GOOD} lowq lower"]
    capsys.readouterr()
    assert main(asked) == 0
    answer = capsys.readouterr().out
    assert all(part in answer for part in shown.split())
    for name in ("zh.csv", "own.json"):
        (tmp_path / name).unlink()
    assert main(asked) == 0
    assert capsys.readouterr().out == answer


def test_evaluation_uses_the_subwords_of_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other training texts would give other subwords; those of the run are kept, and the change is told."""
    run = train(tmp_path, "sst2-mean", "task.tokens=subwords", "task.subwords=100")
    before = json.loads((run / "meaning.json").read_text(encoding="utf-8"))["meaning"]["words"]
    assert "low" in before and "slowness" not in before
    rows = "text,label\n" + f"{GOOD} slowness,yes\n{BAD} slow,no\n" * 20
    (tmp_path / "zh.csv").write_text(rows, encoding="utf-8")
    assert main(["evaluate", str(run), "--split", "validation"]) == 0
    assert "zh.csv" in capsys.readouterr().out
    assert main(["train", "--resume", str(run), "train.steps=3"]) == 2
    assert "could not be continued exactly" in capsys.readouterr().err


def test_the_former_name_of_the_option_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line names the key that it has now."""
    assert main(["train", "sst2-mean", "task.tokenize=characters", "--run", str(tmp_path / "run")]) == 2
    assert "the tokens of texts are task.tokens" in capsys.readouterr().err
