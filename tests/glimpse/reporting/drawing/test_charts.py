"""Charts: ticks at round numbers, gaps in lines, and names that do not overlap."""

import re
from collections.abc import Sequence

import numpy as np
import pytest

from glimpse.reporting.drawing.axes import number_text
from glimpse.reporting.drawing.chart_drawing import chart_svg, charts_image
from glimpse.reporting.drawing.chart_words import chart_words
from glimpse.reporting.drawing.charts import Chart, Series, thinned
from glimpse.reporting.drawing.svg import text_width


def chart(*lines: Sequence[float | None], ratio: bool = False) -> Chart:
    """Return a chart of lines with points at 1, 2, 3..."""
    series = [Series(f"line {number}", tuple(enumerate(line, start=1))) for number, line in enumerate(lines)]
    return Chart("A chart", "steps", tuple(series), ratio)


def test_the_vertical_axis_ends_on_round_numbers() -> None:
    """Axes checked by hand; they start at zero if the values come near it."""
    up = chart([0.1, 2.3]).up()
    assert (up.low, up.high) == (0, 3)
    assert up.ticks == pytest.approx([0, 1, 2, 3])
    up = chart([1.77, 2.4]).up()
    assert (up.low, up.high) == pytest.approx((1.6, 2.4))
    assert up.ticks == pytest.approx([1.6, 1.8, 2.0, 2.2, 2.4])
    up = chart([-0.3, 0.2]).up()
    assert up.ticks == pytest.approx([-0.4, -0.2, 0.0, 0.2])
    assert [up.share(value) for value in (-0.4, -0.1, 0.2)] == pytest.approx([0, 0.5, 1])


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, -1e300, 1e-12])
def test_a_flat_line_has_an_axis(value: float) -> None:
    """The line lies inside the axis, up to rounding errors."""
    up = chart([value, value * (1 + 1e-15)]).up()
    assert up.low <= value <= up.high
    assert len(up.ticks) >= 2
    assert 0 <= up.share(value) <= 1


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize(
    ("value", "most"), [(0.02, 1), (0.5, 1), (0.95, 1), (1.0, 1), (3.0, 100), (75.0, 100), (100.0, 100)]
)
def test_a_single_point_does_not_stretch_the_axis(value: float, most: float, ratio: bool) -> None:
    """An accuracy is at most 1, and an error at most 100 %: so is the end of the axis."""
    up = chart([value], ratio=ratio).up()
    assert 0 <= up.low < value <= up.high <= most and max(up.ticks) <= most


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("values", [[0.1, 98.0], [3.0, 99.9], [90.0, 100.0], [1.2, 88.0]])
def test_percentages_end_at_100(values: list[float], ratio: bool) -> None:
    """No axis of percentages goes beyond 100, linear or logarithmic."""
    up = chart(values, ratio=ratio).up()
    assert up.high <= 100 and up.low <= min(values) and up.high >= max(values)


def test_an_empty_chart_has_axes() -> None:
    """A chart without values has axes, as for a metric that was always null."""
    empty = chart([None])
    assert (empty.up().low, empty.up().high) == (0, 1)
    assert empty.across(4).ticks == [1]


def test_ratios_are_logarithmic_if_possible() -> None:
    """The axis is logarithmic from 90 % to 1.5 %, but not with a zero, over a short range, or if not asked for."""
    assert chart([90, 1.5], ratio=True).logarithmic
    assert not chart([90, 0.0], ratio=True).logarithmic
    assert not chart([90, 50], ratio=True).logarithmic
    assert not chart([90, 1.5]).logarithmic
    up = chart([90, 1.5], ratio=True).up()
    assert up.ticks == pytest.approx([2, 5, 10, 20, 50, 100])
    assert up.share(10) - up.share(5) == pytest.approx(up.share(100) - up.share(50))


def test_horizontal_ticks_are_whole() -> None:
    """There is a tick for each of few glimpses, and ticks at round numbers for many steps."""
    assert chart([1.0] * 6).across(7).ticks == [1, 2, 3, 4, 5, 6]
    assert chart([1.0] * 2000).across(4).ticks == [500, 1000, 1500, 2000]


@pytest.mark.parametrize(("value", "text"), [(0.1 + 0.2, "0.3"), (1500, "1500"), (20_000, "20k"), (-0.5, "-0.5")])
def test_number_text(value: float, text: str) -> None:
    """Numbers are short and without rounding errors."""
    assert number_text(value) == text


