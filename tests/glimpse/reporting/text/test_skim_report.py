"""Reports of runs whose agents read texts in part, from the config to the page."""

from pathlib import Path

import pytest

from glimpse.cli.command_line import main

SMALL = [
    "train.steps=3",
    "train.batch=8",
    "train.evaluate_every=3",
    "evaluate.batch=500",
    "evaluate.copies=2",
    "threads=1",
]
QUIET = ["track.mode=disabled"]


@pytest.mark.parametrize(
    ("config", "printed"),
    [
        ("number-prediction", "of words are read"),
        ("planted", "words of the known rationale: recall"),
        ("planted-resan", "of words are dependents"),
    ],
)
def test_from_the_config_to_the_report(
    config: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Evaluation prints keep rates, and words that were not read are struck out on the page."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", config, "--run", "run", *SMALL, *QUIET]) == 0
    assert main(["evaluate", "run", "--split", "validation"]) == 0
    assert printed in capsys.readouterr().out
    assert main(["report", "run"]) == 0
    page = (tmp_path / "run" / "report" / "index.html").read_text()
    if config != "number-prediction":
        for head in ("Words kept, %", "Recall, %", "Precision, %", "F1, %", "IOU-F1, %"):
            assert f'<th scope="col">{head}</th>' in page
        for fact in ("sufficiency", "comprehensiveness"):
            assert f'<th scope="row">Validation: {fact}</th>' in page
        assert "predicted against known rationales" in page and "human" not in page  # The texts are generated.
    # After three steps ReSAN still selects all words.
    assert config == "planted-resan" or "</s>" in page
    assert "Results" in page and (tmp_path / "run" / "report" / "curves.png").stat().st_size > 0
