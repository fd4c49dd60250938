"""Learning curves of a table's lines, from the metrics of their runs."""

import json
from pathlib import Path

from glimpse.reproduction.learning_curves import curves_picture, line_points
from glimpse.reproduction.table_entries import Table, TableEntry

TABLE = Table("T", "", (TableEntry("a", "first", family="one"), TableEntry("b", "second")), curve="val/share")


def record(runs: Path, name: str, **shares: float) -> None:
    """Write a run's metrics.jsonl: a validation measure by step, as `s10=0.5`, and a row without it."""
    folder = runs / name
    folder.mkdir(parents=True)
    rows = [{"step": int(step[1:]), "validation_share": share} for step, share in shares.items()]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [{"step": 1, "loss": 2.0}, *rows]))


def test_a_line_is_the_mean_of_its_runs_where_all_were_measured(tmp_path: Path) -> None:
    """The mean of 0.25 and 0.75 is 50 %; steps that one run has not reached and quick runs are left out."""
    record(tmp_path, "a-seed0", s10=0.25, s20=1.0)
    record(tmp_path, "a-seed1", s10=0.75)
    record(tmp_path, "a-seed0-quick", s10=0.0)
    assert line_points(TABLE.entries[0], tmp_path, TABLE.curve) == ((10, 50.0),)


def test_a_picture_shows_lines_that_have_a_family(tmp_path: Path) -> None:
    """Without runs of lines with a family there is no picture."""
    record(tmp_path, "b-seed0", s10=0.5)
    assert curves_picture(TABLE, tmp_path) is None
    record(tmp_path, "a-seed0", s10=0.5, s20=0.6)
    picture = curves_picture(TABLE, tmp_path)
    assert picture is not None and picture.startswith(b"\x89PNG")
