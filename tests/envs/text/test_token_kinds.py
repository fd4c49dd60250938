"""Tests of the kinds of tokens: subwords, Chinese words, and a tokenizer's file; and of their places in the text."""

import sys
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from glimpse.envs.errors import DataError
from glimpse.envs.text.chinese_words import divide_chinese
from glimpse.envs.text.learned_subwords import CONTINUES
from glimpse.envs.text.options import WholeTextOptions
from glimpse.envs.text.tokenisation import make_tokenizer, spans_of_tokens, split_text, tokenise_texts

TRAINING = ["low lower lowest slow slower", "\u597d\u7684 \u597d\u7684 \u4e0d\u597d", "l\u1ecf l\u1ecfi"] * 5
TEXTS = [
    "It isn't so.... well\u2014made, caf\xe9s cost 10,000!<br />\u201cGood\u201d\nlow lower SLOWEST",
    "\u8fd9\u5bb6\u9152\u5e97\u7684\u670d\u52a1\u5f88\u597d\u3002\u6211\u7528GPT4\u548cWindows\u7cfb\u7edf",
    "\u3053\u308c\u306f\u30c6\u30b9\u30c8\u3067\u3059\u3002 \u304c\u304e\u3050",
    "\u0e09\u0e31\u0e19\u0e0a\u0e2d\u0e1a\u0e19\u0e49\u0e33 \u0e17\u0e35\u0e48\u0e19\u0e35\u0e48",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e\u0964 \u0915\u094d\u200d\u0937",
    "\u0645\u0631\u062d\u0628\u064b\u0627 \u0628\u0627\u0644\u0639\u064e\u0627\u0644\u064e\u0645\u061f",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467! \U0001f44d\U0001f3fd \u2764\ufe0f",
    "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
    "\ud55c\uad6d\uc5b4 \u0130stanbul \u03a3\u039f\u03a6\u039f\u03a3",
    "co\xadoperate \ufeff\u200ehi\u2060 a\u200bb \x85x a\x96b",
    "",
    "  \n <br /> ",
]
KINDS = ["words", "characters", "jieba", "subwords", "file"]


@pytest.fixture(scope="module")
def tokenizer_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tokenizer in the manner of BERT, which cuts texts, fills them up, and adds special tokens."""
    pieces = ("[UNK]", "[CLS]", "[SEP]", "low", "##er", "slow", "##est", *"abcdefghijklmnopqrstuvwxyz,!")
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=50)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def options_of(kind: str, path: Path, **given: object) -> WholeTextOptions:
    """Return the options of a user's table with this kind of tokens."""
    tokens = f"file:{path}" if kind == "file" else kind
    return WholeTextOptions.model_validate({"name": "text", "data": "file:a.csv", "tokens": tokens, **given})


def divided(text: str, options: WholeTextOptions) -> str:
    """Return the tokens of a text with spaces between them, and bars between sentences."""
    sentences = split_text(text, options, make_tokenizer(options, TRAINING))
    return "|".join(" ".join(sentence) for sentence in sentences)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Lower lowest!", "lower lowest !"),
        ("slowx isn't", "slow \xb7x i \xb7s n \xb7' \xb7t"),  # Letters that training has not are their own.
        ("\u4e0d\u597d\u597d\u7684", "\u4e0d\u597d \u597d\u7684"),
        ("l\u1ecfq. low", "l\u1ecf \xb7q .|low"),
        ("\u0928\u0940\u0915", "\u0928\u0940 \xb7\u0915"),  # Marks stay with their letters.
        ("\U0001f468\u200d\U0001f469x", "\U0001f468\u200d\U0001f469 x"),
    ],
)
def test_subwords_divide_words_as_training_does(text: str, found: str, tokenizer_path: Path) -> None:
    """Frequent words stay whole; the form of letters does not matter."""
    options = options_of("subwords", tokenizer_path)
    assert divided(text, options) == found
    assert divided(unicodedata.normalize("NFD", text), options) == found


