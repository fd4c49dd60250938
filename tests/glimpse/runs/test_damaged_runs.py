"""Tests of run folders with damaged files: each ends in one line and exit code 2, or is said at each use."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.errors import UserError
from glimpse.reporting.translation.measured_translations import measured_translations
from glimpse.reproduction.reproduce import _result
from glimpse.reproduction.tables import TABLES
from glimpse.runs.checkpoint import Checkpoint, load_newest, save_checkpoint
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import BEST, PROVISIONAL

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("whole run")

GARBAGE = {
    "empty": b"",
    "binary": bytes(range(256)),
    "words": b"not what was written\n\n",
    "deep": b"[" * 100_000 + b"\n",
    "deep object": b'{"a":' * 100_000 + b"\n",
    "digits": b'{"test": ' + b"9" * 5_000 + b"}\n",
    "list": b"[1, 2]\n{}\n",
    "number": b"7\n{}\n",
    "other types": b'{"test": 5, "step": "x", "validation": []}\n{}\n',
}


@pytest.fixture
def run(trained_texts: Path, tmp_path: Path) -> Path:
    """Return a copy of the small run."""
    return Path(shutil.copytree(trained_texts, tmp_path / "run"))


def refusal(capsys: pytest.CaptureFixture[str], *command: str | Path) -> str:
    """Return the one line with which a command is refused."""
    capsys.readouterr()
    code = main([str(word) for word in command])
    message = capsys.readouterr().err
    assert (code, message.count("\n")) == (2, 1), message
    return message


READERS = {
    "evaluation.json": ["evaluate", "report"],
    "metrics.jsonl": ["report", "resume"],
    "meaning.json": ["evaluate", "report", "resume"],
    "config.yaml": ["evaluate", "report", "resume"],
}
"""Files of a run, and the commands that read them."""


@pytest.mark.parametrize(
    ("name", "garbage"),
    # Metrics without a row are no damage.
    [(name, garbage) for name in READERS for garbage in GARBAGE if (name, garbage) != ("metrics.jsonl", "empty")],
)
def test_a_file_of_garbage_is_one_line(name: str, garbage: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a file of a run holds, the command that reads it names it, and leaves it as it is."""
    (run / name).write_bytes(GARBAGE[garbage])
    for command in READERS[name]:
        if command == "resume":
            message = refusal(capsys, "train", "--resume", run, "train.steps=4")
        else:
            message = refusal(capsys, command, run)
        assert name in message or "is a run of format 1" in message
        assert len(message) < 1_000
    assert (run / name).read_bytes() == GARBAGE[garbage]


