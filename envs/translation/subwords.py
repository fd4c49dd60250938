"""Tokenizers of sentences, from the tokenizers library: byte pair encoding, or words.

Punctuation marks are tokens of their own. A token that begins a word starts with U+2581, as in SentencePiece, so
decoding restores the text exactly, with its spaces.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from glimpse.envs.text.characters import is_unspaced
from glimpse.envs.text.tokenizers_library import import_tokenizers, read_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN, BEGIN, END = range(4)
_SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
_SPACE = "\u2581"
_GLUE, _OPENING = tuple("-/'\u2019"), tuple(f"{_SPACE}{mark}" for mark in '([{\u201e\u201c\u00ab"')
"""Marks after which no space follows: those without a space before them, and those with one."""


class Subwords:
    """Vocabulary of one language, or of two. Tokens 0 to 3 are padding, unknown, begin and end of sentence."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        """Wrap a trained tokenizer; see `learn_subwords`."""
        self._tokenizer = tokenizer

    @classmethod
    def from_json(cls, written: str) -> "Subwords":
        """Return the vocabulary that `to_json` wrote.

        Raises:
            ValueError: if the text is not that of a tokenizer.
            DataError: if the tokenizers library is not installed.
        """
        return cls(read_tokenizer(written, "translation"))

    def __len__(self) -> int:
        """Return the number of tokens."""
        return int(self._tokenizer.get_vocab_size())

    def to_json(self) -> str:
        """Return the tokenizer as JSON, for `from_json`."""
        return str(self._tokenizer.to_str())

    @property
    def vocabulary(self) -> dict[str, int]:
        """Number of each token."""
        return dict(self._tokenizer.get_vocab())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the numbers of each text's tokens, followed by `END`."""
        return [[*encoded.ids, END] for encoded in self._tokenizer.encode_batch(list(texts))]

    def token_texts(self, text: str) -> list[str]:
        """Return the part of a text that each of its tokens stands for, without `END`."""
        return [text[begin:end].strip() for begin, end in self._tokenizer.encode(text).offsets]

    def words(self, numbers: Iterable[int]) -> list[int]:
        """Return the word that each token belongs to, from 1, leaving out `END`.

        Words are divided by spaces alone; in scripts that are written without spaces, a token is a word.
        """
        begins = [part.startswith(_SPACE) or is_unspaced(part[:1]) for part in self._parts(numbers)]
        return [max(1, count) for count in accumulate(begins)]

    def spell(self, numbers: Iterable[int]) -> list[str]:
        """Return tokens for display: a middle dot before those that continue a word, marks as they are."""
        spelled = (self._tokenizer.id_to_token(number) or _SPECIAL[UNKNOWN] for number in numbers)
        return [
            token.removeprefix(_SPACE) or _SPACE
            if token.startswith(_SPACE) or token in _SPECIAL or not any(map(str.isalnum, token))
            else f"\u00b7{token}"
            for token in spelled
        ]

    def text(self, numbers: Iterable[int], unknown: Iterable[str] = ()) -> str:
        """Decode tokens, up to `END`.

        Args:
            numbers: of the tokens.
            unknown: replacements of the unknown tokens, in order; `<unk>` stands for those that are empty or missing.
        """
        parts = self._parts(takewhile(lambda number: number != END, numbers), unknown)
        return "".join(parts).replace(_SPACE, " ").strip()

    def _parts(self, numbers: Iterable[int], unknown: Iterable[str] = ()) -> Iterator[str]:
        """Yield the text of each token, `_SPACE` standing for a space; skip all special tokens but the unknown one."""
        instead, before = iter(unknown), ""
        for number in numbers:
            if number in (PAD, BEGIN, END):
                continue
            part = self._tokenizer.id_to_token(number) or ""
            if number == UNKNOWN:  # Whether it began a word is not known.
                continues = before.endswith(_OPENING) or (before.endswith(_GLUE) and before[-2:-1] != _SPACE)
                part = _SPACE * (not continues) + (next(instead, "") or _SPECIAL[UNKNOWN])
            yield part
            before = before[-1:] + part


def learn_subwords(texts: Iterable[str], kind: Literal["subwords", "words"], size: int) -> Subwords:
    """Learn a vocabulary of at most `size` tokens from texts, deterministically.

    Raises:
        DataError: if the tokenizers library is not installed.
    """
    import_tokenizers("translation")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    words = kind == "words"
    tokenizer = Tokenizer((models.WordLevel if words else models.BPE)(unk_token=_SPECIAL[UNKNOWN]))
    trainer = (trainers.WordLevelTrainer if words else trainers.BpeTrainer)(
        vocab_size=size, special_tokens=list(_SPECIAL), show_progress=False
    )
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    tokenizer.train_from_iterator(texts, trainer)
    return Subwords(tokenizer)


def load_or_learn_subwords(
    texts: Sequence[str], kind: Literal["subwords", "words"], size: int, folder: Path
) -> Subwords:
    """Learn a vocabulary as `learn_subwords` does, or read it from the cache `folder` if these texts were seen before.

    Raises:
        DataError: if the tokenizers library is not installed.
    """
    known = hashlib.sha256(f"{import_tokenizers('translation').__version__} {kind} {size}".encode())
    for text in texts:
        known.update(b"\n" + text.encode())
    path = folder / f"{known.hexdigest()[:32]}.json"
    try:
        return Subwords.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Missing or damaged.
        learned = learn_subwords(texts, kind, size)
    # If the cache cannot be written, only time is lost.
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        beside.unlink(missing_ok=True)
        with beside.open("x", encoding="utf-8") as file:  # Unlike "w", this follows no link.
            file.write(learned.to_json())
        beside.replace(path)
    return learned
