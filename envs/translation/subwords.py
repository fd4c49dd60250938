"""From a sentence to numbered pieces and back, by the tokenizers library: byte pair encoding, or words.

Marks are pieces of their own; where a piece is not the first of its word it says so, so that the text comes back as it
was written, spaces and all.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from glimpse.envs.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN, BEGIN, END = range(4)
_SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
_SPACE = "\u2581"
_GLUE, _OPENING = tuple("-/'\u2019"), tuple(f"{_SPACE}{mark}" for mark in '([{\u201e\u201c\u00ab"')
"""Behind which a word goes on: marks that have no space in front of them, and marks that have one."""


class Pieces:
    """The pieces of one language, or of two. Piece 0 is padding, 1 what is unknown, 2 a sentence's begin, 3 its end."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        """Take what `learn_pieces` made."""
        self._tokenizer = tokenizer

    @classmethod
    def read(cls, written: str) -> "Pieces":
        """Those of which all is known from JSON; see `written`.

        Raises:
            ValueError: if that is no tokenizer.
            DataError: if the tokenizers library is not installed.
        """
        tokenizers = _tokenizers()
        try:
            return cls(tokenizers.Tokenizer.from_str(written))
        except Exception as problem:  # The library raises nothing more special.
            raise ValueError(f"these are no pieces: {problem}") from None

    def __len__(self) -> int:
        """How many there are."""
        return int(self._tokenizer.get_vocab_size())

    @property
    def written(self) -> str:
        """All that is to be known of them, as JSON."""
        return str(self._tokenizer.to_str())

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each piece."""
        return dict(self._tokenizer.get_vocab())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of each text's pieces, and `END`."""
        return [[*encoded.ids, END] for encoded in self._tokenizer.encode_batch(list(texts))]

    def written_as(self, text: str) -> list[str]:
        """What of a text each of its pieces is, `END` left out."""
        return [text[begin:end].strip() for begin, end in self._tokenizer.encode(text).offsets]

    def words(self, numbers: Iterable[int]) -> list[int]:
        """The word that each piece belongs to, from 1; words stand between spaces, with their marks. `END` is none."""
        begins = [part.startswith(_SPACE) for part in self._parts(numbers)]
        return [max(1, count) for count in accumulate(begins)]

    def spell(self, numbers: Iterable[int]) -> list[str]:
        """Pieces as they are shown: a word's later ones begin with a middle dot, marks as they are."""
        spelled = (self._tokenizer.id_to_token(number) or _SPECIAL[UNKNOWN] for number in numbers)
        return [
            piece.removeprefix(_SPACE) or _SPACE
            if piece.startswith(_SPACE) or piece in _SPECIAL or not piece.isalnum()
            else f"\u00b7{piece}"
            for piece in spelled
        ]

    def text(self, numbers: Iterable[int], unknown: Iterable[str] = ()) -> str:
        """The text that pieces stand for, up to `END`.

        Args:
            numbers: of the pieces.
            unknown: what stands in place of each that is unknown, one after the other; `<unk>` where it is empty, and
                behind its end.
        """
        parts = self._parts(takewhile(lambda number: number != END, numbers), unknown)
        return "".join(parts).replace(_SPACE, " ").strip()

    def _parts(self, numbers: Iterable[int], unknown: Iterable[str] = ()) -> Iterator[str]:
        """Of each piece that is not special, and of each unknown one, its text; `_SPACE` stands for a space."""
        instead, before = iter(unknown), ""
        for number in numbers:
            if number in (PAD, BEGIN, END):
                continue
            part = self._tokenizer.id_to_token(number) or ""
            if number == UNKNOWN:  # It has not kept whether it began a word.
                goes_on = before.endswith(_OPENING) or (before.endswith(_GLUE) and before[-2:-1] != _SPACE)
                part = _SPACE * (not goes_on) + (next(instead, "") or _SPECIAL[UNKNOWN])
            yield part
            before = before[-1:] + part


def learn_pieces(texts: Iterable[str], kind: Literal["subwords", "words"], size: int) -> Pieces:
    """Learn at most `size` pieces from texts, the same ones each time.

    Raises:
        DataError: if the tokenizers library is not installed.
    """
    _tokenizers()
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    words = kind == "words"
    tokenizer = Tokenizer((models.WordLevel if words else models.BPE)(unk_token=_SPECIAL[UNKNOWN]))
    trainer = (trainers.WordLevelTrainer if words else trainers.BpeTrainer)(
        vocab_size=size, special_tokens=list(_SPECIAL), show_progress=False
    )
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    tokenizer.train_from_iterator(texts, trainer)
    return Pieces(tokenizer)


def pieces_of(texts: Sequence[str], kind: Literal["subwords", "words"], size: int, folder: Path) -> Pieces:
    """As `learn_pieces`; what was once learned from these very texts is read from `folder`.

    Raises:
        DataError: if the tokenizers library is not installed.
    """
    known = hashlib.sha256(f"{_tokenizers().__version__} {kind} {size}".encode())
    for text in texts:
        known.update(b"\n" + text.encode())
    path = folder / f"{known.hexdigest()[:32]}.json"
    try:
        return Pieces.read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # It is not there, or damaged.
        learned = learn_pieces(texts, kind, size)
    # A cache that cannot be written costs time alone.
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_text(learned.written, encoding="utf-8")
        beside.replace(path)
    return learned


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ModuleNotFoundError:
        raise DataError(
            "translation divides texts by the tokenizers library, which is not installed: "
            "pip install 'glimpse-rl[translation]'"
        ) from None
    return tokenizers
