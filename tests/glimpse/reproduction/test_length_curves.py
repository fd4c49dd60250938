"""BLEU over the length of the source, from the evaluations of a table's runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from glimpse.errors import UserError
from glimpse.reporting.translation.translation_charts import length_points
from glimpse.reproduction.length_curves import lengths_picture
from glimpse.reproduction.table_entries import Table, TableEntry

TABLE = Table("T", "", (TableEntry("a", "first", family="length"), TableEntry("b", "second")), lengths=True)
GROUPS: list[dict[str, Any]] = [{"words": 10, "bleu": 40.0}, {"words": 15, "bleu": 30.0}, {"words": None, "bleu": 20.0}]


def record(runs: Path, name: str, text: str) -> None:
    """Write a run's evaluation.json."""
    (runs / name).mkdir(parents=True)
    (runs / name / "evaluation.json").write_text(text)


def test_a_group_stands_at_the_middle_of_its_lengths() -> None:
    """1 to 10 words are at 5.5, 11 to 15 at 13, all longer sentences at 18."""
    assert length_points(GROUPS) == ((5.5, 40.0), (13.0, 30.0), (18.0, 20.0))


def test_a_picture_shows_lines_that_have_a_family(tmp_path: Path) -> None:
    """Without evaluated runs of lines with a family there is no picture."""
    record(tmp_path, "b-seed0", json.dumps({"test": {"by_length": GROUPS}}))
    (tmp_path / "a-seed1").mkdir()
    assert lengths_picture(TABLE, tmp_path) is None
    record(tmp_path, "a-seed0", json.dumps({"test": {"by_length": GROUPS}}))
    picture = lengths_picture(TABLE, tmp_path)
    assert picture is not None and picture.startswith(b"\x89PNG")


def test_two_runs_are_averaged(tmp_path: Path) -> None:
    """Two runs are drawn as their mean; a length that one of them lacks is left out."""
    for name, bleu in (("one/a-seed0", 10.0), ("one/a-seed1", 30.0), ("other/a-seed0", 20.0)):
        more = [{"words": 15, "bleu": 1.0}] if name == "one/a-seed0" else []
        record(tmp_path, name, json.dumps({"test": {"by_length": [{"words": 10, "bleu": bleu}, *more]}}))
    assert lengths_picture(TABLE, tmp_path / "one") == lengths_picture(TABLE, tmp_path / "other")


@pytest.mark.parametrize("text", ["{", "[]", '{"test": {}}'])
def test_a_damaged_record_is_named(text: str, tmp_path: Path) -> None:
    """The error names the file."""
    record(tmp_path, "a-seed0", text)
    with pytest.raises(UserError, match=r"evaluation\.json is not what glimpse evaluate writes"):
        lengths_picture(TABLE, tmp_path)
