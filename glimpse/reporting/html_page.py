"""The report's page: one HTML file with its pictures inside, no script, and nothing fetched from anywhere."""

import shlex
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from glimpse import __version__
from glimpse.evaluation.scores import Score
from glimpse.reporting.drawing.chart_drawing import chart_svg
from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.run_record import Evaluation, Record


class Section(NamedTuple):
    """A part of the page: its anchor, its heading (plain text), and what stands below it (HTML)."""

    name: str
    heading: str
    body: str


def page(
    record: Record, title: str, lead: str, facts: Sequence[tuple[str, str]], hero: str, sections: Sequence[Section]
) -> str:
    """The whole page.

    Args:
        record: the run.
        title: who does what, plain text.
        lead: what is true of the whole page, HTML.
        facts: the run in a few words, names and plain text.
        hero: the figure at the top, HTML.
        sections: what follows.
    """
    title = escape(title)
    links = "".join(f'<a href="#{name}">{heading}</a>' for name, heading, _ in sections)
    bodies = "".join(
        f'<section id="{name}">\n<h2>{heading}</h2>\n{body}\n</section>\n' for name, heading, body in sections
    )
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: a glimpse report</title>
<style>
{style}</style>
</head>
<body>
{_header(record, title, lead, facts, hero)}
<nav>{links}</nav>
<main>
{bodies}</main>
<footer>Written by glimpse {__version__}: <code>glimpse show {escape(record.typed)}</code></footer>
</body>
</html>
"""


def _header(record: Record, title: str, lead: str, facts: Sequence[tuple[str, str]], hero: str) -> str:
    """What the run is, and the figure that stands above all others."""
    run, config, again = (escape(shlex.quote(f"{record.run}{end}")) for end in ("", "/config.yaml", "-again"))
    rows = [*facts, *_history(record)]
    listed = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in rows)
    return f"""<header>
<p class="eyebrow">glimpse report</p>
<h1>{title}</h1>
<p class="lead">The run in <code>{run}</code>. {lead}</p>
<dl>{listed}</dl>
<p class="again">To train it again: <code>glimpse train {config} --run {again}</code></p>
{hero}
</header>"""


def _history(record: Record) -> list[tuple[str, str]]:
    """Where the weights are from."""
    trained = record.trained
    return [
        ("Weights", f"of step {trained.step:,}, after {_duration(trained.seconds)}"),
        ("Trained on", trained.trained_on),
        ("Seed", str(trained.experiment.seed)),
    ]


def _duration(seconds: float) -> str:
    """A time in words: 37 s, 12 min, 2 h 5 min."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def not_measured(record: Record) -> str:
    """What to do where the test set has not been used."""
    if any(one.split == "test" for one in record.evaluations):
        return ""
    return (
        '<p class="note">This run has not been measured on the test set. When it is finished: '
        f"<code>glimpse evaluate {escape(record.typed)}</code></p>"
    )


def scores_table(
    measured: Evaluation, step: int, title: str, heads: Sequence[str], rows: str, caption: str, controls: str = ""
) -> str:
    """A table of what was measured on a split.

    Args:
        measured: the measurement.
        step: of the weights that the page shows.
        title: what the numbers are.
        heads: of the columns after the first.
        rows: of the agent itself, HTML.
        caption: what is to be known of the numbers.
        controls: rows of others, HTML.
    """
    older = f" Measured at step {measured.step:,}; the pictures are of step {step:,}." if measured.step != step else ""
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return f"""<figure><h3>{title}</h3>
<div class="scroll"><table class="scores"><thead><tr><td></td>{columns}</tr></thead>
<tbody class="own">{rows}</tbody><tbody>{controls}</tbody></table></div>
<figcaption>{caption}{older}</figcaption></figure>"""


def score_cell(score: Score) -> str:
    """An error with its interval."""
    return f"<td>{score.error:.2f} <small>{score.low:.2f} to {score.high:.2f}</small></td>"


def single_chart(chart: Chart, told: str, more: str = "") -> str:
    """A chart on its own, and beside it what is told of it and, after its scale, what more there is to know, HTML."""
    scale = " The scale is logarithmic." if chart.logarithmic else ""
    return f"""<figure class="single"><h3>{escape(chart.title)}</h3>
<div class="scroll">{chart_svg(chart, 520, 290)}</div>
<figcaption>{told}{scale}
{more}</figcaption></figure>"""


def facts_table(rows: Sequence[tuple[str, str, str]]) -> str:
    """Names, values and a sentence on each, all HTML."""
    cells = "".join(
        f'<tr><th scope="row">{name}</th><td>{value}</td><td>{sentence}</td></tr>' for name, value, sentence in rows
    )
    return f'<div class="scroll"><table class="facts">{cells}</table></div>'


def training(curves: Sequence[Chart], noise: str) -> Section:
    """Small charts of what was logged; `noise` says what sets the numbers of single batches apart."""
    if not curves:
        return Section("training", "Training", '<p class="note">Nothing has been logged yet.</p>')
    panels = "".join(f"<figure><h3>{escape(one.title)}</h3>{chart_svg(one, 340, 190)}</figure>" for one in curves)
    return Section(
        "training",
        "Training",
        f"""<p>From <code>metrics.jsonl</code>. The validation error is that of the averaged weights; the other
numbers are of single batches, with {noise}.</p>
<div class="curves">{panels}</div>""",
    )


def config(record: Record) -> Section:
    """The config, folded away."""
    text = escape(record.trained.folder.config_text)
    return Section(
        "config", "Config", f"<details><summary>Every option of this run</summary>\n<pre>{text}</pre></details>"
    )