def test_subwords_are_learned_alike_again_and_within_their_number(tokenizer_path: Path) -> None:
    """Learning draws nothing; fewer subwords are shorter ones, and texts in capitals have their own."""
    texts = [" ".join(f"{a}{b}{c}" for a in "abcde" for b in "fgh" for c in "ij")] * 2
    few, many = (options_of("subwords", tokenizer_path, subwords=size) for size in (100, 20_000))
    assert make_tokenizer(few, iter(texts)) == make_tokenizer(few, iter(texts))
    capitals = options_of("subwords", tokenizer_path, lower=False)
    assert split_text("LOW", capitals, make_tokenizer(capitals, TRAINING)) == [["L", "\xb7O", "\xb7W"]]
    long = ["".join(map(chr, range(97, 123))) * 8, *(f"{a}{b}" * 3 for a in "abcdefgh" for b in "stuvwxyz")] * 2
    lengths = [len(split_text(long[0], one, make_tokenizer(one, long))[0]) for one in (few, many)]
    assert lengths[0] > lengths[1] == 1


def test_chinese_words_are_those_of_the_dictionary() -> None:
    """Other scripts without spaces are divided into letters, and words of all others stay whole."""
    assert divide_chinese("\u6211\u5728\u5317\u4eac\u5927\u5b66\u5b66\u4e60GPT4\u3067\u3059") == [
        "\u6211",
        "\u5728",
        "\u5317\u4eac\u5927\u5b66",
        "\u5b66\u4e60",
        "GPT4",
        "\u3067",
        "\u3059",
    ]
    assert divide_chinese("word") == ["word"]
    assert divide_chinese("\u6211\u8fbb\U000e0100") == ["\u6211", "\u8fbb\U000e0100"]  # With a variation selector.


def test_a_tokenizer_file_divides_by_its_own_rules(tokenizer_path: Path) -> None:
    """Its special tokens, its limit and its padding are left out; sentences end as elsewhere."""
    options = options_of("file", tokenizer_path)
    assert divided("LOW lower. Slowest<br />low", options) == "low low ##er [UNK]|slow ##est|low"
    assert options_of("words", tokenizer_path).model_copy(update={"tokens": f"file:{tokenizer_path}"}) == options
    bare = WholeTextOptions.model_validate({"name": "text", "data": "file:a.csv", "tokens": str(tokenizer_path)})
    assert bare == options


