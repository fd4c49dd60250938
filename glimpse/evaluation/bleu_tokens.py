"""Tokeniser of BLEU, by the language of the references."""

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from glimpse.envs.text.characters import is_unspaced

_BY_LANGUAGE = {
    "zh": "zh zho chi cmn yue wuu hak nan lzh gan hsn cn chinese mandarin cantonese",
    "ja-mecab": "ja jpn jp japanese",
    "ko-mecab": "ko kor kr korean",
    "char": "th tha thai lo lao km khm khmer my mya bur burmese",
}
_TOKENIZER = {language: name for name, languages in _BY_LANGUAGE.items() for language in languages.split()}
_KANA = re.compile("[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9d]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")
_SAMPLE = 10_000


class BleuTokenizer(NamedTuple):
    """Tokeniser of sacrebleu.

    name: sacrebleu's name of it, which its signature shows too.
    reason: why it was chosen, if neither the language nor Western spelling says so; else empty.
    """

    name: str
    reason: str = ""


def choose_bleu_tokenizer(language: str, references: Sequence[str]) -> BleuTokenizer:
    """Choose the tokeniser for references in a language.

    Chinese, Japanese and Korean have tokenisers of their own, the last two if sacrebleu's extras are installed, or else
    `char`, as Thai, Lao, Khmer and Burmese do; all other languages have `13a`, the one of WMT. Where the language is
    none of these but most letters of the references are of their scripts, the script decides.

    Args:
        language: a code such as de, zh-CN or jpn, or any other name of a file.
        references: texts in the language.
    """
    known = _TOKENIZER.get(re.split("[-_.]", language.lower())[0])
    wanted = known or _by_script(references)
    name = wanted if not wanted.endswith("mecab") or _is_installed(wanted) else "char"
    reasons = []
    if known is None and wanted != "13a":
        reasons.append(f"by the script of the references, since {language!r} is the name of no language in that script")
    if name != wanted:
        reasons.append(f"since {wanted} is not installed: pip install 'sacrebleu[{wanted[:2]}]'")
    return BleuTokenizer(name, f"BLEU has the tokeniser {name} {', and '.join(reasons)}" if reasons else "")


def count_words(text: str) -> int:
    """Count words: what stands between spaces, and each letter of a script that is written without spaces."""
    words = text.split()
    return len(words) if text.isascii() else sum(max(1, sum(map(is_unspaced, word))) for word in words)


def _by_script(references: Sequence[str]) -> str:
    """Return the tokeniser for the script of most letters in the first texts; Japanese mixes Kana with Han."""
    letters = [letter for letter in "".join(references[:_SAMPLE]) if letter.isalpha()]
    foreign = "".join(letter for letter in letters if not letter.isascii())
    kana, han, hangul = (len(script.findall(foreign)) for script in (_KANA, _HAN, _HANGUL))
    unspaced = sum(map(is_unspaced, foreign))
    if 2 * max(unspaced, hangul) <= len(letters):
        return "13a"
    if hangul > unspaced:
        return "ko-mecab"
    if 2 * (kana + han) < unspaced:
        return "char"
    return "ja-mecab" if 10 * kana > kana + han else "zh"


@cache
def _is_installed(tokenizer: str) -> bool:
    """Return whether sacrebleu finds what a tokeniser needs."""
    from sacrebleu.metrics.bleu import BLEU

    try:
        BLEU(tokenize=tokenizer)
    except (ImportError, RuntimeError):
        return False
    return True
