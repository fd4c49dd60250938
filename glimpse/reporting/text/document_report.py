"""Report of a run whose agent searches documents: results, and its paths through the store, step by step.

Questions of the test set are never shown.
"""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from glimpse.evaluation.replay import evenly
from glimpse.evaluation.search_curve import OPENED, ExactPoint, SearchCurve
from glimpse.evaluation.store_paths import StorePath, store_paths
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.charts import Chart, Series
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.html_page import Section, config_section, not_measured, report_page, training_section
from glimpse.reporting.html_parts import Cell, Fact, NumberTable, Row, RowGroup, facts_table, number_table, single_chart
from glimpse.reporting.html_templates import render
from glimpse.reporting.measure_names import result_name
from glimpse.reporting.measures_section import measures_body
from glimpse.reporting.report_size import MOST_SHOWN, fewer_note, fitting_files
from glimpse.reporting.run_record import Evaluation, RunRecord, training_charts
from glimpse.reporting.score_tables import Wording, score_table
from glimpse.reporting.text.path_html import path_figure

_LEAD = "Every question on this page is from the validation split."
_WORDING = Wording("questions", "what the policy likes best, at each step", "actions")
_SEARCHED = 4
"""Questions that are searched for each one that is shown, so that wrong ones are among them."""


def document_files(record: RunRecord, questions: int) -> dict[str, bytes]:
    """Return the files of the report by name; the paths of `questions` questions are shown."""
    env, experiment = record.trained.env, record.trained.experiment
    wanted = min(questions, MOST_SHOWN, env.examples)
    searched = evenly(env.examples, min(env.examples, _SEARCHED * wanted))
    paths = store_paths(record.trained.agent, env, experiment.evaluate, searched)
    shown = _some_of_both(paths, wanted)
    curves = training_charts(record)

    def write(count: int, detail: float) -> dict[str, bytes]:
        some = [shown[number] for number in evenly(len(shown), count)]
        sections = [
            Section("results", "Results", _results(record)),
            training_section(record, curves, "sampled actions"),
            Section("paths", "Paths through the store", _paths(some, env.classes, paths, questions, env.examples)),
            config_section(record),
        ]
        hero = render("text_hero.html", figure=path_figure(some[0], env.classes))
        title = f"{experiment.agent_title} on {experiment.task_title}"
        page = report_page(record, title, _LEAD, _facts(record), hero, sections)
        return {"curves.png": png(charts_image(curves)), "index.html": page.encode()}

    return fitting_files(write, len(shown))


