"""Tests of `glimpse list`: groups, JSON, width, and runs."""

import io
import json
from pathlib import Path

import pytest

from glimpse.agents import AGENTS
from glimpse.cli import listing
from glimpse.cli.command_line import main
from glimpse.cli.listing import LISTINGS
from glimpse.envs import ENVIRONMENTS
from glimpse.evaluation.terminal_tables import TableConsole
from glimpse.runs.run_source import zoo_folder

Capture = pytest.CaptureFixture[str]


def test_everything_is_in_the_json(capsys: Capture) -> None:
    """Each registry's names are listed, environments with their family and Gymnasium id."""
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == list(LISTINGS)
    assert {row["name"]: (row["id"], row["group"]) for row in found["environments"]} == {
        name: (entry.id, entry.family) for name, entry in ENVIRONMENTS.items()
    }
    assert sorted(row["name"] for row in found["agents"]) == sorted(AGENTS)
    assert {row["group"] for row in found["agents"]} >= {"vision", "text", "translation"}


@pytest.mark.parametrize("what", LISTINGS)
def test_one_table(what: str, capsys: Capture) -> None:
    """A table has each name once, and its JSON is a list."""
    assert main(["list", what]) == 0
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert main(["list", what, "--json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert names and all(shown.count(name) == 1 for name in names)


def test_environments_fit_into_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """In 80 columns each environment has a line of a table, without its Gymnasium id: all groups alike."""
    shown = {}
    for width in (80, 140):
        console = TableConsole()
        console.width, console.file = width, io.StringIO()
        monkeypatch.setattr(listing, "TableConsole", lambda console=console: console)
        listing.list_command("environments")
        shown[width] = console.file.getvalue()
    lines = [line.rstrip() for line in shown[80].splitlines()]
    assert max(map(len, lines)) <= 80 and "glimpse/MNIST-v0" not in shown[80]
    assert sum(line.split()[0] in ENVIRONMENTS for line in lines) == len(ENVIRONMENTS)
    assert lines[-1] == "Left out, for a wider terminal: id" and shown[80].count("Left out") == 1
    assert all(entry.id in shown[140] for entry in ENVIRONMENTS.values())


def test_runs(tmp_path: Path, capsys: Capture) -> None:
    """Runs are listed with what was measured, or with what is wrong; without any, a line says how to begin one."""
    assert main(["list", "runs", str(zoo_folder()), "--json"]) == 0
    runs = {Path(row["run"]).name: row for row in json.loads(capsys.readouterr().out)}
    facts = json.loads((zoo_folder() / "planted" / "card.json").read_text())
    assert runs["planted"]["test"] == f"{facts['measure']['name']} {facts['measure']['value']:.4g}"
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "config.yaml").write_text("task: 1\n")
    assert main(["list", "runs", str(tmp_path)]) == 0
    assert "is a run of format 1" in capsys.readouterr().out
    assert main(["list", "runs", str(tmp_path / "nothing")]) == 0
    assert "begin one: glimpse train" in capsys.readouterr().out


def test_only_runs_are_in_a_folder(capsys: Capture) -> None:
    """A folder for anything else is a mistake."""
    assert main(["list", "agents", "runs"]) == 2
    assert "agents are not in a folder" in capsys.readouterr().err
