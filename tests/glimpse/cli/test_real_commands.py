"""Tests that run each command once for real, on data that need no download."""

import json
from pathlib import Path

import pytest

from glimpse.cli import demo
from glimpse.cli.command_line import main
from glimpse.envs.errors import DataError

SMALL = """\
# A small run.
# glimpse train small.yaml
task: {name: digits, glimpses: 2, retina: {patch: 3}}
agent: {name: ram, memory_width: 16}
train: {steps: 20, batch: 32, evaluate_every: 10, log_every: 5}
track: {mode: disabled}
threads: 1
"""


def test_train_evaluate_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A user's config can be trained, resumed, evaluated and reported."""
    config, run = tmp_path / "small.yaml", str(tmp_path / "run")
    config.write_text(SMALL)
    assert main(["train", str(config), "train.steps=10", "--run", run]) == 0
    assert main(["train", "--resume", run]) == 0  # There is nothing left to do.
    assert main(["evaluate", run, "--split", "test", "--copies", "2"]) == 0
    assert main(["report", run, "--episodes", "3"]) == 0
    out = capsys.readouterr().out
    assert "best validation error" in out and "its own mean scanpath" in out
    page = (tmp_path / "run/report/index.html").read_text()
    assert "<svg" in page and "data:image/webp;base64," in page
    assert (tmp_path / "run/report/episode.gif").read_bytes().startswith(b"GIF8")


@pytest.mark.parametrize("agent", ["path", "random", "centre", "raster"])
def test_each_control_trains(agent: str, tmp_path: Path) -> None:
    """Each control is trained and evaluated by the same commands as RAM."""
    config = tmp_path / "small.yaml"
    config.write_text(SMALL)
    run = str(tmp_path / "run")
    assert main(["train", str(config), f"agent.name={agent}", "agent.memory_width=16", "--run", run]) == 0
    assert main(["evaluate", run, "--split", "test", "--copies", "1"]) == 0


def test_the_demo_falls_back_to_digits_without_mnist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without MNIST, the demo says so and runs train, evaluate and report on digits."""

    def unreachable(*arguments: object) -> None:
        raise DataError("no source")

    calls: list[list[str]] = []
    monkeypatch.setattr(demo, "load_images", unreachable)

    def record(words: list[str]) -> int:
        calls.append(words)
        return 0

    monkeypatch.setattr(demo, "main", record)
    assert demo.demo(tmp_path / "run") == 0
    assert [words[0] for words in calls] == ["train", "evaluate", "report"]
    assert calls[0][1] == "digits-ram"
    assert "scikit-learn's digits" in capsys.readouterr().out


def test_the_demo_shows_controls_that_were_trained_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are the rows of the table `demo`, in its order; without such rows nothing is printed."""
    demo.show_controls(tmp_path / "demo.json")
    assert capsys.readouterr().out == ""
    config = "configs/images/demo.yaml"
    rows = [
        {"config": config, "variant": "random", "metric": "test_error_m10", "mean": 5.0, "values": [4.9, 5.1]},
        {"config": config, "metric": "test_error_m10", "mean": 1.25, "values": [1.2, 1.3]},
        {"config": config, "metric": "test_error_greedy", "mean": 7.0, "values": [7.0]},
    ]
    (tmp_path / "demo.json").write_text(json.dumps(rows))
    demo.show_controls(tmp_path / "demo.json")
    out = capsys.readouterr().out
    assert out.index("RAM") < out.index("1.25") < out.index("random locations") < out.index("4.90 5.10")
    assert "7.0" not in out
