"""Tokenizers: decoding restores the text, and training them is deterministic."""

import sys
from pathlib import Path
from typing import Literal

import pytest

from glimpse.envs.errors import DataError
from glimpse.envs.translation.subwords import END, UNKNOWN, learn_subwords, load_or_learn_subwords

TEXTS = ["Zwei Hunde spielen im Schnee.", "Ein Hund (braun) spielt.", "Hunde, Hunde, Hunde!", "naïve  Größe 10,5"]


@pytest.mark.parametrize("kind", ["subwords", "words"])
def test_decoding_restores_the_text(kind: Literal["subwords", "words"]) -> None:
    """Punctuation, capitals, accents and two spaces are kept; tokens after END are ignored."""
    tokens = learn_subwords(TEXTS, kind, 200)
    for text, numbers in zip(TEXTS, tokens.encode(TEXTS), strict=True):
        assert numbers[-1] == END and UNKNOWN not in numbers
        assert tokens.text(numbers) == text
    assert tokens.text([*tokens.encode(["Hunde"])[0], 5, 6]) == "Hunde"


def test_the_vocabulary_has_the_size_asked_for() -> None:
    """Frequent words are one token, rare ones several; displayed tokens show which ones continue a word."""
    tokens = learn_subwords(TEXTS, "subwords", 60)
    assert len(tokens) == 60
    numbers = tokens.encode(["Hunde Schnee"])[0][:-1]
    spelled = tokens.spell(numbers)
    assert spelled[0] == "Hunde" and len(spelled) > 2 and spelled[2].startswith("\u00b7")
    assert "".join(spelled).translate({0xB7: None, 0x2581: None}) == "HundeSchnee"
    assert tokens.spell([2, 3]) == ["<s>", "</s>"]


def test_unknown_tokens_are_replaced_in_order() -> None:
    """Missing replacements are shown as <unk>; the text of each token is known."""
    tokens = learn_subwords(TEXTS, "words", 200)
    text = "Ein Kamel spielt, Lama."
    numbers = tokens.encode([text])[0]
    assert numbers.count(UNKNOWN) == 2
    assert tokens.text(numbers) == "Ein <unk> spielt, <unk>."
    assert tokens.text(numbers, ["camel"]) == "Ein camel spielt, <unk>."
    assert tokens.token_texts(text) == ["Ein", "Kamel", "spielt", ",", "Lama", "."]


def test_an_unknown_word_keeps_its_spaces() -> None:
    """No space follows hyphens and opening marks; one follows dashes and closing marks."""
    tokens = learn_subwords(['a -b (c) d: \u201ee" "f" - g, h/i'], "words", 99)
    text = 'a-X (X) X: \u201eX" "X" - X, X/X'
    numbers = tokens.encode([text])[0]
    assert tokens.text(numbers, "X" * 8) == text
    assert max(tokens.words(numbers)) == len(text.split())


def test_a_vocabulary_is_cached(tmp_path: Path) -> None:
    """A damaged cache file is written anew; a cache folder that cannot be made is no error."""
    first = load_or_learn_subwords(TEXTS, "subwords", 50, tmp_path)
    (kept,) = tmp_path.iterdir()
    assert load_or_learn_subwords(TEXTS, "subwords", 50, tmp_path).to_json() == first.to_json()
    kept.write_text("{")
    assert (
        load_or_learn_subwords(TEXTS, "subwords", 50, tmp_path).to_json()
        == first.to_json()
        == learn_subwords(TEXTS, "subwords", 50).to_json()
    )
    assert kept.read_text(encoding="utf-8") == first.to_json()
    (tmp_path / "file").write_text("")
    assert len(load_or_learn_subwords(TEXTS, "words", 50, tmp_path / "file" / "folder")) > 4
    assert load_or_learn_subwords(TEXTS[:2], "subwords", 50, tmp_path).to_json() != first.to_json()


def test_a_missing_library_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DataError, match=r"not installed: pip install 'glimpse-rl\[translation\]'"):
        load_or_learn_subwords(TEXTS, "words", 50, tmp_path)


def test_the_word_of_each_token() -> None:
    """Punctuation belongs to its word; END to none."""
    tokens = learn_subwords(TEXTS, "words", 200)
    numbers = tokens.encode(["Ein Hund (braun) spielt.", "Kamel, Lama"])
    assert tokens.words(numbers[0]) == [1, 2, 3, 3, 3, 3, 4, 4]
    assert tokens.words(numbers[1]) == [1, 1, 2] and tokens.words([END]) == []
    divided = learn_subwords(TEXTS, "subwords", 60)
    assert max(divided.words(divided.encode(["Hunde im Schnee."])[0])) == 3


def test_tokens_of_scripts_without_spaces_are_words() -> None:
    """Lags in words have a meaning there too; Hindi has spaces, and its tokens with marks are shown as others are."""
    texts = ["\u4eca\u5929\u5f88\u597d\u3002", "good GPT \u597d", "\u0939\u093f\u0928 \u0928\u0940"]
    tokens = learn_subwords(texts, "subwords", 200)
    (chinese, mixed, hindi) = (numbers[:-1] for numbers in tokens.encode(texts))
    # The full stop belongs to the word before it.
    words = tokens.words(chinese)
    assert words[0] == 1 and words[-1] == words[-2] and words == sorted(words) and len(set(words)) == len(words) - 1
    assert max(tokens.words(mixed)) == 3 and max(tokens.words(hindi)) == 2
    assert not any(part.startswith("\u0939\u093f") and "\u00b7" in part for part in tokens.spell(hindi))
