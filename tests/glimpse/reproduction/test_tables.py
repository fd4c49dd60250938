"""Result tables: every line is a config that loads, and pages and figures agree with the result rows."""

import re
from typing import Any, get_args
from xml.etree import ElementTree

import pytest

from glimpse.agents.encoders.options import EncoderOptions, RecurrentEncoderOptions
from glimpse.agents.options import Options
from glimpse.agents.text.options import ReaderOptions
from glimpse.config.files import load_experiment
from glimpse.config.shipped import shipped_configs
from glimpse.reporting.drawing.charts import Band, Curve, Dot, Label
from glimpse.reproduction import budgets
from glimpse.reproduction.figure_parts import MeasuredEntry, fitting_axis
from glimpse.reproduction.figures import figure_files, scores_figure
from glimpse.reproduction.image_tables import VISUAL_TABLES
from glimpse.reproduction.look_tables import LOOK_TABLES
from glimpse.reproduction.metric_texts import spread_text
from glimpse.reproduction.people_tables import PEOPLE_TABLES
from glimpse.reproduction.plane_figures import keep_rates_figure
from glimpse.reproduction.search_figures import search_figure
from glimpse.reproduction.search_tables import SEARCH_TABLES
from glimpse.reproduction.table_markdown import table_markdown
from glimpse.reproduction.tables import TABLES, Published, Table, TableEntry
from glimpse.reproduction.text_tables import TEXT_TABLES
from glimpse.reproduction.translation_tables import TRANSLATION_TABLES

ELSEWHERE = {*LOOK_TABLES, *PEOPLE_TABLES}
"""Tables whose lines have tests of their own."""
LINES = [(name, entry.config) for name, table in TABLES.items() if name not in ELSEWHERE for entry in table.entries]


TRAIN_OPTIONS = budgets.train_options


