"""Tables of the anytime agent: lines that override a config, and the figure of errors over the pixels seen."""

from typing import Any

import pytest

from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.config.shipped import shipped_configs
from glimpse.reporting.drawing.charts import Curve, Dot, Label
from glimpse.reporting.drawing.svg import text_width
from glimpse.reproduction.figure_parts import MeasuredEntry
from glimpse.reproduction.look_tables import LOOK_TABLES, variant
from glimpse.reproduction.looks_figure import looks_figure
from glimpse.reproduction.run_measures import Result, is_whole, mean_after_looks, measure_run
from glimpse.reproduction.table_entries import Table, TableEntry, row_name
from glimpse.reproduction.table_markdown import table_markdown

LINES = {entry.name: entry for table in LOOK_TABLES.values() for entry in table.entries}


def loaded(name: str) -> Experiment:
    """Return the experiment of a line."""
    return load_experiment(LINES[name].config, LINES[name].overrides)


@pytest.mark.parametrize("name", LINES)
def test_every_line_loads_and_is_what_its_label_says(name: str) -> None:
    """A control looks as its name says, an ablation lacks what it names, and no name is that of another config."""
    entry, experiment = LINES[name], loaded(name)
    agent: Any = experiment.agent
    task: Any = experiment.task
    assert agent.name == "anytime" and name.startswith(entry.config)
    assert (name in shipped_configs()) == (not entry.variant)
    learns = agent.look_policy in ("gaussian", "grid", "both")
    assert entry.control == (not learns)
    if agent.look_policy == "none":
        assert task.glimpses == 1 and str(task.glance) in entry.label
        assert ("soft attention" in entry.label) == (agent.glance_reading == "attention")
    elif not learns:
        assert entry.variant == agent.look_policy


@pytest.mark.parametrize("name", LOOK_TABLES)
def test_every_table_has_its_controls(name: str) -> None:
    """Random, centre, raster, path and saliency, the glance alone at two sizes or more, and soft attention."""
    entries = LOOK_TABLES[name].entries
    for config in {entry.config for entry in entries}:
        agents: list[Any] = [loaded(entry.name).agent for entry in entries if entry.config == config]
        policies = [agent.look_policy for agent in agents]
        assert {"random", "centre", "raster", "path", "saliency"} <= set(policies) and policies.count("none") >= 3
        assert sum(agent.glance_reading == "attention" for agent in agents) == 1
        assert all(entry.seeds == 3 for entry in entries)


def test_ablations_of_elpv_change_one_thing() -> None:
    """Encoder, glance, zoom, gain and pretraining, each alone."""
    own: Any = loaded("elpv-anytime")
    changed = {}
    for part in ("conv", "no-glance", "no-zoom", "no-gain", "no-pretraining"):
        other: Any = loaded(f"elpv-anytime-{part}")
        pairs = [(own.task, other.task), (own.agent, other.agent)]
        changed[part] = [key for a, b in pairs for key, value in a if value != getattr(b, key)]
    assert list(changed.values()) == [["encoder"], ["glance"], ["zoom"], ["policy_reward"], ["pretraining"]]


def test_pixels_of_elpv_keep_to_the_budget() -> None:
    """96 x 96 of the glance and 4 x 32 x 32 of the looks are 13,312 pixels: less than 15 % of 300 x 300."""
    task: Any = loaded("elpv-anytime").task
    seen = task.glance**2 + task.glimpses * task.retina.scales * task.retina.patch**2
    assert seen == 13_312 and seen <= 0.15 * LOOK_TABLES["elpv"].whole == 0.15 * 90_000


def record(greedy: float, after: list[float], pixels: list[int]) -> dict[str, Any]:
    """Return a test record with errors after each look."""
    score = {"error": after[-1], "low": 0.0, "high": 9.0, "episodes": 10, "after_glimpse": after, "figures": {}}
    scores = {"greedy": {**score, "error": greedy}, "sampled": score, "averaged": score, "copies": 1}
    costs = {"pixels": pixels[-1], "multiply_adds": 7, "parameters": 3, "pixels_after_look": pixels}
    return {"agent": "anytime", "scores": {"anytime": scores}, **costs}


