"""Parts of a page that several sections have: tables of numbers, facts, charts and drawings."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from glimpse.reporting.drawing.chart_drawing import chart_svg
from glimpse.reporting.drawing.charts import Chart
from glimpse.reporting.html_templates import render_part


class Cell(NamedTuple):
    """A number as text, and its 95 % interval; "" for none."""

    text: str
    interval: str = ""


class Row(NamedTuple):
    """A row of a table: its name, and a cell for each column."""

    name: str
    cells: Sequence[Cell]


class RowGroup(NamedTuple):
    """Rows of a table below a heading, "" for none; `own` rows are bold."""

    rows: Sequence[Row]
    heading: str = ""
    own: bool = False


class NumberTable(NamedTuple):
    """A table of numbers: a title, the headings of the columns, groups of rows, and what explains the numbers.

    No two columns have the same heading.
    """

    title: str
    heads: Sequence[str]
    groups: Sequence[RowGroup]
    caption: str = ""


class Fact(NamedTuple):
    """A named value with a sentence that explains it."""

    name: str
    value: str
    sentence: str


class ShownAnswer(NamedTuple):
    """An answer as text, how sure the agent is or how far off, the true one if it is another, and if it is wrong."""

    text: str
    sure: str = ""
    true: str = ""
    wrong: bool = False


class DrawnChart(NamedTuple):
    """A chart as SVG, in its large and its small size."""

    title: str
    large: Markup
    small: Markup
    logarithmic: bool


def number_table(table: NumberTable) -> Markup:
    """Return a table of numbers.

    Raises:
        ValueError: if two columns have the same heading.
    """
    if len(set(table.heads)) < len(table.heads):
        raise ValueError(f"two columns of {table.title!r} have one name: {', '.join(table.heads)}")
    return render_part("number_table", table=table)


def facts_table(rows: Sequence[Fact], what: str) -> Markup:
    """Return a table of facts; `what` they are of is told to readers who do not see the table."""
    return render_part("facts_table", rows=rows, what=what)


def single_chart(chart: Chart, caption: str, more: str = "") -> Markup:
    """Return a figure with one chart, its caption beside it, and `more` below the caption."""
    return render_part("single_chart", chart=drawn_chart(chart), caption=caption, more=more)


def small_charts(charts: Sequence[Chart]) -> Markup:
    """Return small charts side by side."""
    return render_part("small_charts", drawn=[drawn_chart(chart) for chart in charts])


def drawn_chart(chart: Chart) -> DrawnChart:
    """Draw a chart in both sizes."""
    large, small = (Markup(chart_svg(chart, *size)) for size in ((520, 290), (340, 190)))
    return DrawnChart(chart.title, large, small, chart.logarithmic)
