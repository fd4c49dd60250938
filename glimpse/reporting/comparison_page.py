"""HTML page of a comparison of runs: a single file without scripts or external resources."""

from markupsafe import Markup

from glimpse.reporting.comparison import Comparison
from glimpse.reporting.comparison_tables import NOTE, ComparisonTable, comparison_notes, comparison_tables
from glimpse.reporting.drawing.charts import Chart, Series, Tone
from glimpse.reporting.html_page import Section, html_document
from glimpse.reporting.html_parts import small_charts
from glimpse.reporting.html_templates import render
from glimpse.reporting.measure_names import log_name

_TONES: tuple[Tone, ...] = ("agent", "averaged", "paper", "public", "control", "sampled")


def comparison_page(found: Comparison) -> str:
    """Return the page: tables, and learning curves over each other."""
    tables = [
        Section(f"table-{at}", table.title, _table(table)) for at, table in enumerate(comparison_tables(found), start=1)
    ]
    folders = [str(run.folder) for run in found.runs]
    header = render("comparison_header.html", folders=folders, note=NOTE, notes=comparison_notes(found))
    charts = small_charts(_curves(found)) if found.curves else Markup("")
    curves = Section("curves", "Learning curves", render("comparison_curves.html", charts=charts))
    return html_document("Comparison of runs", header, [*tables, curves], "glimpse compare")


def _table(table: ComparisonTable) -> Markup:
    """Return a table as HTML."""
    return render("comparison_table.html", table=table)


def _curves(found: Comparison) -> list[Chart]:
    """Return a chart for each logged metric, with a line for each run."""
    charts = []
    for key, lines in found.curves.items():
        series = tuple(
            Series(run.letter, tuple(points), _TONES[at % len(_TONES)])
            for at, (run, points) in enumerate(zip(found.runs, lines, strict=True))
            if points
        )
        title = log_name(key, found.copies_of(key), any(run.is_rewarded for run in found.runs))
        charts.append(Chart(title, "training steps", series, ratio="error" in key))
    return charts
