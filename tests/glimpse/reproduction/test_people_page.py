"""The table beside people: its page and figures, by hand, and the command on a made-up copy."""

import json
from pathlib import Path
from typing import Any

import pytest

from glimpse.cli.command_line import main
from glimpse.evaluation.people_comparison import AT_PEOPLE, TITLES
from glimpse.reporting.drawing.charts import Curve, Label
from glimpse.reproduction.figure_parts import MeasuredEntry
from glimpse.reproduction.people_figures import people_figure
from glimpse.reproduction.people_page import people_markdown, people_measures, right_after_looks
from glimpse.reproduction.table_entries import TableEntry
from glimpse.runs.results import Row
from tests.made_up_people import install_people

FOUND: dict[str, Any] = {
    "right_after": {name: [10.0 * number, 50.0] for number, name in enumerate(TITLES)},
    "information_gain": {name: 0.1 for name in TITLES if name != AT_PEOPLE},
    "similarity": {name: 0.3 for name in TITLES if name != AT_PEOPLE},
    "selection": {
        "kept": [20.0, 100.0],
        "ends_wrong": {"agent": 50.0, "at_people": 40.0},
        "estimated": {"people": [8.0, 2.0], "agent": [30.0, 45.0]},
        "corrected": [[9.0, 92.0], [9.5, 98.0]],
    },
}


def results(*comparisons: dict[str, Any]) -> dict[str, Row]:
    """Return the result rows of some seeds by metric."""
    measured = [people_measures(one) for one in comparisons]
    return {
        metric: {"metric": metric, "values": [one[metric] for one in measured], "mean": measured[0][metric]}
        for metric in measured[0]
    }


def test_the_page_has_a_row_for_each_look() -> None:
    """Means over seeds, with the range where they differ; people are the same for all seeds."""
    other = {**FOUND, "right_after": {**FOUND["right_after"], "agent": [30.0, 50.0]}}
    page = people_markdown(results(FOUND, other))
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| 1 |")]
    assert [cells[:4] for cells in rows] == [["| 1", "0.0", "20.0 (10.0 to 30.0)", "20.0"]]
    assert rows[0][-3:] == ["20.0", "9.0", "9.5 |"]
    assert "| people | +0.100 | 0.300 |" in page and f"| {TITLES[AT_PEOPLE]} | +" not in page
    assert "That gives 2.0 to 8.0 % of people's" in page and "30.0 to 45.0 % of the agent's episodes" in page
    assert "an unknown share of those at people's looks" in page  # None of them ended right.
    assert right_after_looks(results(FOUND, other), "right_agent") == [[10.0, 30.0], [50.0, 50.0]]


def test_the_figure_has_a_line_for_each_way_to_look() -> None:
    """Each has its name, and a point for each look."""
    line = MeasuredEntry(TableEntry("people-anytime", "agent"), results(FOUND))
    marks = people_figure([line]).marks
    assert [len(mark.spots) for mark in marks if isinstance(mark, Curve)] == [2] * len(TITLES)
    assert set(TITLES.values()) <= {mark.text for mark in marks if isinstance(mark, Label)}


def test_the_table_is_reproduced_from_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`glimpse reproduce people` trains, compares and draws; a second call does none of it again."""
    install_people(tmp_path / "data", monkeypatch)
    small = ["train.steps=2", "train.batch=8", "train.evaluate_every=2", "agent.memory_width=8", "threads=1"]
    folders = ["--runs", str(tmp_path / "runs"), "--output", str(tmp_path / "out")]
    words = ["reproduce", "people", *small, "track.mode=disabled", "--seeds", "1", *folders]
    assert main(words) == 0
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made == {"people.json", "people.md", "people.svg", "people.png", "people-maps.png"}
    page = (tmp_path / "out/people.md").read_text()
    assert "![Maps of looks](people-maps.png)" in page and "| 12 | 100.0 |" in page
    rows = json.loads((tmp_path / "out/people.json").read_text())
    people = [row["mean"] for row in rows if row["metric"].startswith("people_right_people_")]
    assert people == pytest.approx([33.3333] * 4 + [66.6667] * 4 + [100.0] * 4)
    record = tmp_path / "runs/people-anytime-seed0/evaluation.json"
    before = record.stat().st_mtime_ns
    assert main(words) == 0
    assert record.stat().st_mtime_ns == before
