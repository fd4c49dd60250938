"""`glimpse reproduce --check`: contradictions between rows, pages, READMEs, configs and cards are found."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.reproduction.stated_numbers import numbers_without_row
from glimpse.runs.results import Row
from glimpse.runs.run_source import zoo_folder

ROOT = Path(__file__).parents[3]
CARD = "glimpse/zoo/planted"


def row(metric: str, *values: float) -> Row:
    """Return a row with these values."""
    return {"metric": metric, "values": list(values)}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a copy of what is checked: results, READMEs, and a card."""
    if not (ROOT / "results/cluttered.json").is_file():
        pytest.skip("results are in the repository")
    shutil.copytree(ROOT / "results", tmp_path / "results", ignore=shutil.ignore_patterns("*.png", "*.svg"))
    for name in ("README.md", "README.zh.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(zoo_folder() / "planted", tmp_path / CARD, ignore=shutil.ignore_patterns("best"))
    return tmp_path


def check(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Run the command, and return its exit code and lines."""
    code = main(["reproduce", "--check", "--output", str(root / "results")])
    return code, capsys.readouterr().out.splitlines()


def test_the_repository_states_what_its_rows_have(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is found, and one line says so."""
    code, lines = check(repository, capsys)
    assert code == 0, lines
    assert len(lines) == 1 and lines[0].endswith("rows agree with pages, READMEs, configs and cards")


def _replace(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Return what replaces a text in a file once."""

    def change(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert old in text
        (root / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def _change_row(field: str, value: object) -> Callable[[Path], None]:
    """Return what changes a field of the first row of Catch, or removes it for None."""

    def change(root: Path) -> None:
        path = root / "results/catch.json"
        rows = json.loads(path.read_text())
        rows[0] = {name: known for name, known in {**rows[0], field: value}.items() if known is not None}
        path.write_text(json.dumps(rows))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_replace("results/cluttered.md", "| 1.95 |", "| 1.59 |"), "results/cluttered.md: line"),
        (_replace("results/cluttered.md", "(`cluttered-path`) †", "(`cluttered-path`)"), "cluttered-path has another"),
        (_replace("README.md", "error 1.95", "error 1.59"), "README.md: line"),
        (_replace("README.zh.md", "1.95", "1.59"), "README.zh.md: line"),
        (_replace(f"{CARD}/README.md", "| accuracy | 100 |", "| accuracy | 99 |"), "planted: its card states other"),
        (_replace(f"{CARD}/card.json", '"low": 0.0', '"low": 0.1'), "planted: its card states other"),
        (_change_row("commit", None), "catch-ram, test_caught_m1: lacks commit"),
        (_change_row("seeds", []), "catch-ram, test_caught_m1: lacks seeds"),
        (_change_row("seeds", [0, 1]), "has 1 values of 2 seeds"),
        (_change_row("values", [98.7]), "control/catch-ram.yaml: no row has 99.6"),
    ],
)
def test_a_contradiction_is_found(
    repository: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], None], message: str
) -> None:
    """One line names it, and the exit code is 1."""
    change(repository)
    code, lines = check(repository, capsys)
    assert code == 1 and any(message in line for line in lines), lines


@pytest.mark.parametrize(
    ("text", "rows", "wrong"),
    [
        ("# Test error (M = 10): 0.49 % (0.46 to 0.52 over seeds 0, 1) after 7 minutes", (0.46, 0.52), []),
        ("# Test error (M = 10): 0.49 % (0.46 to 0.53 over seeds 0, 1) after 7 minutes", (0.46, 0.52), ["0.53"]),
        ("# Test accuracy: 93.5 % (seed 0) after 1.5 minutes", (6.5,), []),
        ("# Validation error 5.6 %, test error 6.5 %", (6.5,), []),
        ("# Test error: 6.4 % (seed 0); these numbers are in no table.", (), []),
        ("# Test error: 6.4 % (seed 0)", (), ["6.4"]),
        ("# Test error: 7 % (seed 0)", (6.5,), []),
        ("# A config to begin with: 10.5 % of 3 things.", (), []),
    ],
)
def test_numbers_of_a_header_by_hand(text: str, rows: tuple[float, ...], wrong: list[str]) -> None:
    """Means, values and their complements are known; minutes, validation results and other sentences do not count."""
    given = [row("test_error_m10", *rows)] if rows else []
    assert numbers_without_row(f"# Title 1.23 %\n# glimpse train x\n{text}\ntask:\n  sigma: 0.77\n", given) == wrong


def test_the_check_takes_no_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A table beside --check, neither of them, and a missing folder are mistakes."""
    assert main(["reproduce", "mnist", "--check"]) == 2 and "takes no table" in capsys.readouterr().err
    assert main(["reproduce"]) == 2 and "name a table, or use --check" in capsys.readouterr().err
    assert main(["reproduce", "--check", "--output", str(tmp_path / "none")]) == 2
    assert "no folder" in capsys.readouterr().err
