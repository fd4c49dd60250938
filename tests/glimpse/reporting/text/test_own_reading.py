"""`glimpse evaluate RUN --text` for runs that read texts in part, and with several texts."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment
from glimpse.reporting.text.partial_reading import selected_texts, skimmed_texts
from glimpse.runs.build import make_agent
from glimpse.runs.checkpoint import Checkpoint, save_checkpoint
from glimpse.runs.kept_data import training_envs
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import TrainedRun, open_run

_WORDS = "a good bad film . so long it was not new".split()
KINDS: dict[str, dict[str, Any]] = {
    "jumps": {"task": {"name": "skim", "window": 2, "longest_jump": 3}, "agent": {"name": "skimmer"}},
    "keeps": {"task": {"name": "skim", "window": 1, "choice": "keep"}, "agent": {"name": "skimmer", "memory_width": 8}},
    "picks": {"task": {"name": "sentence-pick", "max_words": 12, "max_sentences": 9}, "agent": {"name": "skimmer"}},
    "selects": {"task": {"name": "sentence-select"}, "agent": {"name": "token-selector", "hidden": 5}},
    "pairs": {"task": {"name": "sentence-select", "text2": "more"}, "agent": {"name": "token-selector", "hidden": 5}},
}


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a run of one of `KINDS`, with random weights, whose data are gone."""

    def make(kind: str) -> Path:
        rows = [" ".join(_WORDS[(n * 5 + at * 7) % len(_WORDS)] for at in range(2 + n % 12)) for n in range(80)]
        data = tmp_path / "texts.tsv"
        lines = [f"{'yes' if n % 3 else 'no'}\t{row}\t{rows[n - 1]}" for n, row in enumerate(rows)]
        data.write_text("\n".join(["label\ttext\tmore", *lines, ""]))
        given = {"data": f"file:{data}", "vectors": "none"}
        sections = {"train": {"steps": 1}, "seed": 3, "threads": 1, "evaluate": {"precision": "float32"}, **KINDS[kind]}
        sections = {**sections, "task": {**sections["task"], **given}}
        experiment = Experiment.model_validate(sections)
        folder = RunFolder.create(tmp_path / "run", dump_experiment(experiment))
        agent = make_agent(experiment, training_envs(experiment, folder, torch.device("cpu"))[1])
        with torch.no_grad():
            for parameter in agent.parameters():
                parameter.mul_(-4)  # Decisions differ clearly.
        state = {"seconds": 1.0, "trained_on": "a machine", "run_id": None, "best_error": 0.5, "learner": {}}
        save_checkpoint(folder.checkpoints, Checkpoint(1, agent.state_dict(), state), keep=1)
        return folder.path

    return make


MakeRun = Callable[[str], Path]


def accounts(trained: TrainedRun) -> list[Any]:
    """Return what the agent read of the first texts of the validation data."""
    read: Any = selected_texts if trained.experiment.task.name == "sentence-select" else skimmed_texts
    found: list[Any] = read(trained.agent, trained.env, trained.experiment.evaluate, list(range(4)))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_of_the_data_is_read_alike(kind: str, make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    """A text typed by the user gets the answer, and the words read, of the same text in the data, which may be gone."""
    run = make_run(kind)
    trained = open_run(run, "validation", "cpu", lambda line: None)
    expected = accounts(trained)
    (run.parent / "texts.tsv").unlink()
    typed = [[" ".join(text.words) for text in one.texts] for one in expected]
    words = [word for pair in typed for word in zip(("--text", "--text2"), pair, strict=False)]
    capsys.readouterr()
    assert main(["evaluate", str(run), *(each for pair in words for each in pair)]) == 0
    shown = capsys.readouterr().out.split(" of 4\n")[1:]
    assert len(shown) == 4
    for one, out in zip(expected, shown, strict=True):
        name = ("no", "yes")[one.answered]
        assert out.startswith(f"answer {name}, probability {one.belief[one.answered]:.3f}\n")
        for text in one.texts:
            assert f"{(~text.dropped).sum()} of {len(text.words)} words were read" in out
            marked = [f"~{word}~" if left else word for word, left in zip(text.words, text.dropped, strict=True)]
            assert " ".join(marked) in " ".join(out.split())
    kept = {bool(left) for one in expected for text in one.texts for left in text.dropped}
    assert kept == {True, False}  # Of these texts some words are read and some are not.


def test_own_words_and_long_texts(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown words are shown as typed, in brackets; a text beyond the run's limits is cut with a note."""
    run = make_run("picks")
    assert (
        main(["evaluate", str(run), "--text", "A strange new film was so long it was bad and long and bad. " * 12]) == 0
    )
    out = capsys.readouterr().out
    assert re.search(r"^note: of --text the run reads 108 of 180 tokens", out)
    assert "[strange]" in out and "of 108 words were read" in out


@pytest.mark.parametrize(
    ("kind", "words", "problem"),
    [
        ("jumps", ["--text", " "], "--text should be a text of one word or more (got ' ')"),
        ("jumps", ["--text", "a", "--text2", "b"], "reads one text at a time: leave --text2 out"),
        ("pairs", ["--text", "a"], "reads pairs of texts: give the second one with --text2"),
        (
            "pairs",
            ["--text", "a", "--text", "b", "--text2", "c"],
            "give as many --text2 as --text (got 2 --text and 1 ",
        ),
        ("jumps", ["--text", "a", "--copies", "3"], "--text measures nothing, so it takes no --copies"),
        ("jumps", ["--text", "a", "--text", ""], "--text should be a text of one word or more (got '')"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    kind: str, words: list[str], problem: str, make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text without words, or a wrong number of texts, is refused before anything is printed."""
    assert main(["evaluate", str(make_run(kind)), *words]) == 2
    shown = capsys.readouterr()
    assert problem in shown.err and shown.out == ""