@pytest.mark.parametrize(
    "measured",
    [
        {"step": 2},
        {"step": 2, "scores": 3},
        {"step": 2, "scores": {"reader": {"greedy": []}}},
        {"step": "two", "scores": {}},
        {"step": 2, "scores": {"reader": {"greedy": {"error": "none"}}}},
        {"step": 2, "by_length": [{"words": "x"}]},
    ],
)
def test_an_evaluation_of_other_types_is_one_line(
    measured: dict[str, Any], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An evaluation that has other fields than `glimpse evaluate` writes is refused by the report."""
    if "by_length" in measured:
        (run / "evaluation.json").write_text(json.dumps({"test": measured}))
        with pytest.raises(UserError, match=r"evaluation\.json is not what glimpse evaluate writes"):
            measured_translations(run / "evaluation.json")
        return
    (run / "evaluation.json").write_text(json.dumps({"test": measured}))
    assert "evaluation.json is not what glimpse evaluate writes" in refusal(capsys, "report", run)


@pytest.mark.parametrize(
    "row", ['{"loss": 1}', '{"step": true}', '{"step": 1, "loss": [1]}', '{"step": 1, "loss": 1e5}x']
)
def test_a_row_of_metrics_of_other_types_is_named(row: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row without an integer step, or with something that is no number or word, is named by its line."""
    path = run / "metrics.jsonl"
    path.write_bytes(path.read_bytes() + f"{row}\n".encode())
    assert "metrics.jsonl, line 3, is not a row of metrics" in refusal(capsys, "report", run)


def change_state(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write the newest checkpoint of a run again with another state, as a forger or another program would."""
    checkpoint = load_newest(run / "checkpoints", pytest.fail)
    assert checkpoint is not None
    change(checkpoint.state)
    save_checkpoint(run / "checkpoints", checkpoint, keep=1)


def moments(state: dict[str, Any]) -> Any:
    """Return the optimiser's moments of the first parameter."""
    return state["learner"]["optimiser"]["state"][0]


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no learner": lambda state: state.pop("learner"),
    "learner is a list": lambda state: state.update(learner=[]),
    "no optimiser": lambda state: state["learner"].pop("optimiser"),
    "optimiser is a word": lambda state: state["learner"].update(optimiser="adam"),
    "no groups": lambda state: state["learner"]["optimiser"].pop("param_groups"),
    "fewer groups": lambda state: state["learner"]["optimiser"].update(param_groups=[]),
    "no learning rate": lambda state: state["learner"]["optimiser"]["param_groups"][0].pop("rate"),
    "learning rate is a word": lambda state: state["learner"]["optimiser"]["param_groups"][0].update(rate="x"),
    "other moments": lambda state: moments(state).update(exp_avg=torch.zeros(3)),
    "moments of nobody": lambda state: state["learner"]["optimiser"]["state"].update(
        {9_999: {"exp_avg": torch.ones(1)}}
    ),
    "no weights": lambda state: state["learner"].pop("agent"),
    "other weights": lambda state: state["learner"]["agent"].popitem(),
    "other step": lambda state: state["learner"].update(step=1),
    "step is a word": lambda state: state["learner"].update(step="two"),
    "best error is a word": lambda state: state.update(best_error="low"),
    "best error is nan": lambda state: state.update(best_error=float("nan")),
    "no seconds": lambda state: state.pop("seconds"),
    "seconds are infinite": lambda state: state.update(seconds=float("inf")),
    "run id is a number": lambda state: state.update(run_id=7),
    "no device": lambda state: state.pop("trained_on"),
    "minutes are a list": lambda state: state.update(minutes=[1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_state_that_does_not_fit_is_one_line(change: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint whose state lacks a part, or has one of another type or size, is refused; nothing is changed."""
    change_state(run, CHANGES[change])
    metrics = (run / "metrics.jsonl").read_bytes()
    message = refusal(capsys, "train", "--resume", run, "train.steps=4")
    assert "checkpoint of step 2" in message and str(run) in message and len(message) < 800
    assert (run / "metrics.jsonl").read_bytes() == metrics


def test_a_config_that_no_longer_fits_is_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A config that was edited to another size is refused in one line, by those that use the weights too."""
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("width: 4", "width: 6"))
    for words in (["train", "--resume", str(run), "train.steps=4"], ["evaluate", str(run)], ["report", str(run)]):
        message = refusal(capsys, *words)
        assert "does not fit the checkpoint of step 2 (" in message and "size mismatch" in message


def damage_best(run: Path) -> None:
    """Flip a bit of the best weights."""
    (path,) = run.glob("best/step-*/weights.safetensors")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def measured(run: Path) -> dict[str, Any]:
    """Return the record of the last evaluation on the test set."""
    return dict(json.loads((run / "evaluation.json").read_text())["test"])


def test_an_evaluation_names_its_weights(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An evaluation prints and records which weights it measures, and the report shows them."""
    capsys.readouterr()
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    assert f"weights of step 2: {BEST}\n" in capsys.readouterr().out
    assert (measured(run)["step"], measured(run)["weights"]) == (2, BEST)
    assert main(["evaluate", str(run), "--split", "test", "--average-checkpoints", "2"]) == 0
    assert measured(run)["weights"] == "mean of the last 2 checkpoints"
    assert main(["report", str(run)]) == 0
    page = (run / "report" / "index.html").read_text()
    assert f"; {BEST}" in page and "Measured with the weights mean of the last 2 checkpoints." in page


def test_weights_that_no_validation_has_chosen_are_not_called_the_best(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no evaluation counted, as in a warm-up, evaluation and report say so, and the run is not published."""
    folder = RunFolder(run)
    best = load_newest(folder.best, pytest.fail)
    assert best is not None
    save_checkpoint(folder.best, replace(best, state={**best.state, "best_error": math.inf}), keep=1)
    capsys.readouterr()
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    assert "weights of step 2: last that were validated, since no validation counts yet" in capsys.readouterr().out
    assert measured(run)["weights"] == PROVISIONAL
    assert main(["report", str(run)]) == 0
    page = (run / "report" / "index.html").read_text()
    assert f"; {PROVISIONAL}" in page and BEST not in page
    assert main(["publish", str(run), str(run.parent / "published")]) == 2
    assert "publish weights that were best on validation data" in capsys.readouterr().err


@pytest.mark.parametrize("set_aside", [False, True])
def test_damaged_best_weights_are_told_at_each_use(
    set_aside: bool, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the best weights are damaged, each use says that it takes the last ones, on the page and in the record too."""
    damage_best(run)
    if set_aside:  # By a resumed training, which has nothing left to do.
        assert main(["train", "--resume", str(run)]) == 0
        assert [path.name for path in (run / "best").iterdir()] == [".bad-step-000000002"]
    for command in (
        ["evaluate", str(run), "--split", "test"],
        ["evaluate", str(run), "--text", "a good film"],
        ["report", str(run)],
    ):
        for _ in range(2):
            capsys.readouterr()
            assert main(command) == 0
            said = capsys.readouterr()
            assert "best on validation data are damaged, so its last ones, of step 2, are used" in said.out + said.err
    why = "last, since the best ones are damaged"
    assert measured(run)["weights"] == why
    page = (run / "report" / "index.html").read_text()
    assert f"; {why}" in page and f"Measured with the weights {why}." in page


def test_a_table_takes_no_other_weights_than_the_best(run: Path) -> None:
    """A run whose best weights are damaged does not get into a table with its last ones."""
    damage_best(run)
    with pytest.raises(UserError, match="last, since the best ones are damaged, which do not belong into a table"):
        _result(run, next(iter(TABLES.values())))


def test_training_on_chooses_best_weights_anew(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run with damaged best weights that trains on has best ones again, and its use says nothing of damage."""
    damage_best(run)
    assert main(["train", "--resume", str(run), "train.steps=4"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    assert "damaged" not in capsys.readouterr().out
    assert measured(run)["weights"] == BEST


def test_weights_before_the_first_validation_are_named(run: Path) -> None:
    """A run that was not validated yet is measured with its last weights, which is no damage."""
    shutil.rmtree(run / "best")
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    assert measured(run)["weights"] == "last, since validation has chosen none yet"


@pytest.mark.parametrize(
    "manifest", ['{"format": 2, "step": "2", "files": {}}', '{"format": [2], "step": 2}', '{"format": 2}']
)
def test_a_manifest_of_other_types_is_damage(manifest: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A manifest of other types is that of a damaged checkpoint, which is passed over."""
    for path in run.glob("*/step-*/manifest.json"):
        path.write_text(manifest)
    assert "has no checkpoint yet" in refusal(capsys, "evaluate", run)


def test_the_state_of_weights_that_are_used_is_checked(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights whose state lacks the time of training are refused in one line."""
    best = load_newest(run / "best", pytest.fail)
    assert isinstance(best, Checkpoint)
    save_checkpoint(run / "best", replace(best, state={"seconds": "long"}), keep=1)
    assert "seconds" in refusal(capsys, "evaluate", run)


@pytest.mark.parametrize("command", [["evaluate"], ["report"], ["train", "--resume"]])
@pytest.mark.parametrize("name", ["best", "checkpoints", "report"])
def test_a_file_in_place_of_a_folder_is_refused_first(
    name: str, command: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is trained or measured, and the weights of another place are not taken for the best ones."""
    if (run / name).exists():
        shutil.rmtree(run / name)
    (run / name).write_bytes(b"\xff garbage")
    capsys.readouterr()
    assert main([*command, str(run)]) == 2
    errors = capsys.readouterr().err
    assert errors.count("error:") == 1 and f"{run / name} is damaged: it should be a folder" in errors
