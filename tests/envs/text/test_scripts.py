"""Texts of any script and Unicode form become words and sentences."""

import unicodedata

import pytest
import regex

from glimpse.envs.text.corpus import lacks_spaces
from glimpse.envs.text.options import WholeTextOptions
from glimpse.envs.text.tokenisation import make_tokenizer, spans_of_tokens, split_text, tokenise_texts
from glimpse.envs.text.tokens import SPLITTERS, split_word

PHRASE = "\u0e01\u0e32\u0e23\u0e19\u0e33" * 8


def sentences(text: str, **given: str) -> list[str]:
    """Return the sentences of a user's text, their tokens divided by spaces."""
    options = WholeTextOptions.model_validate({"name": "text", "data": "file:a.csv", **given})
    return [" ".join(sentence) for sentence in split_text(text, options)]


@pytest.mark.parametrize(
    "word",
    [
        "\u0939\u093f\u0928\u094d\u0926\u0940",  # Hindi, with vowel signs and a virama
        "\u0995\u09cb\u09a8",  # Bengali, with a vowel sign of two parts
        "\u0ba8\u0bbf\u0bb1\u0bc8",  # Tamil
        "\u0e17\u0e35\u0e48\u0e19\u0e35\u0e48",  # Thai, with vowel and tone above
        "\u0627\u0644\u0639\u064e\u0631\u064e\u0628\u0650\u064a\u0651\u064e\u0629",  # Arabic with vowels
        "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",  # Hebrew with vowels
        "caf\xe9",
        "\u1ebf\u1ed9",  # Vietnamese, two accents on a letter
        "\ud55c\uad6d\uc5b4",  # Korean, which is decomposed into other letters
        "x\u0304",  # a letter and an accent that have no composed form
        "\u043f\u0440\u0438\u0432\u0435\u0301\u0442",  # Russian with a stress mark
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a joiner between letters
        "\u0915\u094d\u200d\u0937",  # Hindi, with a joiner after a virama
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_word_of_any_script_is_one_token_in_every_form(word: str, form: str) -> None:
    """Marks belong to their letters, and what looks alike is alike."""
    given = unicodedata.normalize("NFD" if form == "NFD" else "NFC", word)
    assert split_word(given) == [unicodedata.normalize("NFC", word)]
    assert all(splitter(given) == [unicodedata.normalize("NFC", word)] for splitter in SPLITTERS.values())


@pytest.mark.parametrize(
    ("word", "tokens"),
    [
        ("don\u2019t", "do n't"),
        ("don\uff07t", "do n't"),
        ("l\u2019\xe9t\xe9", "l'\xe9t\xe9"),
        ("\u043e\u0431\u02bc\u0454\u043c", "\u043e\u0431'\u0454\u043c"),  # Ukrainian: each of its three apostrophes
        ("\u043e\u0431'\u0454\u043c", "\u043e\u0431'\u0454\u043c"),
        ("\u043e\u0431\u2019\u0454\u043c", "\u043e\u0431'\u0454\u043c"),
        ("\u05e6\u05d4\u05f4\u05dc", "\u05e6\u05d4\u05f4\u05dc"),
        ("col\xb7lega", "col\xb7lega"),
        ("co\xadoperate", "cooperate"),
        ("point\xad.", "point \xad ."),
        ("\ufeff\u200ehi\u2060", "hi"),
        ("\u200cword\u200d", "word"),
        ("a\u200bb", "a b"),
        ("\u200b", "\u200b"),
        ("well\u2011made", "well-made"),
        ("\u65e5\u672c\u8a9e\u3002\u3067\u3059", "\u65e5\u672c\u8a9e \u3002 \u3067\u3059"),
        ("\u2764\ufe0f\U0001f44d\U0001f3fd", "\u2764\ufe0f \U0001f44d\U0001f3fd"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467!", "\U0001f468\u200d\U0001f469\u200d\U0001f467 !"),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", "\U0001f1e9\U0001f1ea \U0001f1eb\U0001f1f7"),
    ],
)
def test_characters_beside_letters(word: str, tokens: str) -> None:
    """Apostrophes are alike, what cannot be seen is removed, emoji are tokens; no word vanishes."""
    assert split_word(word) == tokens.split(" ")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\u4f60\u597d\u3002\u518d\u89c1\uff01\u597d\uff1f", "\u4f60\u597d \u3002|\u518d\u89c1 \uff01|\u597d \uff1f"),
        ("\u4f60\u597d!\u518d\u89c1", "\u4f60\u597d !|\u518d\u89c1"),
        ("\u300c\u4f60\u597d\u3002\u300d\u4ed6\u8bf4", "\u300c \u4f60\u597d \u3002 \u300d|\u4ed6\u8bf4"),
        (
            "\u0647\u0644\u061f \u0646\u0639\u0645\u06d4\u0644\u0627",
            "\u0647\u0644 \u061f|\u0646\u0639\u0645 \u06d4|\u0644\u0627",
        ),
        (
            "\u0928\u0947\u0964\u0939\u093e\u0901 \u0964\u0965 \u0939\u093e",
            "\u0928\u0947 \u0964|\u0939\u093e\u0901 \u0964 \u0965|\u0939\u093e",
        ),
        ("\u0562\u0561\u0580\u0589 \u0561\u0575\u0578", "\u0562\u0561\u0580 \u0589|\u0561\u0575\u0578"),
        ("\u121d\u1295\u1362\u12a0\u12ce", "\u121d\u1295 \u1362|\u12a0\u12ce"),
        ("well\u2026 yes\u203d no", "well \u2026|yes \u203d|no"),
        ("well\u2026so", "well \u2026 so"),
        ("write to a@b.com now. Bye", "write to a @ b . com now .|bye"),
        ("see www.x.org/a?b=1! it is 3.14, e.g. here", "see www . x . org / a ? b = 1 !|it is 3.14 , e.g. here"),
        ("v2.0.1 is out.", "v2.0.1 is out ."),
        ('"Stop!" he said (twice.) And went.', '" stop !|" he said ( twice .|) and went .'),
        ("a . b", "a .|b"),
    ],
)
def test_sentences_of_any_script_end_where_its_marks_are(text: str, found: str) -> None:
    """A full stop within a word ends nothing; the marks of scripts without spaces need no space after them."""
    assert "|".join(sentences(text)) == found