@pytest.fixture(autouse=True)
def unknown_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lines be named `a` and so on: these train like digits-ram."""
    known = shipped_configs()
    monkeypatch.setattr(
        budgets, "train_options", lambda name, overrides=(): TRAIN_OPTIONS(name if name in known else "digits-ram")
    )


def row(config: str, metric: str, *values: float) -> dict[str, Any]:
    """Return a result row."""
    known = {"task": "t", "agent": "a", "seeds": list(range(len(values))), "train_seconds": 90.0, "device": "a machine"}
    mean = sum(values) / len(values)
    given = {"config": f"configs/images/{config}.yaml", "metric": metric, "values": list(values), "mean": mean}
    return {**known, **given, "command": f"glimpse reproduce {config}", "published": None}


def test_all_tables_are_registered() -> None:
    """`TABLES` has the tables of images, text, searches and translation by name."""
    assert list(VISUAL_TABLES) == [
        "mnist",
        "digits",
        "translated",
        "demo",
        "cluttered",
        "cluttered100",
        "catch",
        "hard-vs-soft",
        "stopping",
    ]
    assert list(LOOK_TABLES) == ["elpv", "megapixel", "photo-search", "find"]
    text = ["sentences", "planted", "pairs", "resan", "selection", "skimming", "rationales", "documents"]
    assert list(TEXT_TABLES) == text
    assert list(TRANSLATION_TABLES) == ["translation"]
    assert list(SEARCH_TABLES) == ["evidence", "facts"]
    assert list(PEOPLE_TABLES) == ["people"]
    looks = {**LOOK_TABLES, **PEOPLE_TABLES}
    assert {**VISUAL_TABLES, **looks, **TEXT_TABLES, **SEARCH_TABLES, **TRANSLATION_TABLES} == TABLES


@pytest.mark.parametrize(("name", "config"), LINES)
def test_every_line_is_a_config_that_loads(name: str, config: str) -> None:
    """All lines of a table are on the same kind of environment."""
    task: Any = load_experiment(config).task
    if name in TRANSLATION_TABLES:
        assert task.name in ("translate", "simultaneous-translation") and config.startswith(task.data)
        return
    if name in SEARCH_TABLES:
        assert task.name == name and config.startswith(name)
        return
    if name in TEXT_TABLES:
        if task.name == config == "number-prediction":
            return
        assert task.name in ("text", "skim", "sentence-pick")
        assert config.startswith(task.data.removesuffix("-20k").removesuffix("-10k").removesuffix("-movies"))
        return
    environments = {"hard-vs-soft": "cluttered-mnist", "stopping": "mnist", "cluttered100": "cluttered-mnist-100"}
    environments |= {"people": "mnist", "demo": "translated-mnist"}
    assert task.name in (environments.get(name, name), f"{name}-mnist")


@pytest.mark.parametrize("name", VISUAL_TABLES)
def test_every_table_has_its_controls(name: str) -> None:
    """Controls are random, centre, raster, a fixed path, the whole image, and fixed counts where agents may stop."""
    labels = " ".join(entry.label for entry in TABLES[name].entries if entry.control)
    counts = [f"always {n}" for n in range(1, 7)] if TABLES[name].figure == "glimpses" else []
    assert all(word in labels for word in ["random", "centre", "raster", "fixed path", "whole", *counts])


@pytest.mark.parametrize("data", ["trec", "sst2"])
def test_all_encoders_are_in_the_table_of_sentences(data: str) -> None:
    """The table has each encoder that a config can name but the hierarchical one, and every pooling of states."""
    lines = [entry.config for entry in TEXT_TABLES["sentences"].entries if entry.config.startswith(f"{data}-")]
    agents = [agent for line in lines if isinstance(agent := load_experiment(line).agent, ReaderOptions)]
    kinds = {kind for variant in get_args(get_args(EncoderOptions)[0]) for kind in _kinds(variant)}
    assert {agent.encoder.kind for agent in agents} == kinds - {"hierarchical"}
    pooled = {agent.encoder.pooling.kind for agent in agents if isinstance(agent.encoder, RecurrentEncoderOptions)}
    assert pooled >= {"max", "mean", "context_vector", "structured"}


def _kinds(variant: type[Options]) -> tuple[str, ...]:
    """Return the names of a variant in a config."""
    return get_args(variant.model_fields["kind"].annotation)


@pytest.mark.parametrize("name", ["cluttered", "cluttered100", "hard-vs-soft"])
def test_the_clutter_is_stated(name: str) -> None:
    """The text says how many distractors there are, their size, and that they lie over the digit."""
    distractors = 8 if name == "cluttered100" else 4
    assert (
        f"{distractors} distractor patches of 8x8" in TABLES[name].text
        and "added over the digit and clamped" in TABLES[name].text
    )


def test_a_line_may_be_left_out_of_the_figure() -> None:
    """A line that is not drawn is still on the page."""
    rows = [{**row(name, "test_error_m1", 5.0), "mean": 5.0} for name in ("a", "b")]
    rows += [row(name, "glimpses", 3.0) for name in ("a", "b")]
    lines = (TableEntry("a", "stops; costs 0.5"), TableEntry("b", "random locations", control=True, drawn=False))
    table = Table("T", "Text.", lines, figure="glimpses")
    assert figure_files(table, rows)["svg"].count(b'circle class="control"') == 1  # In the legend.
    assert "random locations" in table_markdown(table, rows, "t")


def test_spread_by_hand() -> None:
    """1, 2 and 6 have mean 3 and standard deviation sqrt(7); two values have a range, a single one is shown alone."""
    assert spread_text("test_error_m10", [1, 2, 6]) == "3.00 ± 2.65 (1.00 to 6.00)"
    assert spread_text("test_error_m10", [1, 2]) == "1.50 (1.00 to 2.00)"
    assert spread_text("test_error_m10", [1.0]) == "1.00"
    assert spread_text("multiply_adds", [1234567.0]) == "1,234,567"
    assert spread_text("test_pearson", [0.8, 0.9]) == "0.850 (0.800 to 0.900)"
    assert spread_text("epoch_seconds", [8.04]) == "8.0"


LITTLE = Table(
    "Little",
    "Text.",
    (
        TableEntry("a", "first", published=Published(2.0, 4.0, 1.0, "owner/name", ("arxiv",))),
        TableEntry("b", "second", control=True),
        TableEntry("c", "not measured"),
    ),
)


def test_the_page_has_a_line_for_each_measured_entry() -> None:
    """Lines are in the table's order; a metric that a line lacks is an empty cell."""
    rows = [row("a", "test_error_m10", 1.0, 3.0), row("a", "test_error_m1", 5.0, 5.0), row("b", "test_error_m1", 7.0)]
    rows[0] |= {"interval": [1.254, 3.1864], "updates": [2000, 2000], "commit": "0123abcd"}
    rows[0] |= {"tested": ["not recorded", "2026-11-01T10:00:00+00:00", "2026-11-02T10:00:00+00:00"]}
    page = table_markdown(LITTLE, rows, "little")
    lines = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    assert lines[:3] == [
        "|  | M = 1 | paper, NIPS | paper, arXiv v1 | best public | M = 10 | 95 % | seeds |",
        "| first (`a`) | 5.00 | 2.00 | 4.00\\* | 1.00 (owner) | 2.00 (1.00 to 3.00) | 1.25 to 3.19 | 2 |",
        "| second (`b`) | 7.00 |  |  |  |  |  | 1 |",
    ]
    assert lines[3:] == [
        "|  | seeds | updates | minutes | test set used | commit | processor |",
        "| `a` | 2 | 2,000 | 1.5 | 2, earlier ones not recorded | 0123abcd | a machine |",
        "| `b` | 1 | not recorded | 1.5 | not recorded | not recorded | a machine |",
    ]
    assert "owner/name" in page and "glimpse reproduce a\nglimpse reproduce b\n" in page


