"""Parallel texts as resident token tensors, which are read and tokenized once per process."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.text.ragged import Ragged
from glimpse.envs.translation.options import TranslationOptions, names_a_file
from glimpse.envs.translation.parallel_texts import Pairs, ParallelText, read_parallel
from glimpse.envs.translation.subwords import END, Subwords, load_or_learn_subwords
from glimpse.envs.translation.translation_meaning import TranslationMeaning

Split = Literal["train", "validation", "test"]


class Languages(NamedTuple):
    """Vocabularies of the source and target languages; the same object where they are shared."""

    source: Subwords
    target: Subwords

    def to_json(self) -> str:
        """Return both vocabularies as JSON, for `from_json`."""
        both = [self.source] if self.source is self.target else [self.source, self.target]
        return json.dumps([tokens.to_json() for tokens in both])

    @classmethod
    def from_json(cls, written: str) -> "Languages":
        """Return the vocabularies that `to_json` wrote.

        Raises:
            ValueError: if the text is something else.
            DataError: if the tokenizers library is not installed.
        """
        try:
            first, *second = json.loads(written)
        except TypeError as problem:
            raise ValueError(f"not a tokenizer: {problem}") from None
        source = Subwords.from_json(first)
        return cls(source, Subwords.from_json(second[0]) if second else source)

    def same_as(self, others: "Languages") -> bool:
        """Return whether all tokens have the same numbers as in other languages."""
        return all(own.vocabulary == other.vocabulary for own, other in zip(self, others, strict=True))


@dataclass(frozen=True, eq=False)
class TranslationData:
    """One split of a parallel text. All who load it share its tensors: never change them in place.

    Attributes:
        source: N source sentences as tokens, `END` last.
        target: Their translations, likewise.
        texts: The same sentences as text.
        languages: Vocabularies of both languages.
        learned_from: Digest of the texts that they were learned from.
    """

    source: Ragged
    target: Ragged
    texts: Pairs
    languages: Languages
    learned_from: str

    @property
    def lengths(self) -> Tensor:
        """Tokens of the longer sentence of each pair, (N,) int64 on the CPU."""
        return torch.maximum(self.source.lengths, self.target.lengths)


def load_translations(
    options: TranslationOptions, split: Split, *, root: str | None = None, meaning: TranslationMeaning | None = None
) -> TranslationData:
    """Load one split on the CPU.

    Args:
        options: The texts, and how they are tokenized.
        split: Name of the split.
        root: Data folder; without it GLIMPSE_DATA.
        meaning: The tokens of a run, whose numbers are given; by default those of the data.

    Raises:
        DataError: A file is missing or invalid, or the tokenizers library is not installed; or the training texts give
            other tokens than `meaning` has.
    """
    if split not in ("train", "validation", "test"):
        raise DataError(f"split must be 'train', 'validation' or 'test', got {split!r}")
    return _load(_absolute(options), split, SearchPath.of(root), meaning)


def empty_translation_data(meaning: TranslationMeaning) -> TranslationData:
    """Return data without sentences, which suffice to tokenize new texts and to decode translations.

    Raises:
        DataError: The tokenizers library is not installed, or does not read the run's tokens.
    """
    nothing = Ragged(torch.zeros(0, dtype=torch.int32), torch.zeros(1, dtype=torch.int64), torch.zeros(0).long())
    languages = _kept_languages(meaning)
    return TranslationData(nothing, nothing, Pairs([], []), languages, meaning.learned_from)


def _kept_languages(meaning: TranslationMeaning) -> Languages:
    """Return the tokens of a run."""
    try:
        return Languages.from_json(meaning.languages)
    except DataError:
        raise
    except ValueError as problem:
        raise DataError(f"the run's subwords cannot be read ({problem}): update the tokenizers library.") from problem


def _absolute(options: TranslationOptions) -> TranslationOptions:
    """Make paths absolute, so that the cache stays right when the working directory changes."""
    given = options.model_dump()
    for name in ("data", "validation", "test"):
        if given[name] is not None and names_a_file(given[name]):
            given[name] = f"file:{user_path(given[name].removeprefix('file:'), f'task.{name}')}"
    return TranslationOptions.model_construct(**given)


@CachedReader
def _load(
    options: TranslationOptions, split: Split, search_path: SearchPath, meaning: TranslationMeaning | None
) -> TranslationData:
    """Read and tokenize one split; leave out training pairs that are too long."""
    texts = _read(options, search_path)
    learned_from = _digest(texts.train)
    if meaning is None:
        languages = _languages(options, search_path)
    else:
        languages = _kept_languages(meaning)
        other = meaning.learned_from not in ("", learned_from)
        if other and not languages.same_as(_languages(options, search_path)):
            raise DataError(
                f"the run cannot be used with {options.data.rpartition('/')[2]}: its training texts have changed since "
                "it was trained, and give other subwords. Put the old ones back, or train a new run."
            )
    chosen: Pairs = getattr(texts, split)
    source, target = (tokens.encode(side) for tokens, side in zip(languages, chosen, strict=True))
    if split == "train":
        kept = [n for n in range(len(source)) if max(len(source[n]), len(target[n])) <= options.max_tokens + 1]
        if not kept:
            raise DataError(f"{options.data}: no training pair is as short as task.max_tokens, {options.max_tokens}.")
        source, target = [source[n] for n in kept], [target[n] for n in kept]
        chosen = Pairs([chosen.source[n] for n in kept], [chosen.target[n] for n in kept])
    return TranslationData(_ragged(source, options), _ragged(target, options), chosen, languages, learned_from)


def _digest(pairs: Pairs) -> str:
    """Return the SHA-256 of sentences and their translations."""
    known = hashlib.sha256()
    for side in pairs:
        known.update("\n".join([str(len(side)), *side]).encode())
    return known.hexdigest()


def _ragged(sentences: Sequence[list[int]], options: TranslationOptions) -> Ragged:
    """Pack the sentences; cut those that are too long, and end them with `END`."""
    longest = options.max_tokens + 1
    cut = [one if len(one) <= longest else [*one[: longest - 1], END] for one in sentences]
    lengths = torch.tensor([len(one) for one in cut])
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    flat = np.fromiter(chain.from_iterable(cut), np.int32, int(lengths.sum()))
    return Ragged(torch.from_numpy(flat), offsets, lengths)


@CachedReader
def _read(options: TranslationOptions, search_path: SearchPath) -> ParallelText:
    """Read the texts, and convert them to lower case if the options say so."""
    parts = read_parallel(options, search_path)
    if not options.lower:
        return parts
    return ParallelText(*(Pairs(*([text.lower() for text in side] for side in part)) for part in parts))


@CachedReader
def _languages(options: TranslationOptions, search_path: SearchPath) -> Languages:
    """Learn the vocabularies, from the training part alone."""
    train, folder = _read(options, search_path).train, search_path.cache / "tokens"
    if options.shared:
        both = load_or_learn_subwords([*train.source, *train.target], options.tokenizer, options.vocabulary, folder)
        return Languages(both, both)
    return Languages(*(load_or_learn_subwords(side, options.tokenizer, options.vocabulary, folder) for side in train))