def test_reviews_with_missing_spaces_are_divided_within_words() -> None:
    """IMDB's reviews leave many spaces out, and its published sentences end there."""
    assert sentences("It was good.The end", data="imdb") == ["it was good .", "the end"]
    assert sentences("It was good.The end") == ["it was good . the end"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\u4eca\u5929GPT4\u5f88\u597d\u3002", "\u4eca \u5929 gpt4 \u5f88 \u597d \u3002"),
        ("\u3053\u308c\u306f\u30c6\u30b9\u30c8\u304c", "\u3053 \u308c \u306f \u30c6 \u30b9 \u30c8 \u304c"),
        ("\u0e17\u0e35\u0e48\u0e19\u0e35\u0e48", "\u0e17\u0e35\u0e48 \u0e19\u0e35\u0e48"),
        ("\u1015\u103c\u100a\u103a", "\u1015\u103c \u100a\u103a"),
        ("it isn't \ud55c\uad6d\uc5b4", "it is n't \ud55c\uad6d\uc5b4"),
    ],
)
def test_letters_of_scripts_without_spaces_become_tokens(text: str, found: str) -> None:
    """With `tokens: characters` each letter with its marks is a token, and words of other scripts stay whole."""
    assert sentences(text, tokens="characters") == [found]
    assert sentences(unicodedata.normalize("NFD", text), tokens="characters") == [found]


@pytest.mark.parametrize(
    ("texts", "lacking"),
    [
        (["\u8fd9\u90e8\u7535\u5f71\u5f88\u597d\u770b\u3002", "\u5f88\u5dee\uff0c\u4e0d\u8981\u770b\u3002"], True),
        (["\u3053\u308c\u306f\u672c\u3067\u3059\u3002"], True),
        ([f"{PHRASE} {PHRASE} {PHRASE}", PHRASE], True),  # Thai has spaces between phrases.
        ([" ".join(PHRASE[at : at + 4] for at in range(0, 40, 4))], False),
        (["\u0e09\u0e31\u0e19\u0e0a\u0e2d\u0e1a", "\u0e14\u0e35\u0e21\u0e32\u0e01 ok"], True),
        (["\u8fd9 \u90e8 \u7535\u5f71 \u5f88 \u597d\u770b \u3002"], False),
        (["the \u65e5\u672c word in a long text of other words and then some more"] * 3, False),
        (["\ub450 \ub9c8\ub9ac\uc758 \uac1c\uac00"], False),
        (["a film", ""], False),
        ([], False),
    ],
)
def test_texts_without_spaces_are_recognised(texts: list[str], lacking: bool) -> None:
    """Clauses are recognised, not texts that were divided into words, nor single foreign words."""
    options = WholeTextOptions.model_validate({"name": "text", "data": "file:a.csv"})
    assert lacks_spaces(tokenise_texts(texts, options)[0]) == lacking
    divided = options.model_copy(update={"tokens": "characters"})
    assert not lacks_spaces(tokenise_texts(texts, divided)[0])


_MANY_SCRIPTS = (
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f",  # Hindi
    "\u0e01\u0e33\u0e25\u0e31\u0e07 \u0e19\u0e49\u0e33",  # Thai, with a vowel that belongs to the letter before
    "\u0e82\u0ec9\u0ead\u0e8d \u0e99\u0ec9\u0eb3",  # Lao
    "\u1781\u17d2\u1789\u17bb\u17c6 \u1781\u17d2\u1798\u17c2\u179a",  # Khmer, with letters below others
    "\u1019\u103c\u1014\u103a\u1019\u102c",  # Burmese
    "\u304c\u304e\u3050 \uff8a\uff9e\uff8a\uff9f",  # Japanese, wide and narrow
    "\u8fbb\U000e0100\u5b50",  # Chinese, with a variation selector
    "\u0627\u0644\u0639\u064e\u0631\u064e\u0628\u0650\u064a\u0651\u064e\u0629",  # Arabic
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab",  # Korean
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f! 1\ufe0f\u20e3",  # A flag, and a key
    "\U0001f469\U0001f3fd\u200d\U0001f680 \u2764\ufe0f\u200d\U0001f525 \U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
)


@pytest.mark.parametrize("tokens", ["words", "characters", "jieba", "subwords"])
@pytest.mark.parametrize("text", _MANY_SCRIPTS)
def test_no_token_ends_within_what_a_reader_sees_as_one_character(text: str, tokens: str) -> None:
    """Tokens are made of whole grapheme clusters, as Unicode's Annex 29 defines them and another library finds them."""
    options = WholeTextOptions.model_validate({"name": "text", "data": "file:a.csv", "tokens": tokens})
    tokenizer = make_tokenizer(options, ["a b"] * 2)
    ends = {span.end for span in spans_of_tokens(text, options, tokenizer)}
    assert ends <= {found.end() for found in regex.finditer(r"\X", text)}
    assert max(ends) == len(text)