@pytest.mark.parametrize(
    ("figure", "names"),
    [
        ("lines", ["first", "second", "M = 10", "M = 1"]),
        ("cost", ["first", "second"]),
        ("glimpses", ["first"]),
        ("keep_rates", ["first", "second"]),
        ("looks", ["first", "second"]),
    ],
)
def test_figures_are_well_formed_and_show_measured_entries(figure: Any, names: list[str]) -> None:
    """SVG parses and has no external resources; PNG has its header; entries without rows are left out."""
    measured = {"test_error_m10": 1.0, "test_error_m1": 2.0}
    measured |= {"test_accuracy": 50.0, "test_keep_rate": 10.0} if figure == "keep_rates" else {}
    measured |= {} if figure == "lines" else {"glimpses": 3.0, "pixels": 2e3, "multiply_adds": 3e7}
    rows = [row(config, metric, value * n) for n, config in enumerate("ab", 1) for metric, value in measured.items()]
    rows = [{**each, "after_looks": [[100, 9.0], [200, each["mean"]]]} for each in rows]
    files = figure_files(Table("A <title>", "", LITTLE.entries, figure), rows)
    assert files["png"].startswith(b"\x89PNG")
    root = ElementTree.fromstring(files["svg"])
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert set(names) <= set(texts) and "not measured" not in texts
    assert not re.search(rb"(href|url\(|@import)", files["svg"])


def test_keep_rates_lie_where_the_axes_say() -> None:
    """A family's curve goes from its lowest to its highest keep rate, its band from the worst to the best seed."""
    entries = [TableEntry(name, name, family="hard") for name in "ab"] + [TableEntry("c", "soft", control=True)]
    results = {
        "a": {
            "test_accuracy": row("a", "test_accuracy", 80.0, 90.0),
            "test_keep_rate": row("a", "test_keep_rate", 50.0),
        },
        "b": {"test_accuracy": row("b", "test_accuracy", 70.0), "test_keep_rate": row("b", "test_keep_rate", 25.0)},
        "c": {"test_accuracy": row("c", "test_accuracy", 90.0)},
    }
    figure = keep_rates_figure([MeasuredEntry(entry, results[entry.config]) for entry in entries])
    hard, soft = (mark for mark in figure.marks if isinstance(mark, Curve))
    (band,) = (mark for mark in figure.marks if isinstance(mark, Band))
    ticks = {mark.text: mark for mark in figure.marks if isinstance(mark, Label)}
    (low, a), (high, b) = (spot for spot in hard.spots if spot)
    (whole, _) = next(spot for spot in soft.spots if spot)
    assert (whole - high) == pytest.approx(2 * (high - low))
    assert b - a == pytest.approx(1.5 * (ticks["80"].y - ticks["70"].y))
    assert [upper[1] - lower[1] for lower, upper in zip(band.lower, band.upper, strict=True)] == pytest.approx(
        [0, ticks["90"].y - ticks["80"].y]
    )
    assert (hard.tone, soft.tone) == ("agent", "control")


