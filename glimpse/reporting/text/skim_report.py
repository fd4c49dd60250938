"""Report of a run whose agent reads texts in part: window by window, or selected words.

Texts of the test set are never shown.
"""

from html import escape

import numpy as np

from glimpse.envs.text.skimming import Skimming
from glimpse.evaluation.keep_rates import describe_keep_rates
from glimpse.evaluation.replay import evenly
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.html_page import (
    Section,
    config_section,
    not_measured,
    report_page,
    score_cell,
    scores_table,
    training_section,
)
from glimpse.reporting.measures_section import measures_body
from glimpse.reporting.run_record import Evaluation, RunRecord, training_charts
from glimpse.reporting.text.accounts import Account
from glimpse.reporting.text.partial_reading import skimmed_texts
from glimpse.reporting.text.token_html import text_figure

_LEAD = "Every text on this page is from the validation split."


def skim_files(record: RunRecord, texts: int) -> dict[str, bytes]:
    """Return the files of the report by name; `texts` texts are shown if they are read window by window."""
    env, experiment = record.trained.env, record.trained.experiment
    shown: list[Account] = []
    if isinstance(env, Skimming):
        shown = skimmed_texts(record.trained.agent, env, experiment.evaluate, evenly(env.examples, texts))
    curves, classes = training_charts(record.metrics), env.classes
    sections = [Section("results", "Results", _results(record)), training_section(curves, "chance")]
    if shown:
        sections.append(Section("texts", "Texts", _texts(shown, classes)))
    hero = f'<div class="hero">{text_figure(shown[0], classes)}</div>' if shown else ""
    title = f"{experiment.agent_title} on {experiment.task_title}"
    document = report_page(record, title, _LEAD, _facts(record, shown), hero, [*sections, config_section(record)])
    return {"curves.png": png(charts_image(curves)), "index.html": document.encode()}


def _facts(record: RunRecord, shown: list[Account]) -> list[tuple[str, str]]:
    """Return names and values that describe the run."""
    env = record.trained.env
    parameters = sum(parameter.numel() for parameter in record.trained.agent.parameters())
    facts = [("Texts", f"{env.examples:,}"), ("Parameters", f"{parameters:,}")]
    if shown:
        words = [text.dropped for one in shown for text in one.texts if text.dropped is not None]
        share = 1 - np.concatenate(words).mean()
        facts.append(("Words read", f"{100 * share:.0f} % of those below"))
    return facts


def _results(record: RunRecord) -> str:
    """Return the tables of evaluations, with keep rates."""
    tables = "".join(_table(one, record.trained.step) for one in record.evaluations) + not_measured(record)
    return tables + measures_body(record.evaluations)


def _table(measured: Evaluation, step: int) -> str:
    """Return the table of an evaluation: greedy, sampled and averaged errors."""
    (name, agent), *_ = measured.scores.items()
    cells = "".join(map(score_cell, (agent.greedy, agent.sampled, agent.averaged)))
    row = f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    kept = "".join(f"; {line}" for line in describe_keep_rates(agent.keep_rates))
    caption = f"{agent.averaged.episodes:,} {escape(measured.split)} texts; small, the 95 % interval{kept}."
    heads = ["Greedy", "M = 1", f"M = {agent.copies}"]
    return scores_table(measured, step, f"{measured.title} error, %", heads, row, caption)


def _texts(shown: list[Account], classes: tuple[str, ...]) -> str:
    """Return the HTML of texts in which skipped words are struck out."""
    caption = "Read greedily, from left to right. Words that are struck out were skipped, or come after the answer."
    pages = "".join(text_figure(one, classes) for one in shown)
    return f'<p>{caption}</p>\n<div class="readings">{pages}</div>'