def _some_of_both(paths: Sequence[StorePath], wanted: int) -> list[StorePath]:
    """Return paths of which half are right, as far as there are, in turns."""
    right, wrong = ([path for path in paths if path.right is way] for way in (True, False))
    of_right = min(len(right), max(wanted - len(wrong), (wanted + 1) // 2))
    some = [[right[at] for at in evenly(len(right), of_right)] if of_right else []]
    left = min(len(wrong), wanted - of_right)
    some.append([wrong[at] for at in evenly(len(wrong), left)] if left else [])
    longest = max(map(len, some))
    return [side[at] for at in range(longest) for side in some if at < len(side)]


def _facts(record: RunRecord) -> list[tuple[str, str]]:
    """Return names and values that describe the run."""
    env: Any = record.trained.env
    parameters = sum(parameter.numel() for parameter in record.trained.agent.parameters())
    store = f"{len(env.store):,} sentences, {env.store.word_count:,} words"
    return [("Questions", f"{env.examples:,}"), ("Store", store), ("Parameters", f"{parameters:,}")]


def _results(record: RunRecord) -> Markup:
    """Return the tables of evaluations, what was found in them, and its curves."""
    tables = [
        number_table(score_table(one, record, _WORDING))
        + _found_table(one, record.trained.agent.stochastic)
        + _curve(one)
        for one in record.evaluations
    ]
    missing = not_measured(record, [one.split for one in record.evaluations])
    return Markup("").join([*tables, missing, measures_body(record)])


def _found_table(measured: Evaluation, stochastic: bool) -> Markup:
    """Return the table of what sampled episodes found in documents; "" in records of before."""
    found = measured.own.search
    if not found:
        return Markup("")
    shares = [100 * value if name.startswith("evidence") else value for name, value in found.items()]
    row = Row(next(iter(measured.scores)), [Cell(f"{value:z.2f}") for value in shares])
    title = f"{measured.title}: what is found in the documents"
    caption = (
        "Means over questions, of evidence over those that have any; it is complete when all sentences of a group that "
        "was marked are opened."
    )
    heads = [result_name(key, "M = 1" if stochastic else "") for key in found]
    return number_table(NumberTable(title, heads, [RowGroup([row], own=True)], caption))


def _curve(measured: Evaluation) -> Markup:
    """Return the curve of found evidence and accuracy, a table of it, and how far answers rest on what is opened."""
    curve = measured.search_curve
    if curve is None:
        return Markup("")
    series = (
        Series("evidence complete", tuple((point.opened, 100 * point.found) for point in curve.points)),
        Series("right answers", tuple((point.opened, 100 * point.accuracy) for point in curve.points), "averaged"),
    )
    chart = Chart(f"{measured.title}, greedy: questions, %, by sentences opened", "sentences opened, mean", series)
    caption = (
        "The same weights answer earlier or later when a number is added to the logit of answering; each point is one "
        "such number."
    )
    return single_chart(chart, caption) + number_table(_curve_table(measured, curve)) + _agreement(measured, curve)


def _curve_table(measured: Evaluation, curve: SearchCurve) -> NumberTable:
    heads = ["Sentences opened", "Evidence complete, %", "Right answers, %", "Words opened"]
    counts = [(f"{count} on average", curve.at(count)) for count in OPENED]
    others = [Row(name, _cells(point)) for name, point in counts if point is not None]
    groups = [RowGroup([Row("as trained", _cells(curve.own))], own=True)]
    groups += [RowGroup(others, "Another number added to the logit of answering, or between two")] if others else []
    exact = [Row(name, _cells(point)) for name, point in curve.shown_firsts.items()]
    groups += [RowGroup(exact, "Answering only after so many, as rankings do")] if exact else []
    return NumberTable(f"{measured.title}, greedy: what is found and answered", heads, groups)


def _cells(point: ExactPoint) -> list[Cell]:
    numbers = (point.opened, 100 * point.found, 100 * point.accuracy, point.words)
    return [Cell(f"{number:.2f}") for number in numbers]


def _agreement(measured: Evaluation, curve: SearchCurve) -> Markup:
    """Return how opened sentences agree with the evidence, and how far answers rest on them."""
    rows = [
        Fact(
            "F1 of sentences, greedy", f"{100 * curve.sentence_f1:.1f} %", "Opened sentences against all marked ones."
        ),
        Fact("F1 of words, greedy", f"{100 * curve.token_f1:.1f} %", "The same, by their words."),
        Fact(
            "Sufficiency, greedy",
            f"{100 * curve.sufficiency:.1f} points",
            "Drop in probability of the answer when only the opened sentences are read, not all that may be opened.",
        ),
        Fact(
            "Comprehensiveness, greedy",
            f"{100 * curve.comprehensiveness:.1f} points",
            "Drop in probability of the answer when the others of these are read, without the opened ones.",
        ),
    ]
    return facts_table(rows, f"{measured.title}: evidence and answers")


def _paths(
    some: Sequence[StorePath], classes: tuple[str, ...], searched: Sequence[StorePath], wanted: int, examples: int
) -> Markup:
    """Return the HTML of paths."""
    right = sum(path.right for path in searched)
    caption = (
        f"Searched greedily: {right:,} of {len(searched):,} questions were answered rightly with complete evidence, "
        "where any is marked. Some of both kinds follow."
    )
    note = fewer_note(len(some), min(wanted, examples))
    figures = [path_figure(path, classes) for path in some]
    return render("some_texts.html", sentence=f"{caption}{note}", figures=figures)
