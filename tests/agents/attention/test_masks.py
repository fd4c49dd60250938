"""Masks: drawings of the patterns, the papers' numbers of cells, and the laws of sets."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from glimpse.agents.attention.masks import (
    Backward,
    Block,
    Causal,
    CausalWindow,
    DiagonalDisabled,
    Dilated,
    Fixed,
    Forward,
    Full,
    GlobalTokens,
    Local,
    MaskOptions,
    Padding,
    Pattern,
    PatternOptions,
    Strided,
    Summary,
    Window,
    per_head,
)

PICTURES: dict[str, tuple[Pattern, str]] = {
    "full": (Full(), "#### #### #### ####"),
    "causal": (Causal(), "#... ##.. ###. ####"),
    "forward": (Forward(), ".... #... ##.. ###."),
    "backward": (Backward(), ".### ..## ...# ...."),
    "diagonal": (DiagonalDisabled(), ".### #.## ##.# ###."),
    "window": (Window(width=1), "##.. ###. .### ..##"),
    "causal window": (CausalWindow(width=1), "#... ##.. .##. ..##"),
    "dilated": (Dilated(width=1, dilation=2), "#.#. .#.# #.#. .#.#"),
    "dilated, wider": (Dilated(width=2, dilation=2), "#.#.# .#.#. #.#.# .#.#. #.#.#"),
    "block": (Block(length=2), "##.. ##.. ..## ..##"),
    "global": (GlobalTokens(tokens=1), "#### #... #... #..."),
    "local": (Local(stride=2), "#... ##.. .##. ..##"),
    "local, as in the text": (Local(stride=2, one_more=True), "#... ##.. ###. .###"),
    "strided": (Strided(stride=2), "#... .#.. #.#. .#.#"),
    "summary": (Summary(stride=2, columns=1), ".... .#.. .#.. .#.#"),
    "fixed": (Fixed(stride=2, columns=1), "#... ##.. .##. .###"),
    "and": (Window(width=1) & Forward(), ".... #... .#.. ..#."),
    "or": (Forward() | Backward(), ".### #.## ##.# ###."),
    "not": (~Causal(), ".### ..## ...# ...."),
}


@pytest.mark.parametrize("name", PICTURES)
def test_patterns_are_drawn(name: str) -> None:
    """Drawings have a row for each query and a column for each key."""
    pattern, picture = PICTURES[name]
    rows = picture.split()
    assert pattern.draw(len(rows)).split("\n") == rows


def test_number_of_cells_of_the_sparse_transformer() -> None:
    """Count cells of six tokens, stride 3, one summary column (Child et al., 2019); and of a window of 1 over seven."""
    local, strided = Local(stride=3), Strided(stride=3)
    block, summary = Causal() & Block(length=3), Summary(stride=3, columns=1)
    counted = [
        local,
        Local(stride=3, one_more=True),
        strided,
        block,
        summary,
        local | strided,
        Fixed(stride=3),
        Causal(),
    ]
    assert [int(pattern(6, 6).sum()) for pattern in counted] == [15, 18, 9, 12, 5, 18, 15, 21]
    assert int(Window(width=1)(7, 7).sum()) == 19


def test_local_and_strided_together_reach_all_earlier_tokens() -> None:
    """Two steps of the factorised pattern reach every earlier token."""
    local, strided = Local(stride=3)(11, 11).float(), Strided(stride=3)(11, 11).float()
    assert torch.equal((strided @ local) > 0, Causal()(11, 11))


def test_de_morgan() -> None:
    """The laws ~(a & b) = ~a | ~b and ~~a = a hold."""
    a, b = Window(width=2), Strided(stride=2)
    assert torch.equal((~(a & b))(9, 9), (~a | ~b)(9, 9))
    assert torch.equal((~~a)(9, 9), a(9, 9))


def test_rectangles_count_from_the_first_token() -> None:
    """Two queries and four keys both count from 0."""
    assert Causal().draw(2, 4) == "#...\n##.."


def test_padding_is_a_pattern_or_a_mask_of_real_tokens() -> None:
    """Both ways agree for sentences of 1 and 3 of 3 tokens."""
    real = torch.tensor([[True, False, False], [True, True, True]])
    expected = torch.tensor([[[0, 0, 0], [1, 0, 0], [1, 0, 0]], [[0, 0, 0], [1, 0, 0], [1, 1, 0]]]) == 1
    assert torch.equal(Forward().over(real), expected)
    assert torch.equal((Forward() & Padding(lengths=(1, 3)))(3, 3), expected)
    assert torch.equal((Padding(lengths=(1, 3)) & Forward())(3, 3), expected)
    assert Forward().over(real, n_q=2).shape == (2, 2, 3)


def test_a_pattern_for_each_head() -> None:
    """Patterns of heads are stacked to (1, h, n_q, n_k)."""
    heads = per_head((Causal(), Window(width=1)), 3, 4, "cpu")
    assert heads.shape == (1, 2, 3, 4)
    assert torch.equal(heads[0, 1], Window(width=1)(3, 4))


def test_patterns_are_read_from_a_config() -> None:
    """Patterns are read by kind, also combined; equal patterns are equal, and can be keys of a dict."""
    written = {"kind": "any_of", "masks": [{"kind": "window", "width": 3}, {"kind": "not", "mask": {"kind": "causal"}}]}
    pattern = TypeAdapter[MaskOptions](MaskOptions).validate_python(written)
    assert pattern == Window(width=3) | ~Causal()
    assert {pattern: 1}[Window(width=3) | ~Causal()] == 1
    assert TypeAdapter[MaskOptions](MaskOptions).validate_json(pattern.model_dump_json()) == pattern


@pytest.mark.parametrize("wrong", [{"kind": "window"}, {"kind": "window", "width": -1}, {"kind": "windows"}])
def test_a_wrong_config_is_refused(wrong: dict[str, object]) -> None:
    """A missing number, a negative one and an unknown kind are refused."""
    with pytest.raises(ValidationError):
        TypeAdapter[MaskOptions](MaskOptions).validate_python(wrong)


def test_names_and_combinations_as_a_config_writes_them() -> None:
    """A bare name stands for a pattern without numbers."""
    written = {"kind": "all_of", "masks": ["causal", {"kind": "not", "mask": "diagonal_disabled"}]}
    pattern = TypeAdapter[MaskOptions](MaskOptions).validate_python(written)
    assert pattern.draw(3) == "#..\n.#.\n..#"


def test_extreme_numbers_give_simpler_patterns() -> None:
    """Patterns with extreme numbers equal simpler patterns."""
    diagonal = torch.eye(6, dtype=torch.bool)
    same: list[tuple[Pattern, Tensor]] = [
        (Window(width=0), diagonal),
        (Window(width=6), Full()(6, 6)),
        (CausalWindow(width=6), Causal()(6, 6)),
        (Dilated(width=0, dilation=3), diagonal),
        (Dilated(width=2, dilation=1), Window(width=2)(6, 6)),
        (Block(length=1), diagonal),
        (Block(length=6), Full()(6, 6)),
        (Local(stride=1), diagonal),
        (Local(stride=6), Causal()(6, 6)),
        (Strided(stride=1), Causal()(6, 6)),
        (Strided(stride=6), diagonal),
        (Summary(stride=3, columns=3), Causal()(6, 6)),
        (Fixed(stride=6, columns=1), Causal()(6, 6)),
        (GlobalTokens(tokens=0), ~Full()(6, 6)),
        (GlobalTokens(tokens=6), Full()(6, 6)),
    ]
    for pattern, cells in same:
        assert torch.equal(pattern(6, 6), cells), pattern


def test_padding_in_the_algebra() -> None:
    """Padding combines with and, or, and not, and is drawn sentence by sentence."""
    padding = Padding(lengths=(1, 2))
    assert padding.draw(2, 3) == "#..\n#..\n\n##.\n##."
    assert (~padding).draw(1, 3) == ".##\n\n..#"
    assert (padding | Causal()).draw(2) == "#.\n##\n\n##\n##"
    assert torch.equal((~(padding & Causal()))(2, 2), (~padding | ~Causal())(2, 2))


@pytest.mark.parametrize(
    "wrong", [{"kind": "summary", "stride": 2, "columns": 3}, {"kind": "fixed", "stride": 1, "columns": 2}]
)
def test_more_columns_than_a_block_has_are_refused(wrong: dict[str, object]) -> None:
    """The summary columns must fit into a block."""
    with pytest.raises(ValidationError, match="columns should be at most the stride"):
        TypeAdapter[MaskOptions](MaskOptions).validate_python(wrong)


def test_padding_is_no_pattern_of_a_config() -> None:
    """Padding is refused, also inside of a combination: it differs between sentences and is always hidden."""
    adapter = TypeAdapter[Pattern](PatternOptions)
    assert adapter.validate_python({"kind": "not", "mask": "causal"}) == ~Causal()
    for wrong in (Padding(lengths=(1,)), Causal() & ~Padding(lengths=(1,))):
        with pytest.raises(ValidationError, match="leave it out"):
            adapter.validate_python(wrong.model_dump())
