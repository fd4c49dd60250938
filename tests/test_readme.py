"""Tests of README.md: its Python runs, and its commands, configs and tables exist."""

import re
from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.config.files import shipped_configs
from glimpse.reproduction.readme import fill_tables
from glimpse.reproduction.tables import TABLES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
README = (ROOT / "README.md").read_text()


NAMES = ["trained-agent", "onnxruntime", "gymnasium", "action-masks", "stable-baselines3", "masks"]


@pytest.mark.parametrize("number", range(6), ids=NAMES)
@pytest.mark.filterwarnings("ignore:.*GPU.*")
def test_its_python_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each Python block runs by itself."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == len(NAMES)
    if number < 2:
        small = ["train.steps=2", "train.batch=4", "threads=1", "track.mode=disabled"]
        assert main(["train", "digits-ram", *small, "--run", "runs/short"]) == 0
    if NAMES[number] == "onnxruntime":
        assert main(["export", "runs/short", "--onnx", "short.onnx"]) == 0
    exec(compile(blocks[number], "README.md", "exec"), {})


def test_its_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """Every `glimpse` command in a shell block has a subcommand of that name, and every config is shipped."""
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL))
    commands = set(re.findall(r"^glimpse (\w+)", shell, flags=re.MULTILINE))
    assert {"train", "evaluate", "report", "reproduce", "bench"} <= commands
    for command in commands:
        assert main([command, "--help"]) == 0
    capsys.readouterr()
    assert set(re.findall(r"configs/[\w-]+/([\w-]+)\.yaml", README)) <= set(shipped_configs())


def test_its_tables_are_those_of_the_results() -> None:
    """Each table is there, as `glimpse reproduce` wrote it; `make readme` renews them."""
    assert set(re.findall(r"<!-- table: ([\w-]+) -->", README)) >= set(TABLES) & {p.stem for p in RESULTS.glob("*.md")}
    assert fill_tables(README, RESULTS) == README


def test_tables_are_filled_in_between_their_marks(tmp_path: Path) -> None:
    """A table replaces the text between its marks, and the rest of the page stays as it is."""
    (tmp_path / "one.md").write_text("# One\n\n| a |\n| - |\n| 1 |\n\nnotes\n")
    page = "before\n<!-- table: one -->\nold\n<!-- end -->\nafter\n"
    filled = "before\n<!-- table: one -->\n| a |\n| - |\n| 1 |\n<!-- end -->\nafter\n"
    assert fill_tables(page, tmp_path) == fill_tables(filled, tmp_path) == filled
