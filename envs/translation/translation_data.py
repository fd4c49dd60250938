"""Parallel texts as resident tensors, read and divided into pieces once in a process."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from glimpse.envs.data.sources import Places
from glimpse.envs.errors import DataError
from glimpse.envs.text.ragged import Ragged
from glimpse.envs.translation.options import TranslationOptions, names_a_file
from glimpse.envs.translation.parallel_texts import Pairs, ParallelText, read_parallel
from glimpse.envs.translation.subwords import END, Pieces, pieces_of

Split = Literal["train", "validation", "test"]


class Languages(NamedTuple):
    """The pieces of the language that is read, and of that which is written; one object where they are shared."""

    source: Pieces
    target: Pieces

    @property
    def written(self) -> str:
        """All that is to be known of them, as JSON."""
        both = [self.source] if self.source is self.target else [self.source, self.target]
        return json.dumps([pieces.written for pieces in both])

    @classmethod
    def read(cls, written: str) -> "Languages":
        """Those of which all is known; see `written`.

        Raises:
            ValueError: if this is something else.
            DataError: if the tokenizers library is not installed.
        """
        try:
            first, *second = json.loads(written)
        except TypeError as problem:
            raise ValueError(f"these are no pieces: {problem}") from None
        source = Pieces.read(first)
        return cls(source, Pieces.read(second[0]) if second else source)

    def same_as(self, others: "Languages") -> bool:
        """Whether all pieces have the same numbers."""
        return all(own.numbers == other.numbers for own, other in zip(self, others, strict=True))


@dataclass(frozen=True, eq=False)
class TranslationData:
    """One split. The tensors are shared by all who load them: never change them in place.

    Attributes:
        source: N sentences as pieces, `END` last.
        target: Their translations.
        texts: The same sentences as they were written.
        languages: What the pieces stand for.
    """

    source: Ragged
    target: Ragged
    texts: Pairs
    languages: Languages

    @property
    def lengths(self) -> Tensor:
        """(N,) int64 on the CPU: pieces of the longer sentence of each pair."""
        return torch.maximum(self.source.lengths, self.target.lengths)


def load_translations(options: TranslationOptions, split: Split, *, root: str | None = None) -> TranslationData:
    """Load one split on the CPU.

    Args:
        options: Which texts, and how they become pieces.
        split: Which split.
        root: Data folder; without it GLIMPSE_DATA.

    Raises:
        DataError: A file is missing, or not as it should be, or the tokenizers library is.
    """
    if split not in ("train", "validation", "test"):
        raise DataError(f"split must be 'train', 'validation' or 'test', got {split!r}")
    return _load(_absolute(options), split, Places.of(root))


def without_sentences(languages: Languages) -> TranslationData:
    """No data: what is enough to divide texts of one's own, and to put translations together."""
    nothing = Ragged(torch.zeros(0, dtype=torch.int32), torch.zeros(1, dtype=torch.int64), torch.zeros(0).long())
    return TranslationData(nothing, nothing, Pairs([], []), languages)


def _absolute(options: TranslationOptions) -> TranslationOptions:
    """What is kept in memory belongs to one place, wherever the process goes later."""
    given = options.model_dump()
    for name in ("data", "validation", "test"):
        if given[name] is not None and names_a_file(given[name]):
            given[name] = f"file:{Path(given[name].removeprefix('file:')).expanduser().absolute()}"
    return TranslationOptions.model_construct(**given)


@cache
def _load(options: TranslationOptions, split: Split, places: Places) -> TranslationData:
    texts = _read(options, places)
    languages = _languages(options, places)
    chosen: Pairs = getattr(texts, split)
    source, target = (pieces.encode(side) for pieces, side in zip(languages, chosen, strict=True))
    if split == "train":
        kept = [n for n in range(len(source)) if max(len(source[n]), len(target[n])) <= options.max_pieces + 1]
        if not kept:
            raise DataError(f"{options.data}: no training pair is as short as task.max_pieces, {options.max_pieces}.")
        source, target = [source[n] for n in kept], [target[n] for n in kept]
        chosen = Pairs([chosen.source[n] for n in kept], [chosen.target[n] for n in kept])
    return TranslationData(_ragged(source, options), _ragged(target, options), chosen, languages)


def _ragged(sentences: Sequence[list[int]], options: TranslationOptions) -> Ragged:
    """What is too long is cut, and ends all the same."""
    longest = options.max_pieces + 1
    cut = [one if len(one) <= longest else [*one[: longest - 1], END] for one in sentences]
    lengths = torch.tensor([len(one) for one in cut])
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    flat = np.fromiter(chain.from_iterable(cut), np.int32, int(lengths.sum()))
    return Ragged(torch.from_numpy(flat), offsets, lengths)


@cache
def _read(options: TranslationOptions, places: Places) -> ParallelText:
    """The texts, in small letters if they are wanted."""
    parts = read_parallel(options, places)
    if not options.lower:
        return parts
    return ParallelText(*(Pairs(*([text.lower() for text in side] for side in part)) for part in parts))


@cache
def _languages(options: TranslationOptions, places: Places) -> Languages:
    """The pieces, learned from the training part alone."""
    train, folder = _read(options, places).train, places.cache / "pieces"
    if options.shared:
        both = pieces_of([*train.source, *train.target], options.pieces, options.vocabulary, folder)
        return Languages(both, both)
    return Languages(*(pieces_of(side, options.pieces, options.vocabulary, folder) for side in train))
