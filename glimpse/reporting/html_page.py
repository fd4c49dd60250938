"""HTML page of a report: a single file with embedded pictures, without scripts or external resources."""

import shlex
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from glimpse import __version__
from glimpse.evaluation.split_score import Score
from glimpse.reporting.drawing.chart_drawing import chart_svg
from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.run_record import Evaluation, RunRecord
from glimpse.runs.trained_run import BEST


class Section(NamedTuple):
    """A section of the page: anchor, heading (plain text) and body (HTML)."""

    name: str
    heading: str
    body: str


def report_page(
    record: RunRecord, title: str, lead: str, facts: Sequence[tuple[str, str]], hero: str, sections: Sequence[Section]
) -> str:
    """Return the page of a report as HTML.

    Args:
        record: the run.
        title: agent and task, plain text.
        lead: a remark on the whole page, HTML.
        facts: names and values that describe the run, plain text.
        hero: the figure at the top, HTML.
        sections: the sections below it.
    """
    title = escape(title)
    by = f"<code>glimpse report {escape(record.typed)}</code>"
    return html_document(f"{title}: a glimpse report", _header(record, title, lead, facts, hero), sections, by)


def html_document(title: str, header: str, sections: Sequence[Section], command: str) -> str:
    """Return a page as HTML, with its style in it.

    Args:
        title: title of the window, HTML.
        header: what is above the sections, HTML.
        sections: the sections.
        command: command that wrote the page, HTML.
    """
    links = "".join(f'<a href="#{name}">{escape(heading)}</a>' for name, heading, _ in sections)
    bodies = "".join(
        f'<section id="{name}">\n<h2>{escape(heading)}</h2>\n{body}\n</section>\n' for name, heading, body in sections
    )
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{header}
<nav>{links}</nav>
<main>
{bodies}</main>
<footer>Written by glimpse {__version__}: {command}</footer>
</body>
</html>
"""


def _header(record: RunRecord, title: str, lead: str, facts: Sequence[tuple[str, str]], hero: str) -> str:
    """Return the page's header: the description of the run, and the figure at the top."""
    run, config, again = (escape(shlex.quote(f"{record.run}{end}")) for end in ("", "/config.yaml", "-again"))
    rows = [*facts, *_history(record)]
    listed = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in rows)
    return f"""<header>
<p class="eyebrow">glimpse report</p>
<h1>{title}</h1>
<p class="lead">The run in <code>{run}</code>. {lead}</p>
<dl>{listed}</dl>
<p class="again">To train it again: <code>glimpse train {config} --folder {again}</code></p>
{hero}
</header>"""


def _history(record: RunRecord) -> list[tuple[str, str]]:
    """Return names and values that say how the weights were trained."""
    trained = record.trained
    return [
        ("Weights", f"of step {trained.step:,}, after {_duration(trained.seconds)}; {trained.weights}"),
        ("Trained on", trained.trained_on),
        ("Seed", str(trained.experiment.seed)),
    ]


def _duration(seconds: float) -> str:
    """Return a duration in words: 37 s, 12 min, 2 h 5 min."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def not_measured(record: RunRecord) -> str:
    """Return a note on how to evaluate on the test set, if that has not been done."""
    if any(evaluation.split == "test" for evaluation in record.evaluations):
        return ""
    return (
        '<p class="note">This run has not been evaluated on the test set. When training is finished: '
        f"<code>glimpse evaluate {escape(record.typed)}</code></p>"
    )


def scores_table(
    measured: Evaluation, step: int, title: str, heads: Sequence[str], rows: str, caption: str, controls: str = ""
) -> str:
    """Return the table of an evaluation on a split as HTML.

    Args:
        measured: the evaluation.
        step: training step of the weights that the page shows.
        title: name of the measure, plain text.
        heads: headings of the columns after the first.
        rows: rows of the agent, HTML.
        caption: explanation of the numbers.
        controls: rows of its controls, HTML.
    """
    older = measured_with(measured.step, measured.weights, step)
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return f"""<figure><h3>{escape(title)}</h3>
<div class="scroll"><table class="scores"><thead><tr><td></td>{columns}</tr></thead>
<tbody class="own">{rows}</tbody><tbody>{controls}</tbody></table></div>
<figcaption>{caption}{older}</figcaption></figure>"""


def measured_with(measured: int, weights: str, step: int) -> str:
    """Return a sentence, HTML, if an evaluation is of other weights than the page shows, or not of the best; else "".

    Args:
        measured: training step of the weights that were measured.
        weights: which they were, in words.
        step: training step of the weights that the page shows.
    """
    older = f" Measured at step {measured:,}; the pictures are of step {step:,}." if measured != step else ""
    return older + (f" Measured with the weights {escape(weights)}." if weights != BEST else "")


def score_cell(score: Score) -> str:
    """Return a table cell with an error in percent, or Pearson's r of scores, and its 95 % interval."""
    if score.is_correlation:
        low, high = 1 - score.high / 100, 1 - score.low / 100
        return f"<td>{score.figures['pearson']:.4f} <small>{low:.4f} to {high:.4f}</small></td>"
    return f"<td>{score.error:.2f} <small>{score.low:.2f} to {score.high:.2f}</small></td>"


def single_chart(chart: Chart, caption: str, more: str = "") -> str:
    """Return a figure with one chart, its caption beside it and `more` below the caption; all HTML."""
    scale = " The scale is logarithmic." if chart.logarithmic else ""
    return f"""<figure class="single"><h3>{escape(chart.title)}</h3>
<div class="scroll">{chart_svg(chart, 520, 290)}</div>
<figcaption>{caption}{scale}
{more}</figcaption></figure>"""


def facts_table(rows: Sequence[tuple[str, str, str]]) -> str:
    """Return a table of (name, value, explanation); all HTML."""
    cells = "".join(
        f'<tr><th scope="row">{name}</th><td>{value}</td><td>{sentence}</td></tr>' for name, value, sentence in rows
    )
    return f'<div class="scroll"><table class="facts">{cells}</table></div>'


def training_section(curves: Sequence[Chart], noise: str) -> Section:
    """Return the section with training curves; `noise` names the randomness in the numbers of training batches."""
    if not curves:
        return Section("training", "Training", '<p class="note">Nothing has been logged yet.</p>')
    panels = "".join(f"<figure><h3>{escape(chart.title)}</h3>{chart_svg(chart, 340, 190)}</figure>" for chart in curves)
    return Section(
        "training",
        "Training",
        f"""<p>From <code>metrics.jsonl</code>. The validation error is that of the averaged weights; the other
numbers are of single training batches, with {noise}.</p>
<div class="curves">{panels}</div>""",
    )


def config_section(record: RunRecord) -> Section:
    """Return the section with the run's config, collapsed."""
    text = escape(record.trained.folder.config_text)
    return Section(
        "config", "Config", f"<details><summary>Every option of this run</summary>\n<pre>{text}</pre></details>"
    )
