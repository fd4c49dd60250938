"""HTML page of the report of a run that reads whole texts."""

from collections.abc import Sequence
from html import escape

from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.html_page import (
    Section,
    config_section,
    facts_table,
    not_measured,
    report_page,
    score_cell,
    scores_table,
    single_chart,
    training_section,
)
from glimpse.reporting.measures_section import measures_body
from glimpse.reporting.run_record import Evaluation
from glimpse.reporting.text.text_contents import TextContents
from glimpse.reporting.text.text_sections import (
    answers_body,
    hops_body,
    masks_body,
    pairs_body,
    text_mistakes_body,
    texts_body,
)
from glimpse.reporting.text.token_html import text_figure

_LEAD = "Every text on this page is from the validation split."
_CROWDED = 0.9
"""Overlap of hops above which the page warns that they read the same tokens."""


def text_page(contents: TextContents, by_length: Chart, curves: Sequence[Chart]) -> str:
    """Return the page as HTML.

    Args:
        contents: data of the page.
        by_length: chart of the error over text length.
        curves: training curves.
    """
    found = [
        Section("results", "Results", _results(contents, by_length)),
        training_section(curves, "dropout"),
        Section("diagnostics", "Diagnostics", _diagnostics(contents)),
        Section("answers", "Answers", answers_body(contents)),
        Section("texts", "Texts", texts_body(contents)),
        *([Section("hops", "Hop by hop", hops_body(contents))] if contents.has_hops else []),
        *([Section("pairs", "Pairs of tokens", pairs_body(contents))] if contents.has_pairs else []),
        *([Section("masks", "Masks", masks_body(contents))] if contents.masks else []),
        Section("mistakes", "Mistakes", text_mistakes_body(contents)),
        config_section(contents),
    ]
    first = contents.document if contents.divided else contents.detailed[0]
    hero = f'<div class="hero">{text_figure(first, contents.classes)}</div>'
    return report_page(contents, _title(contents), _LEAD, _facts(contents), hero, found)


def _title(contents: TextContents) -> str:
    """Return agent and task in words."""
    experiment = contents.trained.experiment
    return f"{experiment.agent_title} on {experiment.task_title}"


def _facts(contents: TextContents) -> list[tuple[str, str]]:
    """Return names and values that describe the run."""
    found = contents.found
    total = f"{len(found.true):,}"
    if contents.scores is None:
        several = found.true.ndim > 1
        asked = f"{len(contents.classes)} {'labels, any number of them' if several else 'classes'}"
        error = ("Validation error", f"{100 * found.wrong.mean():.2f} % of {total}")
    else:
        asked = "a score from {:g} to {:g}".format(*contents.scores)
        error = ("Validation error", f"{found.miss.mean():.3f}, the mean of {total}")
    return [
        ("Texts", f"{found.length.mean():.0f} words on average, {found.length.max():,} at most"),
        ("Answers", asked),
        ("Parameters", f"{_parameters(contents):,}"),
        error,
    ]


def _parameters(contents: TextContents) -> int:
    """Return the number of the agent's parameters."""
    return sum(parameter.numel() for parameter in contents.trained.agent.parameters())


def _results(contents: TextContents, by_length: Chart) -> str:
    """Return the tables of evaluations, and the chart of the error by length."""
    tables = "".join(_table(one, contents.trained.step) for one in contents.evaluations) + not_measured(contents)
    measures = measures_body(contents.evaluations)
    if len(by_length.series[0].points) < 2:
        return tables + measures
    caption = "Validation texts in groups of about the same size; each point is at the mean length of its group."
    return tables + single_chart(by_length, caption) + measures


def _table(measured: Evaluation, step: int) -> str:
    """Return the table of the agent's error on a split, or of the agreement of its scores with the true ones."""
    (name, agent), *_ = measured.scores.items()
    score, split = agent.averaged, measured.title
    caption = f"{score.episodes:,} {escape(measured.split)} texts; small, the 95 % interval."
    if not score.is_correlation:
        what = "exact-match error" if "micro_f1" in score.figures else "error"
        row = f'<tr><th scope="row">{escape(name)}</th>{score_cell(score)}</tr>'
        return scores_table(measured, step, f"{split} {what}", ["Error, %"], row, caption)
    figures = dict(score.figures)
    if measured.score_measures is not None:
        figures["absolute_error"] = measured.score_measures.absolute_error
    heads = [figure.replace("_", " ").capitalize() for figure in figures]
    cells = "".join(f"<td>{value:.4f}</td>" for value in figures.values())
    low, high = (1 - edge / 100 for edge in (score.high, score.low))
    row = f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    caption = (
        f"{score.episodes:,} {escape(measured.split)} texts; Pearson's r has the 95 % interval {low:.4f} to {high:.4f}."
    )
    return scores_table(measured, step, f"{split} agreement", heads, row, caption)


def _diagnostics(contents: TextContents) -> str:
    """Return the statistics of attention, with a warning if hops read the same tokens."""
    found, warning = contents.found, ""
    if found.overlap is not None and found.overlap > _CROWDED:
        warning = (
            '<p class="note"><b>Warning</b>: the hops read the same tokens. A larger '
            "<code>agent.encoder.pooling.penalty</code> keeps them apart; or use fewer hops.</p>"
        )
    return f"{warning}<p>On {len(found.true):,} validation texts.</p>\n{facts_table(_spread_rows(contents))}"


def _spread_rows(contents: TextContents) -> list[tuple[str, str, str]]:
    """Return name, value and explanation of each statistic."""
    found = contents.found
    names = {
        "tokens": ("Tokens attended", "tokens"),
        "hops": ("Tokens attended by a hop", "tokens"),
        "sentences": ("Sentences attended", "sentences"),
        "words": ("Words attended in a sentence", "words"),
    }
    rows = [
        (
            heading,
            f"{found.spread[name].attended:.1f} of {found.spread[name].parts:.1f}",
            f"Effective number of {parts}: e to the power of the weights' entropy, the mean over "
            f"{'the first texts of pairs' if len(contents.shown[0].texts) > 1 else 'texts'}.",
        )
        for name, (heading, parts) in names.items()
        if name in found.spread
    ]
    if found.overlap is not None:
        sentence = "Mean cosine between the weights of two hops: 0 where they read different tokens, 1 the same ones."
        rows.append(("Overlap of hops", f"{found.overlap:.2f}", sentence))
    sentence = "Tokens outside the vocabulary; all of them have the same embedding."
    return [*rows, ("Unknown words", f"{100 * found.unknown:.1f} %", sentence)]
