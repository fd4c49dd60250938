"""`glimpse reproduce`: result rows, resuming, single lines, quick runs, and errors."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any, Literal

import pytest

from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.envs.documents.facts import EXAMPLES
from glimpse.envs.text.options import WholeTextOptions
from glimpse.envs.text.text_data import load_text
from glimpse.reproduction.row_facts import ROW_FIELDS
from glimpse.reproduction.table_entries import row_name
from glimpse.reproduction.tables import TABLES, Published, Table, TableEntry
from glimpse.runs.commit import code_commit
from glimpse.training.episode_learner import EpisodeLearner
from tests import forked
from tests.envs.conftest import QUESTIONS

OVERRIDES = ["train.steps=4", "train.batch=32", "evaluate.copies=2", "threads=1", "track.mode=disabled"]
COSTS: tuple[Literal["parameters", "pixels", "multiply_adds"], ...] = ("parameters", "pixels", "multiply_adds")
OPINIONS = Path(__file__).parents[2] / "envs" / "text" / "opinions.tsv"
PUBLISHED = Published(proceedings=3.0, best_public=2.0, source="someone/something", recalled=("proceedings",))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register tables of one line on digits: with scores, with costs, and with glimpses."""
    lines = (TableEntry("digits-ram", "RAM", 2, PUBLISHED),)
    monkeypatch.setitem(TABLES, "tiny", Table("Digits: test error, %", "A table for tests.", lines))
    monkeypatch.setitem(TABLES, "costly", Table("Costs", "Costs.", lines, figure="cost", costs=COSTS))
    monkeypatch.setitem(TABLES, "stops", Table("Stops", "Stops.", lines, figure="glimpses"))


def run(path: Path, *words: str, overrides: list[str] = OVERRIDES) -> int:
    """Run the command with folders in `path`."""
    return main(["reproduce", *words, *overrides, "--runs", str(path / "runs"), "--output", str(path / "results")])


def rows(path: Path, name: str = "tiny") -> list[dict[str, Any]]:
    """Read the result rows of a table."""
    found: list[dict[str, Any]] = json.loads((path / f"results/{name}.json").read_text())
    return found


def test_a_table_is_trained_evaluated_and_written(tiny: None, tmp_path: Path) -> None:
    """Rows have all fields, and a second call neither trains nor evaluates again."""
    assert run(tmp_path, "tiny") == 0
    first = rows(tmp_path)
    assert [row["metric"] for row in first] == ["test_error_m2", "test_error_m1", "test_error_greedy"]
    assert all(list(row) == list(ROW_FIELDS) for row in first)
    assert first[0]["seeds"] == [0, 1] and len(first[0]["values"]) == 2
    assert first[0]["mean"] == pytest.approx(sum(first[0]["values"]) / 2, abs=0.001)
    assert first[0]["task"] == "digits" and first[0]["config"] == "configs/images/digits-ram.yaml"
    expected = {"proceedings": 3.0, "best_public": 2.0, "source": "someone/something", "recalled": ["proceedings"]}
    assert first[0]["published"].pop("protocol").keys() == {"Mnih et al. (2014)"}
    assert first[0]["published"] == expected
    files = [*tmp_path.glob("runs/*/best/*/weights.safetensors"), *tmp_path.glob("runs/*/evaluation.json")]
    before = [path.stat().st_mtime_ns for path in files]
    assert len(before) == 4
    assert run(tmp_path, "tiny") == 0
    assert [path.stat().st_mtime_ns for path in files] == before
    assert [row["values"] for row in rows(tmp_path)] == [row["values"] for row in first]
    assert rows(tmp_path)[0]["tested"] == first[0]["tested"]
    # A record notes each use of the test set, and the code that trained; a row carries both on.
    assert first[0]["examples"] == 359 and first[0]["updates"] == [4, 4]
    assert first[0]["commit"] == code_commit() and len(first[0]["tested"]) == 2
    run_folder = tmp_path / "runs/digits-ram-seed0"
    for uses in (1, 2):
        record = json.loads((run_folder / "evaluation.json").read_text())["test"]
        assert len(record["tested"]) == uses and record["commit"] == code_commit()
        assert main(["evaluate", str(run_folder), "--split", "test", "--copies", "1"]) == 0
    known = json.loads((run_folder / "evaluation.json").read_text())
    known["test"]["tested"] = [f"2026-11-0{day}T00:00:00+00:00" for day in (1, 2, 3)]
    (run_folder / "evaluation.json").write_text(json.dumps(known))
    assert run(tmp_path, "tiny") == 0
    assert set(rows(tmp_path)[0]["tested"]) > {*first[0]["tested"], *known["test"]["tested"]}
    assert "| `digits-ram` | 2 | 4 | " in (tmp_path / "results/tiny.md").read_text()


