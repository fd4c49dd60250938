"""Charts in words, for readers who do not see them."""

from glimpse.reporting.drawing.charts import Chart, Series

_MOST_LINES = 6
"""Number of lines up to which each one is described."""


def chart_words(chart: Chart) -> str:
    """Describe what is seen in a chart: its axes, and where each line begins, ends, and is lowest and highest."""
    positions = [x for line in chart.series for x, y in line.points if y is not None]
    if not positions:
        return f"{chart.title}: no values."
    low, high = min(positions), max(positions)
    axis = f"over {chart.horizontal}: {low:.4g} to {high:.4g}." if low < high else f"at {chart.horizontal} {low:.4g}:"
    lines = [_line_words(line, chart.labelled) for line in chart.series[:_MOST_LINES]]
    rest = len(chart.series) - _MOST_LINES
    more = f" And {rest} more lines." if rest > 0 else ""
    return f"{chart.title}, {axis} {' '.join(lines)}{more}"


def _line_words(line: Series, named: bool) -> str:
    """Describe one line."""
    heights = [y for _, y in line.points if y is not None]
    name = f"{line.name}: " if named else ""
    if not heights:
        return f"{name}no values."
    if len(heights) == 1:
        return f"{name}{heights[0]:z.4g}."
    ends = f"{name}from {heights[0]:.4g} to {heights[-1]:.4g}"
    low, high = min(heights), max(heights)
    if low == high:
        return f"{name}{low:.4g} throughout."
    between = {heights[0], heights[-1]} == {low, high}
    return f"{ends}." if between else f"{ends}, lowest {low:.4g}, highest {high:.4g}."
