"""HTML page of a comparison of runs: a single file without scripts or external resources."""

from html import escape

from glimpse.reporting.comparison import Comparison
from glimpse.reporting.comparison_tables import NOTE, ComparisonTable, comparison_notes, comparison_tables
from glimpse.reporting.drawing.chart_drawing import chart_svg
from glimpse.reporting.drawing.charts import Chart, Series, Tone
from glimpse.reporting.html_page import Section, html_document
from glimpse.reporting.run_record import metric_title

_TONES: tuple[Tone, ...] = ("agent", "averaged", "paper", "public", "control", "sampled")


def comparison_page(found: Comparison) -> str:
    """Return the page: tables, and learning curves over each other."""
    tables = [
        Section(f"table-{at}", table.title, _table(table)) for at, table in enumerate(comparison_tables(found), start=1)
    ]
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in comparison_notes(found))
    folders = ", ".join(f"<code>{escape(str(run.folder))}</code>" for run in found.runs)
    header = f"""<header>
<p class="eyebrow">glimpse compare</p>
<h1>{len(found.runs)} runs side by side</h1>
<p class="lead">{folders}. {escape(NOTE)}</p>
{notes}
</header>"""
    curves = Section("curves", "Learning curves", _curves(found))
    return html_document("Comparison of runs", header, [*tables, curves], "<code>glimpse compare</code>")


def _table(table: ComparisonTable) -> str:
    """Return a table as HTML."""
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in table.headings[1:])
    rows = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in table.rows
    )
    return f"""<div class="scroll"><table class="scores">
<thead><tr><th scope="col">{escape(table.headings[0])}</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"""


def _curves(found: Comparison) -> str:
    """Return a chart for each logged metric, with a line for each run."""
    if not found.curves:
        return '<p class="note">No two runs have logged the same metric.</p>'
    panels = []
    for name, lines in found.curves.items():
        series = tuple(
            Series(run.letter, tuple(points), _TONES[at % len(_TONES)])
            for at, (run, points) in enumerate(zip(found.runs, lines, strict=True))
            if points
        )
        chart = Chart(metric_title(name), "steps", series, ratio="error" in name)
        panels.append(f"<figure><h3>{escape(chart.title)}</h3>{chart_svg(chart, 340, 190)}</figure>")
    return f'<div class="curves">{"".join(panels)}</div>'