def test_times_as_fast_by_hand() -> None:
    """600 texts per second are 2.5 times as many as 240; a line without a baseline has an empty cell."""
    lines = (TableEntry("a", "whole", beside="a"), TableEntry("b", "part", beside="a"), TableEntry("c", "other"))
    paces = {"a": 240.0, "b": 600.0, "c": 9.0}
    page = table_markdown(
        Table("T", "", lines, pace=True), [row(name, "texts_per_second", pace) for name, pace in paces.items()], "t"
    )
    cells = [line.split(" | ") for line in page.splitlines() if line.startswith("| ") and "(`" in line]
    assert [line[3] for line in cells] == ["1.0", "2.5", ""]


def test_lines_that_saw_the_test_set_again_are_named() -> None:
    """No page says that the test set was used once; where lines are known to have seen it again, it says why."""
    tables = [Table("T", "", (TableEntry("a", "first"),), tested_again=told) for told in ("", "a was mended")]
    pages = [table_markdown(table, [row("a", "test_bleu", 9.0)], "t") for table in tables]
    assert "used once" not in pages[0] + pages[1] and "tested again" not in pages[0]
    assert "Lines that were tested again: a was mended." in pages[1]


def test_lines_of_another_budget_are_marked() -> None:
    """A sixth of the updates, and minutes in place of updates, are another budget; the same updates are not."""
    configs = ("cluttered-ram", "cluttered-ram-8", "cluttered-path", "cluttered-cnn")
    table = Table("T", "", tuple(TableEntry(name, name) for name in configs), reference="cluttered-ram")
    rows = [row(name, "test_error_m10", 5.0) | {"updates": [24000]} for name in configs]
    rows[2]["updates"], rows[3]["updates"] = [4000], "not recorded"
    page = table_markdown(table, rows, "t")
    assert re.findall(r"\(`([\w-]+)`\) †", page) == ["cluttered-path", "cluttered-cnn"]
    assert "Beside `cluttered-ram`, 24,000 updates (batch 128, 4 rollouts)" in page
    assert "`cluttered-path` 4,000 updates (batch 128, 4 rollouts), `cluttered-cnn` 12 minutes (batch 128)" in page
    rows[0]["updates"] = [12000]
    assert "`cluttered-ram` (12,000 updates, now 24,000)" in table_markdown(table, rows, "t")


def test_a_line_that_ended_early_had_the_same_budget() -> None:
    """It is not marked: the page says when it ended. Where no config has patience, fewer updates are fewer."""
    configs = ("evidence-fever-first", "evidence-fever-none")
    table = Table("T", "", tuple(TableEntry(name, name) for name in configs), reference=configs[0])
    rows = [row(name, "test_accuracy", 5.0, 6.0) | {"updates": [2500, 2500]} for name in configs]
    assert "Ended early" not in table_markdown(table, rows, "t")
    rows[1]["updates"] = [2500, 1500]
    page = table_markdown(table, rows, "t")
    assert "Ended early, as the validation error fell no more: `evidence-fever-none` (2,000 updates)." in page
    assert "†" not in page and "Trained before" not in page
    rows[1]["updates"] = [2500, 3500]
    assert "†" in (page := table_markdown(table, rows, "t")) and "(3,000 updates, now 2,500)" in page


def test_rationales_are_drawn_by_their_f1() -> None:
    """The figure shows F1 of predicted rationales and of top words; the page has a heading for each metric."""
    names = (
        "accuracy",
        "predicted_rate",
        "predicted_f1",
        "random_f1",
        "top_f1",
        "spans_f1",
        "average_precision",
        "sufficiency_area",
    )
    rows = [row("a", f"test_{name}", 10.0 + number) for number, name in enumerate(names)]
    table = Table("T", "Text.", (TableEntry("a", "first"),), rationales=True)
    drawn = figure_files(table, rows)["svg"].decode()
    assert "F1 of predicted rationales, %" in drawn and ">top, F1<" in drawn and "accuracy" not in drawn
    page = table_markdown(table, rows, "t")
    headings = "accuracy, % | 95 % | predicted, % | F1 | random, F1 | top, F1 | IOU-F1 | average precision"
    assert f"| {headings} | sufficiency, AOPC |" in page


def test_dots_lie_where_the_axis_says() -> None:
    """Errors of 1 and 100 are at the ends of a logarithmic axis, 10 is half way."""
    entry = TableEntry("a", "first", published=Published(10.0))
    figure = scores_figure([MeasuredEntry(entry, {"test_error_m10": row("a", "test_error_m10", 1.0, 100.0)})])
    (ring,) = (mark for mark in figure.marks if isinstance(mark, Dot) and mark.ring and mark.y > 44)
    ticks = {mark.text: mark.x for mark in figure.marks if isinstance(mark, Label)}
    assert ring.x == pytest.approx(ticks["10"])
    assert ticks["10"] - ticks["1"] == pytest.approx(ticks["100"] - ticks["10"])


