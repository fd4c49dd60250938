"""Tokenisation of the texts of a task, as its data set and options say."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.registry import TEXT_SETS
from glimpse.envs.text.corpus import Corpus, sentence_starts, tokenise_all
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.tokens import SPLITTERS, dividing_unspaced


def tokenise_texts(texts: Iterable[str], options: TextOptions) -> tuple[Corpus, NDArray[np.bool_]]:
    """Tokenise texts of the task's data set.

    Returns:
        The tokens (M in all), and with which of them a sentence begins, (M,).
    """
    tokens = _tokens(options)
    corpus = tokenise_all(texts, _splitter(tokens, options), options.lower, _missing_spaces(options))
    return corpus, sentence_starts(corpus, by_marks=tokens != "kept")


def split_text(text: str, options: TextOptions) -> list[list[str]]:
    """Tokenise a user's own text as the texts of a data set; returns its sentences as lists of tokens."""
    tokens = _tokens(options)
    # A user's text has no spaces before full stops, even if the data set is tokenised already.
    splitter = _splitter("split" if tokens == "kept" else tokens, options)
    corpus = tokenise_all([text], splitter, options.lower, _missing_spaces(options))
    words = [corpus.words[number] for number in corpus.tokens]
    if not words:
        return []
    begins = np.flatnonzero(sentence_starts(corpus, by_marks=True)).tolist()
    return [words[begin:end] for begin, end in zip(begins, [*begins[1:], len(words)], strict=True)]


def _tokens(options: TextOptions) -> str:
    """Return how a text of this data set is tokenised: "kept", "split" or "bare"; see `TextSet.tokens`."""
    return TEXT_SETS[options.data].tokens if options.data in TEXT_SETS else "split"


def _missing_spaces(options: TextOptions) -> bool:
    return options.data in TEXT_SETS and TEXT_SETS[options.data].missing_spaces


def _splitter(tokens: str, options: TextOptions) -> Callable[[str], list[str]]:
    return dividing_unspaced(SPLITTERS[tokens]) if options.tokenize == "characters" else SPLITTERS[tokens]
