"""Tokens of a Hugging Face `tokenizer.json` that a user names.

The tokenizer reads a text as it stands, with its own rules for letters, cases and spaces, and adds no special tokens. A
token is named as in its vocabulary (`##ing`, U+2581 `the`); byte-level tokens are named by the letters that their bytes
mean. Tokens that stand for spaces alone are left out.
"""

import json
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, groupby, islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from glimpse.envs.data.file_contents import user_text
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.text.corpus import Corpus, numbering, offsets_of
from glimpse.envs.text.sentence_ends import ends_of_sentences
from glimpse.envs.text.tokenizers_library import read_tokenizer
from glimpse.envs.text.tokens import BREAK

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_BATCH = 1000
_SPACE = "\u2581"
_BROKEN = "\ufffd"
_NEEDED_BY = "task.tokens: file:PATH"
_BREAKS = re.compile(rf"<br />|\n|(?<!\S){BREAK}(?!\S)")
_WORD = re.compile(r"\S+")


class FoundToken(NamedTuple):
    """A token, and where it stands in its text: text[begin:end].

    Tokens that are parts of one character, as in byte-level vocabularies, have the place of that character.
    """

    name: str
    begin: int
    end: int


def read_tokenizer_file(path: str) -> str:
    """Return the content of a `tokenizer.json`; raises DataError if it is none, or cannot be read."""
    file = user_path(path, "task.tokens")
    written = user_text(file, "utf-8")
    try:
        read_tokenizer(written, _NEEDED_BY)
    except ValueError as problem:
        raise DataError(
            f"{file} should be a tokenizer.json as `tokenizer.save(PATH)` of tokenizers writes it ({problem})"
        ) from None
    return written


@lru_cache(maxsize=4)
def tokenizer_file(written: str) -> "TokenizerFile":
    """Return the tokenizer of a file's content, which takes a second to read where it is large."""
    return TokenizerFile(written)


class TokenizerFile:
    """A tokenizer, from the content of its file."""

    def __init__(self, written: str) -> None:
        """Read the content; raises DataError if it is none, or the library is not installed."""
        try:
            self._tokenizer = read_tokenizer(written, _NEEDED_BY)
        except ValueError as problem:
            raise DataError(f"the run's tokenizer cannot be read ({problem}): update the tokenizers library.") from None
        # A file may say that texts are cut or filled up, which task.max_words decides here.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._names: dict[int, str] = {}
        self._name = _by_bytes(self._tokenizer) if _is_byte_level(json.loads(written)) else _by_vocabulary

    def tokenise(self, texts: Iterable[str], missing_spaces: bool = False) -> Corpus:
        """Tokenise texts; for the arguments and result see `corpus.tokenise_all`."""
        number, lengths = numbering(), array("q")
        tokens, broken, ends = array("i"), bytearray(), bytearray()
        for text, sections in self._read(texts):
            before, starts = len(tokens), [word.start() for word in _WORD.finditer(text)]
            for place, section in enumerate(sections):
                tokens.extend(number[token.name] for token in section)
                broken.extend(place > 0 and at == 0 for at in range(len(section)))
                ends.extend(_ends(text, section, starts, missing_spaces))
            lengths.append(len(tokens) - before)
        return Corpus(
            list(number),
            np.frombuffer(tokens, np.int32),
            offsets_of(np.frombuffer(lengths, np.int64)),
            np.frombuffer(broken, np.bool_),
            np.frombuffer(ends, np.bool_),
        )

    def find(self, text: str) -> list[FoundToken]:
        """Return the tokens of one text, with their places."""
        ((_, sections),) = self._read([text])
        return list(chain.from_iterable(sections))

    def _read(self, texts: Iterable[str]) -> Iterator[tuple[str, list[list[FoundToken]]]]:
        """Yield each text with the tokens of its sections, between which it has breaks."""
        remaining = iter(texts)
        while some := list(islice(remaining, _BATCH)):
            places = [[*pairwise(_borders(text))][::2] for text in some]
            parts = [text[begin:end] for text, spans in zip(some, places, strict=True) for begin, end in spans]
            encoded = iter(self._tokenizer.encode_batch(parts, add_special_tokens=False))
            for text, spans in zip(some, places, strict=True):
                yield text, [self._tokens(text, begin, next(encoded)) for begin, _ in spans]

    def _tokens(self, text: str, start: int, encoding: "Encoding") -> list[FoundToken]:
        found = []
        for identity, (begin, end) in zip(encoding.ids, encoding.offsets, strict=True):
            surface = text[start + begin : start + end]
            if shown := surface.strip():
                first = start + begin + surface.index(shown)
                found.append(FoundToken(self._named(identity), first, first + len(shown)))
        return found

    def _named(self, identity: int) -> str:
        if identity not in self._names:
            self._names[identity] = self._name(self._tokenizer.id_to_token(identity) or "")
        return self._names[identity]


def _borders(text: str) -> list[int]:
    """Return where the sections of a text begin and end, in turn."""
    return [0, *(place for found in _BREAKS.finditer(text) for place in found.span()), len(text)]


def _ends(text: str, tokens: list[FoundToken], starts: list[int], missing_spaces: bool) -> list[bool]:
    """Return which tokens end a sentence; see `ends_of_sentences`. Words begin at `starts`."""
    words = groupby(tokens, lambda token: bisect_right(starts, token.begin))
    surfaces = ([text[token.begin : token.end] for token in word] for _, word in words)
    return [end for word in surfaces for end in ends_of_sentences(word, missing_spaces)]


def _by_vocabulary(token: str) -> str:
    return token


def _by_bytes(tokenizer: "Tokenizer") -> Callable[[str], str]:
    """Return a function that names byte-level tokens by their letters; those of parts of a letter stay as they are."""

    def name(token: str) -> str:
        letters = tokenizer.decoder.decode([token])
        return f"{_BROKEN}{token}" if _BROKEN in letters or not letters else letters.replace(" ", _SPACE)

    return name


def _is_byte_level(described: dict[str, Any]) -> bool:
    """Return whether the tokens of a tokenizer are bytes, written as letters."""
    decoder = described.get("decoder") or {}
    return any(one.get("type") == "ByteLevel" for one in (decoder, *decoder.get("decoders", ())))
