"""Report of a run whose agent reads texts in part: window by window, or selected words.

Texts of the test set are never shown.
"""

import numpy as np
from markupsafe import Markup

from glimpse.envs.text.skimming import Skimming
from glimpse.evaluation.replay import evenly
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.html_page import Section, config_section, not_measured, report_page, training_section
from glimpse.reporting.html_parts import number_table
from glimpse.reporting.html_templates import render
from glimpse.reporting.measures_section import measures_body
from glimpse.reporting.report_size import MOST_SHOWN, fewer_note, fitting_files
from glimpse.reporting.run_record import RunRecord, training_charts
from glimpse.reporting.score_tables import Wording, score_table
from glimpse.reporting.text.accounts import Account
from glimpse.reporting.text.partial_reading import skimmed_texts
from glimpse.reporting.text.rationales_section import keep_rates_table
from glimpse.reporting.text.token_html import MOST_WORDS, text_figure

_LEAD = "Every text on this page is from the validation split."
_WORDING = Wording("texts", "the action that the policy likes best, at each step", "actions")


def skim_files(record: RunRecord, texts: int) -> dict[str, bytes]:
    """Return the files of the report by name; `texts` texts are shown if they are read window by window."""
    env, experiment = record.trained.env, record.trained.experiment
    shown: list[Account] = []
    if isinstance(env, Skimming):
        chosen = evenly(env.examples, min(texts, MOST_SHOWN))
        shown = skimmed_texts(record.trained.agent, env, experiment.evaluate, chosen)
    curves = training_charts(record)

    def write(count: int, detail: float) -> dict[str, bytes]:
        some = [shown[number] for number in evenly(len(shown), count)] if shown else []
        note = fewer_note(len(some), min(texts, env.examples))
        sections = [
            Section("results", "Results", _results(record)),
            training_section(record, curves, "sampled actions"),
            *([Section("texts", "Texts", _texts(some, env.classes, note, round(detail * MOST_WORDS)))] if some else []),
            config_section(record),
        ]
        hero = render("text_hero.html", figure=text_figure(some[0], env.classes)) if some else Markup("")
        title = f"{experiment.agent_title} on {experiment.task_title}"
        page = report_page(record, title, _LEAD, _facts(record, some), hero, sections)
        return {"curves.png": png(charts_image(curves)), "index.html": page.encode()}

    return fitting_files(write, max(1, len(shown)))


def _facts(record: RunRecord, shown: list[Account]) -> list[tuple[str, str]]:
    """Return names and values that describe the run."""
    env = record.trained.env
    parameters = sum(parameter.numel() for parameter in record.trained.agent.parameters())
    facts = [("Texts", f"{env.examples:,}"), ("Parameters", f"{parameters:,}")]
    if shown:
        words = [text.dropped for one in shown for text in one.texts if text.dropped is not None]
        share = 1 - np.concatenate(words).mean()
        facts.append(("Words read in the texts below, greedy", f"{100 * share:.0f} %"))
    return facts


def _results(record: RunRecord) -> Markup:
    """Return the tables of evaluations, with keep rates."""
    tables = [
        number_table(score_table(one, record, _WORDING)) + keep_rates_table(one, record) for one in record.evaluations
    ]
    missing = not_measured(record, [one.split for one in record.evaluations])
    return Markup("").join([*tables, missing, measures_body(record)])


def _texts(shown: list[Account], classes: tuple[str, ...], note: str, most_words: int) -> Markup:
    """Return the HTML of texts in which skipped words are struck out."""
    caption = "Read greedily, from left to right. Words that are struck out were skipped, or come after the answer."
    figures = [text_figure(one, classes, most_words) for one in shown]
    return render("some_texts.html", sentence=f"{caption}{note}", figures=figures)
