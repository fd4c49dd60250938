"""SVG drawings: valid XML for any words, with all elements inside."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import numpy as np

from glimpse.reporting.drawing.svg import (
    Drawing,
    below,
    beside,
    cells,
    inline_svg,
    label,
    matrix,
    scatter,
    svg_file,
    token_lines,
)

ODD = ["<b>", "&amp;", '"', "\x00\x07", "映画", "w" * 50]


def parsed(drawing: Drawing) -> ET.Element:
    """Parse the drawing's file as XML."""
    return ET.fromstring(svg_file(drawing, 'a <title> & "more"'))


def drawn_texts(root: ET.Element) -> Iterator[str]:
    """Yield the texts that are drawn."""
    yield from (element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text"))


def test_words_stay_words() -> None:
    """Words with special characters of XML are escaped; unprintable characters are replaced."""
    shares = np.linspace(0, 1, len(ODD)).astype(np.float32)
    root = parsed(token_lines(ODD, shares, 600))
    assert list(drawn_texts(root)) == ["<b>", "&amp;", '"', "\ufffd\ufffd", "映画", "w" * 50]
    ET.fromstring(inline_svg(matrix(np.ones((6, 6)), ODD, ODD), 'of "<odd>" words'))


def test_lines_are_broken_where_they_are_full() -> None:
    """No word starts beyond the width; each background lies behind its word; words without weight have none."""
    words = ["word"] * 40
    shares = np.zeros(40, np.float32)
    shares[3] = 0.5
    drawing = token_lines(words, shares, 300, left=30)
    root = parsed(drawing)
    positions = [(float(e.attrib["x"]), float(e.attrib["y"])) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert len({y for _, y in positions}) > 3 and drawing.width <= 300 and max(y for _, y in positions) < drawing.height
    assert min(x for x, _ in positions) == 33.0
    (ground,) = [e for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.get("class") == "heat"]
    assert ground.attrib["fill-opacity"] == "0.50" and float(ground.attrib["x"]) == positions[3][0] - 3


def test_each_cell_has_its_shade() -> None:
    """Rows and columns are at their positions; shares near zero are not drawn."""
    body = cells(np.array([[0.0, 1.0], [0.5, 0.001]]), 10).body
    shades = re.findall(r'fill-opacity="([\d.]+)" d="([^"]+)"', body)
    assert shades == [("0.5", "M0 1h1v1h-1z"), ("1", "M1 0h1v1h-1z")]
    assert "path" not in cells(np.full((2, 2), np.nan), 10).body


def test_a_matrix_names_rows_and_columns_and_counts() -> None:
    """Long names are cut; zeros are not written."""
    drawing = matrix(np.eye(2), ["one", "x" * 40], ["left", "right"], numbers=np.array([[7, 0], [0, 9]]))
    assert list(drawn_texts(parsed(drawing))) == ["one", "x" * 17 + "…", "left", "right", "7", "9"]
    assert parsed(matrix(np.zeros((0, 0)), [], [])) is not None


def test_scores_lie_where_they_should() -> None:
    """The lowest score is at the bottom left, the highest at the top right."""
    drawing = scatter(np.array([1.0, 5.0]), np.array([1.0, 5.0]), 1.0, 5.0, side=100)
    low, high = [e.attrib for e in parsed(drawing).iter("{http://www.w3.org/2000/svg}circle")]
    assert float(high["cx"]) - float(low["cx"]) == 100 and float(low["cy"]) - float(high["cy"]) == 100
    parsed(scatter(np.array([2.0]), np.array([2.0]), 2.0, 2.0, side=100))


def test_drawings_are_put_side_by_side() -> None:
    """Widths and gaps add up side by side, heights below each other."""
    one = Drawing(10, 5, label(0, 0, "one"))
    assert beside([one, one], 3)[:2] == (23, 5) and below([one, one, one], 2)[:2] == (10, 19)
    assert beside([])[:2] == (0, 0)