def test_byte_level_tokens_are_named_by_their_letters(tmp_path: Path) -> None:
    """Those that begin a word have U+2581; parts of a letter have names of their own, and the letter's place."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(["a low low \u597d\u7684"] * 9, trainer)
    tokenizer.save(str(tmp_path / "bytes.json"))
    options = options_of("file", tmp_path / "bytes.json")
    written = make_tokenizer(options, [])
    tokens = split_text("low low\u597d \u4e0d", options, written)[0]
    assert tokens[:3] == ["lo", "w", "\u2581low"] and tokens[3] == "\u597d" and len(set(tokens[4:])) == len(tokens) - 4
    assert all(token.startswith("\ufffd") for token in tokens[-3:])
    assert spans_of_tokens("low low\u597d \u4e0d", options, written)[-3:] == [(9, 10)] * 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_tokens_stand_where_their_spans_are(kind: str, form: str, tokenizer_path: Path) -> None:
    """There is a span for each token, in order; it holds the token's letters, and no letter is in none.

    Parts of one character (a long dash is two) have the same span.
    """
    options = options_of(kind, tokenizer_path)
    tokenizer = make_tokenizer(options, TRAINING)
    for text in (unicodedata.normalize("NFD", one) if form == "NFD" else one for one in TEXTS):
        spans = spans_of_tokens(text, options, tokenizer)
        tokens = [token for sentence in split_text(text, options, tokenizer) for token in sentence]
        assert len(spans) == len(tokens)
        assert all(before.end <= after.begin or before == after for before, after in pairwise(spans))
        covered = {place for span in spans for place in range(*span)}
        seen = text.replace("<br />", "      ")
        assert {at for at, letter in enumerate(seen) if letter.isalnum()} <= covered
        if kind != "file":
            for token, (begin, end) in zip(tokens, spans, strict=True):
                assert shape(token.removeprefix(CONTINUES)) in shape(text[begin:end])


def shape(text: str) -> str:
    """Return the letters of a text alone, in one form; or its marks, if there are no letters."""
    plain = unicodedata.normalize("NFKD", text.replace("\x96", "").lower()).replace("\u03c2", "\u03c3")
    return "".join(letter for letter in plain if letter.isalnum())


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("It isn't", [(0, 2), (3, 5), (5, 8)]),
        ("so....", [(0, 2), (2, 6)]),
        ("e\u0301te\u0301 x", [(0, 5), (6, 7)]),
        ("\u0130x!", [(0, 2), (2, 3)]),  # Its lower case has one more character.
        ("co\xadop\u200b a", [(0, 5), (7, 8)]),
        ("a<br />b", [(0, 1), (7, 8)]),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", [(0, 6)]),  # A Korean word in jamo.
    ],
)
def test_spans_worked_by_hand(text: str, spans: list[tuple[int, int]], tokenizer_path: Path) -> None:
    """They count the characters of the text as it was typed."""
    assert spans_of_tokens(text, options_of("words", tokenizer_path)) == spans


@pytest.mark.parametrize(
    ("kind", "library", "extra"),
    [
        ("jieba", "jieba", "glimpse-rl[chinese]"),
        ("subwords", "tokenizers", "glimpse-rl[translation]"),
        ("file", "tokenizers", "glimpse-rl[translation]"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    kind: str, library: str, extra: str, tokenizer_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has one line and says what to install."""
    from glimpse.envs.text import chinese_words

    chinese_words._segmenter.cache_clear()
    monkeypatch.setitem(sys.modules, library, None)
    options = options_of(kind, tokenizer_path)
    with pytest.raises(DataError) as caught:
        tokenise_texts(["\u597d\u7684"], options, make_tokenizer(options, TRAINING))
    assert extra in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"model": {"type": "BPE"}}'])
def test_another_file_is_no_tokenizer(content: str, tmp_path: Path) -> None:
    """The file is named."""
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(DataError, match=r"other\.json"):
        make_tokenizer(options_of("file", tmp_path / "other.json"), [])
    with pytest.raises(DataError, match=r"missing\.json"):
        make_tokenizer(options_of("file", tmp_path / "missing.json"), [])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tokens": "charcters"}, "Did you mean characters"),
        ({"tokens": "words", "subwords": 500}, "applies to `tokens: subwords` only"),
        ({"tokens": "subwords", "subwords": 99}, "greater than or equal to 100"),
    ],
)
def test_wrong_options_are_refused(given: dict[str, object], message: str) -> None:
    """The right ones are suggested."""
    with pytest.raises(ValueError, match=message):
        WholeTextOptions.model_validate({"name": "text", "data": "sst2", **given})


def test_human_rationales_are_those_of_the_words_that_tokens_are_parts_of() -> None:
    """Each part of a marked word is marked."""
    from glimpse.envs.text.numbered_splits import _marks_of_tokens

    options = WholeTextOptions.model_validate({"name": "text", "data": "eraser-movies", "tokens": "subwords"})
    tokenizer = make_tokenizer(options, TRAINING)
    text, marked = "slowx \x00 low isn't", np.array([True, False, True])
    assert _marks_of_tokens(text, marked, options, tokenizer).tolist() == [True, True, False, *[True] * 5]
    words = options.model_copy(update={"tokens": "words"})
    assert _marks_of_tokens(text, marked, words, None) is marked
