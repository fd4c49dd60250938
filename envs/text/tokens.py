r"""Tokeniser.

GloVe's words follow the conventions of the Penn Treebank, of which these are the few that matter. What stands between
two spaces is divided by itself, so that each distinct word of IMDB's 12 million is processed once (`corpus.py`);
libraries with the same conventions (NLTK, spaCy) need whole texts, and are large.

- Clitics are cut off: does|n't, it|'s, we|'ll, o'neill stays whole.
- Numbers (7.5, 10,000, 9/10), words with hyphens, u.s. and mr. stay whole.
- Three dots and more are `...`, two dashes and more are `--`.
- Every other mark is a token of its own, and so is an emoji.

Letters are those of all scripts, with their combining marks, so that words of Hindi, Thai, and vowelled Arabic or
Hebrew stay whole; a text is the same in every Unicode form. `characters.plain_word` says which characters are replaced.
"""

import re
import unicodedata
from collections.abc import Callable

from glimpse.envs.text.characters import MARKS, plain_word

BREAK = "\x00"
"""Marks, between spaces, the end of a sentence whatever the tokens are: <br /> in IMDB, a new line elsewhere."""

_TONES = "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
"""Skin tones, and tags, as in the flag of Scotland."""
_LETTER = rf"(?:[^\W_](?:[{MARKS}]|[\u200c\u200d](?=[^\W_]))*)"
_WITHIN_WORDS = r"| (?<=[^\x00-\x7f])'(?=[^\W\x00-\x7f]) | [\xb7\u05f3\u05f4](?=[^\W_])"  # As in Ukrainian and Hebrew.
_EMOJI = rf"| [\U0001f1e6-\U0001f1ff]{{2}} | [^\w\s][{MARKS}{_TONES}]* (?: \u200d [^\w\s][{MARKS}{_TONES}]* )*"


def _pattern(letter: str, within_words: str = "", emoji: str = "", apostrophe: bool = True) -> re.Pattern[str]:
    """Return the pattern of a token; the arguments are what differs between ASCII and all other characters.

    Without an `apostrophe`, letters are not searched for the beginning of `n't`: that takes half of the time where
    whole clauses are words, as in Chinese.
    """
    contracted = rf"| {letter}+?(?=n't(?!\w)) | n't(?!\w)" if apostrophe else ""  # does|n't
    return re.compile(
        rf"""
        (?:(?!\d){letter}\.){{2,}}                                              # u.s.
        | (?:mr|mrs|ms|dr|jr|sr|st|vs|prof|etc)\.(?!\w)
        {contracted}
        | '(?:s|m|d|ll|re|ve)(?!\w)                                             # it|'s
        | {letter}+ (?: (?: - | '(?=\w{{3}}) | (?<=\d)[.,:/](?=\d) {within_words} ) {letter}+)*  # well-made, o'neill
        | \.\.\.+ | --+ | `` | ''
        {emoji}
        | \S
        """,
        re.VERBOSE | re.IGNORECASE,
    )


_ASCII_TOKEN, _TOKEN = _pattern("[^\\W_]"), _pattern(_LETTER, _WITHIN_WORDS, _EMOJI)
_TOKEN_OF_WHOLE_WORDS = _pattern(_LETTER, _WITHIN_WORDS, _EMOJI, apostrophe=False)


def split_word(word: str) -> list[str]:
    """Divide what stands between two spaces into tokens; at least one."""
    word = plain_word(word)
    pattern = _ASCII_TOKEN if word.isascii() else _TOKEN if "'" in word else _TOKEN_OF_WHOLE_WORDS
    tokens: list[str] = pattern.findall(word)
    if "...." in word or "---" in word:
        return ["..." if token.startswith("...") else "--" if token.startswith("--") else token for token in tokens]
    return tokens


def keep_word(word: str) -> list[str]:
    """Return the word as one token, for text that is tokenised already."""
    return [word if word.isascii() else unicodedata.normalize("NFC", word)]


def bare_word(word: str) -> list[str]:
    """Divide a word as `split_word` does, without tokens of one punctuation mark; perhaps into none."""
    return [token for token in split_word(word) if len(token) > 1 or token.isalnum()]


SPLITTERS: dict[str, Callable[[str], list[str]]] = {"kept": keep_word, "split": split_word, "bare": bare_word}
"""Splitters by the values of `TextSet.tokens`."""


def dividing(splitter: Callable[[str], list[str]], divide: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Return a splitter whose tokens are divided further."""
    return lambda word: [part for token in splitter(word) for part in divide(token)]


def prepare(text: str, lower: bool) -> str:
    """Replace the breaks of a text by `BREAK`, and lower-case it if `lower`."""
    text = text.replace("<br />", f" {BREAK} ").replace("\n", f" {BREAK} ")
    return text.lower() if lower else text


def tokenise(text: str, splitter: Callable[[str], list[str]], lower: bool) -> list[str]:
    """Tokenise one text; breaks between sentences become the token `BREAK`."""
    return [token for word in prepare(text, lower).split() for token in splitter(word)]
