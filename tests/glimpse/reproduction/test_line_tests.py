"""Differences between lines: stored answers, tests over the same examples, and what a page says of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glimpse.errors import UserError
from glimpse.reproduction.line_answers import LineAnswers, answers_of, read_answers, write_answers
from glimpse.reproduction.line_tests import ComparedLine, bootstrap_interval, compare_lines
from glimpse.reproduction.table_entries import Stated, Table, TableEntry
from glimpse.reproduction.table_markdown import table_markdown
from glimpse.runs.results import Row


def row(config: str, metric: str, *values: float, interval: tuple[float, float] | None = None) -> Row:
    """Return a result row of one task."""
    shared = {"task": "digits", "seeds": list(range(len(values))), "train_seconds": 60.0, "device": "d", "command": "c"}
    measured = {"metric": metric, "values": list(values), "interval": list(interval) if interval else None}
    return {**shared, **measured, "config": f"configs/images/{config}.yaml", "updates": [2000]}


def wrong(*errors: set[int], of: int = 100, examples: str = "x") -> LineAnswers:
    """Return answers of runs that are wrong on these examples, single episodes too."""
    runs = np.array([[number in one for number in range(of)] for one in errors])
    return LineAnswers((examples,) * len(errors), {"wrong": runs, "single": runs.astype(np.float16)})


def difference(first: LineAnswers | None, second: LineAnswers | None, metric: str = "test_error_m10") -> str:
    """Describe the difference of 1 % from 9 % error, with intervals that overlap."""
    rows = row("demo", metric, 1.0, interval=(0.0, 6.0)), row("demo", metric, 9.0, interval=(5.0, 15.0))
    return compare_lines(ComparedLine(rows[0], first), ComparedLine(rows[1], second)).describe()


def test_one_run_against_one_is_mcnemars() -> None:
    """8 examples on one side have p = 2 / 2 ** 8 = .0078; 4 of 4 have .125, and equal answers 1."""
    assert difference(wrong({0}), wrong(set(range(9)))) == "+8.00 points, shown (p = .0078)"
    assert difference(wrong({0}), wrong({0, 1, 2, 3, 4})) == "+8.00 points, not shown (p = .12)"
    assert difference(wrong({0}), wrong({0})) == "+8.00 points, not shown (p = 1)"


def test_several_runs_are_compared_by_the_bootstrap() -> None:
    """Three runs that each err on eight more examples differ; those that err on other ones as often do not."""
    worse = wrong(*3 * [set(range(9))])
    found = compare_lines(
        ComparedLine(row("demo", "test_error_m10", 1.0), wrong({0})),
        ComparedLine(row("demo", "test_error_m10", 9.0), worse),
    )
    assert found.shown and found.p is not None and 0 < found.p < 0.02
    ours, theirs = wrong({0, 1}, {2, 3}, {4, 5}), wrong({6, 7}, {8, 9}, {0, 1})
    assert "not shown (p = 1)" in difference(ours, theirs)
    assert "not shown" in difference(ours, theirs, "test_error_m1")


def test_complete_evidence_is_compared_by_question() -> None:
    """Three agents against one ranking: eight questions more, of a hundred, are shown; one that differs is not."""

    def found(*complete: set[int]) -> LineAnswers:
        runs = np.array([[number in one for number in range(100)] for one in complete])
        return LineAnswers(("x",) * len(complete), {"found_at_2": runs.astype(np.float16)})

    every = set(range(100))
    agents, ranking = found(every, every - {1}, every), found(every - set(range(9)))
    rows = row("demo", "test_found_at_2", 99.0), row("other", "test_found_at_2", 91.0)
    assert (
        compare_lines(ComparedLine(rows[0], agents), ComparedLine(rows[1], ranking))
        .describe()
        .startswith("+8.00 points, shown (p ")
    )
    assert not compare_lines(ComparedLine(rows[0], agents), ComparedLine(rows[1], found(every))).shown
    other = [row("demo", "test_found_at_4", value) for value in (99.0, 91.0)]
    assert compare_lines(ComparedLine(other[0], agents), ComparedLine(other[1], ranking)).p is None


@pytest.mark.parametrize(
    ("first", "second"), [(wrong({0}), None), (None, None), (wrong({0}), wrong({0}, examples="y"))]
)
def test_without_answers_to_the_same_examples_intervals_decide(
    first: LineAnswers | None, second: LineAnswers | None
) -> None:
    """It is said that the statement is unpaired."""
    assert difference(first, second) == "+8.00 points, not shown (unpaired; intervals overlap)"
    apart = [ComparedLine(row("demo", "test_accuracy", 80.0, interval=ends), None) for ends in ((70, 75), (76, 79))]
    assert compare_lines(*apart).reason == "unpaired; intervals do not overlap" and compare_lines(*apart).shown
    wide = ComparedLine(row("demo", "test_accuracy", 70.0, 72.0, 77.0, interval=(70, 75)), None)
    assert not compare_lines(wide, apart[1]).shown  # Its runs reach into the other interval.
    none = ComparedLine(row("demo", "test_bleu", 35.0), None)
    assert compare_lines(none, none).describe() == "+0.00 BLEU, not shown (neither answers nor intervals are stored)"


def test_correlations_and_bleu_are_compared_over_examples() -> None:
    """A prediction that is near the truth is better than noise; its interval is around its own r."""
    random = np.random.default_rng(0)
    true = random.normal(size=(1, 300)).astype(np.float32)
    near, far = (true + spread * random.normal(size=(1, 300)).astype(np.float32) for spread in (0.1, 2.0))
    lines = [
        ComparedLine(row("demo", "test_pearson", r), LineAnswers(("x",), {"true": true, "predicted": one}))
        for r, one in ((0.99, near), (0.45, far))
    ]
    found = compare_lines(*lines)
    assert found.shown and found.describe().startswith("+0.540 of r, shown (p")
    low, high = bootstrap_interval(lines[1].answers, "test_pearson") or (0, 0)
    assert low < np.corrcoef(true[0], far[0])[0, 1] < high and high - low < 0.3
    counts = np.tile(np.array([10, 10, 8, 6, 4, 2, 10, 9, 8, 7], np.int16), (1, 50, 1))
    same = ComparedLine(row("demo", "test_bleu", 40.0), LineAnswers(("x",), {"bleu": counts}))
    assert compare_lines(same, same).describe() == "+0.00 BLEU, not shown (p = 1)"
    assert bootstrap_interval(None, "test_bleu") is None and bootstrap_interval(lines[0].answers, "test_bleu") is None


def test_answers_are_stored_and_read_back(tmp_path: Path) -> None:
    """Arrays and digests come back; a damaged file is refused, and a line without answers has no file."""
    columns: dict[str, Any] = {
        "label": np.array([[1, 2], [3, 4]]),
        "answer": np.array([[1, 2], [3, 5]]),
        "single_wrong": np.array([0.1, 0.9], np.float32),
    }
    given = answers_of([columns, columns], ["a" * 64, "b" * 64])
    write_answers(tmp_path, "demo", given)
    found = read_answers(tmp_path, "demo")
    assert found is not None and given is not None and found.examples == ("a" * 64, "b" * 64)
    assert found.numbers["wrong"].tolist() == [[False, True]] * 2
    assert found.numbers["single"] == pytest.approx(np.array([[0.1, 0.9]] * 2), abs=1e-3)
    assert answers_of([columns, {"reward": np.ones(2)}], ["", ""]) is None
    path = tmp_path / "answers/demo.npz"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="not what glimpse reproduce writes"):
        read_answers(tmp_path, "demo")
    write_answers(tmp_path, "demo", None)
    assert read_answers(tmp_path, "demo") is None


def test_a_page_says_which_differences_are_shown() -> None:
    """Only what is better than all others is bold; stated differences come first, with what they are about."""
    configs = ("digits-ram", "digits-path", "digits-cnn")
    stated = (Stated("Beside the network", "digits-cnn", "digits-ram", "test_error_m1"),)
    table = Table(
        "T", "", tuple(TableEntry(name, name[7:], control=n > 0) for n, name in enumerate(configs)), stated=stated
    )
    rows = [
        row(name, metric, 1.0 + 8 * n)
        for n, name in enumerate(configs)
        for metric in ("test_error_m10", "test_error_m1")
    ]
    answers = {name: wrong(set(range(1 + 8 * n))) for n, name in enumerate(configs)}
    page = table_markdown(table, rows, "t", answers)
    assert "| 1.00 | **1.00** |" in page and page.count("**") == 2
    assert "ram (`digits-ram`), M = 10, over\n\n- path (`digits-path`): +8.00 points, shown (p = .0078)\n" in page
    first, *_ = (line for line in page.splitlines() if line.startswith("- "))
    assert (
        first
        == "- Beside the network: cnn (`digits-cnn`) over ram (`digits-ram`), M = 1: -16.00 points, shown (p < .001)"
    )
    alike = table_markdown(table, rows, "t", {name: wrong({0}) for name in configs})
    assert "**" not in alike and "not shown (p = 1)" in alike
