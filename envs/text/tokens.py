r"""Tokeniser.

GloVe's words follow the conventions of the Penn Treebank, of which these are the few that matter. What stands between
two spaces is divided by itself, so that each distinct word of IMDB's 12 million is processed once (`corpus.py`);
libraries with the same conventions (NLTK, spaCy) need whole texts, and are large.

- Clitics are cut off: does|n't, it|'s, we|'ll, o'neill stays whole.
- Numbers (7.5, 10,000, 9/10), words with hyphens, u.s. and mr. stay whole.
- Three dots and more are `...`, two dashes and more are `--`.
- Every other mark is a token of its own.
"""

import re
from collections.abc import Callable

BREAK = "\x00"
"""Marks, between spaces, the end of a sentence whatever the tokens are: <br /> in IMDB, a new line elsewhere."""
SENTENCE_ENDS = frozenset(".!?")
"""A token that consists of these characters alone ends its sentence."""

_TOKEN = re.compile(
    r"""
    (?:[^\W\d_]\.){2,}                                                  # u.s.
    | (?:mr|mrs|ms|dr|jr|sr|st|vs|prof|etc)\.(?!\w)
    | [^\W_]+?(?=n't(?!\w)) | n't(?!\w)                                 # does|n't
    | '(?:s|m|d|ll|re|ve)(?!\w)                                         # it|'s
    | [^\W_]+ (?: (?: - | '(?=\w{3}) | (?<=\d)[.,:/](?=\d) ) [^\W_]+)*  # well-made, o'neill, 7.5
    | \.\.\.+ | --+ | `` | ''
    | \S
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Windows-1252 punctuation that was decoded as control characters (\x85 already divides words).
_WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
# Other quotes and dashes than those of GloVe's words.
_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\xb4": "'", "\u2014": "--"})


def split_word(word: str) -> list[str]:
    """Divide what stands between two spaces into tokens; at least one."""
    if not word.isascii():
        word = word.translate(_WINDOWS).translate(_PLAIN) or word
    tokens: list[str] = _TOKEN.findall(word)
    if "...." in word or "---" in word:
        return ["..." if token.startswith("...") else "--" if token.startswith("--") else token for token in tokens]
    return tokens


def keep_word(word: str) -> list[str]:
    """Return the word as one token, for text that is tokenised already."""
    return [word]


def bare_word(word: str) -> list[str]:
    """Divide a word as `split_word` does, without tokens of one punctuation mark; perhaps into none."""
    return [token for token in split_word(word) if len(token) > 1 or token.isalnum()]


SPLITTERS: dict[str, Callable[[str], list[str]]] = {"kept": keep_word, "split": split_word, "bare": bare_word}
"""Splitters by the values of `TextSet.tokens`."""


def prepare(text: str, lower: bool) -> str:
    """Replace the breaks of a text by `BREAK`, and lower-case it if `lower`."""
    text = text.replace("<br />", f" {BREAK} ").replace("\n", f" {BREAK} ")
    return text.lower() if lower else text


def tokenise(text: str, splitter: Callable[[str], list[str]], lower: bool) -> list[str]:
    """Tokenise one text; breaks between sentences become the token `BREAK`."""
    return [token for word in prepare(text, lower).split() for token in splitter(word)]