def test_success_rates_have_a_linear_axis() -> None:
    """100 is as far from 50 as 50 is from 0."""
    figure = scores_figure(
        [MeasuredEntry(TableEntry("a", "first"), {"test_caught_m1": row("a", "test_caught_m1", 2.0, 100.0)})]
    )
    ticks = {mark.text: mark.x for mark in figure.marks if isinstance(mark, Label)}
    assert ticks["100"] - ticks["50"] == pytest.approx(ticks["50"] - ticks["0"])


def test_an_axis_is_logarithmic_where_values_are_far_apart() -> None:
    """The axis is linear where values are close, or one is zero."""
    assert fitting_axis([1, 7]).logarithmic
    assert not fitting_axis([1, 5]).logarithmic
    assert not fitting_axis([0, 5]).logarithmic
    assert fitting_axis([]).ticks


def test_every_search_has_its_controls() -> None:
    """All rankings stand beside the agent, and each family's data have the question alone; no name is used twice."""
    for name, table in SEARCH_TABLES.items():
        lines = [entry.name for entry in table.entries]
        assert len(set(lines)) == len(lines)
        families = {entry.family for entry in table.entries}
        for family in families:
            own = [entry for entry in table.entries if entry.family == family]
            data = family.split(",")[0]  # Claims of "FEVER, own pages" are those of "FEVER, whole store".
            assert any(e.config.endswith("-none") and e.family.startswith(data) for e in table.entries), (name, family)
            assert any(entry.ranking == "bm25" for entry in own) and any(not entry.control for entry in own)
    whole = {entry.ranking for entry in SEARCH_TABLES["evidence"].entries if entry.config == "evidence-fever"}
    assert whole == {"", "bm25", "cosine", "re-ranker", "random", "first", "gold"}


def test_lines_of_other_questions_are_no_rivals() -> None:
    """The best line of each family is bold, and no family is compared with another one."""
    lines = (("facts-two", 90.0), ("facts-two-none", 20.0), ("facts-three", 70.0), ("facts-three-none", 10.0))
    rows = [row(name, "test_accuracy", value) | {"interval": [value - 1, value + 1]} for name, value in lines]
    page = table_markdown(SEARCH_TABLES["facts"], rows, "facts")
    assert "**90.00**" in page and "**70.00**" in page and "+70.00 points" in page and "+60.00 points" in page
    assert "+20.00 points" not in page and page.count("points, shown") == 2


def test_figure_of_searches_has_curves_and_single_points() -> None:
    """A line with several numbers of opened sentences is a curve; one that opens two is a point."""
    entries = TABLES["evidence"].entries
    agent = next(entry for entry in entries if entry.config == "evidence-own" and not entry.ranking)
    first = next(entry for entry in entries if entry.config == "evidence-own-first")
    curve = {f"test_{name}_at_{count}": count * 10.0 for name in ("found", "words") for count in (1, 2)}
    point = {"test_found_greedy": 40.0, "test_opened_greedy": 2.0, "test_words_greedy": 50.0, "test_accuracy": 70.0}
    lines = [
        MeasuredEntry(entry, {metric: row(entry.config, metric, value) for metric, value in found.items()})
        for entry, found in ((agent, curve), (first, point))
    ]
    marks = search_figure(lines).marks
    curves = [mark for mark in marks if isinstance(mark, Curve)]
    assert [len(curve.spots) for curve in curves] == [2, 2] and {curve.tone for curve in curves} == {"agent"}
    # Two dots of the legend; of the agent two in each panel of evidence; of the control one in all four.
    assert len([mark for mark in marks if isinstance(mark, Dot)]) == 2 + 4 + 4
    labels = {mark.text for mark in marks if isinstance(mark, Label)}
    names = {f"{at}  {entry.label.removeprefix('FEVER, own pages: ')}" for at, entry in enumerate((agent, first), 1)}
    assert names | {"FEVER, own pages", "right answers, %", "1", "2"} <= labels
    assert ElementTree.fromstring(figure_files(TABLES["evidence"], [])["svg"]).tag.endswith("svg")