def test_errors_after_looks_by_hand() -> None:
    """The mean of 40 and 20 after the first look, of 10 and 20 after the second; 150 of 600 numbers are 25 %."""
    experiment = load_experiment("digits-anytime")
    results = [Result(experiment, record(9.0, after, [100, 150]), 5, 60.0) for after in ([40.0, 10.0], [20.0, 20.0])]
    assert mean_after_looks(results) == [[100, 30.0], [150, 15.0]]
    table = Table("T", "", (), figure="looks", costs=("pixels",), whole=600)
    measures = measure_run(results[0], table)
    assert measures["seen"] == 25.0 and measures["pixels"] == 150 and measures["test_error_m1"] == 10.0
    blind = Result(experiment, record(9.0, [40.0, 30.0], [64]), 5, 60.0)
    assert mean_after_looks([blind]) == [[64, 30.0]]
    old = {key: value for key, value in blind.record.items() if key != "pixels_after_look"}
    assert is_whole(blind.record, table) and not is_whole(old, table)


def lines_of(*curves: tuple[str, bool, list[list[float]]]) -> list[MeasuredEntry]:
    """Return measured lines: label, whether it is a control, and pixels and error after each look."""
    return [
        MeasuredEntry(TableEntry("a", label, control=grey), {"test_error_m1": {"after_looks": curve}})
        for label, grey, curve in curves
    ]


def test_curves_lie_where_the_axes_say() -> None:
    """An error of 20 at 200 pixels is half way between 10 at 100 and 30 at 300; controls are grey; one look: a dot."""
    own = [[100.0, 30.0], [200.0, 20.0], [300.0, 10.0]]
    figure = looks_figure(
        [*lines_of(("agent", False, own), ("glance", True, [[100.0, 25.0]])), *lines_of(("no", True, []))]
    )
    curves = [mark for mark in figure.marks if isinstance(mark, Curve)]
    first, middle, last = (spot for spot in curves[0].spots if spot)
    assert middle[0] - first[0] == pytest.approx(last[0] - middle[0])
    assert middle[1] - first[1] == pytest.approx(last[1] - middle[1]) and first[1] < last[1]
    assert [curve.tone for curve in curves] == ["agent", "control"]
    assert len([mark for mark in figure.marks if isinstance(mark, Dot)]) == 4
    names = {mark.text: mark for mark in figure.marks if isinstance(mark, Label)}
    assert {"agent", "glance", "pixels seen", "error, %"} <= set(names) and "no" not in names


def test_names_cover_no_curve() -> None:
    """The name of a curve begins right of its end and fits the figure; that of a dot stands above it."""
    level = [[100.0, 20.0], [200.0, 20.0]]
    figure = looks_figure(lines_of(("random looks", True, level), ("glance", True, [[90.0, 20.0]])))
    names = {mark.text: mark for mark in figure.marks if isinstance(mark, Label)}
    dots = sorted((mark for mark in figure.marks if isinstance(mark, Dot)), key=lambda dot: dot.x)
    right = names["random looks"]
    assert right.anchor == "l" and dots[-1].x < right.x
    assert right.x + text_width(right.text) <= figure.width
    assert names["glance"].y < dots[0].y - 4


def test_lines_of_one_config_are_told_apart() -> None:
    """Rows belong to a variant by its name, and the page says what each line trains."""
    changed = ("agent.look_policy=random", "train.batch=64")
    config = "digits-anytime"
    entries = (TableEntry(config, "agent"), variant(config, "random", "random looks", *changed))
    table = Table("T", "Text.", entries)
    shared = {"seeds": [0], "train_seconds": 60.0, "device": "m", "command": "c", "metric": "test_error_m1"}
    rows = [{**shared, "config": f"configs/images/{config}.yaml", "values": [1.0], "task": "t"}]
    rows.append(
        {**shared, "config": f"configs/images/{config}.yaml", "values": [2.0], "task": "t", "variant": "random"}
    )
    assert [row_name(row) for row in rows] == [config, f"{config}-random"]
    page = table_markdown(table, rows, "t").splitlines()
    assert "| agent (`digits-anytime`) | 1.00 |  | 1 |" in page
    assert f"| random looks (`{config} {' '.join(changed)}`) † | 2.00 |  | 1 |" in page
    assert any(line.startswith("| `digits-anytime-random` | 1 |") for line in page)
