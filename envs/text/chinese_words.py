"""Words of Chinese texts, from the dictionary of jieba."""

import re
import warnings
from functools import cache
from typing import Any

from glimpse.envs.errors import DataError
from glimpse.envs.text.characters import MARKS, divide_unspaced, is_unspaced

_LETTERS = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CHINESE = re.compile(f"[{_LETTERS}]+")
_RUNS = re.compile(f"[{_LETTERS}]+(?![{MARKS}])|(?:[{_LETTERS}](?=[{MARKS}])[{MARKS}]+|[^{_LETTERS}])+", re.DOTALL)
"""Runs of Chinese characters without marks (such as variation selectors), and of all others."""


def divide_chinese(word: str) -> list[str]:
    """Divide what stands between two spaces into Chinese words, and what stands between them.

    Letters of other scripts without spaces are divided one by one, each with its marks, as `divide_unspaced` does.

    Raises:
        DataError: jieba is not installed.
    """
    if not is_unspaced(word):
        return [word]
    runs = [run[0] for run in _RUNS.finditer(word)]
    return [token for run in runs for token in (_cut(run) if _CHINESE.fullmatch(run) else divide_unspaced(run))]


def _cut(part: str) -> list[str]:
    """Divide Chinese characters into words."""
    found: list[str] = _segmenter().lcut(part)
    return found


@cache
def _segmenter() -> Any:
    """Make jieba's segmenter with its own dictionary.

    jieba would keep what it has read in a file in the folder of temporary files, which other users of the machine may
    write; so the dictionary is read anew.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Its patterns have escapes that Python warns of.
            import jieba
    except ModuleNotFoundError:
        raise DataError(
            "task.tokens: jieba needs jieba, which is not installed: pip install 'glimpse-rl[chinese]'"
        ) from None
    segmenter = jieba.Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter
