"""Marks that end sentences, and where they do."""

import re
from collections.abc import Sequence

from glimpse.envs.text.characters import is_unspaced

# Unicode's property Sentence_Terminal, and the ellipsis.
_MARKS_IN_SPACED_TEXT = "!.?\u2024\u203c\u203d\u2047-\u2049\u2026\ufe52\ufe56\ufe57\uff0e"
_MARKS_ANYWHERE = (
    "\u0589\u061d-\u061f\u06d4\u0700-\u0702\u07f9\u0837\u0839\u083d\u083e\u0964\u0965\u104a\u104b\u1362\u1367\u1368"
    "\u166e\u1735\u1736\u17d4\u17d5\u1803\u1809\u1944\u1945\u1aa8-\u1aab\u1b4e\u1b4f\u1b5a\u1b5b\u1b5e\u1b5f\u1b7d-"
    "\u1b7f\u1c3b\u1c3c\u1c7e\u1c7f\u2cf9-\u2cfb\u2e2e\u2e3c\u2e53\u2e54\u2e60\u2e61\u3002\ua4ff\ua60e\ua60f\ua6f3"
    "\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c8\ua9c9\uaa5d-\uaa5f\uaaf0\uaaf1\uabeb\ufe12\ufe15\ufe16\uff01\uff1f"
    "\uff61"
)
_ENDS_BEFORE_SPACE = re.compile(f"[{_MARKS_IN_SPACED_TEXT}{_MARKS_ANYWHERE}]+")
_ENDS_ANYWHERE = re.compile(f"[{_MARKS_IN_SPACED_TEXT}]*[{_MARKS_ANYWHERE}][{_MARKS_IN_SPACED_TEXT}{_MARKS_ANYWHERE}]*")
_ASCII_ENDS = re.compile("[.!?]+")
_CLOSES = re.compile("[\u300d\u300f\uff09\u3011\u300b\u3009\u3015\u3017\uff3d\uff5d\u201d\u2019\xbb\uff63]")


def ends_of_sentences(tokens: Sequence[str], missing_spaces: bool) -> list[bool]:
    """Return which tokens of a word (of what stands between two spaces) end a sentence.

    A full stop, an exclamation or a question mark ends one if a space follows, or a script without spaces, perhaps
    after other marks: not in `a@b.com`. The marks of other scripts, such as those of Chinese, Arabic and Hindi, do so
    anywhere. Closing quotes and brackets of such scripts belong to the sentence.

    Args:
        tokens: those of a word, in order.
        missing_spaces: whether . ! and ?, and no other marks, end sentences anywhere; for English reviews with
            missing spaces.
    """
    if missing_spaces:
        return [_ASCII_ENDS.fullmatch(token) is not None for token in tokens]
    ends, inside = [False] * len(tokens), False
    for number in range(len(tokens) - 1, -1, -1):
        token = tokens[number]
        if any(map(str.isalnum, token)):
            inside = not is_unspaced(token[0])
        else:
            ends[number] = (_ENDS_ANYWHERE if inside else _ENDS_BEFORE_SPACE).fullmatch(token) is not None
    for number in range(1, len(tokens)):
        ends[number] |= ends[number - 1] and _CLOSES.fullmatch(tokens[number]) is not None
    return ends
