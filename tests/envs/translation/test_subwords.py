"""Pieces of sentences: texts come back as they were, and the same pieces are learned each time."""

import sys
from pathlib import Path
from typing import Literal

import pytest

from glimpse.envs.errors import DataError
from glimpse.envs.translation.subwords import END, UNKNOWN, learn_pieces, pieces_of

TEXTS = ["Zwei Hunde spielen im Schnee.", "Ein Hund (braun) spielt.", "Hunde, Hunde, Hunde!", "naïve  Größe 10,5"]


@pytest.mark.parametrize("kind", ["subwords", "words"])
def test_a_text_comes_back(kind: Literal["subwords", "words"]) -> None:
    """Marks beside words, capitals, accents, two spaces."""
    pieces = learn_pieces(TEXTS, kind, 200)
    for text, numbers in zip(TEXTS, pieces.encode(TEXTS), strict=True):
        assert numbers[-1] == END and UNKNOWN not in numbers
        assert pieces.text(numbers) == text
    assert pieces.text([*pieces.encode(["Hunde"])[0], 5, 6]) == "Hunde"


def test_the_vocabulary_is_as_large_as_asked_for() -> None:
    """Frequent words are one piece, rare ones several, each of which says whether it begins a word."""
    pieces = learn_pieces(TEXTS, "subwords", 60)
    assert len(pieces) == 60
    numbers = pieces.encode(["Hunde Schnee"])[0][:-1]
    spelled = pieces.spell(numbers)
    assert spelled[0] == "Hunde" and len(spelled) > 2 and spelled[2].startswith("\u00b7")
    assert "".join(spelled).translate({0xB7: None, 0x2581: None}) == "HundeSchnee"
    assert pieces.spell([2, 3]) == ["<s>", "</s>"]


def test_unknown_words_can_be_put_in() -> None:
    """One after the other; what each piece was in the text is known."""
    pieces = learn_pieces(TEXTS, "words", 200)
    text = "Ein Kamel spielt, Lama."
    numbers = pieces.encode([text])[0]
    assert numbers.count(UNKNOWN) == 2
    assert pieces.text(numbers) == "Ein <unk> spielt, <unk>."
    assert pieces.text(numbers, ["camel"]) == "Ein camel spielt, <unk>."
    assert pieces.written_as(text) == ["Ein", "Kamel", "spielt", ",", "Lama", "."]


def test_an_unknown_word_stands_where_it_stood() -> None:
    """Behind hyphens and opening marks without a space; behind a dash and closing marks with one."""
    pieces = learn_pieces(['a -b (c) d: \u201ee" "f" - g, h/i'], "words", 99)
    text = 'a-X (X) X: \u201eX" "X" - X, X/X'
    numbers = pieces.encode([text])[0]
    assert pieces.text(numbers, "X" * 8) == text
    assert max(pieces.words(numbers)) == len(text.split())


def test_pieces_are_learned_once(tmp_path: Path) -> None:
    """The second time they are read; a damaged file is learned anew, and a folder that cannot be is no hindrance."""
    first = pieces_of(TEXTS, "subwords", 50, tmp_path)
    (kept,) = tmp_path.iterdir()
    assert pieces_of(TEXTS, "subwords", 50, tmp_path).written == first.written
    kept.write_text("{")
    assert (
        pieces_of(TEXTS, "subwords", 50, tmp_path).written
        == first.written
        == learn_pieces(TEXTS, "subwords", 50).written
    )
    assert kept.read_text(encoding="utf-8") == first.written
    (tmp_path / "file").write_text("")
    assert len(pieces_of(TEXTS, "words", 50, tmp_path / "file" / "folder")) > 4
    assert pieces_of(TEXTS[:2], "subwords", 50, tmp_path).written != first.written


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What to install is said."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DataError, match=r"not installed: pip install 'glimpse-rl\[translation\]'"):
        pieces_of(TEXTS, "words", 50, tmp_path)


def test_the_word_of_each_piece() -> None:
    """Words stand between spaces: marks belong to them; the end is none."""
    pieces = learn_pieces(TEXTS, "words", 200)
    numbers = pieces.encode(["Ein Hund (braun) spielt.", "Kamel, Lama"])
    assert pieces.words(numbers[0]) == [1, 2, 3, 3, 3, 3, 4, 4]
    assert pieces.words(numbers[1]) == [1, 1, 2] and pieces.words([END]) == []
    divided = learn_pieces(TEXTS, "subwords", 60)
    assert max(divided.words(divided.encode(["Hunde im Schnee."])[0])) == 3
