"""`glimpse masks`: drawings of masks, and errors."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from glimpse.agents.attention.masks import Backward, Causal, Forward, GlobalTokens, Pattern, Window
from glimpse.agents.text.options import ReaderOptions
from glimpse.cli.command_line import main
from glimpse.reporting.text.drawn_masks import SHIPPED, in_columns, mask_block, parse_mask
from glimpse.reporting.text.mask_drawing import encoder_masks, formula

HASHES = ("##", ". ")


def test_a_mask_is_drawn_row_by_row() -> None:
    """The README's example is drawn; padding has a grid for each sentence of the batch."""
    mask = parse_mask("{kind: all_of, masks: [causal, {kind: any_of, masks: [{kind: window, width: 1}, global]}]}")
    assert mask_block(mask, 4, HASHES) == [
        "causal & (window(width=1) | global(tokens=1))",
        "##. . . ",
        "####. . ",
        "######. ",
        "##. ####",
    ]
    assert mask_block(parse_mask("{kind: padding, lengths: [1, 2]}"), 2, HASHES)[1:] == ["##.    ####"] * 2


def test_formulas() -> None:
    """Masks are written in the mask algebra, with brackets where they are needed."""
    window = Window(width=2)
    assert formula(~window) == "~window(width=2)"
    assert formula(~(window | Causal())) == "~(window(width=2) | causal)"
    assert formula((Causal() | GlobalTokens(tokens=1)) & window) == "(causal | global(tokens=1)) & window(width=2)"
    assert formula(parse_mask("{kind: local, stride: 2}")) == "local(stride=2)"
    assert formula(parse_mask("{kind: local, stride: 2, one_more: true}")) == "local(stride=2, one_more=True)"
    assert formula(parse_mask("{kind: padding, lengths: [3, 4]}")) == "padding(lengths=[3, 4])"


def test_every_kind_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of mask has an example."""
    kinds = set[str]()
    todo = list(Pattern.__subclasses__())
    while todo:
        pattern = todo.pop()
        todo += pattern.__subclasses__()
        kinds |= set(get_args(pattern.model_fields["kind"].annotation)) if "kind" in pattern.model_fields else set()
    assert kinds == {parse_mask(text).kind for text in SHIPPED}
    assert main(["masks", "--size", "4"]) == 0
    out = capsys.readouterr().out
    assert all(formula(parse_mask(text)) in out for text in SHIPPED) and "████████" in out


def test_blocks_are_side_by_side_if_they_fit() -> None:
    """Two blocks of width 4 with three spaces between them need 11 characters."""
    blocks = [["aaaa", "1"], ["bbbb", "2", "3"], ["cc"]]
    assert list(in_columns(blocks, 11)) == ["aaaa   bbbb\n1      2\n       3", "cc"]
    assert list(in_columns(blocks, 5)) == ["aaaa\n1", "bbbb\n2\n3", "cc"]


def test_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The SVG parses, and in the PNG a causal mask is dark below the diagonal and white above it."""
    svg, picture = tmp_path / "m.svg", tmp_path / "m.png"
    assert main(["masks", "causal", "{kind: window, width: 1}", "--size", "5", "--output", str(svg)]) == 0
    assert main(["masks", "causal", "--size", "5", "--output", str(picture)]) == 0
    assert capsys.readouterr().out.split() == [str(svg), str(picture)]
    texts = [element.text for element in ET.parse(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["causal", "window(width=1)"]
    with Image.open(picture) as image:
        bottom, right = image.height - 32 - 12, 32 + 4 * 24 + 12
        assert image.getpixel((32 + 12, bottom)) == (11, 85, 99)
        assert image.getpixel((right, bottom - 4 * 24)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["cusal"], "did you mean 'causal'?"),
        (["{kind: window, widht: 2}"], "mask.widht: unknown key (did you mean 'mask.width'?)"),
        (["{kind: window, width: -1}"], "should be at least 0 (got -1)"),
        (["{kind: window"], "line 1"),
        (["3"], "is no mask"),
        (["causal", "--size", "257"], "--size should be at most 256 (got 257)"),
        (["causal", "--output", "mask.gif"], "should end in .svg or .png"),
        (["causal", "--output", "none/mask.svg"], "none"),
    ],
)
def test_invalid_arguments_are_refused(words: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2, and the error says what is wrong."""
    assert main(["masks", *words]) == 2
    assert problem in capsys.readouterr().err


def test_the_masks_of_encoders() -> None:
    """Masks are those of directions, of the Transformer, and of its attention; encoders without masks have none."""

    def masks_of(**encoder: object) -> list[str]:
        return [formula(mask) for mask in encoder_masks(ReaderOptions.model_validate({"encoder": encoder}))]

    assert masks_of(kind="lstm") == masks_of(kind="transformer") == []
    assert masks_of(kind="disan") == masks_of(kind="distance") == [formula(Forward()), formula(Backward())]
    sparse = {"kind": "sparse", "pattern": {"kind": "fixed", "stride": 4}}
    assert masks_of(kind="transformer", mask="causal", attention=sparse) == ["causal", "fixed(stride=4, columns=1)"]
    assert masks_of(kind="transformer", attention={"kind": "token2token", "direction": "backward"}) == ["backward"]