def test_workers_train_the_same_runs(
    tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two workers train the seeds at once, and the rows are those of one process, except for the seconds."""
    monkeypatch.setattr("glimpse.sweeps.jobs.start_training", forked.Training)
    assert run(tmp_path / "workers", "tiny", "--workers", "2") == 0
    printed = capsys.readouterr().out
    assert printed.index("seed1: started") < printed.index("seed0: trained")
    assert run(tmp_path / "alone", "tiny") == 0
    found = [rows(tmp_path / name) for name in ("workers", "alone")]
    for row in found[0] + found[1]:
        del row["train_seconds"], row["command"], row["tested"]
    assert found[0] == found[1] and found[0][0]["seeds"] == [0, 1]
    capsys.readouterr()
    assert run(tmp_path / "workers", "tiny", "--workers", "2") == 0
    assert "started" not in capsys.readouterr().out


def test_the_page_and_the_figure_are_written(tiny: None, tmp_path: Path) -> None:
    """The page links the figure and has published numbers, with a mark on those quoted from memory."""
    assert run(tmp_path, "tiny", "--seeds", "1") == 0
    assert {path.name for path in (tmp_path / "results").iterdir()} == {
        "answers",
        *(f"tiny.{e}" for e in ("json", "md", "svg", "png")),
    }
    page = (tmp_path / "results/tiny.md").read_text()
    assert "![Digits: test error, %](tiny.svg)" in page and "A table for tests." in page
    assert "3.00\\*" in page and "2.00 (someone)" in page and "from memory" in page
    assert (tmp_path / "results/tiny.svg").read_text().startswith("<svg xmlns")


def test_the_command_of_a_row_reproduces_it(tiny: None, tmp_path: Path) -> None:
    """In empty folders it gives the same numbers, except for the seconds."""
    assert run(tmp_path / "one", "tiny", "--seeds", "1") == 0
    command = rows(tmp_path / "one")[0]["command"]
    assert "--only digits-ram" in command and "threads=1" in command and "train.steps=4" in command
    assert "track" not in command
    assert run(tmp_path / "two", *command.split()[2:], overrides=["track.mode=disabled"]) == 0
    again, first = rows(tmp_path / "two"), rows(tmp_path / "one")
    unlike = {"train_seconds": 0, "tested": []}
    assert [{**row, **unlike} for row in again] == [{**row, **unlike} for row in first]


def test_a_variant_is_trained_with_its_overrides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It has a run folder and a row of its own name, and a command that reproduces it; the figure has its curve."""
    alone = ("agent.look_policy=none", "task.glimpses=1")
    entries = tuple(
        TableEntry("digits-anytime", name, 1, variant=name, overrides=alone * bool(name)) for name in ("", "none")
    )
    table = Table("Looks", "Looks.", entries, figure="looks", costs=("pixels",), whole=1600)
    monkeypatch.setitem(TABLES, "looks", table)
    assert run(tmp_path, "looks", "--only", "digits-anytime-none") == 0
    found = rows(tmp_path, "looks")
    assert {row["variant"] for row in found} == {"none"}
    measured = {row["metric"]: row for row in found}
    assert measured["pixels"]["mean"] == 100 and measured["seen"]["mean"] == 6.25
    assert measured["test_error_m1"]["after_looks"] == [[100, measured["test_error_m1"]["mean"]]]
    assert load_experiment(tmp_path / "runs/digits-anytime-none-seed0/config.yaml").agent.title == "anytime, none"
    command = found[0]["command"]
    assert "--only digits-anytime-none" in command and "look_policy" not in command and "threads=1" in command
    assert run(tmp_path, "looks", "--only", "digits-anytime") == 0
    both = {row["metric"] + row.get("variant", ""): row for row in rows(tmp_path, "looks")}
    assert [seen for seen, _ in both["test_error_m1"]["after_looks"]] == [200, 300, 400]
    assert both["pixelsnone"]["mean"] == 100 and both["pixels"]["mean"] == 400
    assert b"pixels seen" in (tmp_path / "results/looks.svg").read_bytes()


def test_rows_of_other_lines_are_kept_and_of_removed_lines_dropped(tiny: None, tmp_path: Path) -> None:
    """Other lines of the table keep their rows; rows of lines that the table does not have are dropped."""
    kept: dict[str, Any] = {
        "task": "mnist",
        "agent": "ram",
        "published": None,
        "config": "configs/images/demo.yaml",
        "metric": "test_error_m2",
        "values": [7.0],
    }
    kept |= {"seeds": [0], "train_seconds": 60.0, "device": "a machine", "command": "glimpse", "mean": 7.0}
    (tmp_path / "results").mkdir()
    (tmp_path / "results/tiny.json").write_text(json.dumps([kept, {**kept, "config": "configs/gone.yaml"}]))
    table = TABLES["tiny"]
    more = (TableEntry("demo", "RAM, 3 minutes"), *table.entries, TableEntry("mnist-ram", "RAM"))
    TABLES["tiny"] = Table(table.title, table.text, more)
    assert run(tmp_path, "tiny", "--only", "configs/images/digits-ram.yaml", "--seeds", "1") == 0
    found = rows(tmp_path)
    assert [row["config"] for row in found] == ["configs/images/demo.yaml"] + 3 * ["configs/images/digits-ram.yaml"]
    assert {name: found[0][name] for name in kept} == kept
    assert found[0]["commit"] == found[0]["updates"] == "not recorded" and found[0]["tested"] == ["not recorded"]
    assert found[1]["updates"] == [4] and found[1]["commit"] == code_commit() and len(found[1]["tested"]) == 1
    page = (tmp_path / "results/tiny.md").read_text()
    assert "RAM, 3 minutes" in page and "mnist-ram" not in page


def test_a_quick_run_has_folders_and_files_of_its_own(tiny: None, tmp_path: Path) -> None:
    """A quick run does not change the table's results."""
    assert run(tmp_path, "tiny", "--quick", overrides=["threads=1", "track.mode=disabled"]) == 0
    assert {path.name.partition(".")[0] for path in (tmp_path / "results").iterdir()} == {"tiny-quick"}
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["digits-ram-seed0-quick"]
    found = rows(tmp_path, "tiny-quick")
    assert found[0]["seeds"] == [0] and found[0]["command"].endswith("--quick")
    assert "train.steps" not in found[0]["command"]


def test_an_unfinished_run_is_resumed(tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped training ends the command with its exit code; the next call resumes it and finishes the line."""
    learn = EpisodeLearner.learn

    def interrupted(self: EpisodeLearner, *arguments: object) -> object:
        if self.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return learn(self, *arguments)  # type: ignore[arg-type]  # handed on as it came

    with monkeypatch.context() as patch:
        patch.setattr(EpisodeLearner, "learn", interrupted)
        assert run(tmp_path, "tiny", "--seeds", "1") == 143
    assert not (tmp_path / "results").exists()
    assert run(tmp_path, "tiny", "--seeds", "1") == 0
    assert len(rows(tmp_path)) == 3


def test_an_evaluation_of_other_weights_is_repeated(tiny: None, tmp_path: Path) -> None:
    """An evaluation of another step is not the run's result."""
    assert run(tmp_path, "tiny", "--seeds", "1") == 0
    first, path = rows(tmp_path), tmp_path / "runs/digits-ram-seed0/evaluation.json"
    record = json.loads(path.read_text())
    record["test"]["step"] = 3
    record["test"]["scores"]["ram"]["greedy"]["error"] = 0.0
    path.write_text(json.dumps(record))
    assert run(tmp_path, "tiny", "--seeds", "1") == 0
    again = rows(tmp_path)
    assert [{**row, "tested": []} for row in again] == [{**row, "tested": []} for row in first]
    assert len(again[0]["tested"]) >= len(first[0]["tested"])


@pytest.mark.parametrize(
    ("name", "more"), [("costly", ["parameters", "pixels", "multiply_adds"]), ("stops", ["glimpses"])]
)
def test_tables_of_costs_and_of_glimpses_have_their_rows(
    tiny: None, tmp_path: Path, name: str, more: list[str]
) -> None:
    """Costs and glimpses are metrics without published numbers."""
    assert run(tmp_path, name, "--seeds", "1") == 0
    found = {row["metric"]: row for row in rows(tmp_path, name)}
    assert list(found)[3:] == more
    assert all(found[metric]["values"][0] > 0 and found[metric]["published"] is None for metric in more)


def test_a_table_of_texts_tells_accuracy_size_and_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run tests on another fold; words per second times seconds per epoch are the words of the texts."""
    line = TableEntry("mr", "MR", 2, Published(paper=80.0, cited="Someone (2018)"), folds=True)
    table = Table("Texts", "Texts.", (line,), costs=("parameters",), updates=True, speed=True)
    monkeypatch.setitem(TABLES, "texts", table)
    given = [f"task.data=file:{OPINIONS}", "task.vectors=none", "agent.encoder.width=8"]
    assert run(tmp_path, "texts", *given) == 0
    found = {row["metric"]: row for row in rows(tmp_path, "texts")}
    assert list(found) == ["test_accuracy", "parameters", "updates", "epoch_seconds", "words_per_second"]
    assert found["updates"]["values"] == [4, 4]
    assert all(0 <= value <= 100 for value in found["test_accuracy"]["values"])
    assert found["test_accuracy"]["published"] == {"paper": 80.0, "cited": "Someone (2018)"}
    speed, epoch = (found[name]["values"] for name in ("words_per_second", "epoch_seconds"))
    folds = [load_experiment(tmp_path / f"runs/mr-seed{number}/config.yaml").task for number in (0, 1)]
    words = [len(load_text(task, "train").text.tokens) for task in folds if isinstance(task, WholeTextOptions)]
    assert [task.fold for task in folds if isinstance(task, WholeTextOptions)] == [0, 1]
    assert [rate * seconds for rate, seconds in zip(speed, epoch, strict=True)] == pytest.approx(words, rel=0.01)
    page = (tmp_path / "results/texts.md").read_text()
    assert (
        "| accuracy, % | 95 % | parameters | updates | s per epoch | words/s | paper |" in page
        and "Someone (2018)" in page
    )


def test_a_table_of_rationales_has_their_agreement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rationale is the selector's greedy selection on planted texts; its numbers are those of the evaluation."""
    monkeypatch.setitem(
        TABLES, "tiny", Table("Rationales", "Text.", (TableEntry("planted", "a rationale", 1),), rationales=True)
    )
    assert run(tmp_path, "tiny", "agent.selector.width=4", "agent.encoder.width=4") == 0
    found = {row["metric"]: row["mean"] for row in rows(tmp_path)}
    names = [
        "accuracy",
        "accuracy_m1",
        "accuracy_greedy",
        "predicted_rate",
        "predicted_f1",
        "random_f1",
        "first_f1",
        "top_f1",
    ]
    names += ["spans_f1", "average_precision", "auprc", "sufficiency", "comprehensiveness"]
    assert list(found) == [f"test_{name}" for name in (*names, "sufficiency_area", "comprehensiveness_area")]
    record = json.loads((tmp_path / "runs/planted-seed0/evaluation.json").read_text())["test"]["rationales"]
    assert found["test_predicted_f1"] == pytest.approx(100 * record["choice"]["f1"], abs=1e-4)
    assert found["test_top_f1"] == pytest.approx(100 * record["top"]["f1"], abs=1e-4)


def test_a_run_of_another_config_is_refused(tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run with other options is refused, except for those of threads and tracking."""
    assert run(tmp_path, "tiny", "--seeds", "1") == 0
    assert run(tmp_path, "tiny", "--seeds", "1", overrides=OVERRIDES[:3]) == 0
    assert run(tmp_path, "tiny", "--seeds", "1", overrides=["train.steps=5", *OVERRIDES[1:]]) == 2
    assert "started with other values of train.steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tinny"], "choose from mnist"),
        (["tiny", "--only", "mnist-ram"], "no line mnist-ram; its lines are digits-ram"),
        (["tiny", "--seeds", "0"], "at least 1"),
    ],
)
def test_invalid_arguments_are_refused(
    tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """The error lists the choices."""
    assert run(tmp_path, *words) == 2
    assert message in capsys.readouterr().err


def test_new_rows_are_compared_with_known_ones(tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same runs agree, an error that is far from the known interval does not, and the folders are two."""
    words = ["tiny", "--seeds", "1"]
    assert run(tmp_path, *words) == 0
    known, against = tmp_path / "known", ["--against", str(tmp_path / "known")]
    (tmp_path / "results").rename(known)
    assert run(tmp_path, *words, *against) == 0
    assert f"3 of 3 rows agree with those of {known}" in capsys.readouterr().out
    changed = json.loads((known / "tiny.json").read_text())
    changed[0] |= {"mean": 1.0, "values": [1.0], "interval": [0.4, 2.6]}
    (known / "tiny.json").write_text(json.dumps(changed))
    assert run(tmp_path, *words, *against) == 1
    printed = capsys.readouterr().out
    assert "tiny: digits-ram, test_error_m2: " in printed and "and 1.00 (0.40 to 2.60) before" in printed
    assert "2 of 3 rows agree" in printed
    (known / "tiny.json").unlink()
    assert run(tmp_path, *words, *against) == 1 and "has no row of these lines" in capsys.readouterr().out
    assert run(tmp_path, *words, "--against", str(tmp_path / "results")) == 2


def test_a_foreign_file_is_not_overwritten(tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A results file that the command did not write is kept."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results/tiny.json").write_text("mine")
    assert run(tmp_path, "tiny", "--seeds", "1") == 2
    assert "Move it away" in capsys.readouterr().err
    assert (tmp_path / "results/tiny.json").read_text() == "mine"


def test_rankings_stand_beside_agents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A line of a ranking trains nothing, keeps the other lines, and says what its first sentences hold."""
    rankings = [TableEntry("evidence-own", name, 1, ranking=name) for name in ("bm25", "gold", "re-ranker")]
    lines = (TableEntry("evidence-own", "agent", 1), *rankings)
    table = Table("Found", "Found.", lines, figure="search", compared=("test_found_at_2",))
    monkeypatch.setitem(TABLES, "found", table)
    given = [f"task.{name}=file:{QUESTIONS}" for name in ("data", "validation", "test")]
    small = ["task.vectors=none", "agent.embedding=trained", "agent.sentence_width=4", "train.evaluate_every=4"]
    overrides = [*OVERRIDES, *given, *small]
    assert run(tmp_path, "found", overrides=overrides) == 0
    written = rows(tmp_path, "found")
    found = {(row_name(row).partition("+")[2], row["metric"]): row["mean"] for row in written}
    assert {name for name, _ in found} == {"", "bm25", "gold", "re-ranker"}
    ranked = [row for row in written if row_name(row) != "evidence-own"]
    assert all(list(row) == [*ROW_FIELDS, "ranking"] and row["examples"] == 14 for row in ranked)
    assert all(row["tested"] and "not recorded" not in row["tested"] for row in ranked)
    assert found["gold", "test_found_at_2"] == 100 > found["bm25", "test_found_at_1"]
    assert found["bm25", "test_found_at_1"] <= found["bm25", "test_found_at_2"] <= found["bm25", "test_found_at_8"]
    assert {"test_opened_greedy", "test_found_greedy", "test_accuracy", "test_milliseconds"} <= {
        metric for name, metric in found if not name
    }
    page = (tmp_path / "results/found.md").read_text()
    assert "gold (`evidence-own+gold`)" in page and "--only evidence-own+gold" in page
    assert "agent (`evidence-own`), evidence, 2 opened, %, over" in page
    compared = re.findall(r"- [\w-]+ \(`evidence-own\+[\w-]+`\): .*", page)
    assert len(compared) == 3 and all("shown (p " in line for line in compared)  # Over the same questions.
    runs = [path.name for path in (tmp_path / "runs").iterdir()]
    assert runs == ["evidence-own-seed0"]
    assert run(tmp_path, "found", "--only", "evidence-own+bm25", overrides=overrides) == 0
    again = [row for row in rows(tmp_path, "found") if row.get("ranking") == "bm25"]
    assert len(again[0]["tested"]) in (1, 2) and len(rows(tmp_path, "found")) == len(written)


def test_trained_lines_are_measured_on_other_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same weights are evaluated on the table's other data once, and the metrics' names say which."""
    line = TableEntry("facts-two", "agent", 1)
    table = Table("Shifted", "Shifted.", (line,), figure="search", shifts={"task.seed=7": "seven"})
    monkeypatch.setitem(TABLES, "shifted", table)
    for split in ("validation", "test"):
        monkeypatch.setitem(EXAMPLES, split, 20)
    text = ["task.words=500", "task.filler=generated", "task.distractors=0"]
    small = [*text, "agent.sentence_width=4", "train.evaluate_every=4"]
    assert run(tmp_path, "shifted", overrides=[*OVERRIDES, *small]) == 0
    record = tmp_path / "runs/facts-two-seed0/evaluation.json"
    before = record.read_text()
    assert set(json.loads(before)) == {"test", "test of facts, seed=7"}
    metrics = {row["metric"] for row in rows(tmp_path, "shifted")}
    assert {"test_accuracy", "test_accuracy_seven", "test_opened_greedy_seven", "test_milliseconds_seven"} <= metrics
    assert "accuracy, seven, %" in (tmp_path / "results/shifted.md").read_text()
    assert run(tmp_path, "shifted", overrides=[*OVERRIDES, *small]) == 0 and record.read_text() == before
