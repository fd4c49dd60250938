"""BLEU has the tokeniser of its language, and a perfect translation has 100 in every language."""

import re

import pytest

from glimpse.evaluation import bleu_tokens
from glimpse.evaluation.bleu import bleu_by_length, measure_quality
from glimpse.evaluation.bleu_tokens import choose_bleu_tokenizer, count_words

ENGLISH = ["two dogs play in the snow .", "a man reads a book ."]
CHINESE = [
    "\u4e24\u53ea\u72d7\u5728\u96ea\u5730\u91cc\u73a9\u800d\u3002",
    "\u4e00\u4e2a\u7537\u4eba\u5728\u8bfb\u4e66\u3002",
]
JAPANESE = [
    "\u4e8c\u5339\u306e\u72ac\u304c\u96ea\u3067\u904a\u3093\u3067\u3044\u308b\u3002",
    "\u7537\u306e\u4eba\u304c\u672c\u3092\u8aad\u3080\u3002",
]
THAI = [
    "\u0e2a\u0e38\u0e19\u0e31\u0e02\u0e2a\u0e2d\u0e07\u0e15\u0e31\u0e27\u0e40\u0e25\u0e48\u0e19\u0e2b\u0e34\u0e21\u0e30"
]
KOREAN = ["\ub450 \ub9c8\ub9ac\uc758 \uac1c\uac00 \ub208\uc5d0\uc11c \ub17c\ub2e4 ."]
RUSSIAN = ["\u0434\u0432\u0435 \u0441\u043e\u0431\u0430\u043a\u0438 \u0432 \u0441\u043d\u0435\u0433\u0443 ."]


@pytest.fixture
def no_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sacrebleu is installed without its extras."""
    monkeypatch.setattr(bleu_tokens, "_is_installed", lambda tokenizer: False)


@pytest.mark.parametrize(
    ("language", "references", "name"),
    [
        ("zh", CHINESE, "zh"),
        ("zh-CN", CHINESE, "zh"),
        ("zh_Hant", CHINESE, "zh"),
        ("cmn", CHINESE, "zh"),
        ("ja", JAPANESE, "char"),
        ("jpn", JAPANESE, "char"),
        ("ko", KOREAN, "char"),
        ("th", THAI, "char"),
        ("en", ENGLISH, "13a"),
        ("de", ENGLISH, "13a"),
        ("ru", RUSSIAN, "13a"),
        ("tgt", CHINESE, "zh"),
        ("tgt", JAPANESE, "char"),
        ("tgt", KOREAN, "char"),
        ("tgt", THAI, "char"),
        ("tgt", ENGLISH, "13a"),
        ("de", CHINESE, "zh"),
        ("", [], "13a"),
        ("zh", ["a man ."], "zh"),
    ],
)
@pytest.mark.usefixtures("no_extras")
def test_the_tokeniser_is_that_of_the_language(language: str, references: list[str], name: str) -> None:
    """The language decides, or else the script; the signature names it, and a perfect translation has 100."""
    assert choose_bleu_tokenizer(language, references).name == name
    if references and len(references[0]) > 10:
        found = measure_quality(references, references, language=language)
        assert found.bleu == pytest.approx(100) and f"|tok:{name}|" in found.signatures[0]
        groups = bleu_by_length(references, references, references, language)
        assert all(one.bleu == pytest.approx(100) for one in groups)


@pytest.mark.parametrize(
    ("language", "references", "words"),
    [
        ("zh", CHINESE, ""),
        ("en", ENGLISH, ""),
        ("tgt", CHINESE, "tokeniser zh by the script of the references, since 'tgt' is the name of no language"),
        ("ja", JAPANESE, r"tokeniser char since ja-mecab is not installed: pip install 'sacrebleu\[ja\]'"),
        ("x", KOREAN, r"char by the script .*, and since ko-mecab is not installed: pip install 'sacrebleu\[ko\]'"),
    ],
)
@pytest.mark.usefixtures("no_extras")
def test_the_reason_is_said_where_it_is_not_plain(language: str, references: list[str], words: str) -> None:
    """It is part of what is measured, so that it is printed and kept."""
    reason = measure_quality(references, references, language=language).tokenizer_reason
    assert bool(reason) == bool(words) and re.search(words, reason)


def test_mecab_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Japanese and Korean have tokenisers that know their words."""
    monkeypatch.setattr(bleu_tokens, "_is_installed", lambda tokenizer: True)
    assert choose_bleu_tokenizer("ja", []) == ("ja-mecab", "")
    assert choose_bleu_tokenizer("ko-KR", []) == ("ko-mecab", "")
    assert choose_bleu_tokenizer("th", []) == ("char", "")


def test_one_wrong_letter_of_ten_leaves_most_of_bleu() -> None:
    """The score is that of letters: 9 of 10, 7 of 9, 5 of 8 and 4 of 7 n-grams match."""
    given = CHINESE[0].replace("\u96ea", "\u706b")
    expected = 100 * (9 / 10 * 7 / 9 * 5 / 8 * 3 / 7) ** 0.25
    assert measure_quality([given], CHINESE[:1], language="zh").bleu == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "count"),
    [("a man reads", 3), (CHINESE[0], 9), ("caf\xe9 au lait", 3), ("GPT4\u5f88\u597d ok", 3), ("", 0)],
)
def test_words_of_a_source_are_counted_in_every_script(text: str, count: int) -> None:
    """Groups of BLEU by length have letters for words where no spaces are written."""
    assert count_words(text) == count