def test_a_line_runs_from_edge_to_edge_and_breaks_at_gaps() -> None:
    """The lowest value is at the bottom left corner of the plot, the highest at its top right."""
    drawn = chart_svg(chart([0.0, None, 3.0, 4.0]), 340, 190)
    (path,) = re.findall(r'class="line agent" d="([^"]*)"', drawn)
    assert path == "M40.0 154.0M232.0 46.0L328.0 10.0"


def test_long_numbers_have_room() -> None:
    """The ticks of a learning rate start inside the picture, at seven pixels per character."""
    drawn = chart_svg(chart([0.0005, 0.0018]), 340, 190)
    ends = {float(x) for x in re.findall(r'x="([\d.]+)" y="[\d.]+" text-anchor="end">0\.\d{4}<', drawn)}
    assert len(ends) == 1 and min(ends) >= 6 * 7


def test_names_stand_beside_their_lines_and_do_not_overlap() -> None:
    """Names of seven lines that end at almost the same value do not overlap."""
    drawn = chart_svg(chart(*[[50.0, 2 + 0.01 * number] for number in range(7)]), 520, 290)
    heights = [
        float(y) for y in re.findall(r'<text class="agent" x="[\d.]+" y="([\d.]+)" text-anchor="start">line', drawn)
    ]
    assert len(heights) == 7
    assert min(abs(a - b) for a in heights for b in heights if a is not b) >= 14.9
    assert max(heights) < 290
    assert min(heights) > 0


def test_names_lie_inside_the_chart() -> None:
    """The plot leaves as much room as the longest name takes."""
    lines = (Series("its own mean scanpath", ((1, 1.0), (2, 2.0))), Series("greedy", ((1, 2.0), (2, 1.0))))
    drawn = chart_svg(Chart("A chart", "glimpses", lines), 520, 290)
    (left,) = {float(x) for x in re.findall(r'<text class="agent" x="([\d.]+)"', drawn)}
    assert left + text_width("its own mean scanpath", 11) < 520


def test_a_chart_in_words() -> None:
    """The words say what is seen: the axes, and where each line begins, ends, and is lowest and highest."""
    words = chart_words(chart([90.0, 2.0, 5.0], [7.0], [3.0, 3.0]))
    assert words == (
        "A chart, over steps: 1 to 3. line 0: from 90 to 5, lowest 2, highest 90. line 1: 7. line 2: 3 throughout."
    )
    assert chart_words(chart([None])) == "A chart: no values."
    assert chart_words(chart([7.0])) == "A chart, at steps 1: 7."
    assert "And 3 more lines." in chart_words(chart(*[[1.0, 2.0]] * 9))


def test_names_are_escaped() -> None:
    """Names of metrics are escaped."""
    drawn = chart_svg(Chart("<b>&", "x<y", (Series("<i>", ((1, 1.0),)), Series("&", ((1, 2.0),)))), 300, 200)
    assert "&lt;b&gt;&amp;" in drawn
    assert "&lt;i&gt;" in drawn
    assert "x&lt;y" in drawn


def test_many_points_are_averaged() -> None:
    """1000 points become 334 means of three; a group of gaps stays a gap."""
    points = tuple((step, None if step < 3 else float(step)) for step in range(1000))
    few = thinned(points)
    assert len(few) == 334
    assert few[0] == (1, None)
    assert few[1] == (4, 4.0)
    assert thinned(points[:400]) == list(points[:400])


def test_picture_of_all_charts() -> None:
    """Two charts in a row have lines at their values, nothing in gaps, and colours in their panels only."""
    flat, gap = chart([1.0, 1.0, 1.0, 1.0]), chart([1.0, 1.0, None, 1.0, 1.0])
    picture = np.asarray(charts_image([flat, gap, chart([None]), chart([90, 1.5], [80, 2], ratio=True)], columns=2))
    assert picture.shape == (2 * 290 + 30, 2 * 430 + 30, 3)
    # The axis goes from 0 to 1, so the line lies at its end, 10 pixels below the panel's top at 60.
    teal = (np.abs(picture[60 + 10].astype(int) - (15, 114, 133)).max(-1) <= 3).nonzero()[0]
    first, second = teal[teal < 430], teal[teal >= 430]
    assert (first.min(), first.max()) == pytest.approx((30 + 40, 30 + 388), abs=4)
    middle = 460 + (40 + 388) // 2
    assert second.size > 100
    assert not np.any(np.abs(second - middle) < 60)
